"""A history is told for people: who did what, when and why, and what each event changed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from rpds import HashTrieMap

from milepost.decide import evolve
from milepost.decide.goal.clock import date_in
from milepost.decide.goal.progress import results
from milepost.decide.goal.state import Goal
from milepost.evolving import recorded
from milepost.replay.histories import members_of
from milepost.replay.sentences import sentence
from milepost_contracts.envelope import Envelope, EnvelopeError, convert_members

Called = Callable[[str], str]
"""A reference or an id -> what it is called for people."""

NOTHING = "–"  # noqa: RUF001  an en dash reads as nothing
# What is no change of terms or state: entries of their own, arithmetic, and what only proves or routes.
_UNTOLD = frozenset(
    {"id", "revision", "terms_hash", "ever_agreed", "tallies", "readings", "feedback", "reflections", "resources"}
    | {"comments", "created", "requested", "rubrics", "created_on", "key_areas"}
)
_ADDED_ELSEWHERE = frozenset({"check_ins"})  # told as what they are; what changes in one later is a change
_NAMING = ("name", "title")
_LONG = re.compile(r"(?:[a-z]+:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOVES_PROGRESS = ("goal.progress_", "goal.measure_", "goal.target_", "goal.created", "goal.imported", "goal.closed")


class Change(NamedTuple):
    """A field as it was and as it is since; both for people."""

    field: str
    before: str
    after: str


class Entry(NamedTuple):
    """An event: `said` in a sentence, its `reason`, what it changed, and where the goal stood after it.

    `members` are its data, opened or marked. `progress` is 0 to 1. `on`: the day it is about, in the goal's zone.
    """

    event: Envelope
    members: dict[str, Any]
    said: str
    reason: str
    changes: list[Change]
    on: dt.date
    progress: Decimal | None = None
    deadline: dt.date | None = None
    revision: int = 0


class Story(NamedTuple):
    """All that happened to one subject (`goal/UUID`); without its beginning there is no `state`."""

    subject: str
    entries: list[Entry]
    state: Any
    labels: dict[str, str]

    @property
    def title(self) -> str:
        """What it is called: a title or a person's name; empty where it has none."""
        for name in ("title", "name", "purpose"):
            if text := getattr(self.state, name, None):
                return str(text)
        return str(getattr(getattr(self.state, "created", None), "title", None) or "")


def told(events: Iterable[tuple[Envelope, dict[str, Any]]], subject: str, called: Called, *, whole: bool) -> Story:
    """Return the story of *subject* from its *events*, each with its members as they may be shown."""
    aggregate, _, id_ = subject.partition("/")
    entries: list[Entry] = []
    labels: dict[str, str] = {}
    state: Any = None
    progress: Decimal | None = None

    def name(ref: str) -> str:
        return labels.get(ref) or called(ref)

    for event, members in events:
        before = state
        if whole:
            state = _after(state, (aggregate, id_), event, members)
            _learn(labels, state)
        day = date_in(getattr(state, "time_zone", "UTC"), dt.datetime.fromisoformat(event.occurredat or event.time))
        if isinstance(state, Goal) and event.type.startswith(_MOVES_PROGRESS):
            progress = _progress(state, members, day)
        entries.append(
            Entry(
                event,
                members,
                said(event, members, labels, name),
                _reason(members),
                changes(before, state, name),
                day,
                progress,
                getattr(state, "deadline", None),
                getattr(state, "revision", 0),
            )
        )
    return Story(subject, entries, state, labels)


def said(event: Envelope, members: dict[str, Any], labels: dict[str, str], called: Called) -> str:
    """Return what the actor did, in a sentence that begins like one."""
    told = sentence(event.type, members, lambda _, id_: labels.get(id_))
    told = _LONG.sub(lambda ref: called(ref[0]), told)
    return told[:1].upper() + told[1:]


def shown(value: Any, called: Called, *, empty: str = NOTHING) -> str:
    """Return *value* for people: ids by name, lists with commas."""
    if value in (None, "", [], {}, ()):
        return empty
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return called(value) if _LONG.fullmatch(value) else value
    if isinstance(value, dict):
        return ", ".join(f"{_words(name)}: {shown(one, called)}" for name, one in value.items() if one is not None)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(one, called) for one in (value if isinstance(value, list | tuple) else sorted(value)))
    if isinstance(value, msgspec.Struct):
        return shown(members_of(value), called)
    return str(value)


def changes(before: Any, after: Any, called: Called) -> list[Change]:
    """Return every field that differs between two states of one aggregate, each with its old and its new value."""
    if before is None or after is None or before is after:
        return []
    found: list[Change] = []
    for field in after.__struct_fields__:
        old, new = getattr(before, field), getattr(after, field)
        if field in _UNTOLD or old is new or old == new:
            continue
        if isinstance(new, HashTrieMap):
            found += _in_map(field, old, new, called)
        else:
            found.append(Change(_words(field), shown(old, called), shown(new, called)))
    return found


def _in_map(field: str, old: Any, new: Any, called: Called) -> list[Change]:
    found: list[Change] = []
    for key in [*new, *(key for key in old if key not in new)]:
        was, is_ = old.get(key), new.get(key)
        if was == is_ or (was is None and field in _ADDED_ELSEWHERE):
            continue
        label = f"{_words(field)}: {_label(is_) or _label(was) or called(str(key))}"
        if isinstance(was, msgspec.Struct) and isinstance(is_, msgspec.Struct):
            found += [
                Change(f"{label}: {_words(name)}", shown(getattr(was, name), called), shown(getattr(is_, name), called))
                for name in is_.__struct_fields__
                if getattr(was, name) != getattr(is_, name)
            ]
        else:
            found.append(Change(label, _brief(was, called), _brief(is_, called)))
    return found


def _brief(value: Any, called: Called) -> str:
    """Return an entry of a map in short: what it is about is in its label already."""
    if not isinstance(value, msgspec.Struct):
        return shown(value, called)
    kept = {name: one for name, one in members_of(value).items() if name not in (*_NAMING, "measure") and one}
    return shown(kept, called) if kept else "there"


def _label(value: Any) -> str:
    return next((text for name in _NAMING if (text := getattr(value, name, ""))), "")


def _after(state: Any, ref: tuple[str, str], event: Envelope, members: dict[str, Any]) -> Any:
    try:
        return evolve(state, recorded(ref, event, convert_members(event.type, members)))
    except EnvelopeError:
        return state  # of a younger version than ours: it is told, and what it did is not known here


def _learn(labels: dict[str, str], state: Any) -> None:
    """Keep what the parts of *state* are called."""
    for field in ("measures", "retired", "milestones", "actions", "cycles"):
        parts = getattr(state, field, None)
        if isinstance(parts, HashTrieMap):
            labels.update((key, _label(part)) for key, part in parts.items() if key not in labels)


def _progress(goal: Goal, members: dict[str, Any], day: dt.date) -> Decimal | None:
    """Return the goal's progress after an event; of goals above others what the event itself says."""
    share = members.get("progress") if goal.progress_from == "children" else results(goal, today=day)[1]
    return Decimal(share) if share is not None else None


def _reason(members: dict[str, Any]) -> str:
    return str(members.get("reason") or members.get("justification") or "")


def _words(name: str) -> str:
    return name.replace("_", " ")
