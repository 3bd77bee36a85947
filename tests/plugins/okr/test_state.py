"""What is kept stays small, costs what the goal costs, follows the configuration, and goals above follow theirs."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import milepost_okr
import msgspec
import pytest
from milepost_okr import drafting, history, logs
from milepost_okr.frame import Frame

from milepost_contracts.context import VALUE_BYTES_MAX
from milepost_contracts.events import goal as events
from milepost_contracts.events import programme as programmes
from milepost_contracts.testing import Host, StoryGoal
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Measure, Origin, Reading, Terms, TermsChange
from tests.plugins.okr.telling import JANUARY, PROGRAMME, Q1, Q1_END, Company, config


class CountingPort:
    """Counts what is read through it, and how much of it came back."""

    def __init__(self, port: Any) -> None:
        """Take the port that reads."""
        self._port = port
        self.reads = self.rows = 0

    def get(self, tenant: str, key: str) -> bytes | None:
        """See Port."""
        self.reads += 1
        found: bytes | None = self._port.get(tenant, key)
        return found

    def scan(self, tenant: str, prefix: str) -> list[tuple[str, bytes]]:
        """See Port."""
        found: list[tuple[str, bytes]] = self._port.scan(tenant, prefix)
        self.reads += 1
        self.rows += len(found)
        return found


def cost(others: int) -> tuple[int, int, int]:
    """Return reads, rows and writes of one reading where so many other goals count for the same key result."""
    company = Company()
    for number in range(others):
        company.goal(f"other {number}").reading("8")
    goal = company.goal()
    goal.reading("8")
    company.told()
    runner = company.host.runner
    port: Any = CountingPort(runner._around.port)  # a Port in all that is asked here
    runner._around = runner._around._replace(port=port)
    done = company.host.run(goal.reading("7").document)
    return port.reads, port.rows, len(done.turn.writes)


def test_an_event_costs_the_same_however_many_goals_there_are() -> None:
    """One reading reads and writes as much beside a hundred goals of the same key result as beside two."""
    assert cost(100) == cost(2)


def test_no_value_grows_with_a_goals_age() -> None:
    """Thousands of readings, corrections and check-ins are kept in parts, each within what a value may have."""
    company = Company()
    goal = company.goal(measured=False)
    company.measure(goal, kind="count", direction="increase", baseline=None, target="4000")
    for number in range(700):
        company.on(dt.date(2026, 1, 6) + dt.timedelta(days=number // 20))
        reading = goal.reading("2")
        company.talk(goal, number % 11, f"talk {number}")
        if number % 7 == 0:
            goal.retract(reading)
    assert company.score("sales-1") == str(Decimal(600 * 2) / 4000)
    sizes = {key: len(msgspec.json.encode(value)) for key, value in company.host.state.items()}
    assert sum(key.startswith("h/") for key in sizes) > 2
    assert max(sizes.values()) < logs.PART_BYTES + 4_000 < VALUE_BYTES_MAX


def test_an_event_with_very_much_in_it_is_kept_in_parts() -> None:
    """An import with twenty measures of fifty long steps each fits as well."""
    company = Company()
    scale = [f"{number:064d}" for number in range(50)]
    measures = [
        Measure(
            measure=uid(f"measure {number}"), name="M", kind="delta", direction="increase", unit="u", target="49",
            baseline="0", scale=scale,
        )
        for number in range(20)
    ]  # fmt: skip
    terms = Terms(title="T", owner=company.owner, focus="business", deadline=Q1_END, measures=measures)
    imported = events.Imported(origin=Origin(system="old"), as_of=dt.date(2026, 1, 2), state="active", terms=terms)
    company.story.add(imported, by=company.owner, id_=uid("imported"))
    assert company.values("sales-1") == {uid("imported"): "0"}
    assert max(len(msgspec.json.encode(value)) for value in company.host.state.values()) < VALUE_BYTES_MAX


# Starting over with another configuration


def moved(company: Company, **settings: Any) -> Host:
    """Return a host with another configuration that finds what the company's has kept."""
    host = Host(milepost_okr, config=config(**settings), story=company.story, now=company.story.now)
    host.stored = company.host.stored
    host.crash_after_commit()
    return host


def answers(host: Host) -> list[Any]:
    """Return everything that can be asked for."""
    asked: dict[str, Any] = {"by": f"user:{uid('admin')}", "roles": ["admin"]}
    return [host.ask(name, **asked) for name in ("objectives", "cycles", "export")]


OTHERS = {
    "objectives": [
        {"key": "grow-1", "cycle": "q1", "parent": "whole", "weight": 0.5, "key_results": [{"key": "skills-1"}]},
        {"key": "whole", "cycle": "q1"},
    ],
    "rules": [
        {"to": "skills-1", "focus": ["skill", "business"], "weight": 0.5},
        {"to": "whole", "focus": ["skill"]},
    ],
    "alignments": [{"to": key, "parents": ["initiative:REACH"]} for key in ("skills-1", "whole")],
}


@pytest.mark.parametrize("by_timer", [True, False])
def test_another_configuration_is_as_if_it_had_always_been(monkeypatch: pytest.MonkeyPatch, by_timer: object) -> None:
    """After a change every goal is looked at again, by timers or with the next events; meanwhile answers say so."""
    company = Company()
    anchor = company.goal("anchor", focus="other", external_ref="initiative:REACH")
    for number in range(130):
        goal = company.goal(f"goal {number}", focus=["business", "skill"][number % 2])
        goal.reading("5" if number % 4 else "7")
        if number % 5 == 0:
            goal.add(events.Aligned(parent=anchor.id, weight="0.25"))
    company.told()
    monkeypatch.setattr(drafting, "GOALS_MAX", 130)  # one less than there are
    host = moved(company, **OTHERS)
    assert host.ask("cycles", by=company.owner)["settled"] is False
    told = len(host.facts)
    company.place(goal, None)
    host.deliver(*company.story.documents)
    assert answers(host)[0]["settled"] is False
    assert len(host.facts) == told
    if by_timer:
        host.advance(host.now + dt.timedelta(minutes=5))
    else:
        for _ in range(40):
            company.place(goal, None)
            goal.reading("5")
        host.deliver(*company.story.documents)
    fresh = Host(milepost_okr, config=config(**OTHERS), story=company.story, now=company.story.now)
    fresh.deliver(*company.story.documents)
    host.now = fresh.now
    assert answers(host)[0]["settled"] is True
    assert answers(host) == answers(fresh)
    assert not [key for key in host.state if key.startswith(("k/sales", "s/sales"))]
    news = [data["key"] for _, data in host.facts[told:]]
    assert sorted(set(news)) == ["grow-1", "skills-1", "whole"]
    if by_timer:
        assert len(news) == 3


NONE: dict[str, Any] = {"cycles": [], "objectives": [], "rules": []}


@pytest.mark.parametrize("before", [NONE, {}])
def test_answers_go_by_another_configuration_at_once(before: dict[str, Any]) -> None:
    """Nothing has happened since it was written, the first one included: answers are those of who always had it."""
    company = Company(**before)
    anchor = company.goal("anchor", focus="skill", external_ref="initiative:REACH")
    for number in range(5):
        goal = company.goal(f"goal {number}", focus=["business", "skill"][number % 2])
        goal.reading(str(5 + number))
        goal.add(events.Aligned(parent=anchor.id, weight="0.25"))
    company.told()
    host, kept = moved(company, **OTHERS), dict(company.host.state)
    fresh = Host(milepost_okr, config=config(**OTHERS), story=company.story, now=company.story.now)
    fresh.deliver(*company.story.documents)
    told = len(host.facts)
    assert answers(host) == answers(fresh)
    assert answers(host)[0]["settled"] is True
    assert host.ask("key_result", by=company.owner, key="skills-1")["counted"] == 6
    assert (host.state, len(host.facts), host.stored.timers) == (kept, told, {})


def test_an_administrator_has_it_settled() -> None:
    """`settle` begins what the next event would begin, timers go on with it, and what has another number is told."""
    company = Company(**NONE)
    for number in range(70):
        company.goal(f"goal {number}").reading("7")
    company.told()
    host = moved(company)
    assert host.act("settle", id_="1") == {"settled": False}
    host.advance(host.now + dt.timedelta(minutes=1))
    assert {data["key"]: data["score"] for _, data in host.facts} == {"sales-1": "0.5", "grow-1": "0.5"}
    assert host.act("settle", id_="2") == {"settled": True}
    assert host.stored.timers == {}
    assert host.act("juggle", id_="3") is None


def test_of_a_tenant_in_which_nothing_happened_nothing_is_settled() -> None:
    """Its history may be on the way."""
    assert Company().answer("objectives")["settled"] is False


def test_the_same_configuration_again_is_no_change() -> None:
    """A restart looks at nothing again."""
    company = Company()
    company.goal().reading("7")
    company.told()
    host = moved(company)
    assert host.ask("cycles", by=company.owner)["settled"] is True
    assert host.stored.timers == {}


# Goals that take their progress from their children


def from_children(goal: StoryGoal, source: str = "children") -> None:
    """Let *goal* take its progress from there."""
    goal.add(events.Refined(before=TermsChange(), after=TermsChange(progress_from=source), trigger="other"))


def family() -> tuple[Company, dict[str, StoryGoal]]:
    """Return a career goal above a learning goal above two skills; the career goal alone counts."""
    company = Company(rules=[{"to": "sales-1", "focus": ["career"]}, {"to": "sales-2", "focus": ["career"]}])
    names = {"career": "career", "learning": "knowledge", "one": "skill", "two": "skill"}
    told = {name: company.goal(name, focus=focus) for name, focus in names.items()}
    for name, parent, weight in (("learning", "career", "1"), ("one", "learning", "0.5"), ("two", "learning", "1")):
        told[name].add(events.Aligned(parent=told[parent].id, weight=weight))
    for name in ("learning", "career"):
        from_children(told[name])
    return company, told


def test_a_goal_that_takes_its_progress_from_its_children_follows_them() -> None:
    """Through two levels, by weight, without an event of its own; and back to its measures when that is said."""
    company, told = family()
    assert company.score("sales-1") == "0"
    told["one"].reading("5")
    assert company.values("sales-1") == {told["career"].id: "0.333333333"}
    told["two"].reading("7")
    assert company.values("sales-1") == {told["career"].id: "0.666666667"}
    told["two"].add(events.Unaligned(parent=told["learning"].id))
    assert company.score("sales-1") == "1"
    from_children(told["career"], "measures")
    assert company.score("sales-1") == "0"


def test_a_goal_whose_children_have_no_progress_has_none() -> None:
    """Children without any measure say nothing, and a goal without children has no progress to take."""
    company = Company()
    above, below = company.goal("above", measured=False), company.goal("below", measured=False, focus="skill")
    from_children(above)
    assert company.values("sales-1") == {above.id: None}
    below.add(events.Aligned(parent=above.id, weight="1"))
    assert company.values("sales-1") == {above.id: None}
    company.measure(below)
    assert company.values("sales-1") == {above.id: "0"}


def test_children_change_a_cycle_that_runs_and_none_that_is_over() -> None:
    """What the children came to by the last day stays; what is told of them later counts where the goal is now."""
    company, told = family()
    told["two"].reading("7")
    company.on(dt.date(2026, 4, 3))
    company.shift(told["career"], Q1_END, dt.date(2026, 6, 30))
    told["two"].reading("5", on=dt.date(2026, 3, 30))
    assert (company.score("sales-1"), company.score("sales-2")) == ("0.3333", "0.5")


def test_many_children_a_day_are_one_entry_above() -> None:
    """The history of a goal above grows by days, not by the readings of all its children."""
    company, told = family()
    for number in range(30):
        told["two"].reading(str(5 + number % 4))
    company.told()
    assert len(company.host.state[f"h/{told['career'].id}/sums/0"]) == 1


def test_a_loop_in_a_broken_history_ends() -> None:
    """Two goals that take their progress from each other come to an end, and that is logged."""
    company = Company()
    one, two = company.goal("one"), company.goal("two")
    one.reading("7")
    for goal, other in ((one, two), (two, one)):
        goal.add(events.Aligned(parent=other.id, weight="1"))
        from_children(goal)
    third = company.goal("third")
    third.add(events.Aligned(parent=one.id, weight="1"))
    third.reading("5")
    assert company.node("sales-1")["goals"] == 3


# What is no event of a goal


def test_a_correction_of_what_never_came_changes_nothing() -> None:
    """A reading, a check-in, a measure or a closing that is unknown here is none."""
    company = Company()
    goal = company.goal()
    fixed = events.ProgressCorrected(
        corrects=uid("event"), measure=uid("measure"), before=Reading(), after=Reading(reading="5"), reason="-"
    )
    goal.add(fixed)
    goal.add(events.CheckInAmended(check_in=uid("talk"), confidence=3))
    goal.add(events.CheckInVoided(check_in=uid("talk"), reason="-"))
    goal.add(events.TargetRevised(measure=uid("other"), old="1", new="2"))
    goal.add(events.ClosureAmended(old_result="missed", new_result="achieved", reason="-"))
    node = company.node("sales-1")
    assert (node["score"], node["confidence"]) == ("0", None)
    assert Frame([history.Settled(Q1_END, Q1_END, 5, "missed", None)]).closing(history.NEVER) is None


def test_days_of_cycles_are_kept_and_other_events_are_not_taken() -> None:
    """Of a programme only the days of its cycles are kept."""
    company = Company(cycles=[Q1], objectives=[], rules=[])
    planned = programmes.CyclePlanned(
        cycle=uid("first"), title="Words", starts_on=Q1["starts_on"], ends_on=Q1["ends_on"]
    )
    company.story.add(planned, by=company.owner, id_=PROGRAMME)
    company.story.add(programmes.CycleOpened(cycle=uid("first")), by=company.owner, id_=PROGRAMME)
    company.told()
    assert {key: value for key, value in company.host.state.items() if key != "m"} == {
        f"c/{uid('first')}": ["2026-01-01", "2026-03-31"]
    }
    assert JANUARY.tzinfo is not None
