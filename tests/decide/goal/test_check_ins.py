"""Given a goal, when a check-in is held, amended, voided or acknowledged, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.goal.state import CheckIn
from milepost_contracts.commands.goal import AcknowledgeCheckIn, AmendCheckIn, HoldCheckIn, VoidCheckIn
from milepost_contracts.events.goal import (
    CheckInAcknowledged,
    CheckInAmended,
    CheckInHeld,
    CheckInVoided,
    ContributorAdded,
    Proposed,
)
from tests.support.goals import active, closed, drafted, paused
from tests.support.scenario import (
    ADMIN,
    MANAGER,
    MENTEE,
    MENTOR,
    PEER,
    STRANGER,
    TODAY,
    Scenario,
    acme,
    day,
    uid,
)

TALK = uid("talk")
BOTH = [MENTEE, MENTOR]


def hold(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* record a talk of both today, other members as given."""
    return scenario.when(by, HoldCheckIn, **({"check_in": TALK, "held_on": TODAY, "attendees": BOTH} | fields))


def held(scenario: Scenario | None = None, *, by: str = MENTEE, **fields: Any) -> Scenario:
    """Return an active goal with a talk of today."""
    told: dict[str, Any] = {"check_in": TALK, "held_on": TODAY, "attendees": BOTH, "confidence": 6} | fields
    return (scenario or active()).given(CheckInHeld(**told), by=by)


def amend(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, AmendCheckIn, check_in=TALK, **fields)


def void(scenario: Scenario, by: str = MENTEE, reason: str = "We never met") -> Scenario:
    return scenario.when(by, VoidCheckIn, check_in=TALK, reason=reason)


def acknowledge(scenario: Scenario, by: str = MENTOR, **fields: Any) -> Scenario:
    return scenario.when(by, AcknowledgeCheckIn, check_in=TALK, **fields)


def test_a_check_in_is_held() -> None:
    """Everything that was talked about stands in the event; the state keeps when, who and by whom."""
    told: dict[str, Any] = {
        "session": uid("session"),
        "progress": "0.4",
        "confidence": 7,
        "obstacles": ["No room to practise"],
        "adjustments": ["Smaller audience"],
        "wins": ["First talk given"],
        "next_step": "Book a room",
        "help_wanted": "A list of rooms",
        "next_on": day(14),
    }
    scenario = hold(active(), **told)
    scenario.then(CheckInHeld(check_in=TALK, held_on=TODAY, attendees=BOTH, **told))
    assert scenario.goal.check_ins[TALK] == CheckIn(
        held_on=TODAY, recorded_by=MENTEE, attendees=(MENTEE, MENTOR), confidence=7, next_on=day(14)
    )


@pytest.mark.parametrize("confidence", [0, 10, None])
def test_a_check_in_needs_no_more_than_a_day_and_who_was_there(confidence: int | None) -> None:
    """It is supportive, not an audit; the ends of the scale are on it."""
    hold(active(), confidence=confidence).tags("check_in_held")


@pytest.mark.parametrize("confidence", [-1, 11])
def test_confidence_is_from_0_to_10(confidence: int) -> None:
    """Beyond is refused, held or amended."""
    hold(active(), confidence=confidence).refused("confidence_out_of_range")
    amend(held(), confidence=confidence).refused("confidence_out_of_range")


@pytest.mark.parametrize("progress", ["-0.1", "1.1", "60"])
def test_progress_is_from_0_to_1(progress: str) -> None:
    """Percent are refused."""
    hold(active(), progress=progress).refused("progress_out_of_range")
    amend(held(), progress=progress).refused("progress_out_of_range")


def test_a_draft_is_not_checked_in_on() -> None:
    """A proposal is, and what rests."""
    hold(drafted()).refused("goal_drafted")
    hold(drafted().given(Proposed(party=MENTEE, revision=3))).tags("check_in_held")
    hold(paused()).tags("check_in_held")


def test_all_reasons_against_a_check_in_come_at_once() -> None:
    """Every field that is wrong is named."""
    scenario = held(drafted()).limited(items=1)
    hold(
        scenario,
        held_on=day(2),
        attendees=[],
        progress="2",
        confidence=11,
        next_on=TODAY,
        wins=["one", "two"],
    ).refused(
        "goal_drafted",
        "check_in_id_taken",
        "in_future",
        "attendees_missing",
        "progress_out_of_range",
        "confidence_out_of_range",
        "next_on_not_after",
        "limit_reached",
    )


def test_talks_of_long_ago_are_recorded_with_a_warning() -> None:
    """Real life is late."""
    hold(active(), held_on=day(-7)).warned()
    hold(active(), held_on=day(-8)).warned("backdated")


def test_somebody_from_outside_is_warned_of() -> None:
    """An attendee who is neither party nor contributor may be a mistake."""
    hold(active(), attendees=[MENTEE, PEER]).warned("not_of_goal")
    hold(active().given(ContributorAdded(ref=PEER, role="peer")), attendees=[MENTEE, PEER]).warned()


def test_a_closed_goal_takes_talks_of_before() -> None:
    """Late news, not new talks."""
    hold(closed()).tags("check_in_held")
    hold(closed().at(day(3)), held_on=day(1)).refused("goal_closed")


def test_a_check_in_is_amended() -> None:
    """The event has what changes and nothing else."""
    scenario = held()
    amend(scenario, MENTOR, reason="Wrong day", held_on=day(-1), confidence=6, attendees=BOTH, wins=["Slides"]).then(
        CheckInAmended(check_in=TALK, reason="Wrong day", held_on=day(-1), wins=["Slides"])
    )
    assert scenario.goal.check_ins[TALK].held_on == day(-1)
    amend(scenario, attendees=[MENTEE], next_on=day(9), confidence=2).tags("check_in_amended")
    assert scenario.goal.check_ins[TALK] == CheckIn(
        held_on=day(-1), recorded_by=MENTEE, attendees=(MENTEE,), confidence=2, next_on=day(9)
    )


@pytest.mark.parametrize("fields", [{}, {"reason": "?"}, {"held_on": TODAY, "confidence": 6, "attendees": BOTH}])
def test_amending_nothing_changes_nothing(fields: dict[str, Any]) -> None:
    """What is as it was is accepted without an event."""
    amend(held(), **fields).nothing()


def test_an_amendment_is_held_to_the_rules_of_check_ins() -> None:
    """Days in order, somebody there, nothing in the future; also with what stays as it was."""
    amend(held(), held_on=day(2)).refused("in_future")
    amend(held(), attendees=[]).refused("attendees_missing")
    amend(held(next_on=day(-3), held_on=day(-9)), held_on=day(-2)).refused("next_on_not_after")
    amend(held(closed()).at(day(5)), held_on=day(3)).refused("goal_closed")
    amend(held(closed()).at(day(5)), wins=["Slides"]).tags("check_in_amended")


def test_a_check_in_is_voided() -> None:
    """With a reason; voiding again changes nothing, and what is voided is neither amended nor acknowledged."""
    scenario = void(held())
    scenario.then(CheckInVoided(check_in=TALK, reason="We never met"))
    void(scenario).nothing()
    amend(scenario, confidence=1).refused("check_in_voided")
    acknowledge(scenario).refused("check_in_voided")
    void(held(), reason="").refused("reason_missing")
    void(held(closed())).tags("check_in_voided")


def test_a_check_in_is_acknowledged_by_another_party() -> None:
    """Once; who recorded it has seen it."""
    scenario = acknowledge(held(), note="Well done")
    scenario.then(CheckInAcknowledged(check_in=TALK, party=MENTOR, note="Well done"))
    acknowledge(scenario).nothing()
    acknowledge(held(), MENTEE).refused("own_check_in")
    acknowledge(held(by=MENTOR), MENTEE).tags("check_in_acknowledged")
    acknowledge(held(closed()).at(day(3))).refused("goal_closed")


COMMANDS: list[tuple[Any, dict[str, Any]]] = [
    (AmendCheckIn, {"confidence": 1}),
    (VoidCheckIn, {"reason": "We never met"}),
    (AcknowledgeCheckIn, {}),
]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_a_check_in_has_to_be_there(command: Any, fields: dict[str, Any]) -> None:
    """Unknown check-ins and goals are told."""
    active().when(MENTEE, command, check_in=TALK, **fields).refused("check_in_unknown")
    acme().when(MENTEE, command, check_in=TALK, **fields).refused("goal_unknown")


@pytest.mark.parametrize(("command", "fields"), [*COMMANDS, (HoldCheckIn, {"held_on": TODAY, "attendees": BOTH})])
@pytest.mark.parametrize("by", [STRANGER, ADMIN, MANAGER])
def test_only_parties_check_in(command: Any, fields: dict[str, Any], by: str) -> None:
    """Contributors and admins are not part of the talk."""
    scenario = held().given(ContributorAdded(ref=MANAGER, role="manager"))
    scenario.when(by, command, check_in=TALK, **fields).refused("not_allowed")


def test_events_of_unknown_check_ins_are_folded() -> None:
    """Evolving never refuses."""
    scenario = active()
    before = scenario.goal
    scenario.given(
        CheckInAmended(check_in=TALK, confidence=1),
        CheckInVoided(check_in=TALK, reason="x"),
        CheckInAcknowledged(check_in=TALK, party=MENTOR),
    )
    assert scenario.goal == before
