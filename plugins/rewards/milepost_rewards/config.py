"""What an operator says of an event: which rules may reward it, with what, whom, in which words (`rewards.toml`)."""

from __future__ import annotations

import datetime as dt
import difflib
import string
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from milepost_contracts.events import EVENTS
from milepost_contracts.plugin import RETRACTIONS
from milepost_contracts.types import Focus, GoalKind, Result, Visibility

RULES_MAX = 50  # each is asked about each event that it may reward; more than a page of rules is no longer understood
STREAK_MAX = 100  # two years of weekly check-ins; what a streak rests on is kept with its grant
GAP_DAYS = 31  # between check-ins of a goal without a rhythm: the longest rhythm there is, monthly

Several: TypeAlias = str | tuple[str, ...]
When: TypeAlias = Literal["event", "first_milestone", "streak", "achieved_early", "deadline_held"]
Deadline: TypeAlias = Literal["present", "original", "timely"]
# Of which event each named condition is; those that put such an event right are looked at as well (conditions.py).
NAMED: dict[str, str] = {
    "first_milestone": "goal.milestone_hit",
    "streak": "goal.check_in_held",
    "achieved_early": "goal.closed",
    "deadline_held": "goal.closed",
}
CLOSED = "goal.closed"
# Members that only some conditions have; each is None where it is not written.
_OF = {
    "once": ("event",),
    "n": ("streak",),
    "gap_days": ("streak",),
    "repeat": ("streak",),
    "days": ("achieved_early",),
    "deadline": ("achieved_early", "deadline_held"),
}
_TAKE_BACK = {*RETRACTIONS, "goal.closure_amended", "goal.check_in_amended"}
EVENT_NAMES = sorted(
    {f"{event.AGGREGATE}.{event.NAME}" for event in EVENTS.values() if event.AGGREGATE in ("goal", "mentorship")}
    - _TAKE_BACK
)


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator writes: a member that is misspelt is an error."""


def _known(of: Any) -> list[str]:
    """Return the values that an enumeration of the contracts names."""
    values: list[str] = get_args(of)[1].extra_json_schema["x-known"]
    return values


_VALUES = {
    "kind": _known(GoalKind),
    "focus": _known(Focus),
    "visibility": _known(Visibility),
    "result": _known(Result),
}


class Only(Plain, frozen=True, kw_only=True):
    """Which goals a rule is about; each member one value or a list of them, left out: any.

    programme, mentorship, cycle: ids. result: of a closing.
    """

    tenant: Several = ()
    kind: Several = ()
    focus: Several = ()
    visibility: Several = ()
    result: Several = ()
    programme: Several = ()
    mentorship: Several = ()
    cycle: Several = ()

    def __post_init__(self) -> None:
        """Refuse values that no goal has."""
        for name, known in _VALUES.items():
            for value in self.values(name):
                if value not in known:
                    raise ValueError(f"{name} {value!r} is none{_near(value, known)}")

    def values(self, name: str) -> tuple[str, ...]:
        """Return what the member *name* allows; none: anything."""
        found = getattr(self, name)
        return (found,) if isinstance(found, str) else found

    def allows(self, name: str, value: str | None) -> bool:
        """Whether *value* is allowed."""
        wanted = self.values(name)
        return not wanted or value in wanted


class Limit(Plain, frozen=True, kw_only=True):
    """At most so many standing rewards of a rule for one person in one period; weeks begin on Monday."""

    at_most: Annotated[int, Meta(ge=1)]
    per: Literal["day", "week", "month", "quarter", "year", "ever"]

    def period(self, day: dt.date) -> tuple[int, ...]:
        """Return the period that *day* is in."""
        match self.per:
            case "day":
                return (day.toordinal(),)
            case "week":
                return tuple(day.isocalendar()[:2])
            case "month":
                return (day.year, day.month)
            case "quarter":
                return (day.year, (day.month - 1) // 3)
            case "year":
                return (day.year,)
        return ()


class Give(Plain, frozen=True, kw_only=True):
    """What is given. points: of any kind. pool: where a voucher's code comes from (`rewards.secrets.toml`)."""

    kind: Literal["recognition", "badge", "points", "voucher"] = "recognition"
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    points: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    pool: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] | None = None

    def __post_init__(self) -> None:
        """Refuse points without points and vouchers without a pool."""
        if self.kind == "points" and not self.points:
            raise ValueError("kind 'points' needs points = a number above 0")
        if (self.kind == "voucher") != (self.pool is not None):
            raise ValueError("kind 'voucher' needs pool = the name of its codes, and nothing else has one")


class Rule(Plain, frozen=True, kw_only=True):
    """One rule. The first in the file that gives anything for an event wins; the others give nothing for it.

    when: `event` (any event `on`), or a named condition: `first_milestone` of a goal; `streak` of `n` check-ins,
    again for each further `n` with `repeat`; `achieved_early`, at least `days` before the deadline; `deadline_held`.
    deadline: which one counts, `present` (as it is at closing), `original` (as it was on activation, or first set
    later) or `timely` (without shifts that were made when it had passed). to: who gets it. once: what the rule gives
    one reward for: each `event`, a `goal`, a `person`. since, until: days between which it has to have happened.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    give: Give
    to: Literal["mentee", "mentor", "both", "owner", "parties"] = "mentee"
    when: When = "event"
    on: str = ""
    once: Literal["event", "goal", "person"] | None = None
    n: Annotated[int, Meta(ge=2, le=STREAK_MAX)] | None = None
    gap_days: Annotated[int, Meta(ge=1, le=366)] | None = None
    repeat: bool | None = None
    days: Annotated[int, Meta(ge=1, le=3660)] | None = None
    deadline: Deadline | None = None
    only: Only = Only()
    since: dt.date | None = None
    until: dt.date | None = None
    limit: Limit | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, all of it at once."""
        if wrong := list(self._wrong()):
            raise ValueError(f"the rule {self.id!r}: " + "; ".join(wrong))

    @property
    def event(self) -> str:
        """The event that it rewards, e.g. `goal.closed`."""
        return NAMED.get(self.when, self.on)

    @property
    def results(self) -> tuple[str, ...]:
        """The results of a closing that it rewards; none: any."""
        return self.only.values("result") or (("achieved",) if self.when != "event" else ())

    def _wrong(self) -> Iterator[str]:
        yield from self._wrong_event()
        for name, conditions in _OF.items():
            if getattr(self, name) is not None and self.when not in conditions:
                yield f"{name} belongs to when = {' or '.join(conditions)}"
        if self.when == "streak" and self.n is None:
            yield "a streak needs n = how many check-ins"
        if self.when == "achieved_early" and self.days is None:
            yield "achieved_early needs days = how early"
        if self.only.result and self.event != CLOSED:
            yield "only a closing has a result"
        if self.event.startswith("mentorship."):
            if self.to == "owner":
                yield "a mentorship has no owner: choose mentee, mentor, both or parties"
            members = [name for name in ("kind", "focus", "visibility", "cycle") if self.only.values(name)]
            yield from (f"a mentorship has no {name}" for name in members)
        if self.since and self.until and self.until < self.since:
            yield "until is before since"

    def _wrong_event(self) -> Iterator[str]:
        if self.when != "event":
            if self.on and self.on != self.event:
                yield f"{self.when} is about {self.event}, not {self.on}"
        elif not self.on:
            yield "it needs on = the event that it rewards, or when = a named condition"
        elif self.on in _TAKE_BACK:
            yield f"{self.on} takes back or puts right: nothing is given for it"
        elif self.on not in EVENT_NAMES:
            yield f"there is no event {self.on!r} to reward{_near(self.on, EVENT_NAMES)}"


class Text(Plain, frozen=True, kw_only=True):
    """The words of a message; a line in which a placeholder stays empty is left out.

    Placeholders: {title} {kind} {points} {milestone} {link} {code} {reference} {person}.
    """

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    body: Annotated[str, Meta(min_length=1, max_length=4000)]

    def __post_init__(self) -> None:
        """Refuse placeholders that there are not."""
        for text in (self.title, self.body):
            for name in placeholders(text):
                if name not in PLACEHOLDERS:
                    raise ValueError(f"there is no placeholder {{{name}}}{_near(name, PLACEHOLDERS)}")


PLACEHOLDERS = ("title", "kind", "points", "milestone", "link", "code", "reference", "person")
_ABOUT = "Points: {points}\nMilestone: {milestone}\n{link}\n"
_END = "\nReference: {reference}"


def placeholders(text: str) -> list[str]:
    """Return the names of the placeholders in *text*; raises ValueError where braces are wrong."""
    found: list[str] = []
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError("a placeholder is a name in braces, e.g. {title}; write {{ and }} for braces")
        found.append(name)
    return found


class Messages(Plain, frozen=True, kw_only=True):
    """How rewards are told.

    granted, owed (a voucher whose code is still missing), served (its code has come), revoked: to the person.
    channel: to a channel that others read, so without words of people and codes. on_revoked: whether a reward that is
    taken back is told (`message`) or not (`silent`). link: a page about a goal, with {goal} for its id. timeout_s: of
    a transport, for connecting and for each answer.
    """

    granted: Text = Text(title="{title}", body="You are given: {title}\n" + _ABOUT + "Your code: {code}\n" + _END)
    owed: Text = Text(title="{title}", body="You are given: {title}\n" + _ABOUT + "Your code follows.\n" + _END)
    served: Text = Text(title="Your code: {title}", body="{title}\nYour code: {code}\n" + _END)
    revoked: Text = Text(
        title="Taken back: {title}",
        body="This was given for something that has been taken back since: {title}\n{link}\n" + _END,
    )
    channel: Text = Text(title="{title}", body="A reward was given: {title}\n" + _END)
    on_revoked: Literal["message", "silent"] = "message"
    link: Annotated[str, Meta(max_length=500)] = ""
    timeout_s: Annotated[float, Meta(ge=1, le=10)] = 8.0

    def __post_init__(self) -> None:
        """Refuse a link with other placeholders than {goal}."""
        if any(name != "goal" for name in placeholders(self.link)):
            raise ValueError("link has one placeholder, {goal}")
        for text in (self.channel.title, self.channel.body):
            for name in placeholders(text):
                if name in ("code", "milestone"):
                    raise ValueError(f"others read a channel: {{{name}}} has no place there")


class Config(Plain, frozen=True, kw_only=True):
    """The whole of `rewards.toml`."""

    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    messages: Messages = Messages()

    def __post_init__(self) -> None:
        """Refuse two rules of one id: a grant names its rule."""
        ids = [rule.id for rule in self.rules]
        for id_ in ids:
            if ids.count(id_) > 1:
                raise ValueError(f"two rules are called {id_!r}: each needs an id of its own")


def _near(given: str, known: Iterable[str]) -> str:
    known = list(known)
    near = difflib.get_close_matches(given, known, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": there are {', '.join(known)}" if len(known) <= len(PLACEHOLDERS) else ""
