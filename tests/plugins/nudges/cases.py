"""Where tests of the nudges begin: a programme, a pair in a mentorship, and a goal of theirs that is worked on."""

from __future__ import annotations

import datetime as dt
from typing import Any

import milepost_nudges

from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, programme
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.testing.story import NOW, uid
from milepost_contracts.types import Cadence, Measure, Party, Schedule

TODAY = NOW.date()  # a Monday
PROGRAMME, MENTORSHIP = uid("programme"), uid("mentorship")
MENTEE, MENTOR, ADMIN = (f"user:{uid(name)}" for name in ("mentee", "mentor", "admin"))
AT_ALL_HOURS = {"start": "00:00", "end": "00:00"}
BERLIN, NEW_YORK, KIRITIMATI, NIUE = "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Niue"


def day(offset: int) -> dt.date:
    """Return the date *offset* days after the first day of the story."""
    return TODAY + dt.timedelta(days=offset)


def at(offset: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    """Return an instant, UTC, on that day."""
    return dt.datetime.combine(day(offset), dt.time(hour, minute), dt.UTC)


def weekly(anchor: dt.date) -> Cadence:
    """Return a cadence."""
    return Cadence(rhythm="weekly", anchor=anchor)


class Nudged:
    """A host of the plugin with a story; whatever is told is delivered at once, at the time of the story."""

    def __init__(self, *, mode: Any = "live", secrets: dict[str, Any] | None = None, **config: Any) -> None:
        """Begin with a programme of ADMIN's; nobody sleeps unless *config* says when."""
        self.story = Story()
        config = {"quiet": AT_ALL_HOURS, "health_settle_minutes": 0} | config
        self.host = Host(milepost_nudges, story=self.story, config=config, secrets=secrets, mode=mode)
        self._read = 0
        self.asleep = False  # timers wait for the events, as they do where a host has slept
        self.tell(programme.Created(title="Growing together", admins=[ADMIN]), by=ADMIN, id_=PROGRAMME)

    def tell(self, event: Any, *, by: str = MENTEE, id_: str | None = None, **how: Any) -> Delivered:
        """Let something have happened to what is no goal."""
        told = self.story.add(event, by=by, id_=id_, **how)
        self.read()
        return told

    def read(self) -> None:
        """Deliver what was told and is not delivered yet, when it was told."""
        for document in self.story.documents[self._read :]:
            now = max(self.host.now, Delivered(document).recorded)
            if self.asleep:
                self.host.now = now
            else:
                self.host.advance(now)
            self.host.deliver(document)
        self._read = len(self.story.documents)

    def at(self, moment: dt.datetime) -> Nudged:
        """Let time pass."""
        self.asleep = False
        self.host.advance(moment)
        self.story.now = max(self.story.now, moment)
        return self

    def goal(self, *people: str, name: str = "goal", zone: str = "UTC", **terms: Any) -> TestedGoal:
        """Let a goal be created, of MENTEE and MENTOR unless *people* are named, in no programme yet."""
        owner, *others = people or (MENTEE, MENTOR)
        told = self.story.goal(owner, *others, name=name, time_zone=zone, revision=1, **terms)
        self.read()
        return TestedGoal(self, told)

    def sleep(self, until: dt.datetime) -> None:
        """Let time pass without the host: no timer is called until it wakes, with what is told then or by `at`."""
        self.asleep = True
        self.host.now = until
        self.story.now = max(self.story.now, until)

    @property
    def nudges(self) -> list[tuple[str, str, str]]:
        """(stage, due, to) of what was nudged so far, in order."""
        return [(fact["stage"], fact["due"], fact["to"]) for name, fact in self.host.facts if name == "nudged"]

    def stages(self, to: str = MENTEE) -> list[tuple[str, str]]:
        """(stage, due) of what somebody was nudged about."""
        return [(stage, due) for stage, due, whom in self.nudges if whom == to]

    @property
    def crossings(self) -> list[tuple[str, str, str]]:
        """(from, to, at) of what was told of health."""
        return [(fact["from"], fact["to"], fact["at"]) for name, fact in self.host.facts if name == "health_crossed"]

    @property
    def timers(self) -> dict[str, dt.datetime]:
        """What stands."""
        return {key: moment for (_, key), moment in self.host.stored.timers.items()}


class TestedGoal:
    """A goal in such a story."""

    __test__ = False  # no test itself

    def __init__(self, nudged: Nudged, told: StoryGoal) -> None:
        """Take the goal as the story has it."""
        self.nudged = nudged
        self.told = told
        self.id = told.id
        self.revision = 1

    def add(self, event: Any, *, by: str | None = None, occurred: dt.datetime | None = None) -> Delivered:
        """Let something have happened to it."""
        told = self.told.add(event, by=by, occurred=occurred)
        self.nudged.read()
        return told

    def activated(self, on: dt.date | None = None) -> TestedGoal:
        """Let work on it begin."""
        self.add(events.Activated(revision=self.revision, activated_on=on or self.nudged.story.now.date()))
        return self

    def placed(self, *, in_programme: str | None = PROGRAMME, mentorship: str | None = None) -> TestedGoal:
        """Let it belong somewhere; the next event says so."""
        self.told.programme, self.told.mentorship = in_programme, mentorship
        return self

    def scheduled(self, cadence: Cadence | None, zone: str = "UTC", start: dt.date | None = None) -> TestedGoal:
        """Give it a rhythm."""
        self.add(events.ScheduleSet(before=Schedule(), after=Schedule(time_zone=zone, cadence=cadence, start_on=start)))
        return self

    def measured(self, name: str = "measure", kind: str = "count", **members: Any) -> TestedGoal:
        """Give it a measure."""
        self.revision += 1
        measure = Measure(
            measure=uid(name), name="Talks", unit="talks", kind=kind,
            **({"direction": "increase", "target": "3"} | members),
        )  # fmt: skip
        self.add(events.MeasureDefined(definition=measure, revision=self.revision))
        return self

    def read(self, progress: str | None, *, value: Any = "1", name: str = "measure", on: dt.date | None = None) -> Any:
        """Let a reading be recorded that brings the goal to *progress*."""
        told = self.told.reading(value, measure=name, progress=progress, on=on)
        self.nudged.read()
        return told

    def check_in(self, on: dt.date, name: str = "", **members: Any) -> Delivered:
        """Let a check-in be held."""
        held = events.CheckInHeld(check_in=uid(name or f"check-in {on}"), held_on=on, attendees=[MENTEE], **members)
        return self.add(held)


def requested(cadence: Cadence | None = None) -> mentorship.Requested:
    """Return the beginning of the mentorship."""
    parties = [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
    return mentorship.Requested(requester=MENTEE, parties=parties, format="one_to_one", cadence=cadence)
