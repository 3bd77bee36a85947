"""An event is told to who asks for the past: who, what, when, why, what caused it, and what it made of the state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from milepost.replay import fields
from milepost.replay.effective import own_day
from milepost.replay.fields import Changed
from milepost.replay.sentences import UNREADABLE, sentence
from milepost.replay.story import UNKNOWN, Known, Story
from milepost_contracts.queries.history import FieldChange, HistoryEntry, PluginNamed
from milepost_contracts.sealing import PREFIX

# What routes and proves; the entry says it in members of its own, or not at all.
_UNTOLD = frozenset({"context", "terms_hash", "frame", "reason", "reason_code", "trigger", "revision", "voided"})

REF_CHARS_MAX = 200  # the longest key there is: a rubric's id


class Telling:
    """Tells events of a story one by one, with what was known before and after each."""

    def __init__(self, story: Story) -> None:
        """Follow the story once."""
        self.story = story
        self.known = [UNKNOWN, *story.followed()]  # before the event at a place stands what is known at that place

    def before(self, place: int) -> Known:
        """Return what was known before the event at *place*."""
        return self.known[place]

    def after(self, place: int) -> Known:
        """Return what was known after it."""
        return self.known[place + 1]

    def changes(self, place: int) -> list[Changed]:
        """Return what the event at *place* changed."""
        named = {*_ids(self.story.words.members(place)), self.story.stored[place].event_id}
        return fields.changes(self.before(place), self.after(place), self.story.words, named)

    def entry(self, place: int, changes: list[Changed]) -> HistoryEntry:
        """Return the event at *place* as it is told; words that cannot be read stay sealed in it."""
        story = self.story
        stored, event = story.stored[place], story.events[place]
        envelope, members = stored.envelope, story.words.members(place)
        plugin = None
        if envelope.actor.startswith("plugin:"):
            name, _, version = envelope.actor.removeprefix("plugin:").partition("@")
            plugin = PluginNamed(name=name, version=version)
        return HistoryEntry(
            sequence=envelope.sequence,
            version=stored.version,
            event=envelope.id,
            type=envelope.type,
            name=envelope.name,
            sentence=sentence(envelope.type, self._readable(members), self._called(place)),
            actor=envelope.actor,
            on_behalf_of=envelope.onbehalfof or None,
            authenticated=envelope.authnby or None,
            plugin=plugin,
            recorded=dt.datetime.fromisoformat(envelope.time),
            occurred=dt.datetime.fromisoformat(envelope.occurredat) if envelope.occurredat else None,
            on=own_day(event),
            counts_from=story.counts_from[place],
            reason=members.get("reason"),
            reason_code=members.get("reason_code"),
            trigger=members.get("trigger"),
            command=envelope.causationid or None,
            correlation=envelope.correlationid or None,
            revision=members.get("revision"),
            voided=members.get("voided") or [],
            data={name: value for name, value in members.items() if name not in _UNTOLD},
            changes=told(changes),
        )

    def _called(self, place: int) -> Any:
        """Return a way to say what an item is called, after the event or, where it removed the item, before."""

        def called(collection: str, key: str) -> str | None:
            for known in (self.after(place), self.before(place)):
                if (name := fields.called(known, collection, key)) is not None:
                    opened: str = self._readable(self.story.words.opened(name))
                    return opened
            return None

        return called

    def _readable(self, node: Any) -> Any:
        """Return *node* with what stands for words that cannot be read."""
        if isinstance(node, str):
            if node.startswith(PREFIX) and (why := self.story.words.why(node)) is not None:
                return UNREADABLE.get(why, f"({why})")
            return node
        if isinstance(node, dict):
            return {name: self._readable(value) for name, value in node.items()}
        return [self._readable(value) for value in node] if isinstance(node, list) else node


def _ids(node: Any) -> Iterator[str]:
    """Yield what may name an item in an event's members: every string that is no prose."""
    if isinstance(node, str):
        if len(node) <= REF_CHARS_MAX:
            yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            yield name
            yield from _ids(value)
    elif isinstance(node, list):
        for value in node:
            yield from _ids(value)


def told(changes: list[Changed]) -> list[FieldChange]:
    """Return *changes* as answers have them."""
    return [
        FieldChange(field=one.field, change=one.change, before=one.before, after=one.after, title=one.title)
        for one in changes
    ]
