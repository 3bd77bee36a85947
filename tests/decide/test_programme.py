"""Given a programme's events, when its admins set its frame, its people, periods and figures, then ..."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from milepost.decide.goal.rubrics import BUILT_IN
from milepost_contracts.commands import Command
from milepost_contracts.commands import programme as commands
from milepost_contracts.commands.programme import (
    Close,
    CloseCycle,
    Create,
    EnrolParticipant,
    OpenCycle,
    PlanCycle,
    PublishTemplate,
    RecordBenefit,
    RecordCost,
    RecordSurvey,
    RetireTemplate,
    SetCadence,
    SetCap,
    SetRubric,
    WithdrawParticipant,
)
from milepost_contracts.events.programme import (
    BenefitRecorded,
    CadenceSet,
    CapSet,
    Closed,
    CostRecorded,
    Created,
    CycleClosed,
    CycleOpened,
    CyclePlanned,
    ParticipantEnrolled,
    ParticipantWithdrawn,
    RubricSet,
    SurveyRecorded,
    TemplatePublished,
    TemplateRetired,
)
from milepost_contracts.events.tenant import Opened
from milepost_contracts.types import Cadence, Measure, Rubric, SurveyScore
from tests.support.scenario import ADMIN, MENTEE, MENTOR, PROGRAMME, STRANGER, Scenario, day, given, person, uid

LEAD = person("lead")  # runs the programme
SERVICE = "service:sample"
CREATED = Created(title="Grow", admins=[LEAD])
WEEKLY = Cadence(rhythm="weekly", anchor=day(0))
RUBRIC = Rubric(id="smart-team", version=1, criteria=["specific", "measurable"])
CYCLE, TEMPLATE, SURVEY = uid("cycle"), uid("template"), uid("survey")
PERIOD: dict[str, Any] = {"cycle": CYCLE, "title": "Spring", "starts_on": day(0), "ends_on": day(90)}
SURVEYED: dict[str, Any] = {"survey": SURVEY, "title": "Mid-year", "held_on": day(-1), "invited": 10, "answered": 8}
COST: dict[str, Any] = {"cost": uid("cost"), "amount": "1200.50", "currency": "EUR", "on": day(-2)}
BENEFIT: dict[str, Any] = {"benefit": uid("benefit"), "amount": "9000", "currency": "EUR", "on": day(-2)}
OFFER: dict[str, Any] = {"template": TEMPLATE, "version": 1, "title": "Present {{count}} times"}


def tenant() -> Scenario:
    """Return a tenant with an admin and no programme."""
    return given(Opened(admins=[ADMIN]))


def running(*events: Any) -> Scenario:
    """Return a programme that LEAD runs, in which *events* have happened too."""
    return tenant().given(CREATED, *events)


ADMIN_COMMANDS: list[tuple[type[Command], dict[str, Any]]] = [
    (SetRubric, {"rubric": RUBRIC}),
    (SetCadence, {"cadence": WEEKLY}),
    (SetCap, {"cap": 2}),
    (PublishTemplate, OFFER),
    (RetireTemplate, {"template": TEMPLATE}),
    (EnrolParticipant, {"participant": MENTEE, "role": "mentee"}),
    (WithdrawParticipant, {"participant": MENTEE}),
    (PlanCycle, PERIOD),
    (OpenCycle, {"cycle": CYCLE}),
    (CloseCycle, {"cycle": CYCLE}),
    (RecordSurvey, SURVEYED),
    (RecordCost, COST),
    (RecordBenefit, BENEFIT),
    (Close, {}),
]


def test_every_command_is_an_admins() -> None:
    """The list of commands that the tests of permissions use is whole."""
    every = {value for value in vars(commands).values() if isinstance(value, type) and issubclass(value, Command)}
    assert {command for command, _ in ADMIN_COMMANDS} | {Create} == every - {Command, commands.ProgrammeCommand}


@pytest.mark.parametrize(("command", "fields"), ADMIN_COMMANDS)
def test_others_change_nothing(command: type[Command], fields: dict[str, Any]) -> None:
    """A participant, a stranger and a service may not run a programme, and learn nothing else about it."""
    for actor in (MENTOR, STRANGER, SERVICE):
        running(ParticipantEnrolled(participant=MENTOR, role="mentor")).when(actor, command, **fields).refused(
            "not_allowed"
        )


@pytest.mark.parametrize(("command", "fields"), ADMIN_COMMANDS)
def test_nothing_without_a_programme(command: type[Command], fields: dict[str, Any]) -> None:
    """A programme that does not exist is told so, whatever is asked of it."""
    tenant().when(ADMIN, command, **fields).refused("programme_unknown")


@pytest.mark.parametrize(("command", "fields"), ADMIN_COMMANDS)
def test_a_closed_programme_changes_no_more(command: type[Command], fields: dict[str, Any]) -> None:
    """After its end only figures come in; everything else is refused."""
    scenario = running(
        ParticipantEnrolled(participant=MENTEE, role="mentee"),
        TemplatePublished(template=TEMPLATE, version=1, title="Other"),
        CyclePlanned(**PERIOD),
        Closed(closed_on=day(-1)),
    )
    scenario.when(LEAD, command, **fields)
    if command in (RecordSurvey, RecordCost, RecordBenefit):
        assert len(scenario.events) == 1
    elif command is Close:
        scenario.nothing()
    else:
        assert scenario.problem("programme_closed").field == "id"


# creating and closing
def test_an_admin_of_the_tenant_creates() -> None:
    """Without admins the asker runs the programme."""
    scenario = tenant().when(ADMIN, Create, title="Grow", cap=2, cadence=WEEKLY).warned()
    scenario.then(Created(title="Grow", admins=[ADMIN], cap=2, cadence=WEEKLY))
    state = scenario.state("programme")
    assert (state.id, state.state, state.admins, state.cap) == (PROGRAMME, "open", {ADMIN}, 2)
    assert state.cadence == WEEKLY


def test_a_service_creates_and_names_who_runs_it() -> None:
    """A service creates for others and must say for whom; admins are named once."""
    tenant().when(SERVICE, Create, title="Grow").refused("admins_missing")
    tenant().when(SERVICE, Create, title="Grow", admins=[LEAD, LEAD]).then(CREATED)


def test_others_create_nothing() -> None:
    """A person without a role in the tenant creates no programme."""
    tenant().when(MENTOR, Create, title="Grow").refused("not_allowed")


def test_creating_again() -> None:
    """The same creation again changes nothing, even after changes; another one under the same id is refused."""
    scenario = running(CapSet(new=5))
    scenario.when(SERVICE, Create, title="Grow", admins=[LEAD]).nothing()
    scenario.when(SERVICE, Create, title="Shrink", admins=[LEAD]).refused("programme_id_taken")


def test_creating_tells_everything_at_once() -> None:
    """An empty title, no admin and half a cadence are all told."""
    half = Cadence(rhythm="days", anchor=day(0))
    tenant().when(SERVICE, Create, title=" ", cadence=half).refused(
        "title_missing", "admins_missing", "cadence_invalid"
    )


def test_closing() -> None:
    """A programme ends on the day that it is said to, not before its periods are closed."""
    scenario = running(CyclePlanned(**PERIOD), CycleOpened(cycle=CYCLE))
    scenario.when(LEAD, Close).refused("cycles_open")
    assert scenario.problem("cycles_open").details == {"cycles": [CYCLE]}
    scenario.done(LEAD, CloseCycle, cycle=CYCLE)
    scenario.when(LEAD, Close, reason="Done").then(Closed(closed_on=day(0), reason="Done"))
    assert scenario.state("programme").state == "closed"
    scenario.when(LEAD, Close).nothing()


def test_closing_late() -> None:
    """An end that was earlier is recorded as claimed and warned of; one to come is refused."""
    scenario = running()
    moment = scenario.now
    scenario.when(LEAD, Close, occurred_at=moment.replace(year=moment.year + 1)).refused("in_future")
    late = moment.replace(month=1)
    scenario.when(LEAD, Close, occurred_at=late).then(Closed(closed_on=late.date())).warned("backdated")


# frame
def test_the_rubric() -> None:
    """A rubric is set, the same again changes nothing, its versions only rise, and one may go back to another."""
    scenario = running().when(LEAD, SetRubric, rubric=RUBRIC).then(RubricSet(rubric=RUBRIC))
    scenario.when(LEAD, SetRubric, rubric=RUBRIC).nothing()
    other = Rubric(id="smart-team", version=1, criteria=["specific"])
    scenario.when(LEAD, SetRubric, rubric=other).refused("version_not_rising")
    assert scenario.problem("version_not_rising").details == {"latest": 1}
    second = Rubric(id="smart-team", version=2, criteria=["specific"])
    scenario.done(ADMIN, SetRubric, rubric=second)
    another = Rubric(id="career", version=1, criteria=["wanted"])
    scenario.done(ADMIN, SetRubric, rubric=another)
    scenario.done(ADMIN, SetRubric, rubric=second)
    assert scenario.state("programme").rubric == second
    scenario.when(LEAD, SetRubric, rubric=RUBRIC).refused("version_not_rising")


def test_a_rubric_has_criteria_once() -> None:
    """A rubric without criteria, or with one twice, is refused."""
    running().when(LEAD, SetRubric, rubric=Rubric(id="none", version=1, criteria=[])).refused("criteria_missing")
    twice = Rubric(id="twice", version=1, criteria=["specific", "specific"])
    running().limited(items=1).when(LEAD, SetRubric, rubric=twice).refused("criterion_twice", "limit_reached")


def test_a_rubric_that_every_tenant_has() -> None:
    """A programme adopts a built-in rubric as it is, and does not call another one by its id and version."""
    scenario = running().when(LEAD, SetRubric, rubric=BUILT_IN["smart"]).tags("rubric_set")
    other = Rubric(id="smart", version=1, criteria=["specific"])
    scenario.when(LEAD, SetRubric, rubric=other).refused("version_not_rising")
    running().when(LEAD, SetRubric, rubric=other).refused("version_not_rising")
    running().when(LEAD, SetRubric, rubric=msgspec.structs.replace(other, version=2)).tags("rubric_set")


def test_cadence_and_cap() -> None:
    """Both are set with what was before; the same again changes nothing; half a cadence is refused."""
    scenario = running().when(LEAD, SetCadence, cadence=WEEKLY).then(CadenceSet(after=WEEKLY))
    scenario.when(LEAD, SetCadence, cadence=WEEKLY).nothing()
    tenth = Cadence(rhythm="days", anchor=day(0), days=10)
    scenario.when(LEAD, SetCadence, cadence=tenth).then(CadenceSet(before=WEEKLY, after=tenth))
    assert scenario.state("programme").cadence == tenth
    scenario.when(LEAD, SetCadence, cadence=Cadence(rhythm="weekly", anchor=day(0), days=7)).refused("cadence_invalid")
    scenario.when(LEAD, SetCap, cap=2).then(CapSet(new=2))
    scenario.when(LEAD, SetCap, cap=2).nothing()
    scenario.when(LEAD, SetCap, cap=4).then(CapSet(old=2, new=4))
    assert scenario.state("programme").cap == 4


# templates
def test_templates() -> None:
    """Versions rise; the one published last stays readable with the older; retired ones are offered no longer."""
    scenario = running().when(LEAD, PublishTemplate, **OFFER).then(TemplatePublished(**OFFER))
    scenario.when(LEAD, PublishTemplate, **OFFER).nothing()
    scenario.when(LEAD, PublishTemplate, **OFFER | {"title": "Other"}).refused("version_not_rising")
    scenario.done(LEAD, PublishTemplate, **OFFER | {"version": 3, "kind": "outcome", "focus": "skill"})
    scenario.when(LEAD, PublishTemplate, **OFFER | {"version": 2}).refused("version_not_rising")
    state = scenario.state("programme")
    assert state.template(TEMPLATE, 1) == TemplatePublished(**OFFER)
    assert state.template(TEMPLATE, 3).focus == "skill"
    assert state.template(TEMPLATE, 2) is state.template(uid("other"), 1) is None
    scenario.when(LEAD, RetireTemplate, template=TEMPLATE, reason="Old").then(
        TemplateRetired(template=TEMPLATE, reason="Old")
    )
    scenario.when(LEAD, RetireTemplate, template=TEMPLATE).nothing()
    assert scenario.state("programme").template(TEMPLATE, 3) is None
    scenario.done(LEAD, PublishTemplate, **OFFER | {"version": 4})
    assert scenario.state("programme").template(TEMPLATE, 4).version == 4
    assert scenario.state("programme").template(TEMPLATE, 3) is None


def test_a_template_says_something() -> None:
    """An empty title, a measure twice, too many and one that cannot be met are refused, as is retiring nothing."""
    measure = Measure(measure=uid("m"), name="Talks", kind="count", direction="increase", unit="talks", target="3")
    scenario = running().limited(measures=1)
    scenario.when(LEAD, PublishTemplate, **OFFER | {"title": "", "measures": [measure, measure]}).refused(
        "title_missing", "measure_twice", "limit_reached"
    )
    assert scenario.problem("limit_reached").details == {"limit": "measures", "allowed": 1}
    done = msgspec.structs.replace(measure, baseline="3")
    scenario.when(LEAD, PublishTemplate, **OFFER | {"measures": [done]}).refused("baseline_is_target")
    assert scenario.problem("baseline_is_target").field == "measures.0.target"
    scenario.when(LEAD, RetireTemplate, template=TEMPLATE).refused("template_unknown")


# participants
def test_participants() -> None:
    """People are enrolled, get another role, and are withdrawn."""
    scenario = running().when(LEAD, EnrolParticipant, participant=MENTEE, role="mentee")
    scenario.then(ParticipantEnrolled(participant=MENTEE, role="mentee"))
    scenario.when(ADMIN, EnrolParticipant, participant=MENTEE, role="mentee").nothing()
    scenario.done(LEAD, EnrolParticipant, participant=MENTEE, role="peer")
    assert scenario.state("programme").participants.get(MENTEE) == "peer"
    scenario.when(LEAD, WithdrawParticipant, participant=MENTEE, reason="Moved").then(
        ParticipantWithdrawn(participant=MENTEE, reason="Moved")
    )
    assert MENTEE not in scenario.state("programme").participants
    scenario.when(LEAD, WithdrawParticipant, participant=MENTEE).refused("not_a_participant")


def test_a_person_leaves_without_asking() -> None:
    """Who takes part may withdraw alone, but nobody else."""
    scenario = running(ParticipantEnrolled(participant=MENTEE, role="mentee"))
    scenario.when(MENTOR, WithdrawParticipant, participant=MENTEE).refused("not_allowed")
    scenario.when(MENTEE, WithdrawParticipant, participant=MENTEE).tags("participant_withdrawn")


def test_admins_come_and_go_with_the_role() -> None:
    """The role admin gives the right to run the programme and another role ends it; somebody always has it."""
    scenario = running().done(LEAD, EnrolParticipant, participant=LEAD, role="mentor")
    assert scenario.state("programme").admins == {LEAD}
    scenario.when(LEAD, WithdrawParticipant, participant=LEAD).refused("last_admin")
    scenario.done(LEAD, EnrolParticipant, participant=MENTOR, role="admin")
    scenario.done(MENTOR, WithdrawParticipant, participant=LEAD)
    assert scenario.state("programme").admins == {MENTOR}
    scenario.when(LEAD, SetCap, cap=1).refused("not_allowed")
    scenario.when(MENTOR, EnrolParticipant, participant=MENTOR, role="mentor").refused("last_admin")
    scenario.done(MENTOR, EnrolParticipant, participant=LEAD, role="admin")
    scenario.done(LEAD, EnrolParticipant, participant=MENTOR, role="mentor")
    assert scenario.state("programme").admins == {LEAD}


# cycles
def test_cycles_run_once() -> None:
    """A period is planned, opened and closed, in this order and once."""
    scenario = running().when(LEAD, PlanCycle, **PERIOD).then(CyclePlanned(**PERIOD))
    scenario.when(LEAD, PlanCycle, **PERIOD).nothing()
    scenario.when(LEAD, PlanCycle, **PERIOD | {"title": "Autumn"}).refused("cycle_id_taken")
    scenario.when(LEAD, CloseCycle, cycle=CYCLE).refused("cycle_wrong_state")
    scenario.when(LEAD, OpenCycle, cycle=CYCLE).then(CycleOpened(cycle=CYCLE))
    assert scenario.state("programme").cycles.get(CYCLE).state == "active"
    scenario.when(LEAD, OpenCycle, cycle=CYCLE).refused("cycle_wrong_state")
    scenario.when(LEAD, CloseCycle, cycle=CYCLE).then(CycleClosed(cycle=CYCLE))
    scenario.when(LEAD, OpenCycle, cycle=CYCLE).refused("cycle_wrong_state")
    assert scenario.problem("cycle_wrong_state").details == {"state": "closed"}
    scenario.when(LEAD, OpenCycle, cycle=uid("other")).refused("cycle_unknown")
    scenario.when(LEAD, CloseCycle, cycle=uid("other")).refused("cycle_unknown")


def test_a_cycle_has_sane_dates() -> None:
    """A period of one day is legal; one that ends first, has no title or lasts beyond five years is not."""
    scenario = running()
    scenario.when(LEAD, PlanCycle, **PERIOD | {"ends_on": day(-1), "title": " "}).refused(
        "cycle_ends_first", "title_missing"
    )
    scenario.when(LEAD, PlanCycle, **PERIOD | {"ends_on": day(5 * 366)}).refused("cycle_too_long")
    scenario.when(LEAD, PlanCycle, **PERIOD | {"ends_on": day(0)}).tags("cycle_planned")


# figures
def test_surveys() -> None:
    """A survey's figures are recorded once, with the period that they are about."""
    score = SurveyScore(question="useful", mean="4.25", answers=8)
    full = SURVEYED | {"scores": [score], "cycle": CYCLE}
    scenario = running(CyclePlanned(**PERIOD)).when(LEAD, RecordSurvey, **full).then(SurveyRecorded(**full)).warned()
    scenario.when(LEAD, RecordSurvey, **full).nothing()
    scenario.when(LEAD, RecordSurvey, **full | {"answered": 9}).refused("figure_id_taken")


def test_surveys_that_cannot_be() -> None:
    """Every figure that contradicts another is told at once."""
    scores = [SurveyScore(question="useful", mean="4", answers=13), SurveyScore(question="useful", mean="3", answers=1)]
    wrong = {"title": "", "held_on": day(2), "answered": 12, "scores": scores, "cycle": uid("other")}
    scenario = running().limited(items=1).when(LEAD, RecordSurvey, **SURVEYED | wrong)
    scenario.refused(
        "title_missing",
        "in_future",
        "answered_too_many",
        "question_twice",
        "answers_too_many",
        "cycle_unknown",
        "limit_reached",
    )
    assert scenario.problem("answers_too_many").details == {"questions": ["useful"]}


@pytest.mark.parametrize(
    ("command", "event", "fields"), [(RecordCost, CostRecorded, COST), (RecordBenefit, BenefitRecorded, BENEFIT)]
)
def test_costs_and_benefits(command: type[Command], event: Any, fields: dict[str, Any]) -> None:
    """Amounts are recorded once, are more than nothing and not in the future; late ones are warned of."""
    scenario = running().when(LEAD, command, **fields).then(event(**fields)).warned()
    scenario.when(LEAD, command, **fields).nothing()
    scenario.when(LEAD, command, **fields | {"amount": "1"}).refused("figure_id_taken")
    for amount in ("0", "-5", "0.000000000"):
        running().when(LEAD, command, **fields | {"amount": amount, "on": day(2)}).refused(
            "amount_not_positive", "in_future"
        )
    running().when(LEAD, command, **fields | {"on": day(-8)}).warned("backdated")
    running().when(LEAD, command, **fields | {"on": day(-7)}).warned()
