"""`milepost serve`: one process, ready when every part is up, stopped cleanly, the sample loaded once."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from milepost.sample import named, person
from milepost_contracts.queries import (
    AtRisk,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    Inbox,
    InboxAnswer,
    OverdueCheckIns,
    OverdueCheckInsAnswer,
    Programme,
    ProgrammeAnswer,
)
from milepost_contracts.queries import Goal as GoalQuery
from tests.support.ledger import check_stream, check_view, everything, stream_documents
from tests.support.road import Road
from tests.support.sampled import ENDINGS, check_among_them, check_scenarios


async def _get(url: str) -> tuple[int, dict[str, object]]:
    def get() -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own address
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    status, body = await asyncio.to_thread(get)
    return status, msgspec.json.decode(body)


async def test_the_sample_is_seen_by_the_people_in_it(road: Road) -> None:
    """Each scenario sent over the bus, from starter goal to closing, is told to both of its people, words opened."""
    client = await road.connect()
    asker = road.asker(client)
    stored = everything(f"sqlite:///{road.folder}/journal.sqlite")
    newest = f"{stored[-1].sequence:016d}"
    for name, ending in ENDINGS.items():
        for who in ending.people:
            asked = GoalQuery(actor=person(who), id=named("goal", name), min_sequence=newest)
            goal = await asker.query("sample", asked)
            assert isinstance(goal, GoalAnswer)
            assert goal.sequence >= newest  # that people are given keys is recorded meanwhile
            assert (goal.goal.state, goal.goal.result, goal.goal.score) == ("closed", ending.result, ending.score)
    mine = await asker.query("sample", GoalsOf(actor=person("maya")))
    assert isinstance(mine, GoalsAnswer)
    assert "Present with confidence to colleagues" in {card.title for card in mine.goals}
    await client.close()


async def test_the_sample_has_something_for_every_list(road: Road) -> None:
    """Beside what is closed there are goals in each state, at risk, without their check-in, and things to do."""
    client = await road.connect()
    asker = road.asker(client)
    stored = everything(f"sqlite:///{road.folder}/journal.sqlite")
    newest = f"{stored[-1].sequence:016d}"
    priya, growth = person("priya"), named("programme", "growth")
    programme = await asker.query("sample", Programme(actor=priya, id=growth, min_sequence=newest))
    assert isinstance(programme, ProgrammeAnswer)
    assert programme.figures is not None
    assert programme.figures.funnel == {"drafted": 1, "proposed": 1, "active": 4, "paused": 1, "closed": 9}
    assert {cycle.title: cycle.state for cycle in programme.cycles} == {"Last year": "closed", "This year": "active"}
    at_risk = await asker.query("sample", AtRisk(actor=priya))
    assert isinstance(at_risk, GoalsAnswer)
    assert named("goal", "thesis") in {card.id for card in at_risk.goals}
    overdue = await asker.query("sample", OverdueCheckIns(actor=priya))
    assert isinstance(overdue, OverdueCheckInsAnswer)
    assert {one.goal.id for one in overdue.check_ins} == {named("goal", "thesis"), named("goal", "mentees")}
    for who, kinds in (("lena", {"agree_expectations", "check_in"}), ("omar", {"agree", "check_in"})):
        inbox = await asker.query("sample", Inbox(actor=person(who), min_sequence=newest))
        assert isinstance(inbox, InboxAnswer)
        assert kinds <= {todo.kind for todo in inbox.todos}
    await client.close()


async def test_journal_stream_and_view_agree_and_the_sample_comes_once(road: Road, tmp_path: Path) -> None:
    """After a restart nothing is new but that somebody looked; journal, stream and view hold the same scenarios.

    SIGTERM ends it with 0.
    """
    journal = f"sqlite:///{road.folder}/journal.sqlite"
    before = everything(journal)
    assert await road.stop() == 0
    await road.start()
    client = await road.connect()
    looked = before
    for _ in range(2):  # the second look gets the same keys, and waits for what is recorded of the first
        newest = f"{looked[-1].sequence:016d}"
        await road.asker(client).query("sample", GoalsOf(actor=person("maya"), min_sequence=newest))
        looked = everything(journal)
    publisher = await road.connect("publish")
    found = await stream_documents(publisher)
    await publisher.close()
    await client.close()
    assert await road.stop() == 0
    after = everything(journal)
    assert [one.document for one in after] == [one.document for one in looked]
    assert [one.document for one in looked[: len(before)]] == [one.document for one in before]
    assert {one.ref[0] for one in looked[len(before) :]} == {"access"}
    check_stream(after, found)
    documents = [document for _, _, document in found]
    check_scenarios(documents)
    check_among_them(documents)
    assert check_view(f"sqlite:///{road.folder}/view.sqlite", after, tmp_path)


async def test_health_is_told_from_the_start(road: Road) -> None:
    """`/livez` and `/readyz` answer; anything else is unknown."""
    assert await _get(f"{road.http}/livez") == (200, {"status": "alive"})
    assert await _get(f"{road.http}/readyz") == (200, {"status": "ready", "waiting_for": []})
    status, body = await _get(f"{road.http}/goals")
    assert (status, body["status"]) == (404, "unknown")


async def test_a_second_process_on_the_same_data_is_refused(road: Road) -> None:
    """Two of them on one folder would be two writers of one journal: the second says so and ends."""
    second = Road(road.folder)
    try:
        await second.start()
    except AssertionError as refused:
        assert "broker_in_use" in str(refused) or "in use" in str(refused)  # noqa: PT017  what it says is the point
    else:
        raise AssertionError("a second one started")


async def test_the_log_has_no_words(road: Road) -> None:
    """One line a command, JSON where nobody looks, and nothing that people wrote."""
    await road.stop()
    text = road.log_path.read_text()
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    assert sum(line["event"] == "command" for line in lines) > 100
    for words in ("presentations", "Stage fright", "Maya", "Lindqvist", "Clear, calm"):
        assert words not in text
