"""What a plugin came to in one run after the other is printed: all of it first, then what a save has changed."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from typing import Any

import msgspec

from milepost.cli.asking import short
from milepost.cli.out import Out, clean
from milepost.cli.plugins_along import Along
from milepost.cli.plugins_child import Failed, Fed, Frame, Loaded, Told
from milepost.cli.plugins_process import SILENCE_S, Child, child, hello
from milepost.cli.plugins_source import Source
from milepost.cli.plugins_telling import moment
from milepost.cli.where import Names
from milepost_contracts.plugin import Mode

PASS_S = 5.0  # with a running Milepost time passes for the plugin, also when nothing happens
_COUNTED = {
    "effect": "effects", "command": "commands", "fact": "facts", "timer": "timers set", "woken": "timers called",
    "listed": "timers listed", "cancelled": "timers cancelled", "log": "lines in its log",
}  # fmt: skip


class Runs:
    """Tries a plugin again and again on the same events."""

    def __init__(self, out: Out, along: Along, names: Names, *, mode: Mode) -> None:
        """Take where to print, the events, what people and goals are called, and how the host runs the plugin."""
        self._out = out
        self._along = along
        self._names = names
        self._mode = mode
        self._number = 0
        self._before: list[str] | None = None

    async def run(self, source: Source) -> int:
        """Try the plugin of *source* once, and return how much failed; along a running Milepost until it ends."""
        self._number += 1
        run = _Run(self._out, self._names, self._number, self._before, past=self._along.ends)
        members = {"mode": self._mode, "tenant": self._along.tenant, "now": self._along.begins}
        async with child(source, hello("dev", source, **members)) as running:
            feeding = asyncio.create_task(self._feed(running))
            try:
                async for frame in running.frames(SILENCE_S if self._along.ends else None):
                    run.take(frame)
                if feeding.done():
                    feeding.result()  # raises what kept events from coming
            finally:
                self._before = run.compared()
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        run.over()
        return sum(run.failures.values())

    async def _feed(self, running: Child) -> None:
        try:
            async for feed in self._along.feeds(PASS_S):
                await running.send(feed)
        finally:
            running.end()


class _Run:
    """One run: what came of it, printed as it comes or compared with the run before."""

    def __init__(self, out: Out, names: Names, number: int, before: list[str] | None, *, past: bool) -> None:
        self.failures: Counter[tuple[str, ...]] = Counter()
        self.lines: list[str] | None = None  # of the events there were in the beginning
        self._out = out
        self._names = names
        self._number = number
        self._before = before
        self._past = past  # goals are there as they were
        self._counted: Counter[str] = Counter()
        self._said: list[str] = []
        self._loaded: Loaded | None = None

    def compared(self) -> list[str] | None:
        """Return what the next run is compared with: this one, where it came so far, else what this one was."""
        return self._before if self.lines is None else self._said

    def take(self, frame: Frame) -> None:
        """Print *frame*, or keep it for the comparison."""
        if self._out.as_json:
            self._out.record({"run": self._number, **msgspec.to_builtins(frame)})
        match frame:
            case Loaded():
                self._loaded = frame
                if frame.history and not self._past:
                    self._out.note("It may ask for goals as they were; with --live there are none, so that fails.")
            case Told():
                self._counted[frame.kind] += 1
                self._say(line_of(frame, self._names))
            case Failed():
                self._failed(frame)
            case Fed() if self.lines is None:
                self._fed(frame)
            case _:
                pass  # time has passed

    def over(self) -> None:
        """Say what is left to say when the process has ended."""
        if self.lines is None and not self.failures:
            # It ended by itself, in good order as it thinks: somebody has called os._exit(0).
            self.take(Failed(code="exited", error="the plugin's process ended before the events did"))
        for key, count in self.failures.items():
            if count > 1 and not self._out.as_json:
                self._out.note(f"{' '.join(filter(None, key[:3]))}: {count} times")

    def _say(self, line: str) -> None:
        self._said.append(line)
        if not self._out.as_json and (self._before is None or self.lines is not None):
            self._out.line(line)

    def _failed(self, failed: Failed) -> None:
        """Print a failure; one that comes again with each event is printed once, and counted."""
        key = (failed.code, failed.hook, failed.place, failed.error)
        self.failures[key] += 1
        if self.failures[key] > 1 or self._out.as_json:
            return
        at = f" of {failed.event} #{failed.cause}" if failed.event else ""
        where = f" in {failed.hook}{at}" if failed.hook else ""
        place = f" at {failed.place}" if failed.place and not failed.trace else ""
        self._out.note(f"failed: {failed.code}{where}: {failed.error}{place}")
        if failed.trace:
            self._out.note(failed.trace)

    def _fed(self, fed: Fed) -> None:
        self.lines = list(self._said)
        fresh, gone = changes(self._before or [], self.lines)
        if self._out.as_json:
            if self._before is not None:
                self._out.record({"run": self._number, "what": "changed", "new": fresh, "gone": gone})
            return
        if self._before is not None:
            for sign, lines in (("-", gone), ("+", fresh)):
                for line in lines:
                    self._out.line(f"{sign} {line}", fg="red" if sign == "-" else "green")
        self._sum(fed, fresh, gone)

    def _sum(self, fed: Fed, fresh: list[str], gone: list[str]) -> None:
        name = f"{self._loaded.name} {self._loaded.version}" if self._loaded else "the plugin"
        slowest = f" ({fed.slowest})" if fed.slowest else ""
        took = f"{fed.ms_total:.1f} ms in all, {fed.ms_max:.1f} ms at the most{slowest}"
        counted = [f"{count} {_COUNTED[kind]}" for kind, count in self._counted.items() if kind in _COUNTED]
        counted += [f"{fed.keys} keys kept"] if fed.keys else []
        failures = sum(self.failures.values())
        counted += [f"{failures} failed"] if failures else []
        self._out.note(f"{name}: {fed.events} events, {fed.concerned} for it; {took}")
        self._out.note(f"came to {', '.join(counted) or 'nothing'}")
        if self._before is not None:
            self._out.note(f"{len(fresh)} new, {len(gone)} gone" if fresh or gone else "nothing changed")


def changes(before: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    """Return which lines are new and which are gone, in their order; a line that is there twice counts twice."""
    return _beyond(now, before), _beyond(before, now)


def _beyond(lines: list[str], others: list[str]) -> list[str]:
    left = Counter(others)
    found: list[str] = []
    for line in lines:
        if left[line] > 0:
            left[line] -= 1
        else:
            found.append(line)
    return found


def line_of(told: Told, names: Names) -> str:
    """Return in one line what the plugin wants or says, and of which event."""
    when = "" if told.at is None else moment(told.at)[:10]
    if told.event:
        kind, _, id_ = told.about.partition("/")
        about = f"#{told.cause} {told.event.partition('.')[2]} of {kind} {names.name_of(id_) or short(id_)}"
    else:
        about = "(timer)" if told.kind != "woken" else ""
    return clean("  ".join(filter(None, [when, about, f"{told.kind} {told.name}", _shown(told.detail, names)])))


def _shown(value: Any, names: Names) -> str:
    """Return *value* in a line, people and goals by name."""
    if value is None or value == {}:
        return ""
    if isinstance(value, dt.datetime):
        return moment(value)
    if isinstance(value, dict):
        told = {name: _shown(item, names) for name, item in value.items() if item not in (None, "", [], {})}
        return " ".join(f"{name}={text}" for name, text in told.items())
    if isinstance(value, str):
        called = names.name_of(value)
        return called or (f'"{value}"' if any(character.isspace() for character in value) else value)
    return msgspec.json.encode(value).decode()
