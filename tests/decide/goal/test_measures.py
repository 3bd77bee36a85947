"""Given a goal, when a measure is defined, revised or retired, then ..."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from milepost_contracts.commands.goal import CorrectProgress, DefineMeasure, RecordProgress, RetireMeasure, ReviseTarget
from milepost_contracts.events.goal import (
    ChildAligned,
    MeasureDefined,
    MeasureRetired,
    ProgressRecorded,
    Refined,
    TargetRevised,
)
from milepost_contracts.types import Measure, TermsChange
from tests.support.goals import TALKS, active, agreed, closed, created, drafted, mentored
from tests.support.scenario import (
    ADMIN,
    IMPORTER,
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

SCORE = Measure(
    measure=uid("score"), name="Score", kind="average", direction="increase", unit="of 10", target="8", samples_min=3
)
GRADE = Measure(
    measure=uid("grade"),
    name="Grade",
    kind="delta",
    direction="increase",
    unit="grade",
    target="2",
    baseline="2",
    delta_mode="points",
    scale=["F", "D", "C", "B", "A"],
)
LED = Measure(
    measure=uid("led"), name="Led", kind="consecutive", direction="increase", unit="weeks", target="2", period="week"
)


def define(scenario: Scenario, measure: Measure = SCORE, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* define *measure*, other members as given."""
    return scenario.when(by, DefineMeasure, **(asdict(measure) | fields))


def measured(scenario: Scenario, measure: Measure, *readings: str | bool) -> Scenario:
    """Return *scenario* with *measure* defined, and *readings* of it on the last days."""
    scenario.given(MeasureDefined(definition=measure, revision=scenario.goal.revision + 1))
    for place, reading in enumerate(readings):
        scenario.given(ProgressRecorded(measure=measure.measure, reading=reading, on=day(place - len(readings))))
    return scenario


def test_a_measure_is_defined() -> None:
    """It changes the terms: the revision rises, and the event carries the whole definition."""
    scenario = define(drafted())
    scenario.then(MeasureDefined(definition=SCORE, revision=4, voided=[]))
    assert dict(scenario.goal.measures) == {TALKS.measure: TALKS, SCORE.measure: SCORE}
    assert scenario.goal.revision == 4


def test_a_measure_voids_the_others_yes() -> None:
    """Who agreed has agreed to other evidence; the definer's own yes moves on, and an active goal stays active."""
    scenario = define(active(), reason="A score says more")
    scenario.then(MeasureDefined(definition=SCORE, reason="A score says more", revision=4, voided=[MENTOR]))
    assert scenario.goal.state == "active"
    assert scenario.goal.agreement_open


@pytest.mark.parametrize("scenario", [agreed, active])
def test_terms_that_were_agreed_change_with_a_reason(scenario: Any) -> None:
    """Each of the three commands wants to know why, once the goal was agreed."""
    define(scenario()).refused("reason_missing")
    define(scenario(), reason="  ").refused("reason_missing")
    scenario().when(MENTEE, ReviseTarget, measure=TALKS.measure, target="4").refused("reason_missing")
    scenario().when(MENTEE, RetireMeasure, measure=TALKS.measure).refused("reason_missing")


def test_before_anybody_agreed_no_reason_is_wanted() -> None:
    """A draft is worked on."""
    drafted().when(MENTEE, ReviseTarget, measure=TALKS.measure, target="4").tags("target_revised")
    drafted().when(MENTEE, RetireMeasure, measure=TALKS.measure).tags("measure_retired")


def test_the_same_definition_changes_nothing() -> None:
    """Accepted without an event."""
    define(drafted(), TALKS).nothing()


def test_a_measure_is_defined_anew_before_its_first_reading() -> None:
    """Everything about it may change while nothing was read."""
    anew = replace(SCORE, measure=TALKS.measure, kind="count", samples_min=None, unit="workshops", target="1")
    scenario = define(drafted(), anew)
    assert scenario.goal.measures[TALKS.measure] == anew


@pytest.mark.parametrize(
    "change",
    [
        {"unit": "workshops"},
        {"kind": "average"},
        {"target": "4"},
        {"baseline": "1"},
        {"direction": "keep_above"},
        {"direction": "keep_above", "period": "month"},
    ],
)
def test_what_readings_mean_is_fixed_by_the_first(change: dict[str, str]) -> None:
    """Kind, unit and what else readings are read by stay as they are, and targets are revised instead."""
    scenario = measured(drafted(), TALKS, "1")
    define(scenario, TALKS, **change).refused(*["measure_has_readings"] * len(change))


def test_what_readings_do_not_depend_on_may_change() -> None:
    """Name, weight and sources can be put right at any time; the same number written otherwise is no change."""
    scenario = measured(drafted(), TALKS, "1", "1")
    define(scenario, TALKS, name="Talks held", weight="2", sources=[MENTOR], target="3.0").tags("measure_defined")
    assert scenario.goal.tallies[TALKS.measure].total == 2


def test_struck_readings_fix_nothing() -> None:
    """When no reading stands, the measure is as good as new."""
    scenario = measured(drafted(), TALKS, "1")
    scenario.done(MENTEE, CorrectProgress, corrects=scenario.last(ProgressRecorded), strike=True, reason="typo")
    define(scenario, TALKS, unit="workshops").tags("measure_defined")


def test_a_retired_measure_counts_again_when_it_is_defined_anew() -> None:
    """Its readings were kept and count again; they still fix what they mean."""
    scenario = measured(drafted(), TALKS, "1").done(MENTEE, RetireMeasure, measure=TALKS.measure)
    define(scenario, TALKS, unit="workshops").refused("measure_has_readings")
    define(scenario, TALKS).tags("measure_defined")
    assert not scenario.goal.retired
    assert scenario.goal.tallies[TALKS.measure].total == 1


@pytest.mark.parametrize(
    ("measure", "change", "codes"),
    [
        (SCORE, {"name": " "}, ["name_missing"]),
        (SCORE, {"weight": "0"}, ["weight_invalid"]),
        (SCORE, {"weight": "-1"}, ["weight_invalid"]),
        (SCORE, {"baseline": "8"}, ["baseline_is_target"]),
        (SCORE, {"baseline": "8.0"}, ["baseline_is_target"]),
        (SCORE, {"baseline": "9"}, ["target_behind_baseline"]),
        (SCORE, {"baseline": "7", "direction": "decrease"}, ["target_behind_baseline"]),
        (SCORE, {"baseline": "8", "direction": "decrease"}, ["baseline_is_target"]),
        (TALKS, {"baseline": None, "target": "0"}, ["baseline_is_target"]),
        (TALKS, {"target": "-1"}, ["target_behind_baseline"]),
        (SCORE, {"period": "month"}, ["not_for_kind"]),
        (SCORE, {"delta_mode": "points"}, ["not_for_kind"]),
        (TALKS, {"samples_min": 3, "scale": ["F", "A"], "periods_required": 2}, ["not_for_kind"] * 3),
        (TALKS, {"kind": "recurring"}, ["period_missing", "periods_required_missing"]),
        (LED, {"period": None}, ["period_missing"]),
        (LED, {"target": "0"}, ["target_invalid"]),
        (LED, {"target": "1.5"}, ["target_invalid"]),
        (LED, {"baseline": "0"}, ["not_for_kind"]),
        (LED, {"direction": "keep_above", "periods_required": 3}, ["direction_not_for_kind", "not_for_kind"]),
        (LED, {"kind": "binary", "period": None}, ["target_invalid"]),
        (LED, {"kind": "binary", "direction": "decrease", "target": "1"}, ["direction_not_for_kind", "not_for_kind"]),
        (GRADE, {"scale": ["A"]}, ["scale_invalid", "off_scale"]),
        (GRADE, {"scale": ["F", "D", "F"]}, ["scale_invalid"]),
        (GRADE, {"baseline": "5"}, ["off_scale"]),
        (GRADE, {"delta_mode": None, "target": "5"}, ["off_scale"]),
        (GRADE, {"target": "0"}, ["baseline_is_target"]),
        (GRADE, {"target": "-1"}, ["target_behind_baseline"]),
        (GRADE, {"target": "0", "direction": "decrease"}, ["baseline_is_target"]),
        (GRADE, {"delta_mode": "percent", "baseline": "0"}, ["baseline_zero"]),
    ],
)
def test_a_definition_that_cannot_be_met_is_refused(measure: Measure, change: dict[str, Any], codes: list[str]) -> None:
    """Every kind is told what it lacks, what it does not know and what can never be reached."""
    define(drafted(), replace(measure, measure=uid("new")), **change).refused(*codes)


@pytest.mark.parametrize(
    "measure",
    [
        GRADE,  # a change of two from grade two: baseline and target are equal in numbers only
        LED,
        replace(GRADE, direction="decrease", target="-2"),
        replace(GRADE, direction="decrease", target="2"),
        replace(GRADE, baseline=None),
        replace(GRADE, scale=None, delta_mode=None, target="5", baseline="9", direction="decrease"),
        replace(GRADE, scale=None, target="999999999999999999.999999999", baseline="-999999999999999999.999999999"),
        replace(LED, kind="binary", period=None, target="1"),
        replace(TALKS, baseline=None),
        replace(TALKS, baseline=None, kind="recurring", period="month", periods_required=12),
        replace(TALKS, direction="keep_below", baseline=None, target="0", period="month", periods_required=6),
        replace(SCORE, direction="keep_above", period="quarter"),
    ],
)
def test_definitions_that_make_sense_are_taken(measure: Measure) -> None:
    """Every kind in its proper form, with huge numbers and with what is not known yet."""
    define(drafted(), replace(measure, measure=uid("new"))).tags("measure_defined")


def test_all_reasons_come_at_once() -> None:
    """Whoever filled in a form is told of every field."""
    scenario = define(active().limited(measures=1, items=1), name="", weight="0", baseline="8", sources=[MENTOR, PEER])
    scenario.refused(
        "name_missing", "weight_invalid", "baseline_is_target", "limit_reached", "limit_reached", "reason_missing"
    )


def test_a_goal_has_so_many_measures() -> None:
    """The limit counts those that count; one more is refused, one defined anew is not."""
    define(drafted().limited(measures=1)).refused("limit_reached")
    define(drafted().limited(measures=1), TALKS, name="Talks held").tags("measure_defined")
    scenario = drafted().limited(measures=1).done(MENTEE, RetireMeasure, measure=TALKS.measure)
    define(scenario).tags("measure_defined")


def test_a_source_that_could_record_nothing_is_warned_of() -> None:
    """Sources are parties and contributors; others may be added later."""
    define(drafted(), sources=[MENTOR]).warned()
    define(drafted(), sources=[MANAGER]).warned("not_of_goal")


def test_a_target_is_revised() -> None:
    """Old and new stand in the event, with the progress that is left."""
    scenario = measured(drafted(), TALKS, "1", "1")
    scenario.when(MENTEE, ReviseTarget, measure=TALKS.measure, target="4").then(
        TargetRevised(measure=TALKS.measure, old="3", new="4", old_baseline="0", revision=5, progress="0.5")
    )
    assert scenario.goal.measures[TALKS.measure].target == "4"


def test_a_baseline_is_given_with_the_target() -> None:
    """That is how a change gets its beginning; without one the old one stays."""
    scenario = drafted().given(MeasureDefined(definition=replace(GRADE, baseline=None), revision=4))
    revised = {"measure": GRADE.measure, "target": "2", "baseline": "1"}
    scenario.when(MENTEE, ReviseTarget, **revised).then(
        TargetRevised(measure=GRADE.measure, old="2", new="2", new_baseline="1", revision=5, progress="0")
    )
    scenario.when(MENTEE, ReviseTarget, **(revised | {"target": "3", "baseline": None})).tags("target_revised")
    assert scenario.goal.measures[GRADE.measure].baseline == "1"


@pytest.mark.parametrize("fields", [{"target": "3"}, {"target": "3.00"}, {"target": "3", "baseline": "0.0"}])
def test_the_same_target_changes_nothing(fields: dict[str, str]) -> None:
    """The same number is the same target, however it is written; not even a reason is wanted."""
    active().when(MENTEE, ReviseTarget, measure=TALKS.measure, **fields).nothing()


def test_a_revised_target_has_to_make_sense_too() -> None:
    """What a definition refuses, a revision refuses."""
    drafted().when(MENTEE, ReviseTarget, measure=TALKS.measure, target="0").refused("baseline_is_target")
    drafted().when(MENTEE, ReviseTarget, measure=TALKS.measure, target="3", baseline="5").refused(
        "target_behind_baseline"
    )


def test_a_retired_measure_counts_no_longer() -> None:
    """Progress is that of the others; the readings stay."""
    scenario = measured(measured(drafted(), TALKS, "1"), LED, True, True)  # noqa: FBT003  two hits
    scenario.when(MENTEE, RetireMeasure, measure=TALKS.measure).then(
        MeasureRetired(measure=TALKS.measure, revision=6, progress="0.5")
    )
    assert TALKS.measure in scenario.goal.retired
    assert len(scenario.goal.readings) == 3


def test_retiring_twice_changes_nothing() -> None:
    """It is retired already."""
    scenario = drafted().done(MENTEE, RetireMeasure, measure=TALKS.measure)
    scenario.when(MENTEE, RetireMeasure, measure=TALKS.measure).nothing()


def test_unknown_and_retired_measures_are_told_apart() -> None:
    """A measure that was never there is unknown, one that was retired is said to be."""
    for command, fields in ((ReviseTarget, {"target": "4"}), (RetireMeasure, {})):
        drafted().when(MENTEE, command, measure=uid("nothing"), **fields).refused("measure_unknown")
    scenario = drafted().done(MENTEE, RetireMeasure, measure=TALKS.measure)
    scenario.when(MENTEE, ReviseTarget, measure=TALKS.measure, target="4").refused("measure_retired")


COMMANDS: list[tuple[Any, dict[str, Any]]] = [
    (DefineMeasure, asdict(SCORE)),
    (ReviseTarget, {"measure": TALKS.measure, "target": "4"}),
    (RetireMeasure, {"measure": TALKS.measure}),
]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
@pytest.mark.parametrize("by", [STRANGER, ADMIN, IMPORTER, MANAGER])
def test_only_parties_change_measures(command: Any, fields: dict[str, Any], by: str) -> None:
    """Neither admins nor contributors nor strangers say what counts as evidence."""
    drafted().when(by, command, **fields).refused("not_allowed")


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_every_party_changes_measures(command: Any, fields: dict[str, Any]) -> None:
    """The mentor as well as the mentee."""
    drafted().when(MENTOR, command, **fields).tags(*[event.NAME for event in [_event(command)]])


def _event(command: Any) -> Any:
    return {DefineMeasure: MeasureDefined, ReviseTarget: TargetRevised, RetireMeasure: MeasureRetired}[command]


@pytest.mark.parametrize(("command", "fields"), COMMANDS)
def test_a_closed_goal_keeps_its_measures(command: Any, fields: dict[str, Any]) -> None:
    """What was agreed and closed is history; an unknown goal has none."""
    closed().when(MENTEE, command, reason="late", **fields).refused("goal_closed")
    acme().when(MENTEE, command, **fields).refused("goal_unknown")


def test_progress_from_children_stands_in_the_event() -> None:
    """A goal that takes its progress from its children says theirs, whatever happens to its own measures."""
    scenario = created(mentored(), id=uid("child"))
    scenario.given(MeasureDefined(definition=TALKS, revision=2), id=uid("child"))
    scenario.given(ProgressRecorded(measure=TALKS.measure, reading="3", on=TODAY), id=uid("child"))
    drafted(scenario).given(
        Refined(
            before=TermsChange(progress_from="measures"),
            after=TermsChange(progress_from="children"),
            trigger="other",
            revision=4,
        ),
        ChildAligned(child=uid("child"), weight="0.5"),
        ChildAligned(child=uid("gone"), weight="0.5"),
    )
    assert scenario.when(MENTEE, RetireMeasure, measure=TALKS.measure).caused(MeasureRetired).progress == "1"


def test_readings_are_read_by_the_definition_that_stands() -> None:
    """Even a history that no present rule would let through is folded: the tally follows the definition."""
    scenario = measured(drafted(), TALKS, "1", "2")
    scenario.given(MeasureDefined(definition=replace(TALKS, period="month", kind="recurring"), revision=9))
    assert scenario.goal.tallies[TALKS.measure].count == 2
    scenario.given(MeasureDefined(definition=replace(LED, measure=TALKS.measure), revision=10))
    assert scenario.goal.tallies[TALKS.measure].count == 0


def test_events_of_unknown_measures_are_folded() -> None:
    """Evolving never refuses: what names no measure of the goal changes only the revision."""
    scenario = drafted().given(
        TargetRevised(measure=uid("nothing"), old="1", new="2", revision=4),
        MeasureRetired(measure=uid("nothing"), revision=5),
    )
    assert scenario.goal.revision == 5
    assert dict(scenario.goal.measures) == {TALKS.measure: TALKS}


def test_a_definition_within_a_sequence_of_commands() -> None:
    """From definition to a reading that meets it, by commands alone."""
    scenario = define(drafted(), LED)
    for week in (2, 1):
        scenario.done(MENTEE, RecordProgress, measure=LED.measure, reading=True, on=day(-7 * week))
    assert scenario.caused(ProgressRecorded).progress == "0.5"
