"""Events as the bus would bring them, told by a test: numbered, in order, words sealed.

story = Story()
mentee, mentor = story.person("mentee"), story.person("mentor")
goal = story.goal(mentee, mentor, title="Speak freely")
hit = goal.hit("First talk")
goal.retract(hit)
host.deliver(*story.documents)
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any

import msgspec

from milepost_contracts import envelope, subjects
from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope
from milepost_contracts.events import WORDS, Context, Event, GoalEvent
from milepost_contracts.events import goal as events
from milepost_contracts.events.person import Erased
from milepost_contracts.plugin import Delivered
from milepost_contracts.sealing import SealingKey, seal_data
from milepost_contracts.types import Party, Reading

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)  # a Monday
_NAMES = uuid.UUID("5b1c9d3e-8b0f-5c7a-a2f4-93c1f1a0d0c2")


def uid(name: str) -> str:
    """Return the id that *name* stands for in tests."""
    return str(uuid.uuid5(_NAMES, name))


class Keys(dict[str, SealingKey]):
    """Keys of people who exist for tests alone; `erase` makes what somebody wrote unreadable for good."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self._of: dict[str, set[str]] = {}

    def key(self, *of: str, use: str = "") -> SealingKey:
        """Return the key for words of the people *of*; *use* tells one from another."""
        secret = hashlib.sha256("\0".join((use, *of)).encode()).digest()
        kid = hashlib.sha256(secret).hexdigest()[:22]
        made = self.setdefault(kid, SealingKey(kid, secret))
        for person in of:
            self._of.setdefault(person, set()).add(kid)
        return made

    def erase(self, person: str) -> None:
        """Destroy the keys of *person*."""
        for kid in self._of.pop(person, set()):
            self.pop(kid, None)


class Story:
    """The events of one tenant, each with its exact document; the clock goes on by a minute with each."""

    def __init__(self, tenant: str = "acme", *, now: dt.datetime = NOW) -> None:
        """Begin with none; *now* is when the first is recorded."""
        self.tenant = tenant
        self.now = now
        self.keys = Keys()
        self.documents: list[bytes] = []
        self.goals: dict[str, StoryGoal] = {}
        self._versions: dict[str, int] = {}

    def person(self, name: str) -> str:
        """Return the reference of the person called *name*."""
        return f"user:{uid(name)}"

    def goal(
        self, owner: str, *others: str, name: str = "goal", title: str = "Speak freely", **terms: Any
    ) -> StoryGoal:
        """Let *owner* create a goal; the first of *others* is the mentor, the rest are members.

        *terms*: further members of `goal.created` (deadline, start_on, time_zone, kind, priority ...).
        """
        parties = [Party(ref=owner, role="mentee")]
        parties += [Party(ref=ref, role="member" if place else "mentor") for place, ref in enumerate(others)]
        goal = self.goals[uid(f"{self.tenant}/{name}")] = StoryGoal(self, uid(f"{self.tenant}/{name}"), owner, parties)
        goal.add(events.Created(title=title, owner=owner, **terms), by=owner)
        return goal

    def add(
        self,
        event: Event,
        *,
        by: str,
        id_: str | None = None,
        occurred: dt.datetime | None = None,
        context: Context | None = None,
    ) -> Delivered:
        """Let *event* have happened now to the aggregate *id_* (the tenant's own where it is one); return it."""
        aggregate = event.AGGREGATE
        id_ = id_ or (subjects.tenant_id(self.tenant) if aggregate == "tenant" else uid(f"{self.tenant}/{aggregate}"))
        subject, number = f"{aggregate}/{id_}", len(self.documents) + 1
        event_id = uid(f"{self.tenant} event {number}")
        if isinstance(event, GoalEvent) and context is not None:
            event = msgspec.structs.replace(event, context=context)
        members: dict[str, Any] = msgspec.to_builtins(event)
        owner = context.owner if context else by
        sealing = ("organisation",) if event.OF_ORGANISATION else (by, owner)
        seal_data(members, WORDS[event.TAG], event_id, lambda audience: self._key(*sealing, audience=audience))
        self._versions[subject] = self._versions.get(subject, 0) + 1
        document = envelope.encode(
            Envelope(
                specversion="1.0", id=event_id, source=f"/milepost/{self.tenant}", type=event.TAG, subject=subject,
                time=_text(self.now), datacontenttype="application/json", dataschema=f"{SCHEMA_PREFIX}{event.TAG}",
                tenant=self.tenant, version=self._versions[subject], sequence=f"{number:016d}", actor=by,
                authnby="test", correlationid=uid(f"{event_id} command"), causationid=uid(f"{event_id} command"),
                occurredat=_text(occurred) if occurred else "", data=msgspec.Raw(msgspec.json.encode(members)),
            )
        )  # fmt: skip
        self.documents.append(document)
        self.now += dt.timedelta(minutes=1)
        return Delivered(document)

    def _key(self, *of: str, audience: str) -> SealingKey:
        return self.keys.key(*of, use=f"{self.tenant}/{audience}")

    def retract(self, event: Delivered, reason: str = "It was a mistake") -> Delivered:
        """Let what *event* of one of the story's goals tells be taken back (see `StoryGoal.retract`)."""
        return self.goals[event.aggregate_id].retract(event, reason)

    def erase(self, person: str) -> bytes:
        """Let *person* have been erased: the keys are gone, and the event says so; return its document."""
        self.keys.erase(person)
        self.add(Erased(reason="Asked for"), by=self.person("admin"), id_=person.partition(":")[2])
        return self.documents[-1]


class StoryGoal:
    """A goal in a story; every method lets something happen to it and returns the event."""

    def __init__(self, story: Story, id_: str, owner: str, parties: list[Party]) -> None:
        """Take its story, id and people."""
        self.story = story
        self.id = id_
        self.owner = owner
        self.parties = parties
        self._hits = 0
        self.mentorship: str | None = None
        self.programme: str | None = None
        self.cycle: str | None = None

    @property
    def mentor(self) -> str:
        """The first party with the role of a mentor."""
        return next(party.ref for party in self.parties if party.role == "mentor")

    @property
    def context(self) -> Context:
        """What the goal's events carry."""
        return Context(
            owner=self.owner, accountable=None, parties=self.parties, mentorship=self.mentorship,
            programme=self.programme, cycle=self.cycle,
        )  # fmt: skip

    def add(self, event: GoalEvent, *, by: str | None = None, occurred: dt.datetime | None = None) -> Delivered:
        """Let any *event* have happened to the goal, by its owner unless *by* says who."""
        return self.story.add(event, by=by or self.owner, id_=self.id, occurred=occurred, context=self.context)

    def hit(
        self, milestone: str = "First talk", *, on: dt.date | None = None, due_on: dt.date | None = None, **how: Any
    ) -> Delivered:
        """Let the milestone called *milestone* be hit."""
        day = on or self.story.now.date()
        self._hits += 1
        hit = events.MilestoneHit(
            milestone=uid(milestone), title=milestone, hit_on=day, due_on=due_on or day, ordinal=self._hits
        )
        return self.add(hit, **how)

    def check_in(self, name: str = "check-in", *, on: dt.date | None = None, **how: Any) -> Delivered:
        """Let a check-in be held; *name* tells one from the other."""
        people = [party.ref for party in self.parties]
        held = events.CheckInHeld(check_in=uid(name), held_on=on or self.story.now.date(), attendees=people)
        return self.add(held, **how)

    def reading(
        self,
        value: str | bool,  # noqa: FBT001  a reading
        *,
        measure: str = "measure",
        on: dt.date | None = None,
        occurred: dt.datetime | None = None,
        **told: Any,
    ) -> Delivered:
        """Let a reading be recorded; *told*: further members of `goal.progress_recorded`, e.g. progress="0.5"."""
        day = on or self.story.now.date()
        return self.add(events.ProgressRecorded(measure=uid(measure), reading=value, on=day, **told), occurred=occurred)

    def close(
        self,
        result: str = "achieved",
        *,
        on: dt.date | None = None,
        occurred: dt.datetime | None = None,
        **told: Any,
    ) -> Delivered:
        """Let the goal be closed."""
        closed = events.Closed(result=result, closed_on=on or self.story.now.date(), **told)
        return self.add(closed, occurred=occurred)

    def retract(self, event: Delivered, reason: str = "It was a mistake") -> Delivered:
        """Let a hit, reading, feedback, check-in, completed action or closing be taken back."""
        data = event.data
        match event.name:
            case "goal.milestone_hit":
                taken: GoalEvent = events.MilestoneHitRetracted(
                    milestone=data.milestone, hit_event=event.id, reason=reason
                )
            case "goal.progress_recorded":
                before = Reading(reading=data.reading, step=data.step, on=data.on)
                taken = events.ProgressCorrected(
                    corrects=event.id, measure=data.measure, before=before, strike=True, reason=reason
                )
            case "goal.feedback_given":
                taken = events.FeedbackRetracted(feedback=data.feedback, feedback_event=event.id, reason=reason)
            case "goal.check_in_held":
                taken = events.CheckInVoided(check_in=data.check_in, reason=reason)
            case "goal.action_completed":
                taken = events.ActionReopened(action=data.action, reason=reason)
            case "goal.closed":
                taken = events.Reopened(reopened_on=self.story.now.date(), revision=1, reason=reason)
            case name:
                raise ValueError(f"{name} cannot be taken back")
        return self.add(taken)


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
