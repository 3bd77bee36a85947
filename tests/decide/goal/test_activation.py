"""Given an agreed, paused or closed goal, when work begins, goes on or begins again, then ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from msgspec.structs import replace

from milepost.decide.goal.activation import PLACEHOLDER
from milepost_contracts.commands import Command
from milepost_contracts.commands.goal import ActivateGoal, AgreeGoal, ProposeGoal, ReopenGoal, ResumeGoal, ShiftDeadline
from milepost_contracts.events.goal import (
    Activated,
    Agreed,
    AgreementWithdrawn,
    Archived,
    ChildAligned,
    Closed,
    Evaluated,
    MeasureDefined,
    MeasureRetired,
    MilestoneAdded,
    Proposed,
    Refined,
    Reopened,
    Resumed,
)
from milepost_contracts.events.mentorship import Cancelled, CapSet, GoalJoined, GoalLeft, KeyAreaOpened, PartyReplaced
from milepost_contracts.types import Criterion, Party, RubricRef, SeenAt, TermsChange, Waiver, Warned
from tests.support.goals import (
    DEADLINE,
    TALKS,
    active,
    agreed,
    closed,
    created,
    drafted,
    mentored,
    organised,
    paused,
)
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    PEER,
    PROGRAMME,
    STRANGER,
    Scenario,
    acme,
    day,
    uid,
)

ALL_CHECKS = ("deadline", "measures", "evaluation", "placeholder")


def activate(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* activate the goal at its present revision, other members as given."""
    goal = scenario.goal
    return scenario.when(by, ActivateGoal, **({"revision": goal.revision if goal else 1} | fields))


def waive(*checks: str) -> list[Waiver]:
    """Return waivers of *checks*, each with a reason."""
    return [Waiver(check=check, reason=f"No {check} yet, on purpose") for check in checks]


def evaluated(revision: int, *, passed: bool) -> Evaluated:
    """Return an evaluation of *revision*."""
    met = [Criterion(criterion="specific", met=passed)]
    return Evaluated(rubric=RubricRef(id="smart", version=1), criteria=met, passed=passed, revision=revision)


def again(scenario: Scenario, revision: int) -> Scenario:
    """Let both say yes to *revision*, however they came to it."""
    said = Proposed if scenario.goal.state == "drafted" else Agreed
    scenario.given(said(party=MENTEE, revision=revision))
    return scenario.given(Agreed(party=MENTOR, revision=revision, complete=True), by=MENTOR)


# Beginning


def test_activating() -> None:
    """What both agreed to is activated on the day of its zone, takes a key area, and tells what was read."""
    scenario = agreed(time_zone="Asia/Tokyo").at(dt.datetime(2026, 3, 2, 20, tzinfo=dt.UTC))
    activate(scenario, MENTOR).warned("not_evaluated")
    frame = scenario.caused(Activated).frame
    assert SeenAt(aggregate="mentorship", id=MENTORSHIP, version=3) in frame
    scenario.then(
        Activated(
            revision=3,
            activated_on=day(1),
            frame=frame,
            warnings=[Warned(code="not_evaluated", field="evaluation")],
        ),
        KeyAreaOpened(goal=GOAL, owner=MENTEE),
    )
    goal = scenario.goal
    assert (goal.state, goal.activated_on, goal.agreement_open) == ("active", day(1), False)
    assert dict(scenario.state("mentorship").key_areas.items()) == {GOAL: MENTEE}


def test_an_evaluated_goal() -> None:
    """One that passed the checklist is activated without a warning."""
    activate(agreed().given(evaluated(3, passed=True))).warned()


def test_outside_any_mentorship() -> None:
    """A goal of its owner alone is activated without any mentorship."""
    scenario = created(kind="exploratory").given(Agreed(party=MENTEE, revision=1, complete=True))
    activate(scenario).refused("wrong_state")
    scenario.done(MENTEE, ProposeGoal, revision=1)
    activate(scenario).warned().tags("activated")


def test_told_late() -> None:
    """Work that began before, as the asker claims, began on that day; long ago is worth a warning."""
    began = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
    scenario = activate(agreed(kind="outcome"), occurred_at=began).warned("backdated")
    assert scenario.goal.activated_on == began.date()
    activate(agreed(kind="outcome"), occurred_at=began.replace(month=3)).warned()


@pytest.mark.parametrize("by", [STRANGER, ADMIN])
def test_who_activates(by: str) -> None:
    """Only its parties work on a goal; an admin does not activate it for them."""
    activate(agreed(), by).refused("not_allowed")
    paused().when(by, ResumeGoal).refused("not_allowed")
    activate(acme(), by).refused("goal_unknown")


def test_wrong_states() -> None:
    """A draft is proposed first, an active goal is active; only paused goals resume, only closed ones reopen."""
    for scenario in (active(), paused(), closed()):
        activate(scenario).refused("wrong_state")
    activate(drafted()).refused("wrong_state", "quorum_missing")
    for scenario in (agreed(), active(), closed()):
        scenario.when(MENTEE, ResumeGoal).refused("wrong_state")
    for scenario in (agreed(), active(), paused()):
        scenario.when(MENTEE, ReopenGoal, reason="On").refused("wrong_state")


# The checks that activating, resuming and reopening share

STEPS: list[tuple[Any, type[Command], dict[str, Any]]] = [
    (agreed, ActivateGoal, {"revision": 3}),
    (paused, ResumeGoal, {}),
    (closed, ReopenGoal, {"reason": "There is more to learn"}),
]
STEP = pytest.mark.parametrize(("before", "command", "fields"), STEPS, ids=["activate", "resume", "reopen"])


@STEP
def test_everything_at_once(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """All that keeps a goal from being worked on is told in one answer."""
    scenario = before(mentored(), title="Give {{number}} talks", deadline=None)
    scenario.given(
        evaluated(3, passed=False),
        MeasureRetired(measure=TALKS.measure, revision=4),
        *([Proposed(party=MENTEE, revision=4)] if command is ActivateGoal else []),
        AgreementWithdrawn(party=MENTOR, revision=4),
        CapSet(old=3, new=1),
        KeyAreaOpened(goal=uid("other"), owner=MENTEE),
    )
    scenario.when(MENTEE, command, **(fields | {"revision": 3})).refused(
        "stale_revision",
        "quorum_missing",
        "evaluation_failed",
        "evaluation_stale",
        "placeholder_left",
        "measures_missing",
        "deadline_missing",
        "cap_reached",
    )
    assert scenario.problem("quorum_missing").details == {"missing": [MENTOR], "revision": 4}
    assert scenario.problem("cap_reached").details == {"cap": 1, "active": [uid("other")]}


@STEP
def test_waivers(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """Four checks may be set aside, each with a reason, and the event tells them; quorum and cap may not."""
    scenario = before(mentored(), title="Churn down by X %", deadline=None)
    scenario.given(evaluated(3, passed=False), MeasureRetired(measure=TALKS.measure, revision=4))
    again(scenario, 4)
    told = fields | ({"revision": 4} if "revision" in fields else {})
    scenario.when(MENTEE, command, **told, waivers=waive(*ALL_CHECKS)).warned()
    (event, *_) = scenario.events
    assert isinstance(event, Activated | Resumed | Reopened)
    assert (event.waivers, event.revision) == (waive(*ALL_CHECKS), 4)


@STEP
def test_waivers_without_reason(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """A waiver says why, and there are only so many."""
    scenario = before(mentored().limited(waivers=1))
    waivers = [*waive("deadline"), Waiver(check="measures", reason=" ")]
    scenario.when(MENTEE, command, **fields, waivers=waivers).refused("reason_missing", "limit_reached")
    assert scenario.problem("reason_missing").field == "waivers.1.reason"


@STEP
def test_an_ended_mentorship(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """In a mentorship that has ended nothing begins."""
    scenario = before().given(Cancelled(cancelled_on=day(0), reason="Moved away"))
    scenario.when(MENTEE, command, **fields).refused("mentorship_not_active")


@STEP
def test_nothing_after_the_deadline(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """No open milestone is due after the deadline of what is worked on."""
    late = MilestoneAdded(milestone=uid("late"), title="Late", due_on=DEADLINE + dt.timedelta(days=1))
    before().given(late).when(MENTEE, command, **fields).refused("milestone_stranded")


@STEP
def test_a_stale_evaluation(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """An evaluation of older terms does not count; a newer one that passed does."""
    scenario = before().given(evaluated(2, passed=True))
    scenario.when(MENTEE, command, **fields).refused("evaluation_stale")
    scenario.given(evaluated(3, passed=True)).when(MENTEE, command, **fields).warned()


@STEP
def test_the_cap(before: Any, command: type[Command], fields: dict[str, Any]) -> None:
    """Three active goals an owner, unless mentorship or programme say otherwise; others' goals do not count."""
    busy = [KeyAreaOpened(goal=uid(name), owner=MENTEE) for name in ("a", "b")]
    theirs = [KeyAreaOpened(goal=uid(name), owner=MENTOR) for name in ("c", "d")]
    before().given(*busy, *theirs).when(MENTEE, command, **fields).warned("not_evaluated")
    full = before().given(*busy, KeyAreaOpened(goal=uid("e"), owner=MENTEE))
    full.when(MENTEE, command, **fields).refused("cap_reached")
    full.given(CapSet(old=3, new=4)).when(MENTEE, command, **fields).warned("not_evaluated")


def test_the_programmes_cap() -> None:
    """Where the mentorship says nothing, its programme's cap counts; the mentorship's own stands before it."""
    busy = KeyAreaOpened(goal=uid("a"), owner=MENTEE)
    scenario = agreed(mentored(organised(cap=1), programme=PROGRAMME)).given(busy)
    assert activate(scenario).refused("cap_reached").problem("cap_reached").details["cap"] == 1
    activate(scenario.given(CapSet(old=1, new=2))).warned("not_evaluated")
    no_cap = agreed(mentored(organised(), programme=PROGRAMME)).given(busy)
    activate(no_cap).warned("not_evaluated")


# Placeholders


@pytest.mark.parametrize(
    "words", ["{{number}} talks", "{{ }}", "by X %", "X", "X% less", "(X)", "a {{two\nlines}} b", "X, Y", "by X."]
)
def test_blanks(words: str) -> None:
    """What a template leaves open keeps a goal from being activated."""
    activate(agreed(title=words)).refused("placeholder_left")


@pytest.mark.parametrize("words", ["Xavier", "X-ray the budget", "Max", "use {braces}", "x", "XML", "iPhoneX"])
def test_no_blanks(words: str) -> None:
    """Words that merely contain an X or braces are words."""
    assert PLACEHOLDER.search(words) is None


def test_where_blanks_are_looked_for() -> None:
    """Title, description and measures' names are searched; the answer says where."""
    scenario = agreed(description="About {{topic}}", kind="outcome")
    scenario.given(MeasureDefined(definition=replace(TALKS, name="X talks"), revision=4))
    again(scenario, 4)
    activate(scenario).refused("placeholder_left")
    assert scenario.problem("placeholder_left").details == {"fields": ["description", f"measures.{TALKS.measure}.name"]}


# What is SMART and what is not


@pytest.mark.parametrize("kind", ["outcome", "exploratory"])
def test_other_kinds(kind: str) -> None:
    """A goal without fixed steps needs neither measure, nor deadline, nor checklist."""
    scenario = created(kind=kind)
    activate(scenario.done(MENTEE, ProposeGoal, revision=1)).warned()


def test_warnings() -> None:
    """A past deadline, an outcome instead of a skill: accepted, and the warnings are in the event."""
    scenario = activate(agreed(deadline=day(-1), focus="career").given(evaluated(3, passed=True)))
    scenario.warned("deadline_past", "outcome_framed")
    assert [warning.code for warning in scenario.caused(Activated).warnings] == ["deadline_past", "outcome_framed"]


def test_career_with_learning() -> None:
    """A career goal to which another goal ladders up is no mere outcome."""
    laddered = agreed(focus="career", kind="outcome").given(ChildAligned(child=uid("learning"), weight="1"))
    activate(laddered).warned()


def network(*others: tuple[str, str, str]) -> Scenario:
    """Return an agreed networking goal beside *others*: (name, owner, focus), all in the mentorship."""
    scenario = mentored()
    for name, owner, focus in others:
        created(scenario, id=uid(name), owner=owner, focus=focus)
        scenario.given(GoalJoined(goal=uid(name), owner=owner))
    return agreed(scenario, focus="network", kind="outcome")


def test_network_before_learning() -> None:
    """A networking goal before any of the owner's learning goals is worth a warning."""
    activate(network()).warned("network_before_learning")
    activate(network(("a", MENTEE, "business"), ("b", MENTOR, "skill"))).warned("network_before_learning")
    activate(network(("a", MENTEE, "skill"), ("b", MENTEE, "network"))).warned()
    activate(network(("a", MENTEE, "knowledge"))).warned()


def test_the_goals_read_are_told() -> None:
    """The other goals that the warning was decided by are in the frame."""
    scenario = activate(network(("a", MENTEE, "skill")))
    assert SeenAt(aggregate="goal", id=uid("a"), version=1) in scenario.caused(Activated).frame


# Going on and beginning again


def test_resuming() -> None:
    """A paused goal goes on, its key area taken again, its pause ended."""
    scenario = paused().at(day(10)).when(MENTOR, ResumeGoal, revision=3).tags("resumed", "key_area_opened")
    goal = scenario.goal
    assert (goal.state, goal.pauses) == ("active", ((day(0), day(10)),))
    assert goal.activated_on == day(0)


def test_resuming_needs_the_yes() -> None:
    """A paused goal whose terms changed goes on when the others have agreed to them."""
    scenario = paused().done(MENTEE, ShiftDeadline, new=day(120), reason="Ill", reason_code="illness")
    scenario.when(MENTEE, ResumeGoal).refused("quorum_missing")
    scenario.done(MENTOR, AgreeGoal, revision=4).when(MENTEE, ResumeGoal).tags("resumed", "key_area_opened")


def test_reopening() -> None:
    """A closed goal becomes active in its mentorship again and leaves the archive; the time closed was a pause."""
    scenario = closed().given(Archived()).at(day(5))
    scenario.when(MENTEE, ReopenGoal, reason="There is more").tags("reopened", "goal_joined", "key_area_opened")
    assert scenario.caused(Reopened).reason == "There is more"
    goal = scenario.goal
    assert (goal.state, goal.archived, goal.closure) == ("active", False, None)
    assert goal.pauses == ((day(0), day(5)),)
    assert list(scenario.state("mentorship").key_areas) == [GOAL]


def test_reopening_what_was_closed_while_paused() -> None:
    """The pause in which a goal was closed lasts until it is reopened."""
    scenario = paused().given(Closed(result="missed", closed_on=day(3)), GoalLeft(goal=GOAL)).at(day(8))
    assert scenario.when(MENTEE, ReopenGoal, reason="On").goal.pauses == ((day(0), day(8)),)


def test_reopening_by_an_admin_for_a_reason() -> None:
    """An admin reopens too; without a reason nobody does."""
    closed().when(ADMIN, ReopenGoal, reason="Appeal").tags("reopened", "goal_joined", "key_area_opened")
    closed().when(MENTEE, ReopenGoal, reason=" ").refused("reason_missing")
    closed().when(STRANGER, ReopenGoal, reason="On").refused("not_allowed")


def test_reopening_an_abandoned_draft() -> None:
    """What nobody ever agreed to is not reopened as active."""
    scenario = drafted().given(Closed(result="abandoned", closed_on=day(0)), GoalLeft(goal=GOAL))
    scenario.when(MENTEE, ReopenGoal, reason="On").refused("quorum_missing")


def test_reopening_by_an_owner_who_has_left() -> None:
    """In a mentorship that its owner is no longer a party of, a goal does not become active again."""
    replaced = PartyReplaced(old=MENTEE, new=Party(ref=PEER, role="mentee"), reason="Left")
    closed().given(replaced).when(MENTEE, ReopenGoal, reason="On").refused("owner_not_in_mentorship")


def test_claimed_before_it_stopped() -> None:
    """Work does not go on before it stopped, whatever the asker claims."""
    before = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    paused().when(MENTEE, ResumeGoal, occurred_at=before).refused("before_it_stopped")
    closed().when(MENTEE, ReopenGoal, reason="On", occurred_at=before).refused("before_it_stopped")


def test_never_activated_before() -> None:
    """A goal that an admin's import closed before it began counts as begun on the day it is reopened."""
    scenario = created(kind="outcome").given(
        Closed(result="abandoned", closed_on=day(0)), Agreed(party=MENTEE, revision=1, complete=True)
    )
    assert scenario.when(MENTEE, ReopenGoal, reason="On").goal.activated_on == day(0)


def test_evolving_alone() -> None:
    """Resuming without a known pause, or reopening without a known closing, is still what happened."""
    scenario = agreed().given(
        Resumed(resumed_on=day(1), revision=3), Reopened(reopened_on=day(2), revision=3, reason="x")
    )
    assert (scenario.goal.state, scenario.goal.pauses, scenario.goal.activated_on) == ("active", (), day(2))
    changed = scenario.given(Refined(before=TermsChange(), after=TermsChange(title="B"), trigger="other", revision=4))
    assert changed.goal.title == "B"
