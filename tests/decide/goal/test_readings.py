"""Given a goal with measures, when a reading is recorded, corrected or struck, then ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from msgspec.structs import replace

from milepost.decide.goal.tally import tally_of
from milepost_contracts.commands.goal import CorrectProgress, RecordProgress, RetireMeasure
from milepost_contracts.events.goal import (
    ContributorAdded,
    MeasureDefined,
    ProgressCorrected,
    ProgressRecorded,
    ScheduleSet,
)
from milepost_contracts.types import Measure, Reading, Schedule
from tests.support.goals import TALKS, active, closed, drafted
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
    measure=uid("score"), name="Score", kind="average", direction="increase", unit="of 10", target="8", sources=[PEER]
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
DONE = Measure(measure=uid("done"), name="Done", kind="binary", direction="increase", unit="done", target="1")
WEIGHT = Measure(
    measure=uid("weight"), name="Weight", kind="delta", direction="decrease", unit="kg", target="5", baseline="9"
)
MOST = "999999999999999999.999999999"


def working(*measures: Measure, scenario: Scenario | None = None) -> Scenario:
    """Return an active goal with more measures; PEER contributes to it."""
    scenario = scenario or active()
    for measure in measures:
        scenario.given(MeasureDefined(definition=measure, revision=scenario.goal.revision + 1))
    return scenario.given(ContributorAdded(ref=PEER, role="peer"))


def record(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* record one talk today, other members as given."""
    return scenario.when(by, RecordProgress, **({"measure": TALKS.measure, "reading": "1", "on": TODAY} | fields))


def recorded(scenario: Scenario, *readings: str, by: str = MENTEE) -> Scenario:
    """Return *scenario* with readings of talks, one a day until today."""
    for place, reading in enumerate(readings, start=1):
        event = ProgressRecorded(measure=TALKS.measure, reading=reading, on=day(place - len(readings)))
        scenario.given(event, by=by)
    return scenario


def correct(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* correct the last reading, members as given."""
    fields = {"corrects": scenario.last(ProgressRecorded), "reason": "counted wrong"} | fields
    return scenario.when(by, CorrectProgress, **fields)


def test_a_reading_is_recorded_with_what_it_makes_of_the_goal() -> None:
    """The event carries the measure's current value and the goal's progress after it."""
    evidence = ["https://example.org/slides", "mailto:host@example.org"]
    scenario = record(working(DONE), evidence=evidence, note="Went well")
    scenario.then(
        ProgressRecorded(
            measure=TALKS.measure,
            reading="1",
            on=TODAY,
            evidence=evidence,
            note="Went well",
            current="1",
            progress="0.166666667",
        )
    )
    scenario = record(scenario, measure=DONE.measure, reading=True)
    scenario.then(ProgressRecorded(measure=DONE.measure, reading=True, on=TODAY, current=True, progress="0.666666667"))


def test_a_step_of_a_scale_is_a_reading() -> None:
    """Words count by their place in the scale: from grade two (C) to three is half of two points."""
    scenario = record(working(GRADE), measure=GRADE.measure, reading=None, step="B")
    event = scenario.caused(ProgressRecorded)
    assert (event.step, event.current, event.progress) == ("B", "3", "0.25")


@pytest.mark.parametrize("scenario", [drafted, active])
def test_evidence_is_gathered_from_the_first_day(scenario: Any) -> None:
    """A draft has readings too."""
    record(scenario()).tags("progress_recorded")


@pytest.mark.parametrize("by", [MENTEE, MENTOR, IMPORTER])
def test_parties_and_importers_record(by: str) -> None:
    """They record any measure, and need not say whose reading it is."""
    assert record(working(), by).caused(ProgressRecorded).source is None


@pytest.mark.parametrize("by", [STRANGER, ADMIN, MANAGER])
def test_others_do_not_record(by: str) -> None:
    """Neither strangers nor admins know what a goal has come to."""
    record(working(), by).refused("not_allowed")


def test_a_contributor_records_what_lists_it_as_a_source() -> None:
    """The reading is the contributor's own; measures that do not list it are not its business."""
    scenario = record(working(SCORE), PEER, measure=SCORE.measure, reading="8")
    assert scenario.caused(ProgressRecorded).source == PEER
    record(working(SCORE), PEER).refused("not_allowed")
    record(working(SCORE), PEER, measure=SCORE.measure, source=PEER).tags("progress_recorded")
    record(working(SCORE), PEER, measure=SCORE.measure, source=MENTEE).refused("source_unlisted")


def test_a_party_records_for_a_source() -> None:
    """The source is a party, or listed by the measure."""
    for source in (PEER, MENTOR):
        scenario = record(working(SCORE), measure=SCORE.measure, source=source)
        assert scenario.caused(ProgressRecorded).source == source
    record(working(SCORE), measure=SCORE.measure, source=MANAGER).refused("source_unlisted")
    record(working(SCORE), source=PEER).refused("source_unlisted")


@pytest.mark.parametrize(
    ("measure", "fields", "code"),
    [
        (TALKS, {"reading": None}, "reading_or_step"),
        (GRADE, {"reading": "1", "step": "B"}, "reading_or_step"),
        (TALKS, {"reading": True}, "unit_mismatch"),
        (TALKS, {"reading": None, "step": "B"}, "unit_mismatch"),
        (SCORE, {"reading": False}, "unit_mismatch"),
        (DONE, {"reading": "1"}, "unit_mismatch"),
        (replace(DONE, kind="consecutive", period="week"), {"reading": "1"}, "unit_mismatch"),
        (GRADE, {"reading": "3"}, "unit_mismatch"),
        (GRADE, {"reading": None, "step": "E"}, "unit_mismatch"),
    ],
)
def test_a_reading_has_the_shape_of_its_measure(measure: Measure, fields: dict[str, Any], code: str) -> None:
    """Yes or no for what is answered so, a word where there is a scale, a number elsewhere; one of them."""
    record(working(measure), measure=measure.measure, **fields).refused(code)


def test_readings_lie_in_the_past() -> None:
    """What is later than it is anywhere on Earth has not happened; what is long past is warned of."""
    record(working(), on=day(1)).refused("in_future")
    record(working().at(dt.datetime.combine(TODAY, dt.time(11), dt.UTC)), on=day(1)).tags("progress_recorded")
    record(working(), on=day(-7)).warned()
    record(working(), on=day(-8)).warned("backdated")


def test_a_week_ago_is_counted_in_the_goals_zone() -> None:
    """In Auckland it is Tuesday already."""
    scenario = working().given(ScheduleSet(before=Schedule(), after=Schedule(time_zone="Pacific/Auckland")))
    scenario.at(dt.datetime.combine(TODAY, dt.time(20), dt.UTC))
    record(scenario, on=day(-7)).warned("backdated")


def test_a_change_is_read_once_it_is_known_where_it_began() -> None:
    """A baseline is wanted before the first reading of a delta, but for keeping a plain value in a band."""
    for measure in (WEIGHT, replace(GRADE, scale=None), replace(WEIGHT, direction="keep_below", delta_mode="points")):
        scenario = working(replace(measure, baseline=None))
        record(scenario, measure=measure.measure).refused("baseline_missing")
    kept = replace(WEIGHT, baseline=None, direction="keep_below")
    record(working(kept), measure=kept.measure).tags("progress_recorded")


def test_unknown_and_retired_measures_have_no_readings() -> None:
    """They are told apart."""
    record(working(), measure=uid("nothing")).refused("measure_unknown")
    scenario = drafted().done(MENTEE, RetireMeasure, measure=TALKS.measure)
    record(scenario).refused("measure_retired")


def test_all_reasons_against_a_reading_come_at_once() -> None:
    """Date, links, their number, source and shape."""
    evidence = ["javascript:alert(1)", "https://example.org"]
    scenario = record(
        working().limited(items=1), reading=True, on=day(2), evidence=evidence, source=MANAGER, measure=TALKS.measure
    )
    scenario.refused("in_future", "limit_reached", "unsafe_link", "source_unlisted", "unit_mismatch")
    assert scenario.problem("unsafe_link").field == "evidence.0"


def test_huge_readings_are_summed_exactly_and_no_further() -> None:
    """A sum that the wire cannot say is refused; everything up to it is exact."""
    scenario = recorded(working(), MOST[:-1] + "8")
    assert record(scenario, reading="0.000000001").caused(ProgressRecorded).current == MOST
    record(scenario, reading="0.000000001").refused("out_of_range")


def test_a_closed_goal_takes_what_came_before_its_closing() -> None:
    """Late news of the time before is recorded, news of the time after is not."""
    record(closed(), on=TODAY).tags("progress_recorded")
    record(closed().at(day(3)), on=day(1)).refused("goal_closed")


def test_no_goal_no_reading() -> None:
    """An unknown goal is told at once."""
    record(acme()).refused("goal_unknown")


def test_a_reading_is_corrected() -> None:
    """The event names the one it corrects, with before, after and what that makes of the goal."""
    scenario = recorded(active(), "1", "5")
    before = scenario.goal
    correct(scenario, reading="1", on=day(-2)).then(
        ProgressCorrected(
            corrects=scenario.last(ProgressRecorded),
            measure=TALKS.measure,
            before=Reading(reading="5", on=TODAY),
            after=Reading(reading="1", on=day(-2)),
            reason="counted wrong",
            current="2",
            progress="0.666666667",
        )
    )
    assert len(scenario.goal.readings) == 2
    assert before.tallies[TALKS.measure].total == 6


def test_a_reading_is_struck_and_stands_again() -> None:
    """Striking takes it out of every sum; a later correction lets it stand again."""
    scenario = recorded(active(), "1", "1")
    event = correct(scenario, strike=True).caused(ProgressCorrected)
    assert (event.after, event.strike, event.current, event.progress) == (None, True, "1", "0.333333333")
    correct(scenario, strike=True).nothing()
    event = correct(scenario, reading="1").caused(ProgressCorrected)
    assert (event.before, event.current) == (Reading(reading="1", on=TODAY), "2")


def test_the_last_of_two_readings_on_a_day_stays_the_last() -> None:
    """A corrected reading keeps its place among those of its day."""
    scenario = working(WEIGHT)
    for reading in ("8", "7"):
        scenario.given(ProgressRecorded(measure=WEIGHT.measure, reading=reading, on=TODAY))
    first = min(scenario.goal.readings.values(), key=lambda reading: reading.version).event
    assert correct(scenario, corrects=first, reading="6").caused(ProgressCorrected).current == "7"


@pytest.mark.parametrize("fields", [{}, {"reading": "1"}, {"on": TODAY}, {"reading": "1", "on": TODAY}])
def test_correcting_nothing_changes_nothing(fields: dict[str, Any]) -> None:
    """What is as it was said to be is accepted without an event."""
    correct(recorded(active(), "1"), **fields).nothing()


def test_a_correction_is_held_to_the_rules_of_readings() -> None:
    """Shape, future, range and reason."""
    correct(recorded(active(), "1"), reading=True).refused("unit_mismatch")
    correct(recorded(active(), "1"), reading="2", step="B").refused("reading_or_step")
    correct(recorded(active(), "1"), on=day(2)).refused("in_future")
    correct(recorded(active(), "1"), on=day(-30)).warned("backdated")
    correct(recorded(active(), MOST, "0"), reading=MOST).refused("out_of_range")
    correct(recorded(active(), "1"), reading="2", reason=" ").refused("reason_missing")
    correct(recorded(active(), "1"), corrects=uid("nothing"), reading="2").refused("reading_unknown")
    correct(recorded(active(), "1"), strike=True, reading="2").refused("strike_alone")


def test_a_struck_reading_comes_back_only_in_the_shape_of_today() -> None:
    """The measure may have become another one since."""
    scenario = recorded(drafted(), "1")
    correct(scenario, strike=True).tags("progress_corrected")
    scenario.given(MeasureDefined(definition=replace(DONE, measure=TALKS.measure), revision=4))
    correct(scenario, on=day(-1)).refused("unit_mismatch")
    correct(scenario, reading=True).tags("progress_corrected")


def test_readings_of_a_retired_measure_can_still_be_put_right() -> None:
    """They stay, so they are to be right; the goal's progress is that of the measures that count."""
    scenario = recorded(drafted(), "1").done(MENTEE, RetireMeasure, measure=TALKS.measure)
    event = correct(scenario, reading="2").caused(ProgressCorrected)
    assert (event.current, event.progress) == ("2", None)


def test_closed_goals_accept_corrections() -> None:
    """Up to the day of closing; the original day needs no second look."""
    correct(recorded(closed(), "1").at(day(20)), reading="3").tags("progress_corrected")
    correct(recorded(closed(), "1").at(day(20)), strike=True).tags("progress_corrected")
    correct(recorded(closed(), "1").at(day(20)), on=day(3)).refused("goal_closed")


def test_who_corrects() -> None:
    """Parties and importers correct anything, a contributor what it recorded, strangers nothing."""
    for by in (MENTOR, IMPORTER):
        correct(recorded(active(), "1"), by, reading="2").tags("progress_corrected")
    for by in (STRANGER, ADMIN, MANAGER):
        correct(recorded(active(), "1"), by, reading="2").refused("not_allowed")
    correct(recorded(working(), "1", by=PEER), PEER, reading="2").tags("progress_corrected")
    correct(recorded(working(), "1"), PEER, reading="2").refused("not_author")
    unknown = acme().when(MENTEE, CorrectProgress, corrects=uid("nothing"), reading="2", reason="counted wrong")
    unknown.refused("goal_unknown")


def test_corrections_of_unknown_readings_are_folded() -> None:
    """Evolving never refuses."""
    before = recorded(active(), "1")
    state = before.goal
    before.given(ProgressCorrected(corrects=uid("nothing"), measure=TALKS.measure, before=Reading(), reason="x"))
    assert before.goal == state


def test_readings_of_unknown_measures_are_kept() -> None:
    """They count for nothing, and do no harm."""
    scenario = active().given(ProgressRecorded(measure=uid("nothing"), reading="1", on=TODAY))
    assert len(scenario.goal.readings) == 1
    correct(scenario, reading="2").nothing()


def test_a_tally_grown_reading_by_reading_is_that_of_all() -> None:
    """After two hundred readings with corrections among them, nothing is counted twice or forgotten."""
    scenario = working(WEIGHT)
    for number in range(200):
        reading = ProgressRecorded(measure=WEIGHT.measure, reading=str(number % 9), on=day(-(number * 7 % 50)))
        scenario.given(reading)
        if number % 5 == 0:
            correct(scenario, reading="10", on=day(-3)).tags("progress_corrected")
        if number % 7 == 0:
            correct(scenario, strike=True).tags("progress_corrected")
    standing = [reading for reading in scenario.goal.readings.values() if not reading.struck]
    assert scenario.goal.tallies[WEIGHT.measure] == tally_of(WEIGHT, standing)
