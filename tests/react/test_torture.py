"""A plugin that cannot take events, whatever the way in which it cannot, hurts neither its neighbours nor its host."""

from __future__ import annotations

import pytest

from tests.react.conftest import MakeTormented
from tests.react.tormenting import POLICY, TORTURE

# What misbehaves, and what is said of it.
FAILING = {
    "raises": "raised",
    "recurses": "raised",
    "exits": "exited",
    "system_exit": "raised",
    "interrupts": "exited",
    "crashes": "exited",
    "kills_its_group": "exited",
    "hangs": "timed_out",
    "hangs_in_sleep": "timed_out",
    "hangs_in_c": "timed_out",
    "hangs_async": "timed_out",
    "takes_the_alarm": "timed_out",
    "swallows": "timed_out",
    "fills_memory": "out_of_memory",
    "closes_its_sockets": "exited",
    "garbage_on_its_line": "nonsense",
    "wrong_frames": "nonsense",
    "wrong_counts": "nonsense",
    "garbage_on_the_other_line": "exited",
    "huge_turn": "too_much",
    "huge_value": "too_much",
    "many_effects": "too_much",
    "gives_nonsense": "wrong_result",
    "nonsense_rewards": "wrong_result",
    "rewards_without_end": "too_much",
    "asks_for_goals": "not_permitted",
    "takes_goals": "not_permitted",
    "sends_commands": "not_permitted",
    "forges_commands": "not_permitted",
    "stores_unsaid": "not_permitted",
    "stores_past_it": "not_permitted",
}


@pytest.mark.parametrize(("module", "code"), FAILING.items(), ids=FAILING)
async def test_what_always_fails_is_paused_and_goes_on_when_it_was_mended(
    tormenting: MakeTormented, module: str, code: str
) -> None:
    """Events are put aside with the reason, it is paused, its neighbours are as ever, and mended it takes it all."""
    torment = tormenting(module, memory_bytes=512 << 20)
    await torment.start()
    await torment.until("running")
    await torment.publish()
    report = await torment.until("paused", code)
    await torment.neighbours_are_well()
    dead = await torment.dead()
    assert {one.code for one in dead.parked} == {code}
    assert report.parked == len(dead.parked) == POLICY.parked_in_a_row_max
    assert all(one.attempts == POLICY.event_attempts_max for one in dead.parked)
    assert [one.sequence for one in dead.parked] == [1, 2]
    assert torment.host.commands == []
    await torment.well_again()
    if "seen/0001" in (state := torment.host.state(TORTURE)):
        assert list(state) == [f"seen/{number:04d}" for number in range(1, len(torment.host.story.documents) + 1)]
    await torment.ended()
