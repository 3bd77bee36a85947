"""What an event names must have been there before it: which members name something is read off the contract's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from milepost_contracts.events import EVENTS
from milepost_contracts.types import ID_PATTERN, OWNER_PATTERN
from milepost_contracts.upcasts import UPCASTS

Path = tuple[str, ...]
"""Member names, `[]` for each item of a list."""

AGGREGATE_OF = {
    "goal": "goal",
    "goals": "goal",
    "parent": "goal",
    "child": "goal",
    "mentorship": "mentorship",
    "programme": "programme",
}  # fmt: skip
EVENTS_NAMED = {"corrects", "erased", "feedback_event", "hit_event"}
"""Members that name an earlier event of the same aggregate."""
NAMED_EVENTS = {
    "goal.progress_recorded.v1",
    "goal.progress_corrected.v1",
    "goal.milestone_hit.v1",
    "goal.feedback_given.v1",
    "person.erased.v1",
}
"""Tags whose events are named so."""
# Members that say by another name what they name; cycles are called old and new where a goal goes from one to another.
_ALSO = {"reply_to": "comment", "old": "cycle", "new": "cycle"}
# What a thing is brought by; every other event that has a member of its name refers to it.
BROUGHT_BY: dict[str, dict[str, Path]] = {
    "measure": {
        "goal.measure_defined.v1": ("definition", "measure"),
        "goal.imported.v1": ("terms", "measures", "[]", "measure"),
    },
    "milestone": {"goal.milestone_added.v1": ("milestone",)},
    "action": {"goal.action_added.v1": ("action",)},
    "obstacle": {"goal.obstacle_raised.v1": ("obstacle",)},
    "check_in": {"goal.check_in_held.v1": ("check_in",)},
    "feedback": {"goal.feedback_given.v1": ("feedback",)},
    "comment": {"goal.comment_posted.v1": ("comment",)},
    "cycle": {"programme.cycle_planned.v1": ("cycle",)},
    "template": {"programme.template_published.v1": ("template",)},
}
ACROSS = {"cycle", "template"}
"""Kinds that other aggregates name too; the others are looked for in the aggregate that names them."""
# (tag or "", path): names that nothing has to stand behind, and why.
FREE: dict[tuple[str, Path], str] = {
    ("goal.check_in_held.v1", ("session",)): "a claim: the talk may have been noted before its session, or without one",
    ("programme.template_published.v1", ("measures", "[]", "measure")): "a goal's measure only once it is copied",
    ("access.recorded.v1", ("scopes", "[]", "id")): "what was asked for, which need not exist",
}
_OWN = {"resource", "reflection", "session", "survey", "cost", "benefit"}
"""Kinds that their one event brings and that nothing refers to."""


class Naming(NamedTuple):
    """A member that names something: its path, and what: `aggregate:goal`, `owner`, `event`, `seen` or a kind."""

    path: Path
    kind: str
    brings: bool


def namings(tag: str) -> list[Naming]:
    """Return what the data of an event under *tag* names and brings, in the form in which it is stored."""
    found: list[Naming] = []
    for path, pattern in _ids(msgspec.inspect.type_info(EVENTS[tag]), ()):
        name = next(part for part in reversed(path) if part != "[]")
        if (tag, path) in FREE:
            continue
        if path[-3:] == ("frame", "[]", "id"):
            found.append(Naming(path[:-1], "seen", brings=False))
        elif pattern == OWNER_PATTERN:
            found.append(Naming(path, "owner", brings=False))
        elif path == ("template", "id"):
            found.append(Naming(path, "template", brings=False))
        elif name in EVENTS_NAMED:
            found.append(Naming(path, "event", brings=False))
        elif BROUGHT_BY.get(kind := _ALSO.get(name, name), {}).get(tag) == path:
            found.append(Naming(path, kind, brings=True))
        elif name in AGGREGATE_OF:
            found.append(Naming(path, f"aggregate:{AGGREGATE_OF[name]}", brings=False))
        elif kind in BROUGHT_BY:
            found.append(Naming(path, kind, brings=False))
    return found


def unclassified() -> list[tuple[str, Path]]:
    """Return every id in an event's type of which this module does not say what it names; tests hold it to none."""
    rest = []
    for tag, event in EVENTS.items():
        known = {naming.path for naming in namings(tag)}
        for path, _ in _ids(msgspec.inspect.type_info(event), ()):
            seen = path[-1] == "id" and path[:-1] in known
            if path not in known and not seen and (tag, path) not in FREE and path[-1] not in _OWN:
                rest.append((tag, path))
    return rest


def _ids(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield (path, pattern) of every member that is an id or an owner."""
    kind = msgspec.inspect
    if isinstance(node, kind.Metadata):
        yield from _ids(node.type, path)
    elif isinstance(node, kind.StrType) and node.pattern in (ID_PATTERN, OWNER_PATTERN):
        yield path, node.pattern
    elif isinstance(node, kind.StructType):
        for field in node.fields:
            yield from _ids(field.type, (*path, field.encode_name))
    elif isinstance(node, kind.ListType):
        yield from _ids(node.item_type, (*path, "[]"))
    elif isinstance(node, kind.UnionType):
        for member in node.types:
            yield from _ids(member, path)


def at(node: Any, path: Path) -> Iterator[Any]:
    """Yield what is at *path* of *node*, builtin JSON values; nothing where a part is missing, null or not set."""
    for place, part in enumerate(path):
        if part == "[]":
            if isinstance(node, list):
                for item in node:
                    yield from at(item, path[place + 1 :])
            return
        node = node.get(part) if isinstance(node, dict) else None
        if node is None:
            return
    yield node


class Reader:
    """Reads off documents of one tag what their events name: members that name nothing are never made.

    `plain`: (member, kind, brings, across aggregates) of members that are ids; `nested`: (member, kind, brings, path
    within) of those in lists and objects. `context`: whether events of this tag have one. `is_named`: whether later
    events name events of this tag by their id.
    """

    def __init__(self, tag: str) -> None:
        """Prepare a decoder for *tag*."""
        named = namings(tag)
        own = [one for one in named if one.path[0] != "context"]
        self.plain = tuple((one.path[0], one.kind, one.brings, one.kind in ACROSS) for one in own if len(one.path) == 1)
        self.nested = tuple((one.path[0], one.kind, one.brings, one.path[1:]) for one in own if len(one.path) > 1)
        self.context = len(own) < len(named)
        self.is_named = tag in NAMED_EVENTS
        self.names_nothing = not own and not self.is_named
        fields: list[Any] = [(name, Any, None) for name in dict.fromkeys(one.path[0] for one in own)]
        fields.append(("context", msgspec.Raw if self.context else None, msgspec.Raw(b"") if self.context else None))
        members = msgspec.defstruct("Members", fields, gc=False)
        document = msgspec.defstruct("Document", [("data", members)], gc=False)
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(document).decode


_CONTEXT = [
    Naming(("owner",), "owner", brings=False),
    Naming(("mentorship",), "aggregate:mentorship", brings=False),
    Naming(("programme",), "aggregate:programme", brings=False),
    Naming(("cycle",), "cycle", brings=False),
]


def in_context(context: bytes) -> Iterator[tuple[str, Any]]:
    """Yield (kind, value) of what a goal's *context* names; raises msgspec's errors."""
    node = msgspec.json.decode(context)
    for one in _CONTEXT:
        for value in at(node, one.path):
            yield one.kind, value


@cache
def readers() -> dict[str, Reader]:
    """Return a reader for every tag that these contracts know, older ones included; made once, for 50 ms."""
    return {tag: Reader(tag) for tag in {*EVENTS, *UPCASTS}}
