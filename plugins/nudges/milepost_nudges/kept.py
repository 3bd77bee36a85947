"""What is kept of a goal: dates, states and who its people are; never their words.

Keys of the plugin's state, per tenant:
`goal/G` a Goal; `alarms/G` its timers that stand; `sent/G` what was nudged; `held/G/C` a check-in; `reading/G/E` a
reading; `child/P/G` the weight with which G serves P; `of/PERSON/G` and `in/PLACE/G` who and what has to do with G;
`mentorship/M`, `programme/P` a Frame; `gone/HASH` somebody who was erased; `since` the instant before which nothing is
nudged; `chores` what is left to do (chores.py).
"""

from __future__ import annotations

import datetime as dt

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.types import Cadence
from milepost_nudges.progress import Measure


class Crossing(msgspec.Struct, frozen=True, omit_defaults=True):
    """Health went beyond a line and has to stay there before that is told."""

    to: str
    at: dt.datetime
    progress: str | None = None
    expected: str | None = None
    set: bool = False  # by a person


class Goal(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A goal after its events so far, as far as nudges and health need it."""

    version: int
    state: str = "drafted"
    zone: str = "UTC"
    owner: str = ""  # the person, or the one who is accountable
    parties: dict[str, str] = {}  # person -> role
    mentorship: str | None = None
    programme: str | None = None
    start: dt.date | None = None
    deadline: dt.date | None = None
    deadline_known: dt.date | None = None  # since when it holds for a goal that is worked on
    cadence: Cadence | None = None
    activated: dt.date | None = None
    pauses: list[tuple[dt.date, dt.date | None]] = []
    closed: dt.date | None = None

    revision: int = 0
    yes: dict[str, int] = {}  # person -> revision that person said yes to
    agreed: bool = False
    agreement_open: bool = False
    asked: dt.datetime | None = None  # since when a yes is missing

    measures: dict[str, Measure] = {}
    progress: str | None = None
    progress_from: str = "measures"
    read: bool = False  # there was a reading
    moving: bool = False  # progress is not told by events alone
    parents: list[str] = []
    override: tuple[str, dt.date] | None = None

    held: list[dt.date] = []  # the latest days of check-ins
    next_on: dt.date | None = None  # as settled at the last of them
    active: dt.datetime | None = None  # when somebody last did something
    late: tuple[dt.date, dt.date] | None = None  # the due date missed first, and since when that is known

    side: str = "on_track"  # the health that was told last; a goal begins on track
    seen: dt.datetime | None = None  # until when its health was followed
    crossing: Crossing | None = None

    indexed: list[str] = []  # the keys under which it is found by people and places

    @property
    def people(self) -> set[str]:
        """Who agrees and checks in: the owner or who is accountable, and the parties."""
        return {*self.parties, *({self.owner} if self.owner else ())}

    @property
    def asks(self) -> bool:
        """Whether somebody's yes is waited for."""
        if self.state == "proposed":
            return not self.agreed
        return self.state == "active" and self.agreement_open

    @property
    def watched(self) -> bool:
        """Whether there is anything to nudge about."""
        return self.state in ("active", "proposed")


class CheckIn(msgspec.Struct, omit_defaults=True):
    """A check-in that stands: when, and when the next one was settled for; `number` orders those of one day."""

    on: dt.date
    number: int
    next_on: dt.date | None = None


class Frame(msgspec.Struct, omit_defaults=True):
    """A mentorship or a programme: the rhythm of its goals, and who runs it."""

    version: int = 0
    cadence: Cadence | None = None
    programme: str | None = None
    admins: list[str] = []
    enrolled: list[str] = []  # those whose role as a participant it is to run it
    closed: bool = False


Alarms = dict[str, dt.datetime]
"""Timer -> when."""
Sent = dict[str, dt.datetime]
"""`STAGE/DUE/PERSON` -> when that was nudged."""
# Older ones are past their time and never come back; with 100 bytes each this keeps below the 64 KiB of a value.
SENT_MAX = 400


def goal_of(context: Context, id_: str) -> Goal | None:
    """Return what is kept of the goal, None where nothing is."""
    found: Goal | None = context.state.get(f"goal/{id_}", Goal)
    return found


def alarms_of(context: Context, id_: str) -> Alarms:
    """Return the goal's timers that stand."""
    found: Alarms = context.state.get(f"alarms/{id_}", Alarms, {})
    return found


def sent_of(context: Context, id_: str) -> Sent:
    """Return what was nudged about the goal."""
    found: Sent = context.state.get(f"sent/{id_}", Sent, {})
    return found


def frame_of(context: Context, kind: str, id_: str | None) -> Frame | None:
    """Return what is kept of a mentorship or a programme."""
    found: Frame | None = context.state.get(f"{kind}/{id_}", Frame) if id_ else None
    return found


def keep_goal(context: Context, id_: str, goal: Goal, reached: set[str]) -> None:
    """Keep *goal*, and that it is found by its people, by *reached* (nudged, or to be) and by where it belongs."""
    places = [place for place in (goal.mentorship, goal.programme) if place]
    index = sorted(
        {f"of/{person}/{id_}" for person in goal.people | reached} | {f"in/{place}/{id_}" for place in places}
    )
    for key in set(goal.indexed) - set(index):
        context.state.delete(key)
    for key in set(index) - set(goal.indexed):
        context.state.set(key, 1)
    goal.indexed = index
    context.state.set(f"goal/{id_}", goal)


def keep_sent(context: Context, id_: str, sent: Sent) -> None:
    """Keep what was nudged, as much as can matter."""
    latest = sorted(sent.items(), key=lambda item: item[1])[-SENT_MAX:]
    context.state.set(f"sent/{id_}", dict(latest))


def found_by(context: Context, prefix: str) -> list[str]:
    """Return the ids of the goals that are found by *prefix* (`of/PERSON/`, `in/PLACE/`), in order."""
    return [key.rpartition("/")[2] for key, _ in context.state.items(prefix)]
