"""What was said and read about a goal, as its page shows it: corrections and amendments laid over the first form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from milepost.view.fold import happenings
from milepost.view.rows import Layer, Words
from milepost_contracts.sealing import walk
from milepost_contracts.upcasts import upcast

Members = dict[str, Any]
# The list of a GoalDetail that entries of a kind are shown in.
LISTS = {
    happenings.READING: "readings",
    happenings.CHECK_IN: "check_ins",
    happenings.OBSTACLE: "obstacles",
    happenings.RESOURCE: "resources",
    happenings.FEEDBACK: "feedback",
    happenings.COMMENT: "comments",
    happenings.REFLECTION: "reflections",
}
_AMENDED = (
    "held_on", "attendees", "progress", "confidence", "obstacles", "adjustments", "wins", "next_step", "help_wanted",
    "next_on",
)  # fmt: skip


def entry_tree(kind: str, number: int, layers: list[Layer]) -> Members:
    """Return the members of an entry, words still sealed."""
    first = layers[0]
    common = {"sequence": f"{number:016d}", "event": first.event, "by": first.by, "recorded": first.recorded}
    return common | _SHOWN[kind](*(members_of(layer) for layer in layers))


def members_of(layer: Layer) -> Members:
    """Return an event's data in its newest form, its tag in `type`, every sealed string as Words."""

    def sealed(text: str, pointer: str) -> Words:
        return Words(text, layer.event, pointer)

    decoded = msgspec.json.decode(layer.data)
    members = {name: walk(value, sealed, f"/{name}") for name, value in decoded.items()}
    tag, members = upcast(layer.tag, members)
    return members | {"type": tag.split(".")[1]}


def _reading(first: Members, *later: Members) -> Members:
    shown = _taken(first, "measure", "reading", "step", "on", "source", "evidence", "note")
    for correction in later:
        after = correction.get("after") or {}
        shown |= {"corrected": True, "struck": correction.get("strike", False), "reason": correction.get("reason")}
        if after:
            shown |= {"reading": after.get("reading"), "step": after.get("step")}
            shown |= _taken(after, "on")
    return shown


def _check_in(first: Members, *later: Members) -> Members:
    shown = _taken(first, "check_in", "session", *_AMENDED)
    acknowledged = []
    for event in later:
        if event["type"] == "check_in_amended":
            shown |= _taken(event, *_AMENDED) | {"amended": True, "reason": event.get("reason")}
        elif event["type"] == "check_in_voided":
            shown |= {"voided": True, "reason": event.get("reason")}
        else:
            acknowledged.append(_taken(event, "party", "note"))
    return shown | {"acknowledged": acknowledged}


def _obstacle(first: Members, *later: Members) -> Members:
    shown = _taken(first, "obstacle", "title", "description")
    for event in later:
        shown |= {"resolved": True, "resolution": event.get("resolution")}
    return shown


def _resource(first: Members) -> Members:
    return _taken(first, "resource", "kind", "title", "url")


def _feedback(first: Members, *later: Members) -> Members:
    shown = _taken(first, "feedback", "text", "rating", "about", "milestone", "check_in")
    return shown | {"text": None, "rating": None, "retracted": True} if later else shown


def _comment(first: Members) -> Members:
    return _taken(first, "comment", "text", "reply_to")


def _reflection(first: Members) -> Members:
    return _taken(first, "reflection", "text")


_SHOWN: dict[str, Callable[..., Members]] = {
    happenings.READING: _reading,
    happenings.CHECK_IN: _check_in,
    happenings.OBSTACLE: _obstacle,
    happenings.RESOURCE: _resource,
    happenings.FEEDBACK: _feedback,
    happenings.COMMENT: _comment,
    happenings.REFLECTION: _reflection,
}


def _taken(members: Members, *names: str) -> Members:
    return {name: members[name] for name in names if members.get(name) is not None}
