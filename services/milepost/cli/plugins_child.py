"""The process in which somebody's plugin is tried: `python -m milepost.cli.plugins_child FD`.

Foreign code runs here, not in the command line's own process: it may hang, exit and print as it likes. What it comes
to goes back over a socket, in the frames of `milepost_contracts.child`.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
import signal
import socket
import sys
import traceback
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import msgspec

import milepost_contracts
from milepost_contracts.frames import Line
from milepost_contracts.hooks import ENTRY_POINTS
from milepost_contracts.plugin import Mode, PluginError


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told first: what to do with which plugin."""

    task: Literal["check", "dev"]
    name: str
    value: str  # of the entry point
    config: dict[str, Any] | None = None
    secrets: dict[str, Any] | None = None
    sources: tuple[str, str] = ("config", "secrets")  # how to call them in errors
    mode: Mode = "live"
    tenant: str = ""
    now: dt.datetime | None = None


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """Events to hand over, and keys that open their words; then time passes until *until*.

    goals: (id, version, state as JSON, whose numbers may be of any size).
    """

    documents: list[bytes]
    keys: dict[str, bytes] = {}
    goals: list[tuple[str, int | None, bytes]] = []
    until: dt.datetime | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="told"):
    """Something that the plugin wants or says: an effect, a command, a fact, a timer, a line of its log.

    cause: the sequence of the event, 0 for a timer. at: of the event. about: `goal/UUID`.
    """

    kind: str
    name: str
    detail: Any = None
    cause: int = 0
    event: str = ""
    about: str = ""
    at: dt.datetime | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="failed"):
    """A hook failed, or the plugin cannot be loaded; `trace` is for its author alone."""

    code: str
    hook: str = ""
    error: str = ""
    place: str = ""
    trace: str = ""
    cause: int = 0
    event: str = ""


class Going(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="going"):
    """So many events were handed over; told from time to time, and after each that took long."""

    done: int
    total: int


class Fed(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="fed"):
    """A feed is over: what there was to be seen, and how long handlers took."""

    events: int
    concerned: int
    ms_total: float
    ms_max: float
    slowest: str = ""
    timers: int = 0
    keys: int = 0


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="loaded"):
    """The plugin is loaded and started."""

    name: str
    version: str
    summary: str
    subscriptions: list[str]
    hooks: list[str]
    history: bool  # it may ask for goals as they were


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="what", tag="report"):
    """A check is over."""

    checked: Any


Frame = Told | Failed | Going | Fed | Loaded | Report


def main() -> None:
    """Do what the command line asks over the socket whose descriptor is the only argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the command line
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    content = line.receive()
    if content is not None:
        hello = msgspec.msgpack.decode(content, type=Hello)
        if hello.task == "check":
            _check(line, hello)
        else:
            from milepost.cli.plugins_trying import serve

            serve(line, hello)
    sys.stdout.flush()
    os._exit(0)  # threads that a plugin has left behind do not hold this up


def entry_point(hello: Hello) -> EntryPoint:
    """Return the entry point that *hello* names."""
    return EntryPoint(hello.name, hello.value, ENTRY_POINTS)


def _check(line: Line, hello: Hello) -> None:
    from milepost_contracts.testing.checking import check

    line.send(Report(checked=check(entry_point(hello), config=hello.config, secrets=hello.secrets)))


def failed_to_load(error: PluginError) -> Failed:
    """Return *error* with the trace of what the plugin raised, where it did."""
    trace = "" if error.__cause__ is None else traced(error.__cause__)
    return Failed(code=error.code, hook="loading", error=str(error), trace=trace)


def traced(error: BaseException) -> str:
    """Return the traceback of *error*, without the frames before the plugin's own: none, where it does not parse."""
    importing = ("<frozen importlib", str(Path(importlib.__file__).parent))
    kit = (str(Path(milepost_contracts.__file__).parent), str(Path(__file__).parent), *importing)
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename.startswith(kit):
        at = at.tb_next
    return "".join(traceback.format_exception(type(error), error, at)).rstrip()


if __name__ == "__main__":
    main()
