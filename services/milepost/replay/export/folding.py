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
from milepost_contracts.events import WORDS

Called = Callable[[str], str]
"""A reference or an id -> what it is called for people."""

NOTHING = "–"  # noqa: RUF001  an en dash reads as nothing
# What is no change of terms or state: entries of their own, arithmetic, and what only proves or routes.
_UNTOLD = frozenset(
    {"id", "revision", "terms_hash", "ever_agreed", "tallies", "readings", "feedback", "reflections", "resources"}
    | {"comments", "created", "requested", "rubrics", "created_on", "key_areas"}
)
# What one entry of a collection is called.
_ONE = {
    "parties": "Party", "contributors": "Contributor", "agreements": "Agreement of", "measures": "Measure",
    "retired": "Retired measure", "milestones": "Milestone", "actions": "Action", "check_ins": "Check-in",
    "obstacles": "Obstacle", "parents": "Goal above", "children": "Goal below", "participants": "Participant",
    "cycles": "Cycle", "templates": "Template", "goals": "Goal", "sessions": "Session", "roles": "Roles of",
    "surveys": "Survey", "costs": "Cost", "benefits": "Benefit",
}  # fmt: skip
# Of an entry of a collection: what it is called is in its label, and events refer to each other by ids.
_UNTOLD_PARTS = frozenset({"measure", "hit_event", "event", "recorded_by", "acknowledged_by"})
_ADDED_ELSEWHERE = frozenset({"check_ins"})  # told as what they are; what changes in one later is a change
_REASONS = ("reason", "justification")
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

    `members` are its data, opened or marked; `words` is what people wrote in it beside the sentence, by member.
    `progress` is 0 to 1. `on`: the day it is about, in the goal's zone.
    """

    event: Envelope
    members: dict[str, Any]
    said: str
    words: list[tuple[str, str]]
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
            _learn(labels, state, members)
        day = date_in(getattr(state, "time_zone", "UTC"), dt.datetime.fromisoformat(event.occurredat or event.time))
        if isinstance(state, Goal) and event.type.startswith(_MOVES_PROGRESS):
            progress = _progress(state, members, day)
        sentence_ = said(event, members, labels, name)
        entries.append(
            Entry(
                event,
                members,
                sentence_,
                _words_beside(event, members, sentence_, name),
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
    told = sentence(event.type, members, lambda _, id_: labels.get(id_, "").strip("“”") or None)
    told = _LONG.sub(lambda ref: called(ref[0]), told)
    return _sentence(told)


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
        # How each measure ended is in the readings.
        return shown({name: one for name, one in members_of(value).items() if name != "measures"}, called)
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
            found.append(Change(_sentence(_words(field)), shown(old, called), shown(new, called)))
    return found


def _in_map(field: str, old: Any, new: Any, called: Called) -> list[Change]:
    found: list[Change] = []
    for key in sorted({*old, *new}, key=str):  # a map has no order of its own
        was, is_ = old.get(key), new.get(key)
        if was == is_ or (was is None and field in _ADDED_ELSEWHERE):
            continue
        label = f"{_ONE.get(field) or _words(field)} {_label(is_) or _label(was) or called(str(key))}"
        if isinstance(was, msgspec.Struct) and isinstance(is_, msgspec.Struct):
            found += [
                Change(f"{label}: {_words(name)}", shown(getattr(was, name), called), shown(getattr(is_, name), called))
                for name in is_.__struct_fields__
                if name not in _UNTOLD_PARTS and getattr(was, name) != getattr(is_, name)
            ]
        else:
            found.append(Change(label, _brief(field, was, called), _brief(field, is_, called)))
    return found


def _brief(field: str, value: Any, called: Called) -> str:
    """Return an entry of a collection in short: what it is about is in its label already."""
    if value is not None and field == "agreements":
        return f"revision {value}"
    if value is not None and field == "obstacles":
        return "resolved" if value else "open"
    if not isinstance(value, msgspec.Struct):
        return shown(value, called)
    kept = {name: one for name, one in members_of(value).items() if one and name not in {*_NAMING, *_UNTOLD_PARTS}}
    return shown(kept, called) if kept else "there"


def _label(value: Any) -> str:
    """Return what an entry of a collection is called; empty where it has no name."""
    if not isinstance(value, msgspec.Struct):
        return ""
    text = next((text for name in _NAMING if (text := getattr(value, name, ""))), "")
    return f"“{text}”" if text else ""


def _after(state: Any, ref: tuple[str, str], event: Envelope, members: dict[str, Any]) -> Any:
    try:
        return evolve(state, recorded(ref, event, convert_members(event.type, members)))
    except EnvelopeError:
        return state  # of a younger version than ours: it is told, and what it did is not known here


def _learn(labels: dict[str, str], state: Any, members: dict[str, Any]) -> None:
    """Keep what the parts of *state* are called, and what an event with *members* gave a name."""
    for field in ("measures", "milestones", "actions", "cycles"):
        parts = getattr(state, field, None)
        if isinstance(parts, HashTrieMap):
            labels.update((key, _label(part)) for key, part in parts.items() if key not in labels)
    if isinstance(members.get("obstacle"), str) and members.get("title"):
        labels[members["obstacle"]] = f"“{members['title']}”"
    if isinstance(members.get("check_in"), str) and members.get("held_on"):
        labels[members["check_in"]] = f"of {members['held_on']}"


def _progress(goal: Goal, members: dict[str, Any], day: dt.date) -> Decimal | None:
    """Return the goal's progress after an event; of goals above others what the event itself says."""
    share = members.get("progress") if goal.progress_from == "children" else results(goal, today=day)[1]
    return Decimal(share) if share is not None else None


def _reason(members: dict[str, Any]) -> str:
    return next((str(members[name]) for name in _REASONS if members.get(name)), "")


def _words_beside(event: Envelope, members: dict[str, Any], sentence_: str, called: Called) -> list[tuple[str, str]]:
    """Return what people wrote in an event, where its sentence does not say it already; reasons have their place."""
    paths = [path for path, _, _ in WORDS.get(event.type, ()) if path[1:] in ((), ("[]",)) and path[0] not in _REASONS]
    names = dict.fromkeys(path[0] for path in paths)
    told = [(_sentence(_words(name)), shown(members.get(name), called, empty="")) for name in names]
    return [(name, words) for name, words in told if words and words not in sentence_]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
