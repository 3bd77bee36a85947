"""A hook has failed: what is told of it is a stable code, the kind of error and its place, and no words of people."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from milepost_contracts.plugin import GiveUp, Later, PluginError
from milepost_contracts.watch import TimedOut

DEADLINE = "timed_out"
TOLD_CHARS_MAX = 400  # a sentence or two
# Words that occur in a message hide it. A letter or two is in every message, and tells nothing of anybody.
WORDS_CHARS_MIN = 3
RETRY_S_MAX = 7 * 24 * 3600.0  # a receiver that is away for longer than a week has to be looked after by hand
_CODE = re.compile(r"[a-z][a-z0-9_]{0,62}").fullmatch
_KIT = str(Path(__file__).parent)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a hook failed: a stable `code`, what was raised, and where; without values, which may be people's words."""

    code: str
    hook: str
    error: str = ""
    place: str = ""
    retry_s: float | None = None
    tried: bool = True  # False: this was no attempt
    final: bool = False  # trying again cannot help


def failure_of(hook: str, error: BaseException, words: Iterable[str] = ()) -> Failure:
    """Describe *error*, raised in *hook*, where *words* of people were to be seen.

    The message is told of a PluginError alone: those are made to be read. Of others it may hold anything.
    """
    kind, place = type(error).__name__, _place(error.__traceback__)
    if isinstance(error, TimedOut):
        return Failure(code=DEADLINE, hook=hook, error=kind, place=place)
    if isinstance(error, PluginError):
        return Failure(code=_code(error, "plugin_error"), hook=hook, error=_told(error, words), place=place)
    if isinstance(error, GiveUp):
        return Failure(code=_code(error, "gave_up"), hook=hook, error=kind, place=place, final=True)
    if isinstance(error, Later):
        tried = getattr(error, "tried", True) is not False
        return Failure(
            code=_code(error, "later"), hook=hook, error=kind, place=place, retry_s=_seconds(error), tried=tried
        )
    if isinstance(error, MemoryError):
        return Failure(code="out_of_memory", hook=hook, error=kind, place=place)
    return Failure(code="raised", hook=hook, error=kind, place=place)


def _code(error: BaseException, otherwise: str) -> str:
    """Return the code that *error* has; a sentence is no code, and a subclass may have forgotten it."""
    code: Any = getattr(error, "code", None)
    return code if isinstance(code, str) and _CODE(code) else otherwise


def _seconds(error: BaseException) -> float:
    seconds: Any = getattr(error, "seconds", None)
    if not isinstance(seconds, int | float) or math.isnan(seconds):
        return 0.0
    return min(max(float(seconds), 0.0), RETRY_S_MAX)


def _told(error: PluginError, words: Iterable[str]) -> str:
    told = error.args[0] if error.args and isinstance(error.args[0], str) else type(error).__name__
    if any(len(one) >= WORDS_CHARS_MIN and one in told for one in words):
        return "(the message holds words of people)"
    return told[:TOLD_CHARS_MAX]


def _place(trace: TracebackType | None) -> str:
    """Return the file and line where it happened: the innermost that is not the kit's own."""
    found = last = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        last = f"{file}:{trace.tb_lineno}"
        if not file.startswith(_KIT):
            found = last
        trace = trace.tb_next
    return found or last
