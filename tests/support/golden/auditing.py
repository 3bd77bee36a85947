"""The story's last chapter: its events are read by others, and that is told too."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.events import access
from milepost_contracts.subjects import access_id
from milepost_contracts.types import Scope
from tests.support.golden.story import Story
from tests.support.golden.world import INES, PROGRAMME, REPLAY, TALKS, TENANT


def reading(story: Story) -> None:
    """Let Ines look at a goal as it was, and take the programme's events with her."""
    story.day("2027-01-11")
    day = dt.date.fromisoformat(story.on)
    log = access_id(TENANT, INES.ref, day)
    goal = access.Recorded(
        reader=INES.ref, day=day, kind="as_of", via="service:web", scopes=[Scope(aggregate="goal", id=TALKS)],
        moments=["2026-03-01T09:30Z"], reason="Who moved this deadline was asked in the yearly audit.",
    )  # fmt: skip
    story.tell(REPLAY, log, goal, on_behalf_of=INES.ref)
    programme = access.Recorded(
        reader=INES.ref, day=day, kind="export", via="service:cli", scopes=[Scope(aggregate="programme", id=PROGRAMME)],
        reason="Handed to the works council.",
    )  # fmt: skip
    story.tell(REPLAY, log, programme, on_behalf_of=INES.ref)
