"""Where the operator asks for it, a goal that counts is closed with a score: in the kit, and on the bus."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from milepost_okr.config import Config
from milepost_okr.plan import Plan

from milepost.broker import EmbeddedBroker
from milepost.reviewers import reviewers
from milepost_contracts.answers import Accepted, Refused
from milepost_contracts.commands import goal
from milepost_contracts.types import Waiver
from tests.plugins.okr.telling import Q1_END, Q2_END, Company
from tests.plugins.okr.test_readme import README
from tests.react.conftest import MakeHost
from tests.support.accepting import create, ident, user
from tests.support.nats import Connect
from tests.support.reviewing import Stage, stage

SETTINGS = """
require_score = true
cycles = [{{ key = "now", starts_on = {first}, ends_on = {last} }}]
objectives = [{{ key = "grow", cycle = "now", key_results = [{{ key = "sales" }}] }}]
rules = [{{ to = "sales", focus = ["business"] }}]
"""


def asked(company: Company, id_: str, result: str = "achieved", **fields: Any) -> list[str]:
    """Return the codes with which closing a goal today, or on `closed_on`, is refused."""
    fields = {"closed_on": company.story.now.date().isoformat()} | fields
    told = company.told().host.review("goal.close_goal", by=company.owner, id_=id_, result=result, **fields)
    assert all(one.field == "score" and "a score from 0 to 1" in one.message for one in told)
    return [one.code for one in told]


@pytest.mark.parametrize(
    ("result", "score", "codes"),
    [
        ("achieved", None, ["score_missing"]),
        ("partially_achieved", None, ["score_missing"]),
        ("missed", None, ["score_missing"]),
        ("missed", "0", []),
        ("achieved", "0.9", []),
        ("abandoned", None, []),
    ],
)
def test_what_counts_is_closed_with_a_score(result: str, score: str | None, codes: list[str]) -> None:
    """A goal of a key result needs one, 0 too; one that is abandoned has none."""
    company = Company(require_score=True)
    given = {} if score is None else {"score": score}
    assert asked(company, company.goal().id, result, **given) == codes


def test_nobody_is_asked_for_one_unless_the_operator_wants_it() -> None:
    """By default every closing passes."""
    company = Company()
    assert asked(company, company.goal().id) == []


def test_the_message_names_what_it_counts_for() -> None:
    """Who reads it knows why a score is wanted, and what to do."""
    company = Company(require_score=True)
    one = company.goal()
    company.told()
    fields: dict[str, Any] = {"result": "missed", "closed_on": "2026-01-05"}
    (refusal,) = company.host.review("goal.close_goal", by=company.owner, id_=one.id, **fields)
    assert refusal.message == (
        "This goal counts for 'sales-1': close it with a score from 0 to 1 that says how far it got, or as abandoned."
    )


def test_what_does_not_count_passes() -> None:
    """Goals that no rule means, that have not begun, or of which nothing is known are closed as ever."""
    company = Company(require_score=True)
    assert asked(company, company.goal("other", focus="skill").id) == []
    assert asked(company, company.goal("draft", begun=False).id) == []
    assert asked(company, ident("nowhere")) == []


def test_a_cycle_that_is_over_asks_for_nothing() -> None:
    """Until the grading days are over a score is needed, then no longer; told later, it is where it still counts."""
    company = Company(require_score=True)
    one = company.goal()
    company.on(Q1_END + dt.timedelta(days=14))
    assert asked(company, one.id) == ["score_missing"]
    company.on(Q1_END + dt.timedelta(days=15))
    assert asked(company, one.id) == []
    assert asked(company, one.id, closed_on=Q1_END.isoformat()) == ["score_missing"]
    frozen = Company(require_score=True, scoring={"closed_cycles": "frozen"})
    one = frozen.goal()
    frozen.on(Q1_END + dt.timedelta(days=15))
    assert asked(frozen, one.id, closed_on=Q1_END.isoformat()) == []


def test_a_goal_that_has_left_is_asked_about_where_it_is() -> None:
    """One whose deadline moved into the next quarter counts there; one that moved beyond all of them nowhere."""
    company = Company(require_score=True)
    one = company.goal()
    company.on(dt.date(2026, 2, 2))
    company.shift(one, Q1_END, Q2_END)
    assert asked(company, one.id) == ["score_missing"]
    company.shift(one, Q2_END, dt.date(2026, 9, 30))
    assert asked(company, one.id) == []


def test_the_closing_itself_may_make_it_count() -> None:
    """A goal without a deadline counts by the day it is closed: then it needs a score, although it did not count."""
    company = Company(require_score=True)
    one = company.goal(deadline=None)
    assert company.node("sales-1")["goals"] == 0
    assert asked(company, one.id) == ["score_missing"]


def test_the_setting_changes_no_number() -> None:
    """Switching it on or off has no goal looked at again."""
    on, off = (Config(require_score=wanted) for wanted in (True, False))
    assert Plan(on, "acme").fingerprint == Plan(off, "acme").fingerprint != Plan(on, "globex").fingerprint


def test_the_two_lines_of_the_readme_are_understood() -> None:
    """What README.md tells an operator to write is what the settings take."""
    (named,) = {line.split("'")[1] for line in README.splitlines() if line.strip().startswith("MILEPOST_REVIEWS=")}
    assert reviewers(named) == {("goal", "close_goal"): ("okr",)}
    assert "    require_score = true\n" in README


async def _begun(accept: Stage, name: str, **terms: Any) -> None:
    """Have a goal begin by real commands."""
    await accept.accepted(create(name, **terms))
    who: dict[str, Any] = {"id": ident(name), "actor": user("mentee")}
    await accept.accepted(goal.ProposeGoal(command_id=ident(f"propose {name}"), revision=1, **who))
    waived = [Waiver(check=check, reason="-") for check in ("deadline", "measures", "evaluation", "placeholder")]
    begun = goal.ActivateGoal(command_id=ident(f"activate {name}"), revision=1, waivers=waived, **who)
    await accept.accepted(begun)


def _closing(name: str, score: str | None = None) -> goal.CloseGoal:
    return goal.CloseGoal(
        command_id=ident(f"close {name} {score}"), id=ident(name), actor=user("mentee"), result="partially_achieved",
        closed_on=dt.datetime.now(dt.UTC).date(), score=score,
    )  # fmt: skip


async def test_the_bus_has_no_closing_without_a_score(
    broker: EmbeddedBroker, connect: Connect, hosting: MakeHost, tmp_path: Path
) -> None:
    """A real command is refused with the plugin's code while it has no score; with one, and of others, it is stored."""
    host = hosting({"okr": "milepost_okr"}, review_s=3.0)
    today = dt.datetime.now(dt.UTC).date()
    host.configure("okr", SETTINGS.format(first=today - dt.timedelta(days=40), last=today + dt.timedelta(days=40)))
    await host.start()
    reviewed = {"reviews": "okr=goal.close_goal", "review_s": 3.0}  # its process is started for the first review
    async with stage(1, broker, await connect("cli"), tmp_path / "accept", **reviewed) as accept:
        await _begun(accept, "counts", focus="business")
        await _begun(accept, "does not", focus="skill")
        stored = accept.journal.after(0, 100)
        host.story.documents += [one.document for one in stored]
        await host.publish()
        await host.caught_up("okr")
        answer = await accept.ask(_closing("counts"))
        assert isinstance(answer, Refused)
        (told,) = answer.errors
        assert (told.code, told.field, told.details) == ("score_missing", "score", {"plugin": "okr"})
        assert "'sales'" in told.message
        assert accept.journal.after(0, 100) == stored
        assert isinstance(await accept.ask(_closing("counts", "0.4")), Accepted)
        assert isinstance(await accept.ask(_closing("does not")), Accepted)
