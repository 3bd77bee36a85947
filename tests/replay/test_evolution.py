"""All goals of a programme: as of any moment what each goal was, what changed in between, slips, the way to SMART."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.journal import KeyStore
from milepost.replay import evolution as evolving
from milepost.replay import evolution_tracks
from milepost.replay.asof import as_of
from milepost.replay.desk import Desk
from milepost.replay.evolution import evolution
from milepost.sample import TENANT as SAMPLE
from milepost.sample import named, person, story
from milepost.sample.loading import load
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command, goal
from milepost_contracts.queries import AsOf, AsOfAnswer, Evolution, EvolutionAnswer
from milepost_contracts.queries.evolution import GoalEvolved
from tests.journal.wishes import run_sql
from tests.replay import goldens
from tests.replay.audited import (
    ADMIN,
    AUDITOR,
    CRITERIA,
    GOAL,
    MENTEE,
    MENTOR,
    OTHER,
    PAIR,
    TODAY,
    Audited,
    audited,
    day,
)
from tests.support.accepting import Acceptance, ident, user
from tests.support.postgres import postgres_url  # noqa: F401  fixture

GROWTH, PRIYA = named("programme", "growth"), person("priya")
LAST_DAYS = 500  # the sample tells of this year and the last


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Audited]:
    """Give an organisation without goals."""
    with audited(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a desk on the sample, told late: much that is recorded now is claimed to have happened long ago."""
    accept = Acceptance(tmp_path_factory.mktemp("sample"))

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    asyncio.run(load(ask, story(TODAY)))
    yield goldens.desk_of(accept.journal, accept.keys)
    accept.close()


def asked(desk: Desk, **members: object) -> EvolutionAnswer:
    """Return how the sample's goals evolved, all of them."""
    query = msgspec.convert({"actor": PRIYA, "id": GROWTH, "limit": 500} | members, Evolution)
    answer, _ = evolution(desk, SAMPLE, query, PRIYA)
    assert isinstance(answer, EvolutionAnswer), answer
    return answer


def one_by_one(desk: Desk, at: str, *, effective: bool) -> dict[str, AsOfAnswer]:
    """Return each goal that was in the programme at a moment, asked for by itself."""
    ids = {stored.ref[1] for stored in desk.journal.events_after(SAMPLE, 0, 10_000) if stored.ref[0] == "goal"}
    found: dict[str, AsOfAnswer] = {}
    for id_ in ids:
        answer, _ = as_of(desk, SAMPLE, AsOf(actor=PRIYA, id=id_, at=at, effective=effective), PRIYA)
        if isinstance(answer, AsOfAnswer) and answer.state["programme"] == GROWTH:
            found[id_] = answer
    return found


def check_same(evolved: list[GoalEvolved], alone: dict[str, AsOfAnswer]) -> None:
    """Each goal stands in *evolved* as it stands *alone*, and there are no others."""
    assert {one.goal for one in evolved} == alone.keys()
    for one in evolved:
        then, state, standing = one.then, alone[one.goal].state, alone[one.goal].standing
        assert standing is not None
        assert (then.title, then.state, then.owner) == (state["title"], state["state"], state["owner"])
        assert (then.deadline and str(then.deadline), then.revision) == (state["deadline"], state["revision"])
        agreed = [who for who, revision in state["agreements"].items() if revision == state["revision"]]
        assert then.agreed == sorted(agreed)
        assert (then.progress, then.expected, then.health) == (standing.progress, standing.expected, standing.health)
        assert then.version == alone[one.goal].version
        assert (then.cycle, then.mentorship) == (state["cycle"], state["mentorship"])


# The fixture of the module is the same for every example, and nothing writes to it.
PROPERTY = settings(max_examples=12, deadline=None)


@PROPERTY
@given(data=st.data())
def test_as_of_any_recorded_moment_each_goal_is_what_it_was(sample: Desk, data: st.DataObject) -> None:
    """At a random sequence, programme and goals asked one by one tell the same."""
    at = f"s{data.draw(st.integers(0, sample.newest(SAMPLE)))}"
    evolved = asked(sample, at=at)
    check_same(evolved.goals, one_by_one(sample, at, effective=False))
    assert evolved.figures.goals == len(evolved.goals)
    assert sum(evolved.figures.states.values()) == len(evolved.goals)


@PROPERTY
@given(days=st.integers(0, LAST_DAYS), before=st.integers(0, LAST_DAYS))
def test_by_occurred_time_too_and_what_lies_between(sample: Desk, days: int, before: int) -> None:
    """On a random day as it is known now, goals stand as each does alone; figures are those of what is listed."""
    at, since = (str(TODAY - dt.timedelta(days=count)) for count in sorted((days, before)))
    evolved = asked(sample, at=at, effective=True)
    check_same(evolved.goals, one_by_one(sample, at, effective=True))
    compared = asked(sample, at=at, since=since, effective=True, slips=True)
    earlier = {one.goal: one.then for one in asked(sample, at=since, effective=True).goals}
    assert {one.goal: one.before for one in compared.goals if one.before and one.before.inside} == earlier
    assert [one.then for one in compared.goals if one.then.inside] == [one.then for one in evolved.goals]
    assert {one.goal for one in compared.goals if "new" in one.changed} == {
        one.goal for one in compared.goals if one.before is None
    }
    moved = [slip.days for one in compared.goals for slip in one.slips]
    assert (compared.figures.slips.days, compared.figures.slips.later) == (sum(moved), sum(days > 0 for days in moved))


def test_pages_tell_every_goal_once(sample: Desk) -> None:
    """Page by page each goal comes once, in the order in which they were brought, with the figures of all."""
    whole = asked(sample, smart=True)
    rows, cursor = [], None
    while True:
        page = asked(sample, smart=True, limit=3, cursor=cursor)
        assert page.figures == whole.figures
        rows += page.goals
        if (cursor := page.next) is None:
            break
    assert [one.goal for one in rows] == [one.goal for one in whole.goals]
    assert [one.smart for one in rows] == [one.smart for one in whole.goals]
    assert len(rows) == whole.figures.goals > 3


def test_more_than_can_be_held_is_read_goal_by_goal(sample: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the documents are too many to hold, the answer is the same."""
    at = f"s{sample.newest(SAMPLE) - 7}"
    held = asked(sample, at=at, slips=True, smart=True)
    evolving._kept.clear()
    monkeypatch.setattr(evolution_tracks, "HELD_BYTES_MAX", 10_000)
    assert asked(sample, at=at, slips=True, smart=True) == held


def test_the_way_from_a_starter_goal_to_smart(told: Audited) -> None:
    """Each step is told in order, each criterion over all evaluations, and how long the way was."""
    told.bring()
    told.made_smart()
    told.begun()
    answer = told.evolved(smart=True)
    (one,) = answer.goals
    smart = one.smart
    assert smart is not None
    assert (smart.starter, smart.title, smart.from_template) == ("get better at talks", "Give three talks", False)
    assert [step.what for step in smart.steps] == [
        "created", "refined", "measure_defined", "deadline_set", "evaluated", "evaluated", "proposed", "agreed",
        "activated",
    ]  # fmt: skip
    refined, measured, dated, failed, passed = smart.steps[1:6]
    assert (refined.title, refined.fields, refined.trigger) == ("Give three talks", ["title"], "periodic")
    assert (measured.measure, measured.target, dated.deadline) == ("Talks given", "3 talks", day(60))
    assert (failed.passed, failed.unmet, passed.passed) == (False, ["relevant"], True)
    assert {told.criterion: told.met for told in smart.criteria} == {
        name: [name != "relevant", True] for name in CRITERIA
    }
    assert smart.became_smart == passed.on
    assert (smart.refinements, smart.measures_defined, smart.evaluations) == (1, 1, 2)
    assert (smart.days_to_smart, smart.days_to_agreement, smart.days_to_activation) == ("0", "0", "0")
    figures = answer.figures.smart
    assert (figures.brought, figures.smart, figures.agreed, figures.activated) == (1, 1, 1, 1)
    earlier = told.evolved(smart=True, at=f"s{failed.event.sequence}").goals[0].smart
    assert earlier is not None
    assert (earlier.became_smart, earlier.evaluations, len(earlier.steps)) == (None, 1, 5)


def test_slips_tell_whose_yes_they_voided_and_who_agreed_again(told: Audited) -> None:
    """Each move of the deadline comes with its reason; as of a moment before the new yes, there is none yet."""
    told.bring()
    told.made_smart()
    told.begun()
    began = told.desk.newest("acme")
    moved = told.slipped()
    again = told.agreed_again()
    earlier = told.slipped(days=80)
    first, second = told.evolved(slips=True).goals[0].slips
    assert (first.event.sequence, first.old, first.new, first.days) == (moved, day(60), day(90), 30)
    assert (first.reason, first.reason_code, first.event.actor) == ("The room is closed", "dependency", MENTEE)
    (voided,) = first.voided
    assert voided.event is not None
    assert (voided.party, voided.event.sequence, voided.days) == (MENTOR, again, "0")
    assert (second.event.sequence, second.days, second.voided[0].event) == (earlier, -10, None)
    slips = told.evolved().figures.slips
    assert (slips.later, slips.earlier, slips.goals, slips.days) == (1, 1, 1, 20)
    assert (slips.by_reason, slips.voided, slips.agreed_again) == ({"dependency": 2}, 2, 1)
    (then,) = told.evolved(slips=True, at=f"s{moved}").goals[0].slips
    assert then.voided[0].event is None
    compared = told.evolved(since=f"s{began}").goals[0]
    assert compared.changed == ["agreed", "disagreed", "slipped", "brought_forward"]
    assert compared.before is not None
    assert (compared.before.deadline, compared.then.deadline) == (day(60), day(80))
    assert (compared.before.agreement_open, compared.then.agreement_open) == (False, True)


def test_a_goal_belongs_where_it_was_placed_then(told: Audited) -> None:
    """A goal that moved to another programme left the one and joined the other; before, it was where it was."""
    told.bring()
    told.bring(ident("stays"), "stay")
    before = told.desk.newest("acme")
    parties = [{"ref": MENTEE, "role": "mentee"}, {"ref": MENTOR, "role": "mentor"}]
    members = {"command_id": ident("move"), "id": GOAL, "actor": MENTEE, "parties": parties, "programme": OTHER}
    told.accept.accepted(msgspec.convert(members, goal.PlaceGoal))
    told.say(MENTEE, goal.SetDeadline, new=day(30))
    told.slipped(days=50)
    assert [one.goal for one in told.evolved().goals] == [ident("stays")]
    assert sorted(one.goal for one in told.evolved(at=f"s{before}").goals) == sorted([GOAL, ident("stays")])
    assert [one.goal for one in told.evolved(id=OTHER).goals] == [GOAL]
    assert told.evolved(id=OTHER, at=f"s{before}").goals == []
    left = {one.goal: one for one in told.evolved(since=f"s{before}").goals}
    assert (left[GOAL].changed[0], left[GOAL].then.inside, left[GOAL].then.programme) == ("left", False, OTHER)
    joined = told.evolved(id=OTHER, since=f"s{before}").goals[0]
    assert (joined.changed, joined.before is not None) == (["joined", "slipped"], True)
    assert told.evolved().figures.slips.goals == 0
    assert told.evolved(id=OTHER).figures.slips.goals == 1
    assert told.evolved(aggregate="tenant", id=None).figures.goals == 2


def test_words_of_what_left_are_no_longer_the_programme_s(told: Audited) -> None:
    """That a goal left is told to the programme's admins, its words are not; auditors read them still."""
    told.bring()
    before = told.desk.newest("acme")
    parties = [{"ref": MENTEE, "role": "mentee"}, {"ref": MENTOR, "role": "mentor"}]
    members = {"command_id": ident("move"), "id": GOAL, "actor": MENTEE, "parties": parties}
    told.accept.accepted(msgspec.convert(members, goal.PlaceGoal))
    admins, auditors = told.evolved(ADMIN, since=f"s{before}"), told.evolved(since=f"s{before}")
    assert admins.goals[0].changed == auditors.goals[0].changed == ["left"]
    assert (admins.goals[0].then.title, auditors.goals[0].then.title) == (None, "get better at talks")
    assert {one.why for one in admins.unread} == {"not_entitled"}


def test_postgresql_tells_the_same(tmp_path: Path, postgres_url: str) -> None:  # noqa: F811  the fixture
    """With the journal in PostgreSQL an event is explained and goals are told as with SQLite."""
    with audited(tmp_path, postgres_url) as told:
        told.bring()
        told.made_smart()
        told.begun()
        moved = told.slipped()
        told.agreed_again()
        told.signed()
        explained = told.explained(sequence=moved)
        assert (explained.removed.finding, explained.proof.status) == ("nothing_missing", "proven")
        assert told.explained(event=explained.event.event) == explained
        (one,) = told.evolved(slips=True, smart=True).goals
        assert (one.then.title, one.slips[0].days, one.slips[0].voided[0].days) == ("Give three talks", 30, "0")
        assert told.evolved(at=f"s{moved - 1}").goals[0].then.deadline == day(60)


def test_mentorships_and_whole_tenants_are_told_alike(told: Audited) -> None:
    """A mentorship's goals are those placed in it; a tenant's are all, outside any programme too."""
    told.bring(mentorship=PAIR)
    told.bring(ident("alone"), "alone", programme=None)
    pair = told.evolved(MENTOR, aggregate="mentorship", id=PAIR)
    assert ([one.goal for one in pair.goals], pair.title) == ([GOAL], "To speak up")
    tenant = told.evolved(aggregate="tenant", id=None)
    assert sorted(one.goal for one in tenant.goals) == sorted([GOAL, ident("alone")])
    assert told.evolved().title == "Growing"


def test_who_may_see_how_a_programme_evolved(told: Audited) -> None:
    """Its admins and the tenant's auditors; participants are told that they may not, strangers that there is none."""
    told.bring(mentorship=PAIR)
    for reader in (ADMIN, AUDITOR):
        assert told.evolved(reader).goals[0].then.title == "get better at talks"
    assert told.refused(user("colleague")) == ["not_allowed"]
    assert told.refused(user("stranger")) == told.refused("service:react") == ["programme_unknown"]
    assert told.refused(AUDITOR, id=ident("nothing")) == ["programme_unknown"]
    assert told.refused(ADMIN, aggregate="tenant", id=None) == ["tenant_unknown"]
    assert told.refused(user("stranger"), aggregate="mentorship", id=PAIR) == ["mentorship_unknown"]
    for unnamed in ({"id": None}, {"aggregate": "tenant"}):
        assert told.refused(AUDITOR, **unnamed) == ["scope_not_named"]


def test_what_cannot_be_told_is_refused(told: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments that are none, in the wrong order or a version, a strange cursor, and too many goals are refused."""
    told.bring()
    newest = told.desk.newest("acme")
    assert told.refused(AUDITOR, at=f"s{newest + 9}") == ["sequence_unknown"]
    assert told.refused(AUDITOR, at="v999") == ["version_unknown"]
    assert told.refused(AUDITOR, since="now", at="s3") == ["moments_exchanged"]
    assert told.refused(AUDITOR, cursor="history-3") == ["invalid_cursor"]
    evolving._kept.clear()
    monkeypatch.setattr(evolving, "GOALS_MAX", 0)
    assert told.refused(AUDITOR) == ["too_much"]
    monkeypatch.setattr(evolving, "EVENTS_MAX", 1)
    assert told.refused(AUDITOR) == ["too_much"]


def test_the_same_question_is_counted_once(told: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are kept for the next page, a few questions at a time, and new events make new figures."""
    told.bring()
    assert told.evolved().figures.states == {"drafted": 1}
    kept = evolving._kept[told.accept.journal]
    assert len(kept) == 1
    told.evolved()
    assert len(kept) == 1
    told.say(MENTEE, goal.ProposeGoal, revision=2)
    assert told.evolved().figures.states == {"proposed": 1}
    monkeypatch.setattr(evolving, "KEPT_MAX", 3)
    for sequence in range(1, 9):
        told.evolved(at=f"s{sequence}")
    assert len(kept) == 3


def test_erased_words_stay_null_and_are_named(told: Audited, tmp_path: Path) -> None:
    """Once the mentee's key is gone titles and reasons are null, each named; dates, days and figures are still told."""
    told.bring()
    told.made_smart()
    told.begun()
    told.slipped()
    whole = told.evolved(slips=True, smart=True)
    run_sql(
        f"sqlite:///{tmp_path / 'keys.sqlite'}",
        f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{MENTEE}'",
    )
    keys = KeyStore(f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "keys")
    answer = told.evolved(slips=True, smart=True, desk=told.desk_with(keys))
    keys.close()
    (one,) = answer.goals
    assert (one.then.title, one.slips[0].reason, one.slips[0].days) == (None, None, 30)
    assert one.smart is not None
    assert (one.smart.starter, one.smart.steps[2].measure) == (None, None)
    assert {told.why for told in answer.unread} == {"erased"}
    assert {"/goals/0/then/title", "/goals/0/slips/0/reason", "/goals/0/smart/starter"} <= {
        told.at for told in answer.unread
    }
    assert answer.figures == whole.figures
