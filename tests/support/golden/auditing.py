"""The story's last chapter: its events are read by others, and that is told too."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.events import access, tenant
from milepost_contracts.subjects import access_id
from milepost_contracts.types import Scope
from tests.support.golden.story import Story
from tests.support.golden.world import INES, PROGRAMME, REPLAY, TALKS, TENANT, TENANT_ID

OLD_KEY = "milepost.local/acme+15728ef5+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
NEW_KEY = "milepost.local/acme+59e3e25e+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"


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


def signing(story: Story) -> None:
    """Change the key that signs the log's checkpoints."""
    story.day("2027-01-18")
    story.tell(REPLAY, TENANT_ID, tenant.SigningKeyRotated(old=OLD_KEY, new=NEW_KEY))
