"""`milepost serve`: one process, ready when every part is up, stopped cleanly, the sample loaded once."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from milepost.sample import named, person
from milepost_contracts.queries import Goal as GoalQuery
from milepost_contracts.queries import GoalAnswer, GoalsAnswer, GoalsOf
from tests.support.ledger import check_stream, check_view, everything, stream_documents
from tests.support.road import Road


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
    """From starter goal to closing: what was sent over the bus is told to Maya by the view, words opened."""
    client = await road.connect()
    asker = road.asker(client)
    maya = person("maya")
    mine = await asker.query("sample", GoalsOf(actor=maya, min_sequence=f"{1:016d}"))
    stored = everything(f"sqlite:///{road.folder}/journal.sqlite")
    newest = f"{stored[-1].sequence:016d}"
    goal = await asker.query("sample", GoalQuery(actor=maya, id=named("goal", "presentations"), min_sequence=newest))
    assert isinstance(mine, GoalsAnswer)
    assert isinstance(goal, GoalAnswer)
    assert goal.sequence == newest
    assert goal.goal.title == "Present with confidence to colleagues"
    assert (goal.goal.state, goal.goal.result, goal.goal.score) == ("closed", "achieved", "1")
    await client.close()


async def test_journal_stream_and_view_agree_and_the_sample_comes_once(road: Road, tmp_path: Path) -> None:
    """After a restart nothing is new; journal, stream and view hold the same events; SIGTERM ends it with status 0."""
    journal = f"sqlite:///{road.folder}/journal.sqlite"
    before = everything(journal)
    assert await road.stop() == 0
    await road.start()
    client = await road.connect()
    newest = f"{before[-1].sequence:016d}"
    await road.asker(client).query("sample", GoalsOf(actor=person("maya"), min_sequence=newest))
    publisher = await road.connect("publish")
    found = await stream_documents(publisher)
    await publisher.close()
    await client.close()
    assert await road.stop() == 0
    after = everything(journal)
    assert [one.document for one in after] == [one.document for one in before]
    check_stream(after, found)
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
