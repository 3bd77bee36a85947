"""A goal as a test or the sample says that it was: its sealed words are opened as in the events that brought them."""

from __future__ import annotations

from typing import Any

from milepost_contracts.envelope import decode
from milepost_contracts.permitted import sealed_places
from milepost_contracts.plugin import Permissions
from milepost_contracts.sealing import SealError, open_member, walk
from milepost_contracts.testing.story import Story
from milepost_contracts.turns import GoalThen


class Brought:
    """Knows which sealed words a plugin may read, and which event brought each: no other place opens them."""

    def __init__(self, permissions: Permissions, story: Story) -> None:
        """Take what the plugin may read, and the story, which has the keys."""
        self._permissions = permissions
        self._story = story
        self._places: dict[str, tuple[str, str]] = {}  # sealed words -> id of their event, pointer
        self._told = 0  # events of the story that were looked at

    def by(self, document: bytes) -> None:
        """Take note of the words that the event *document* brought."""
        if self._permissions.history and self._permissions.words:
            envelope = decode(document)
            for sealed, pointer in sealed_places(self._permissions, envelope):
                self._places[sealed] = (envelope.id, pointer)

    def opened(self, state: dict[str, Any]) -> GoalThen:
        """Return the goal of *state* as the plugin reads it now: what an erased person wrote stays sealed."""
        for document in self._story.documents[self._told :]:
            self.by(document)
        self._told = len(self._story.documents)
        words: list[str] = []

        def read(sealed: str, _: str) -> str:
            if (place := self._places.get(sealed)) is None:
                return sealed
            try:
                text = open_member(self._story.keys, sealed, *place)
            except SealError:
                return sealed
            words.append(text)
            return text

        return GoalThen(walk(state, read), words)
