"""Every command is a verb: reachable, whole, with help and an example."""

from __future__ import annotations

import datetime as dt

import pytest

from milepost.cli.aggregates import CURATED, verb_name
from milepost.cli.app import VERBS
from milepost.cli.errors import VerbError
from milepost.cli.importing_lines import BEGINS, MAKES
from milepost.cli.members import members
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.commands import COMMANDS, goal, mentorship, person, programme, tenant
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import (
    Account,
    Agreement,
    Cadence,
    Criterion,
    GoalDisposition,
    Measure,
    Origin,
    Party,
    Rubric,
    RubricRef,
    SurveyScore,
    Waiver,
)
from tests.cli.verbs import Typing, every_verb, generated, shown
from tests.support.scenario import GOAL, MENTEE, MENTOR, MENTORSHIP, PROGRAMME, uid

VERB_PATHS = dict(every_verb())
TYPED = [key for key in COMMANDS if key != ("access", "record")]  # what somebody reads is recorded by who gives it


@pytest.mark.parametrize(("aggregate", "name"), TYPED)
def test_every_command_is_a_verb(aggregate: str, name: str) -> None:
    """A command of the contracts can be typed, under its aggregate and without repeating it, and is curated."""
    verb = verb_name(COMMANDS[aggregate, name])
    assert f"milepost {aggregate} {verb}" in VERB_PATHS
    assert name in CURATED[aggregate]


@pytest.mark.parametrize("aggregate", CURATED)
def test_nothing_is_curated_that_is_no_command(aggregate: str) -> None:
    """What is curated names commands, and members that they have."""
    for name, curated in CURATED[aggregate].items():
        known = {*members(COMMANDS[aggregate, name]), "id", "terms.owner"}
        assert {*curated.args, *curated.defaults, *filter(None, [curated.makes])} <= known, name


def test_imports_make_the_same_ids_as_verbs() -> None:
    """A file and a verb agree on which ids may be left out."""
    made = {(kind, name): curated.makes for kind, verbs in CURATED.items() for name, curated in verbs.items()}
    assert {name: makes for (_, name), makes in made.items() if makes not in ("", "id")} == MAKES
    assert {key for key, makes in made.items() if makes == "id"} == BEGINS


@pytest.mark.parametrize(("aggregate", "name"), TYPED)
def test_every_member_can_be_typed(aggregate: str, name: str) -> None:
    """A verb has an option or an argument for every member of its command."""
    made = generated(aggregate, verb_name(COMMANDS[aggregate, name]))
    params = {param.name for param in made.verb("verb").params}
    wanted = set(members(COMMANDS[aggregate, name])) - {"changes", "terms"}
    assert wanted <= params
    assert {"command_id", "expected_version", "occurred_at", "on_behalf_of", "as_", "tenant", "json"} <= params


@pytest.mark.parametrize("path", VERB_PATHS)
def test_every_verb_has_help_and_an_example(path: str) -> None:
    """Help says what a verb does and shows at least one line that begins with the verb itself."""
    verb = VERB_PATHS[path]
    told = shown(verb, path)
    assert verb.help
    assert verb.examples
    assert all(example in told for example in verb.examples)
    names = {path, path.replace("hold-check-in", "check-in")}
    assert all(any(example.startswith(name) for name in names) for example in verb.examples), verb.examples


def test_later_verbs_are_not_listed() -> None:
    """What does not work yet is not offered."""
    assert VERBS.keys().isdisjoint({"web"})


async def test_a_first_goal_needs_a_title_alone() -> None:
    """The owner is who asks, and ids of version 7 are made and told."""
    typing = Typing()
    sent = await typing('goal create "Give a talk"')
    assert isinstance(sent, goal.CreateGoal)
    assert (sent.title, sent.owner, sent.actor) == ("Give a talk", MENTEE, MENTEE)
    assert sent.id[14] == sent.command_id[14] == "7"
    assert sent.id in typing.stdout.getvalue()


async def test_quiet_prints_the_id_alone() -> None:
    """A script gets the id that was made and nothing else."""
    typing = Typing()
    sent = await typing('goal create "Give a talk" -q')
    assert typing.stdout.getvalue() == f"{sent.id}\n"


async def test_the_answer_as_a_document() -> None:
    """With --json the answer is one document, with what was made in it."""
    typing = Typing(as_json=True)
    sent = await typing('goal add-milestone talk "First rehearsal" 2027-01-31')
    assert isinstance(sent, goal.AddMilestone)
    assert f'"made":{{"milestone":"{sent.milestone}"}}' in typing.stdout.getvalue()
    assert typing.stdout.getvalue().count("\n") == 1


async def test_given_ids_are_taken() -> None:
    """Whoever brings ids keeps them, so that a command can be sent again."""
    sent = await Typing()(f"goal create x --id {uid('mine')} --command-id {uid('command')}")
    assert (sent.id, sent.command_id) == (uid("mine"), uid("command"))


async def test_the_envelope() -> None:
    """Versions, times and on whose behalf are options of every command."""
    line = "goal archive talk --expected-version 6 --occurred-at 2026-03-01T09:30:00+01:00 --on-behalf-of ben"
    sent = await Typing()(line)
    assert (sent.id, sent.expected_version, sent.on_behalf_of) == (GOAL, 6, MENTOR)
    assert sent.occurred_at == dt.datetime(2026, 3, 1, 8, 30, tzinfo=dt.UTC)


async def test_a_measure_of_the_usual_kind() -> None:
    """A measure is a count that increases unless it is said otherwise; a yes needs no target."""
    sent = await Typing()('goal define-measure talk "talks given" --target 3')
    assert isinstance(sent, goal.DefineMeasure)
    assert (sent.kind, sent.direction, sent.unit, sent.target) == ("count", "increase", "times", "3")
    sent = await Typing()('goal define-measure talk "asked for a slot" --kind binary')
    assert isinstance(sent, goal.DefineMeasure)
    assert (sent.kind, sent.unit, sent.target) == ("binary", "yes or no", "1")


async def test_lists_are_repeated() -> None:
    """A member that is a list takes its option once for each item."""
    sent = await Typing()("goal define-measure talk grade --kind delta --target 2 --scale F --scale D --source ben")
    assert isinstance(sent, goal.DefineMeasure)
    assert (sent.scale, sent.sources) == (["F", "D"], [MENTOR])


async def test_refining_lays_the_changes_flat() -> None:
    """What changes are options; --clear empties one."""
    sent = await Typing()('goal refine talk --title "Give two talks" --clear description --trigger periodic')
    assert isinstance(sent, goal.RefineGoal)
    assert (sent.changes.title, sent.changes.description, sent.trigger) == ("Give two talks", None, "periodic")


async def test_nested_values() -> None:
    """Nested values have short forms, and JSON does as well."""
    sent = await Typing()(
        'goal resume talk --waive deadline="an open end" --waive \'{"check":"measures","reason":"none"}\''
    )
    assert isinstance(sent, goal.ResumeGoal)
    assert sent.waivers == [Waiver(check="deadline", reason="an open end"), Waiver(check="measures", reason="none")]
    placed = await Typing()("goal place talk --mentorship maya-ben --party maya=mentee --party ben=mentor")
    assert isinstance(placed, goal.PlaceGoal)
    assert placed.mentorship == MENTORSHIP
    assert placed.parties == [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
    cadence = await Typing()("programme set-cadence growth 10d@2026-03-02")
    assert isinstance(cadence, programme.SetCadence)
    assert cadence.cadence == Cadence(rhythm="days", anchor=dt.date(2026, 3, 2), days=10)
    rubric = await Typing()("programme set-rubric growth house@2:specific,worthwhile")
    assert isinstance(rubric, programme.SetRubric)
    assert rubric.rubric == Rubric(id="house", version=2, criteria=["specific", "worthwhile"])
    survey = await Typing()("programme record-survey growth Survey --invited 20 --answered 18 --score useful=4.2/18")
    assert isinstance(survey, programme.RecordSurvey)
    assert survey.scores == [SurveyScore(question="useful", mean="4.2", answers=18)]


async def test_nested_values_of_people() -> None:
    """Accounts, agreements, what becomes of goals when somebody leaves, and who a goal belongs to."""
    linked = await Typing()("person link me --name Maya --account github:maya --account mail:maya@example.org")
    assert isinstance(linked, person.Link)
    assert linked.accounts == [
        Account(system="github", account="maya"),
        Account(system="mail", account="maya@example.org"),
    ]
    line = "mentorship replace-party maya-ben ben maya=peer --reason x --goal talk=place:maya-ben --goal {}=keep"
    replaced = await Typing()(line.format(uid("other")))
    assert isinstance(replaced, mentorship.ReplaceParty)
    assert replaced.goals == [
        GoalDisposition(goal=GOAL, disposition="place", mentorship=MENTORSHIP),
        GoalDisposition(goal=uid("other"), disposition="keep"),
    ]
    line = (
        "goal import --origin notes:17 --state active --title x --agreement ben@2026-01-02 --party ben=mentor --tag a"
    )
    imported = await Typing()(line)
    assert isinstance(imported, goal.ImportGoal)
    assert imported.origin == Origin(system="notes", ref="17")
    assert imported.agreements == [Agreement(party=MENTOR, on=dt.date(2026, 1, 2))]
    assert (imported.terms.owner, imported.terms.tags, len(imported.terms.parties)) == (MENTEE, ["a"], 1)
    given = await Typing()("goal transfer-ownership talk mentorship:maya-ben --accountable ben")
    assert isinstance(given, goal.TransferOwnership)
    assert (given.owner, given.accountable) == (f"mentorship:{MENTORSHIP}", MENTOR)
    granted = await Typing()("tenant grant-role plugin:okr@1.0 auditor")
    assert isinstance(granted, tenant.GrantRole)
    assert granted.ref == "plugin:okr@1.0"


async def test_a_rubric_that_is_named() -> None:
    """An evaluation may name its rubric, with its version."""
    sent = await Typing()("goal evaluate talk specific=yes --rubric house@2")
    assert isinstance(sent, goal.EvaluateGoal)
    assert sent.rubric == RubricRef(id="house", version=2)


async def test_measures_of_a_template() -> None:
    """A measure in short: its name and target, then whatever differs from a count."""
    line = (
        'programme publish-template growth "Talks" --version 1 --measure "score, by peers=8,kind=average,samples_min=3"'
    )
    sent = await Typing()(line)
    assert isinstance(sent, programme.PublishTemplate)
    (measure,) = sent.measures
    expected = Measure(
        measure=measure.measure,
        name="score, by peers",
        kind="average",
        direction="increase",
        unit="points",
        target="8",
        samples_min=3,
    )
    assert measure == expected


async def test_an_evaluation_criterion_by_criterion() -> None:
    """Criteria are yes or no, with a note."""
    sent = await Typing()('goal evaluate talk specific=yes time-bound=no:"no date yet"')
    assert isinstance(sent, goal.EvaluateGoal)
    assert sent.criteria == [
        Criterion(criterion="specific", met=True),
        Criterion(criterion="time_bound", met=False, note="no date yet"),
    ]


@pytest.mark.parametrize(
    ("typed", "reading", "step"),
    [("3", "3", None), ("-0.5", "-0.5", None), ("yes", True, None), ("miss", False, None), ("B", None, "B")],
)
async def test_readings(typed: str, reading: object, step: str | None) -> None:
    """A reading is a number, a yes or a no, or a word of the scale."""
    sent = await Typing()(f"goal record-progress talk --measure {uid('measure')} -- {typed}")
    assert isinstance(sent, goal.RecordProgress)
    assert (sent.reading, sent.step) == (reading, step)


async def test_who_meets_whom() -> None:
    """Naming a mentor makes me the mentee, and two people are a pair."""
    sent = await Typing()('mentorship request --mentor ben --purpose "To speak up"')
    assert isinstance(sent, mentorship.Request)
    assert sent.parties == [Party(ref=MENTEE, role="mentee"), Party(ref=MENTOR, role="mentor")]
    assert sent.format == "one_to_one"


async def test_a_tenant_is_opened_by_the_command_line_itself() -> None:
    """A person cannot open a tenant, so the verb speaks as a service; its id follows from its name."""
    sent = await Typing()("tenant open acme --admin me")
    assert isinstance(sent, tenant.Open)
    assert (sent.actor, sent.id, sent.admins) == ("service:cli", tenant_id("acme"), [MENTEE])


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ("goal set-deadline talk soon", "bad_value", "new"),
        ("goal set-deadline talk 2026-02-30", "bad_value", "new"),
        ("goal add-party talk ben", "bad_value", "party"),
        ("goal add-party talk ben=boss", "bad_value", "party"),
        ("goal add-party talk nobody=mentor", "bad_value", "party"),
        ("goal close talk achieved --score high", "bad_value", "score"),
        ("goal align talk talk --weight 1e3", "bad_value", "weight"),
        ("goal resume talk --waive deadline", "bad_value", "waive"),
        ("goal refine talk", "nothing_to_refine", "changes"),
        ("goal create", "title_missing", "title"),
        ("goal evaluate talk", "bad_usage", "criteria"),
        ("goal define-measure talk x", "bad_usage", "target"),
        ("goal set-schedule talk --time-zone 'Mars/Base One'", "invalid_field", "time_zone"),
        ("goal set-deadline talk 9999-01-01", "invalid_field", None),
        ("goal give-feedback talk fine --rating 3 --about nobody", "bad_value", "about"),
        ("mentorship hold-session maya-ben --session 12 --attendee me", "invalid_field", "session"),
    ],
)
async def test_what_cannot_be_sent(line: str, code: str, field: str | None) -> None:
    """What no receiver would take is told before anything is sent, with the option and status 2."""
    typing = Typing()
    with pytest.raises(VerbError) as caught:
        await typing(line)
    (problem,) = caught.value.problems
    assert (problem.code, problem.field, caught.value.status) == (code, field, 2)
    assert typing.asker.commands == []


async def test_a_refusal_ends_with_its_reasons() -> None:
    """All reasons of a refusal are kept, and the status is 1."""
    typing = Typing()
    problems = [Problem(code="quorum_missing", message="Ask ben.", field="revision"), Problem(code="x", message="y")]
    typing.asker.refusal = Refused(errors=problems)
    with pytest.raises(VerbError) as caught:
        await typing("goal activate talk --revision 2")
    assert (caught.value.problems, caught.value.status, caught.value.word) == (problems, 1, "refused")


async def test_an_unknown_outcome_says_how_to_ask_again() -> None:
    """When it is not known whether it happened, the hint repeats every id that was made."""
    typing = Typing()
    typing.asker.refusal = Failed(errors=[Problem(code="no_answer", message="Nobody answered.")], retry=True)
    with pytest.raises(VerbError) as caught:
        await typing("goal create x")
    sent = typing.asker.sent
    assert f"--command-id {sent.command_id} --id {sent.id}" in caught.value.hint


async def test_the_programme_of_a_cycle() -> None:
    """A programme's own cycles are found by the programme that the command is about."""
    sent = await Typing()(f"programme open-cycle growth {uid('cycle')}")
    assert (sent.id, isinstance(sent, programme.OpenCycle)) == (PROGRAMME, True)
