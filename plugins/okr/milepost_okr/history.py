"""What happened to one goal, as far as its numbers depend on it: days, numbers and ids, never anybody's words.

Entries are only ever added, in the order in which the events were recorded. `day` is when something happened,
`recorded` when it was told, both in the goal's time zone; `seq` is the event's sequence. There are four lots of them:
the frame (where the goal belonged, its terms, its life), readings, check-ins, and what its children came to.
"""

from __future__ import annotations

import datetime as dt

import msgspec

Moment = tuple[dt.date, int]
"""A place in a goal's time: a day, and the sequence that orders what happened on it. As an end it is exclusive."""

NEVER: Moment = (dt.date.max, 1 << 62)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """The head of every entry."""

    day: dt.date
    recorded: dt.date
    seq: int

    @property
    def moment(self) -> Moment:
        """When it happened."""
        return self.day, self.seq


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a goal belongs, and what it is."""

    kind: str = "smart"
    focus: str | None = None
    owner: str = ""
    programme: str | None = None
    mentorship: str | None = None
    cycle: str | None = None
    deadline: dt.date | None = None


class Stood(Entry, frozen=True, tag="stood"):
    """The goal belongs elsewhere from now on, or is something else: the members of `Place` that are set, as JSON."""

    changes: dict[str, str | None]


class Aligned(Entry, frozen=True, tag="aligned"):
    """The goal serves `parent`; no weight: no longer."""

    parent: str
    weight: str | None


class Defined(Entry, frozen=True, tag="defined"):
    """A measure counts from now on; members as in contracts."""

    measure: str
    kind: str
    direction: str
    target: str
    baseline: str | None = None
    weight: str = "1"
    period: str | None = None
    periods_required: int | None = None
    samples_min: int | None = None
    delta_mode: str | None = None
    scale: tuple[str, ...] | None = None


class Revised(Entry, frozen=True, tag="revised"):
    """A measure has another target, and another baseline where one is given."""

    measure: str
    target: str
    baseline: str | None


class Retired(Entry, frozen=True, tag="retired"):
    """A measure counts no longer."""

    measure: str


class Source(Entry, frozen=True, tag="source"):
    """Whether progress comes from the children from now on, instead of from measures."""

    children: bool


class Read(Entry, frozen=True, tag="read"):
    """A reading; `event` is the id of what recorded it."""

    event: str
    measure: str
    value: str | bool | None
    step: str | None


class Fixed(Entry, frozen=True, tag="fixed"):
    """A reading is put right, or struck; `on` is its day from now on."""

    event: str
    struck: bool
    value: str | bool | None
    step: str | None
    on: dt.date | None


class Summed(Entry, frozen=True, tag="summed"):
    """What the children have come to, of a goal that takes its progress from them."""

    progress: str | None


class Talked(Entry, frozen=True, tag="talked"):
    """A check-in with confidence; `by` recorded it."""

    check_in: str
    by: str
    confidence: int | None


class Amended(Entry, frozen=True, tag="amended"):
    """A check-in is put right where members are given; `by` is who does it."""

    check_in: str
    by: str
    confidence: int | None
    held_on: dt.date | None


class Voided(Entry, frozen=True, tag="voided"):
    """A check-in did not happen."""

    check_in: str


class Begun(Entry, frozen=True, tag="begun"):
    """Work began, or began again after closing."""


class Closed(Entry, frozen=True, tag="closed"):
    """The goal ended."""

    result: str
    score: str | None


class Settled(Entry, frozen=True, tag="settled"):
    """The closing is put right: this is its result and score."""

    result: str
    score: str | None


Framed = Stood | Aligned | Defined | Revised | Retired | Source | Begun | Closed | Settled
Measured = Read | Fixed
Spoken = Talked | Amended | Voided
AnyEntry = Framed | Measured | Spoken | Summed
