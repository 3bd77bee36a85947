"""Given nothing or a programme with templates, when a goal is created, then ..."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.commands.goal import CreateGoal, RefineGoal
from milepost_contracts.events.goal import Created, MeasureDefined
from milepost_contracts.events.programme import TemplatePublished, TemplateRetired
from milepost_contracts.types import TemplateRef, TermsChange
from tests.support.goals import TALKS, created, mentored, organised
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    NOW,
    PROGRAMME,
    STRANGER,
    Scenario,
    acme,
    day,
    person,
    uid,
)

TEMPLATE = uid("template")
OFFERED = TemplatePublished(
    template=TEMPLATE,
    version=1,
    title="Give {{number}} talks about {{topic}}",
    description="Begin with {{audience}}.",
    kind="exploratory",
    focus="skill",
    horizon="short",
    measures=[
        TALKS,
        type(TALKS)(
            measure=uid("score"),
            name="Score of {{topic}}",
            kind="average",
            direction="increase",
            unit="of 10",
            target="8",
        ),
    ],
)


def create(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    """Let *by* create a goal of MENTEE's, other members as given."""
    return scenario.when(by, CreateGoal, **({"title": "Get better at presentations", "owner": MENTEE} | fields))


def from_template(**fields: Any) -> dict[str, Any]:
    """Return the member that names the template."""
    ref: dict[str, Any] = {"programme": PROGRAMME, "id": TEMPLATE, "version": 1}
    return {"template": TemplateRef(**(ref | fields))}


def test_a_starter_goal() -> None:
    """A person brings a goal with nothing but vague words; it is a draft of revision 1 and agreed by nobody."""
    scenario = create(acme()).warned()
    scenario.then(Created(title="Get better at presentations", owner=MENTEE, revision=1))
    goal = scenario.goal
    assert (goal.id, goal.state, goal.revision, goal.kind) == (GOAL, "drafted", 1, "smart")
    assert (goal.people, len(goal.agreements), goal.ever_agreed) == ({MENTEE}, 0, False)
    assert goal.created_on == day(0)


def test_everything_that_can_be_said() -> None:
    """All members of the command are in the event and in the state."""
    told: dict[str, Any] = {
        "title": "Lead",
        "owner": MENTEE,
        "kind": "outcome",
        "focus": "skill",
        "description": "Why not",
        "priority": 2,
        "horizon": "long",
        "time_zone": "Europe/Berlin",
        "start_on": day(1),
        "deadline": day(30),
        "visibility": "tenant",
        "external_ref": "HR-7",
        "tags": ["initiative:RETAIN", "leading"],
    }
    scenario = create(acme(), **told).warned().then(Created(**told, revision=1))
    goal = scenario.goal
    assert {name: getattr(goal, name) for name in told if name != "tags"} == {
        name: value for name, value in told.items() if name != "tags"
    }
    assert goal.tags == frozenset(told["tags"])


def test_for_somebody_else() -> None:
    """Any person may bring a goal for another; an admin's plugin may, other plugins and services may not."""
    create(acme(), by=MENTOR).tags("created")
    create(acme(), by="plugin:okr@1.0.0").refused("not_allowed")
    create(acme(), by="service:loader").refused("not_allowed")


@pytest.mark.parametrize("title", ["", "  \t\n"])
def test_without_a_title(title: str) -> None:
    """A title of white space is none."""
    create(acme(), title=title).refused("title_missing")


def test_all_reasons_at_once() -> None:
    """Every reason against a goal is told in one answer, with its field."""
    scenario = create(
        acme().limited(tags=1),
        title=" ",
        accountable=MENTOR,
        time_zone="Mars/Olympus",
        start_on=day(9),
        deadline=day(8),
        tags=["a", "b"],
    )
    scenario.refused("title_missing", "accountable_not_wanted", "zone_unknown", "start_after_deadline", "limit_reached")
    assert scenario.problem("zone_unknown").field == "time_zone"
    assert scenario.problem("limit_reached").details == {"limit": "tags", "allowed": 1}


@pytest.mark.parametrize("zone", ["America", "/etc/passwd", "Europe/Atlantis", "mars"])
def test_no_zone(zone: str) -> None:
    """What names no zone is refused, folders and files included."""
    create(acme(), time_zone=zone).refused("zone_unknown")


def test_warnings() -> None:
    """A deadline that is past already, and a career step instead of a skill, are accepted with a warning."""
    create(acme(), deadline=day(-1)).warned("backdated")
    create(acme(), focus="career").warned("outcome_framed")


def test_the_day_is_the_zones() -> None:
    """A goal created late in the evening of UTC is of the next day in Tokyo, and past is what is past there."""
    late = acme().at(dt.datetime(2026, 3, 2, 22, 0, tzinfo=dt.UTC))
    create(late, time_zone="Asia/Tokyo", deadline=day(0)).warned("backdated")
    assert late.goal.created_on == day(1)


def test_the_same_again() -> None:
    """The same goal again, by another command, changes nothing, also after it was proposed or placed."""
    scenario = create(acme(), tags=["a", "b"], deadline=day(3))
    create(scenario, tags=["b", "a"], deadline=day(3)).nothing()


def test_id_taken() -> None:
    """Another goal of the same id is refused, as is the same one after it was refined."""
    create(create(acme()), title="Something else").refused("goal_id_taken")
    refined = create(acme()).done(
        MENTEE, RefineGoal, changes=TermsChange(title="Three talks"), trigger="new_information"
    )
    create(refined).refused("goal_id_taken")


def test_from_a_template() -> None:
    """A template gives what the command leaves open, and its measures; values fill the placeholders in every text."""
    values = {"number": "3", "topic": "design"}
    scenario = create(organised().given(OFFERED, by=ADMIN), title="", **from_template(values=values)).warned()
    ref = from_template(values=values)["template"]
    named = type(TALKS)(
        measure=uid("score"), name="Score of design", kind="average", direction="increase", unit="of 10", target="8"
    )
    scenario.then(
        Created(
            title="Give 3 talks about design",
            owner=MENTEE,
            kind="exploratory",
            focus="skill",
            description="Begin with {{audience}}.",
            horizon="short",
            template=ref,
            revision=1,
        ),
        MeasureDefined(definition=TALKS, revision=2),
        MeasureDefined(definition=named, revision=3),
    )
    assert scenario.goal.revision == 3
    assert sorted(scenario.goal.measures) == sorted([TALKS.measure, uid("score")])
    create(scenario, title="", **from_template(values=values)).nothing()
    create(scenario, title="", **from_template(values={"number": "4"})).refused("goal_id_taken")


def test_own_words_before_the_templates() -> None:
    """What the command says stands before what the template says, its placeholders filled in as well."""
    scenario = create(
        organised().given(OFFERED, by=ADMIN),
        title="Speak about {{ topic }}",
        description="Slowly",
        focus="confidence",
        horizon="long",
        kind="outcome",
        **from_template(values={"topic": "design"}),
    )
    event = scenario.caused(Created)
    assert (event.title, event.description) == ("Speak about design", "Slowly")
    assert (event.focus, event.horizon, event.kind) == ("confidence", "long", "outcome")


@pytest.mark.parametrize(
    "ref", [{}, {"version": 2}, {"id": uid("another")}, {"programme": uid("another")}], ids=["retired", "v", "id", "p"]
)
def test_unknown_template(ref: dict[str, Any]) -> None:
    """A template, a version or a programme that there is not, or that is retired, is refused."""
    offered = organised().given(OFFERED, by=ADMIN)
    if not ref:
        offered.given(TemplateRetired(template=TEMPLATE), by=ADMIN)
    create(offered, **from_template(**ref)).refused("template_unknown")


def test_a_shared_goal() -> None:
    """A mentorship's goal has one accountable party; its parties, that person or an admin bring it."""
    shared: dict[str, Any] = {"owner": f"mentorship:{MENTORSHIP}", "accountable": MENTOR}
    for by in (MENTEE, MENTOR, ADMIN):
        create(mentored(), by=by, **shared).then(Created(title="Get better at presentations", **shared, revision=1))
    scenario = create(mentored(), **shared)
    assert scenario.goal.people == {MENTOR}
    create(mentored(), by=STRANGER, **shared).refused("not_allowed")


def test_a_shared_goal_refused() -> None:
    """Its owner exists and runs, and who is accountable belongs to it."""
    owner = f"mentorship:{MENTORSHIP}"
    create(mentored(), owner=owner).refused("accountable_missing")
    create(mentored(), by=ADMIN, owner=owner, accountable=STRANGER).refused("accountable_not_a_party")
    create(acme(), by=ADMIN, owner=owner, accountable=MENTEE).refused("mentorship_unknown")
    create(acme(), by=ADMIN, owner=f"programme:{PROGRAMME}", accountable=MENTEE).refused("programme_unknown")


def test_a_programmes_goal() -> None:
    """A programme's admin brings its goal; nobody else does unless accountable."""
    shared = {"owner": f"programme:{PROGRAMME}", "accountable": ADMIN}
    create(organised(), by=ADMIN, **shared).tags("created")
    create(organised(), by=STRANGER, **shared).refused("not_allowed")
    mine = shared | {"accountable": STRANGER}
    create(organised(), by=STRANGER, **mine).tags("created")


def test_accountable_for_oneself() -> None:
    """An owner who is also named as accountable is simply the owner."""
    create(acme(), accountable=MENTEE).then(Created(title="Get better at presentations", owner=MENTEE, revision=1))


def test_occurred_before() -> None:
    """A goal that was brought earlier, as the asker claims, is of that day; later is not possible."""
    create(acme(), occurred_at=NOW + dt.timedelta(minutes=6)).refused("in_future")
    scenario = create(acme(), occurred_at=dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC))
    assert scenario.goal.created_on == dt.date(2026, 2, 1)


def test_another_goals_id_is_free() -> None:
    """Other goals do not matter."""
    create(created(id=uid("other")), owner=person("third")).tags("created")
