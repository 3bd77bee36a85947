"""The sample programme is what people would have sent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from milepost.sample import story
from milepost.sample.loading import load
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from tests.support.accepting import Acceptance

DAYS = [dt.date(2026, 11, 21), dt.date(2027, 1, 31), dt.date(2028, 2, 29)]


@pytest.mark.parametrize("today", DAYS)
async def test_every_step_is_accepted_on_any_day_and_only_once(tmp_path: Path, today: dt.date) -> None:
    """The sample loads whole on whatever day, and loading it again writes nothing."""
    noon = dt.datetime.combine(today, dt.time(12), dt.UTC)
    accept = Acceptance(tmp_path, clock=lambda: noon)

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    sequence = await load(ask, story(today))
    events = {one.tag for one in accept.journal.events_after("sample", 0, 10_000)}
    assert {
        "goal.created.v1",
        "goal.refined.v1",
        "goal.milestone_hit.v1",
        "goal.check_in_held.v1",
        "goal.deadline_shifted.v1",
        "goal.declined.v1",
        "goal.progress_corrected.v1",
        "goal.milestone_hit_retracted.v1",
        "goal.closed.v1",
    } <= events
    assert await load(ask, story(today)) == sequence
    assert accept.journal.heads()["sample"].sequence == sequence
    accept.close()
