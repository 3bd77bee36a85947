"""Given-when-then for deciding: states are folded from events, a command meets them, and what it caused is told.

    given(Created(title="Present well", owner=MENTEE)).when(MENTEE, RefineGoal, changes=...).caused(Refined)

Names become ids (`uid("goal")`), people become references (`person("mentee")`); a command or an event that names no
aggregate is about `uid("goal")`, `uid("mentorship")` ..., the tenant's about the tenant `acme`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any, Self, TypeVar

import msgspec

from milepost.decide import Change, Decision, Frame, Limits, Missing, Recorded, Ref, Refused, Seen, decide, evolve
from milepost.decide.goal.terms import context_of, terms_of
from milepost_contracts.answers import Problem
from milepost_contracts.commands import Command
from milepost_contracts.events import Event, GoalEvent, TermsEvent, tenant
from milepost_contracts.strict import strict
from milepost_contracts.subjects import tenant_id

_NAMES = uuid.UUID("c0ffee00-0000-5000-8000-000000000000")
_E = TypeVar("_E", bound=Event)


def uid(name: str) -> str:
    """Return the id that stands for *name* in tests."""
    return str(uuid.uuid5(_NAMES, name))


def person(name: str) -> str:
    """Return the reference of the person called *name* in tests."""
    return f"user:{uid(name)}"


TENANT = "acme"
NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)  # a Monday
TODAY = NOW.date()

MENTEE, MENTOR, PEER, MANAGER = person("mentee"), person("mentor"), person("peer"), person("manager")
ADMIN, IMPORTER, STRANGER = person("admin"), person("importer"), person("stranger")
GOAL, MENTORSHIP, PROGRAMME = uid("goal"), uid("mentorship"), uid("programme")


def day(offset: int) -> dt.date:
    """Return the date *offset* days after today."""
    return TODAY + dt.timedelta(days=offset)


class Scenario:
    """Aggregates as their events made them, a clock that stands still, and the outcome of the last command."""

    def __init__(self) -> None:
        """Begin with nothing at all, at NOW."""
        self.now = NOW
        self.limits = Limits()
        self.history: list[tuple[Ref, Recorded]] = []  # everything that happened, in order
        self._seen: dict[Ref, Seen] = {}
        self._outcome: Decision | Refused | None = None
        self._command: Command | None = None

    # given
    def given(self, *events: Event, by: str = MENTEE, id: str | None = None) -> Self:  # noqa: A002  the wire's word
        """Let *events* have happened, by *by*, on the aggregate *id* of their kind."""
        for event in events:
            self._apply((event.AGGREGATE, id or _default_id(event.AGGREGATE)), event, by, None)
        return self

    def done(self, by: str, command: type[Command], **fields: Any) -> Self:
        """Let a command have been accepted and have caused something (or the test fails)."""
        self.when(by, command, **fields)
        assert self.events, f"{command.NAME} changed nothing"
        return self

    def at(self, moment: dt.date | dt.datetime) -> Self:
        """Set the clock; a date stands for 09:30 UTC."""
        if not isinstance(moment, dt.datetime):
            moment = dt.datetime.combine(moment, NOW.timetz())
        self.now = moment
        return self

    def limited(self, **limits: int) -> Self:
        """Set other limits than the defaults."""
        self.limits = msgspec.structs.replace(self.limits, **limits)
        return self

    # when
    def when(self, by: str, command: type[Command], **fields: Any) -> Self:
        """Let *by* give a command; what it causes happens at once."""
        fields.setdefault("id", _default_id(command.AGGREGATE))
        asked = command(command_id=uid(f"command {len(self.history)}"), actor=by, **fields)
        # What no receiver would take must not be decided in a test either.
        msgspec.json.decode(msgspec.json.encode(asked), type=strict(command))
        self._command = asked
        state = self.state(command.AGGREGATE, asked.id)
        needed: dict[Ref, Seen] = {}
        while True:
            frame = Frame(TENANT, needed)
            try:
                self._outcome = decide(state, asked, frame=frame, now=self.now, limits=self.limits)
            except Missing as missing:
                if missing.refs <= needed.keys():
                    raise AssertionError("asked again for what it was given") from missing
                needed |= {ref: self._seen.get(ref, Seen(None, 0)) for ref in missing.refs}
                continue
            except Refused as refused:
                self._outcome = refused
                return self
            break
        read = {(command.AGGREGATE, asked.id), *needed}
        for change in self._outcome.changes:
            assert (change.aggregate, change.id) in read, f"{change} is written to an aggregate that was not read"
            self._apply((change.aggregate, change.id), change.event, by, asked.occurred_at)
        return self

    # then
    def then(self, *expected: Event | Change) -> Self:
        """Check all that was caused, in order; an event stands for one on its kind's default aggregate."""
        wanted = [
            event if isinstance(event, Change) else Change(event.AGGREGATE, self._own_id(event.AGGREGATE), event)
            for event in expected
        ]
        assert self._accepted.changes == wanted
        return self

    def nothing(self) -> Self:
        """Check that the command was accepted and changed nothing."""
        assert self.events == []
        return self

    def refused(self, *codes: str) -> Self:
        """Check that the command was refused for exactly these reasons, in any order."""
        assert isinstance(self._outcome, Refused), f"accepted: {self._outcome}"
        assert sorted(problem.code for problem in self._outcome.problems) == sorted(codes), self._outcome.problems
        return self

    def warned(self, *codes: str) -> Self:
        """Check that the command was accepted with exactly these warnings."""
        assert sorted(warning.code for warning in self._accepted.warnings) == sorted(codes)
        return self

    def tags(self, *names: str) -> Self:
        """Check all that was caused by names alone, e.g. `"activated", "key_area_opened"`."""
        assert [event.NAME for event in self.events] == list(names)
        return self

    def caused(self, kind: type[_E]) -> _E:
        """Return the only event of *kind* that the command caused."""
        (event,) = [event for event in self.events if isinstance(event, kind)]
        return event

    def problem(self, code: str) -> Problem:
        """Return the reason *code* of the refusal."""
        assert isinstance(self._outcome, Refused), f"accepted: {self._outcome}"
        (problem,) = [problem for problem in self._outcome.problems if problem.code == code]
        return problem

    @property
    def events(self) -> list[Event]:
        """What the command caused."""
        return [change.event for change in self._accepted.changes]

    @property
    def goal(self) -> Any:
        """The state of the goal that tests are about when they name no other."""
        return self.state("goal")

    def state(self, kind: str, id: str | None = None) -> Any:  # noqa: A002  the wire's word
        """Return the present state of an aggregate, None before its first event."""
        return self._seen.get((kind, id or _default_id(kind)), Seen(None, 0)).state

    def last(self, kind: type[Event]) -> str:
        """Return the id of the newest event of *kind*, for commands that name an event."""
        return next(recorded.id for _, recorded in reversed(self.history) if isinstance(recorded.event, kind))

    @property
    def _accepted(self) -> Decision:
        assert isinstance(self._outcome, Decision), f"refused: {getattr(self._outcome, 'problems', None)}"
        return self._outcome

    def _own_id(self, kind: str) -> str:
        if self._command is not None and kind == self._command.AGGREGATE:
            return self._command.id
        return _default_id(kind)

    def _apply(self, ref: Ref, event: Event, by: str, occurred: dt.datetime | None) -> None:
        """Fold *event* as the append would record it: context and hash set, through JSON and back."""
        before = self._seen.get(ref, Seen(None, 0))
        state, version = before.state, before.version + 1
        recorded = Recorded(event, uid(f"event {version} of {'/'.join(ref)}"), by, self.now, occurred, ref[1])
        if isinstance(event, GoalEvent):
            after = evolve(state, recorded)
            event = msgspec.structs.replace(event, context=context_of(after))
            if isinstance(event, TermsEvent):
                event = msgspec.structs.replace(event, terms_hash=hashlib.sha256(terms_of(after)).hexdigest())
        event = msgspec.json.decode(msgspec.json.encode(event), type=type(event))
        recorded = recorded._replace(event=event)
        self.history.append((ref, recorded))
        self._seen[ref] = Seen(evolve(state, recorded), version)


def given(*events: Event, by: str = MENTEE, id: str | None = None) -> Scenario:  # noqa: A002  the wire's word
    """Return a scenario in which *events* have happened (see `Scenario.given`)."""
    return Scenario().given(*events, by=by, id=id)


def acme() -> Scenario:
    """Return a scenario with the tenant alone: ADMIN is its admin, IMPORTER its importer."""
    return given(tenant.Opened(admins=[ADMIN]), tenant.RoleGranted(ref=IMPORTER, role="importer"), by=ADMIN)


def _default_id(kind: str) -> str:
    return tenant_id(TENANT) if kind == "tenant" else uid(kind)
