"""Events are handed to a plugin that somebody writes, in the kit's host; what it wants of each is told at once."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import msgspec

from milepost.cli.plugins_child import (
    Failed,
    Fed,
    Feed,
    Frame,
    Going,
    Hello,
    Loaded,
    Told,
    entry_point,
    failed_to_load,
    traced,
)
from milepost_contracts.envelope import decode
from milepost_contracts.frames import Line
from milepost_contracts.loading import load_entry_point
from milepost_contracts.plugin import Delivered, PluginError
from milepost_contracts.sealing import SealingKey
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed

GOING_S = 0.2  # between two words about how far it is: for a bar that moves, and so that nobody thinks it hangs
TIMERS_MAX = 10_000  # called between two events: more set each other without end


def serve(line: Line, hello: Hello) -> None:
    """Load the plugin, and hand over what is fed until the command line closes the socket."""
    try:
        plugin = load_entry_point(entry_point(hello))
        plugin.configured("config_schema", hello.config, source=hello.sources[0])
        plugin.configured("secrets_schema", hello.secrets, source=hello.sources[1])
        now = hello.now or dt.datetime.now(dt.UTC)
        story = Story(hello.tenant, now=now)
        host = Host(plugin, config=hello.config, secrets=hello.secrets, story=story, mode=hello.mode, now=now)
    except PluginError as error:
        line.send(failed_to_load(error))
        return
    except HookFailed as failed:
        line.send(_failed(failed, None))
        return
    told = plugin.manifest
    line.send(
        Loaded(
            name=told.id, version=told.version, summary=told.summary, subscriptions=list(told.subscriptions),
            hooks=plugin.hooks, history=told.permissions.history,
        )
    )  # fmt: skip
    trying = Trying(line, host)
    while (content := line.receive()) is not None:
        trying.feed(msgspec.msgpack.decode(content, type=Feed))
    host.close()


class Trying:
    """Hands events to one plugin and tells what is new after each."""

    def __init__(self, line: Line, host: Host) -> None:
        """Take where to tell it, and the host."""
        self._line = line
        self._host = host
        self._seen = {"outgoing": 0, "facts": 0, "log": 0, "fired": 0, "listed": 0, "conflicts": 0}
        self._timers: dict[tuple[str, str], dt.datetime] = {}
        self._told_at = time.monotonic()
        self._tell(None)  # what it said while it started

    def feed(self, feed: Feed) -> None:
        """Hand over the events of *feed*, timers in between, and tell how it went."""
        host, concerned = self._host, 0
        host.story.keys.update({kid: SealingKey(kid, secret) for kid, secret in feed.keys.items()})
        host.goals.update({(id_, version): msgspec.json.decode(state) for id_, version, state in feed.goals})
        fired, total, most, slowest = len(host.fired), 0.0, 0.0, ""
        for place, document in enumerate(feed.documents):
            event = Delivered(document)
            self._pass(event.recorded)
            ms = self._deliver(event)
            if host.runner.concerns(event.name):
                concerned, total = concerned + 1, total + ms
                if ms > most:
                    most, slowest = ms, f"{event.name} #{event.sequence}"
            self._tell(event)
            if time.monotonic() - self._told_at > GOING_S:
                self._send(Going(done=place + 1, total=len(feed.documents)))
        if feed.until is not None:
            self._pass(feed.until)
        self._send(
            Fed(
                events=len(feed.documents), concerned=concerned, ms_total=round(total, 3),
                ms_max=round(most, 3), slowest=slowest, timers=len(host.fired) - fired, keys=len(host.state),
            )
        )  # fmt: skip

    def _deliver(self, event: Delivered) -> float:
        """Hand *event* over; return how many ms its handlers took."""
        began = time.perf_counter()
        try:
            self._host.deliver(event)
        except HookFailed as failed:
            self._send(_failed(failed, event))
            return (time.perf_counter() - began) * 1000
        return self._host.took[-1][1]

    def _pass(self, to: dt.datetime) -> None:
        """Let time pass until *to*; a timer that fails is told and given up."""
        timers = self._host.stored.timers
        for _ in range(TIMERS_MAX):
            due = [(at, *where) for where, at in timers.items() if at <= to]
            if not due:
                self._host.advance(to)
                return
            at, tenant, key = min(due)
            try:
                self._host.advance(max(at, self._host.now))
            except HookFailed as failed:
                self._send(_failed(failed, None))
                timers.pop((tenant, key), None)
            self._tell(None)
        self._send(Failed(code="timer_loop", hook="on_timer", error=f"timers set each other without end: {key!r}"))
        timers.clear()

    def _tell(self, event: Delivered | None) -> None:
        """Tell what came to be since the last time; *event*: of what, None of a timer."""
        host, stored = self._host, self._host.stored
        for tenant, key, at in self._new("fired", host.fired):
            self._told(None, "woken", key, at)
            self._timers.pop((tenant, key), None)
        for tenant, key, at in self._new("listed", host.listed):
            self._told(None, "listed", key, at)
            self._timers.pop((tenant, key), None)
        for one in self._new("outgoing", list(stored.outbox.values())):
            name = one.name.split(":")[1] if one.kind == "command" else one.name
            self._told(event, one.kind, name, one.arguments)
        for fact in self._new("facts", list(stored.facts.values())):
            said = decode(fact.document)
            self._told(event, "fact", said.name, msgspec.json.decode(said.data))
        for where, at in stored.timers.items():
            if self._timers.get(where) != at:
                self._told(event, "timer", where[1], at)
        for where in self._timers.keys() - stored.timers.keys():
            self._told(event, "cancelled", where[1], None)
        self._timers = dict(stored.timers)
        for said in self._new("log", host.log):
            self._told(event, "log", said.message, said.fields)
        for key in self._new("conflicts", host.conflicts):
            self._send(Failed(code="effect_changes", hook="", error=f"{key} is asked for with two contents"))

    def _new(self, what: str, there: list[Any]) -> list[Any]:
        fresh = there[self._seen[what] :]
        self._seen[what] = len(there)
        return fresh

    def _told(self, event: Delivered | None, kind: str, name: str, detail: Any) -> None:
        if event is None:
            self._send(Told(kind=kind, name=name, detail=detail, at=self._host.now))
            return
        self._send(
            Told(
                kind=kind, name=name, detail=detail, cause=event.sequence, event=event.name,
                about=event.envelope.subject, at=event.occurred,
            )
        )  # fmt: skip

    def _send(self, frame: Frame) -> None:
        self._told_at = time.monotonic()
        self._line.send(frame)


def _failed(failed: HookFailed, event: Delivered | None) -> Failed:
    failure, raised = failed.failure, failed.__cause__
    assert failure is not None  # noqa: S101  that is why it was raised
    return Failed(
        code=failure.code,
        hook=failure.hook,
        error=failure.error,
        place=failure.place,
        trace="" if raised is None else traced(raised),
        cause=0 if event is None else event.sequence,
        event="" if event is None else event.name,
    )
