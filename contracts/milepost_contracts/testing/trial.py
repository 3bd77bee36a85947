"""One run of a plugin through everything that happens, and what it came to."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from milepost_contracts.context import RESERVED, Line
from milepost_contracts.envelope import decode
from milepost_contracts.failing import Failure
from milepost_contracts.loading import load
from milepost_contracts.plugin import ERASED, Delivered, Mode
from milepost_contracts.testing.everything import DAY, Everything
from milepost_contracts.testing.fresh import fresh
from milepost_contracts.testing.host import HookFailed, Host
from milepost_contracts.testing.outside import inside
from milepost_contracts.testing.story import Keys, Story

TRIES_MAX = 3  # of one event that asks for later
RESTARTS = 10  # spread over the events
AFTER_DAYS = 366  # so long time passes after the last event: every timer that a year knows
SHOWN_CHARS_MAX = 100  # of a value in a finding

Look = tuple[str, str, str]
"""`state`, `timer`, `effect`, `fact` or `grant`; the tenant; the key."""


class Ran:
    """What a run came to."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.failures: list[tuple[Failure, str]] = []  # with the event's name
        self.outside: list[tuple[str, str]] = []  # (event, what was tried)
        self.repeated: list[tuple[str, str, str]] = []  # (event, place, what an event that came again has changed)
        self.ms: dict[str, list[float]] = {}
        self.asked: dict[str, Any] = {}  # effect key -> its arguments
        self.conflicts: list[str] = []
        self.log: list[Line] = []
        self.marks: set[Look] = set()  # what was put down at an erasure: that there is nobody to be thanked any more
        self.history_asked = False
        self.fired = 0
        self.broken: Failure | None = None
        self._looks: dict[Look, Any] = {}

    def looks(self, *only: str) -> dict[Look, Any]:
        """Return everything that was kept, asked for and told, by what it is, tenant and key; *only* of these kinds."""
        return {look: value for look, value in self._looks.items() if not only or look[0] in only}

    def of(self, tenant: str) -> Ran:
        """Return the run as far as *tenant* is concerned."""
        made = Ran()
        made.asked = {look[2]: value for look, value in self._looks.items() if look[:2] == ("effect", tenant)}
        made._looks = {look: value for look, value in self._looks.items() if look[1] == tenant}
        return made

    def conflicts_with(self, other: Ran) -> set[str]:
        """Return the keys of effects that have another content there."""
        return {key for key in self.asked.keys() & other.asked.keys() if self.asked[key] != other.asked[key]}

    def end(self, host: Host) -> None:
        """Take what *host* has in the end."""
        self._looks = _looks(host)
        self.asked = {key: one.arguments for key, one in host.stored.outbox.items()}
        self.conflicts = sorted(set(host.conflicts))
        self.fired = len(host.fired)
        self.history_asked = bool(host.stored.goals_asked)
        self.log = [line for line in host.log if isinstance(line, Line)]
        for name, ms in host.took:
            self.ms.setdefault(name, []).append(ms)


class Trial:
    """Hands everything to one plugin, in one mode."""

    def __init__(
        self,
        everything: Everything,
        plugin: object,
        config: Mapping[str, Any] | None,
        secrets: Mapping[str, Any] | None,
        *,
        mode: Mode = "live",
    ) -> None:
        """Take what happens, the plugin, its configuration and the mode."""
        self._all = everything
        self._plugin = plugin
        self._given: dict[str, Any] = {"config": config, "secrets": secrets, "mode": mode}
        self._ran = Ran()

    def run(
        self,
        *,
        timers: bool = True,
        twice: bool = False,
        restarts: bool = False,
        late: bool = False,
        tenant: str | None = None,
    ) -> Ran:
        """Let everything happen, of one *tenant* alone where it is given, and time pass for a year after it.

        *twice*: each event comes again at once, its position forgotten. *restarts*: the plugin is made anew on the way.
        *late*: it was installed in the middle of it.
        """
        story = Story()
        story.keys = Keys()
        story.keys.update(self._all.keys)
        story.documents += self._all.documents  # they bring the words of goals as they were
        try:
            host = Host(load(fresh(self._plugin)), story=story, now=self._all.events[0].recorded, **self._given)
        except HookFailed as failed:
            self._ran.broken = failed.failure
            return self._ran
        host.goals.update(self._all.goals)
        # In the middle of a goal's life: it was created and agreed, and is worked on.
        hits = (place for place, event in enumerate(self._all.events) if event.name == "goal.milestone_hit")
        first = next(hits) if late else 0
        every = max(1, len(self._all.documents) // RESTARTS)
        for place, event in enumerate(self._all.events):
            if tenant not in (None, event.tenant) or place < first:
                continue
            if restarts and place % every == every - 1:
                host.plugin = load(fresh(self._plugin))
                host.crash_after_commit()
            self._pass(host, event.recorded, timers=timers)
            for kid in self._all.lost.get(event.id, ()):
                story.keys.pop(kid, None)
            if not host.runner.concerns(event.name):
                continue
            before = self._mentions(host, event) if event.name == ERASED else set()
            self._deliver(host, event)
            if event.name == ERASED:
                self._ran.marks |= self._mentions(host, event) - before
            if twice:
                self._again(host, event)
        self._pass(host, host.now + AFTER_DAYS * DAY, timers=timers)
        self._ran.end(host)
        host.runner.close()
        return self._ran

    def _pass(self, host: Host, to: dt.datetime, *, timers: bool) -> None:
        """Let time pass; a timer that fails is noted and given up."""
        kept = host.stored.timers
        while True:
            if not timers:
                for where in [where for where, at in kept.items() if at <= to]:
                    del kept[where]
            with inside() as tried:
                try:
                    host.advance(to)
                except HookFailed as failed:
                    self._note(failed, "on_timer")
                    del kept[min(kept, key=lambda where: (kept[where], *where))]
                    continue
                finally:
                    self._ran.outside += [("on_timer", one) for one in tried]
            return

    def _deliver(self, host: Host, event: Delivered) -> None:
        for _ in range(TRIES_MAX):
            try:
                with inside() as tried:
                    host.deliver(event)
            except HookFailed as failed:
                if failed.failure is not None and failed.failure.retry_s is not None:
                    continue
                self._note(failed, event.name)
            self._ran.outside += [(event.name, one) for one in tried]
            break
        else:
            self._ran.failures.append((Failure(code="later", hook="on_event"), event.name))

    def _again(self, host: Host, event: Delivered) -> None:
        before = _looks(host)
        host.stored.position.clear()
        self._deliver(host, event)
        changed = difference(before, _looks(host))
        if changed and not any(place == changed[0] for _, place, _ in self._ran.repeated):
            self._ran.repeated.append((event.name, *changed))

    def _mentions(self, host: Host, event: Delivered) -> set[Look]:
        """Return what of the state mentions the person of *event*, in key or value."""
        return mentions(_looks(host), event.tenant, event.aggregate_id)

    def _note(self, failed: HookFailed, name: str) -> None:
        if failed.failure is not None:
            self._ran.failures.append((failed.failure, name))


def _looks(host: Host) -> dict[Look, Any]:
    stored = host.stored
    # What begins with ~ is the runner's own.
    found: dict[Look, Any] = {
        ("state", *where): value for where, value in stored.state.items() if not where[1].startswith(RESERVED)
    }
    found |= {("timer", *where): at.isoformat() for where, at in stored.timers.items()}
    found |= {("effect", one.tenant, key): one.arguments for key, one in stored.outbox.items()}
    found |= {("grant", tenant, id_): grant for id_, (tenant, grant) in stored.grants.items()}
    for id_, fact in stored.facts.items():
        told = decode(fact.document)
        found["fact", told.tenant, id_] = (told.name, bytes(told.data))
    return found


def difference(one: Mapping[Look, Any], other: Mapping[Look, Any]) -> tuple[str, str] | None:
    """Return (place, sentence) of the first difference; None where there is none."""
    for look in sorted(one.keys() ^ other.keys()):
        there = look in one
        value = (one if there else other)[look]
        place = _place(look, value)
        return place, f"{place} ({_shown(value)}) is {'missing' if there else 'there'} the second time"
    for look in sorted(one):
        if one[look] != other[look]:
            place = _place(look, one[look])
            return place, f"{place} is {_shown(one[look])}, and then {_shown(other[look])}"
    return None


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def general(text: str) -> str:
    """Return *text* without the ids in it: what is wrong with one goal is wrong with the next."""
    return _ID.sub("ID", text)


def _place(look: Look, value: Any) -> str:
    """Return what a thing is called, whatever it is about."""
    what, _, key = look
    if what == "fact":
        return f"fact {value[0]}"
    if what == "grant":
        return f"grant {value.reward.rule or value.reward.title}"
    return f"{what} {general(key)}"


def _shown(value: Any) -> str:
    text = general(value.decode() if isinstance(value, bytes) else msgspec.json.encode(value).decode())
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}..."


def mentions(looks: Mapping[Look, Any], tenant: str, person: str) -> set[Look]:
    """Return the state and timers of *tenant* whose key or value has the id *person* in it."""
    return {
        look
        for look, value in looks.items()
        if look[1] == tenant
        and ((look[0] == "state" and person.encode() in value) or (look[0] in ("state", "timer") and person in look[2]))
    }


def texts(ran: Ran) -> Iterator[tuple[str, str]]:
    """Yield (place, text) of everything that was kept, asked for, told or logged."""
    for (what, _, key), value in ran.looks().items():
        held = value.decode() if isinstance(value, bytes) else msgspec.json.encode(value).decode()
        yield f"{what} {key}", f"{key} {held}"
    for line in ran.log:
        yield f"log {line.message}", f"{line.message} {msgspec.json.encode(line.fields).decode()}"
