"""What a hook may give, made anew: a plugin that gives nonsense is told, and what it gave cannot change any more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec

from milepost_contracts.context import plain
from milepost_contracts.plugin import Grant, Health, ObjectiveMapping, PluginError, Refusal, Reward

# An answer travels in one message of the broker, which takes 1 MiB by default, with some room for what is around it.
ANSWER_BYTES_MAX = 900_000
GRANTS_MAX = 100  # rewards for one event; more is a loop that does not end
MAPPINGS_MAX = 1_000  # objectives that one goal counts for
REVOKED_MAX = 10_000  # rewards taken back for one event


def _as(kind: Any) -> Callable[[str, Any], Any]:
    def made(hook: str, given: Any) -> Any:
        try:
            return msgspec.convert(msgspec.to_builtins(given), kind)
        except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
            raise PluginError("wrong_result", f"{hook} has to give {_called(kind)}: {error}") from error

    return made


def _list_of(kind: type[Any], *, most: int) -> Callable[[str, Any], Any]:
    many = _as(list[kind])  # type: ignore[valid-type]  # made for each kind once

    def made(hook: str, given: Any) -> Any:
        if isinstance(given, kind):
            given = [given]
        if isinstance(given, str | bytes | dict) or not hasattr(given, "__iter__"):
            raise PluginError("wrong_result", f"{hook} has to give {_called(kind)} or a list of them")
        found: list[Any] = []
        for one in given:
            found.append(one)
            if len(found) > most:
                raise PluginError("too_much", f"{hook} gives more than {most}")
        return many(hook, found) or None  # an empty list is nothing: the next one is asked

    return made


def _nothing(hook: str, given: Any) -> Any:
    kind = type(given).__name__
    if inspect.isgenerator(given) or inspect.isasyncgen(given):
        raise PluginError("wrong_result", f"{hook} is a generator, of which nothing runs: leave out its `yield`")
    raise PluginError("wrong_result", f"{hook} gives a {kind}, which nobody takes: it has to give nothing")


def _done(hook: str, given: Any) -> Any:
    if inspect.isgenerator(given) or inspect.isasyncgen(given):
        return _nothing(hook, given)
    return True


def _json(hook: str, given: Any) -> Any:
    return plain(given, f"what {hook} gives", bytes_max=ANSWER_BYTES_MAX)


def _called(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


GIVES: dict[str, Callable[[str, Any], Any]] = {
    "start": _nothing,
    "stop": _nothing,
    "health": _as(Health),
    "on_event": _nothing,
    "on_timer": _nothing,
    "on_retracted": _list_of(Grant, most=REVOKED_MAX),
    "on_person_erased": _nothing,
    "decide_reward": _list_of(Reward, most=GRANTS_MAX),
    "on_granted": _nothing,
    "on_revoked": _nothing,
    "map_objectives": _list_of(ObjectiveMapping, most=MAPPINGS_MAX),
    "review": _as(Refusal),
    "perform": _done,
    "on_performed": _nothing,
    "act": _json,
    "on_replayed": _nothing,
    "answer": _json,
}
