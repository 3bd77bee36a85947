"""A rebuilt view equals the live one, row by row, and takes its place without anybody noticing."""

from __future__ import annotations

import asyncio
import threading

import pytest

from milepost.database import DatabaseError
from milepost.view import tables
from milepost.view.applying import Applying, Moved, Position
from milepost.view.rebuild import Difference, Rebuild, RebuildError, Rebuilt
from milepost_contracts.events import goal as events
from milepost_contracts.queries import Goal, GoalAnswer, GoalsAnswer, GoalsOf
from tests.support.documents import History
from tests.support.scenario import GOAL, MENTEE, uid
from tests.view.conftest import View, contents
from tests.view.test_applying import HISTORY, talkative
from tests.view.test_goal import starter


def rebuild(view: View, history: History, *, stream: int | None = None) -> Rebuild:
    """Return a rebuild from a stream that has the first *stream* events of *history*, and a journal that has all."""

    async def source(taken: int, limit: int) -> list[bytes]:
        return history.documents[:stream][taken : taken + min(limit, 3)]

    async def events_after(_tenant: str, after: int, limit: int) -> list[bytes]:
        return history.documents[after : after + limit]

    return Rebuild(view.url, source, events_after)


async def rebuilt(view: View, history: History, *, accept: bool = False, stream: int | None = None) -> Rebuilt:
    """Rebuild the view from *history*."""
    return await rebuild(view, history, stream=stream).run(accept_differences=accept)


async def test_a_rebuilt_view_equals_the_live_one(view: View) -> None:
    """Every row is compared, none differs, the new tables are current and the old ones are gone."""
    view.write(HISTORY)
    before = contents(view.sets)
    result = await rebuilt(view, HISTORY)
    assert (result.events, result.compared, result.differences, result.switched) == (
        len(HISTORY.documents),
        True,
        [],
        True,
    )
    assert result.rows == sum(len(found) for found in before.values())
    assert contents(view.sets) == before
    assert view.sets.numbers() == [view.sets.current()] == [2]


async def test_reading_goes_on_where_it_was(view: View) -> None:
    """Who reads the stream finds its place in the new tables."""
    history = talkative(3)
    view.write(history)
    await rebuilt(view, history)
    history.add(MENTEE, events.CommentPosted(comment=uid("later"), text="Later"))
    with pytest.raises(Moved):
        view.applying.apply(history.documents[-1:], Position(1, 2))
    assert view.applying.load() == Position(1, 1)
    view.applying.apply(history.documents[-1:], Position(1, 2))
    answer = await view.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert answer.goal.comments[0].text == "Later"


async def test_events_beyond_the_live_view_wait(view: View) -> None:
    """The new tables stand where the live ones stand, however much more there is to read."""
    history = talkative(5)
    view.applying.apply(history.documents[:2], Position(1, 2))
    result = await rebuilt(view, history)
    assert (result.events, result.differences) == (2, [])
    assert view.applying.load() == Position(1, 2)
    assert view.applying.numbers == {"acme": 2}


async def test_a_stream_without_its_end(view: View) -> None:
    """What the stream no longer has comes from the journal: its end, or something in the middle."""
    history = talkative(5)
    view.write(history)
    assert (await rebuilt(view, history, stream=2)).switched
    hole = History(vault=history.vault)
    hole.documents = history.documents[:2] + history.documents[4:]
    hole_rebuild = rebuild(view, history)

    async def source(taken: int, limit: int) -> list[bytes]:
        return hole.documents[taken : taken + limit]

    hole_rebuild._source = source
    assert (await hole_rebuild.run()).switched


async def test_missing_events_fail(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """When neither stream nor journal have what the live view has, it stays, and the new tables are removed."""
    monkeypatch.setattr("milepost.view.rebuild.PATIENCE_S", 0.0)
    history = talkative(3)
    view.write(history)
    short = History()
    short.documents = history.documents[:2]
    with pytest.raises(RebuildError):
        await rebuilt(view, short)
    assert view.sets.numbers() == [1]
    assert view.applying.load() == Position(1, 1)


async def test_differences_are_named_and_keep_it_from_switching(view: View) -> None:
    """A live view that was tampered with differs: the rows are named, and it goes only when that is accepted."""
    view.write(HISTORY)
    other = view.sets.connect(1)
    other.execute("UPDATE goal SET visibility = 'tenant'")
    other.execute("DELETE FROM entry WHERE kind = 'obstacle'")
    other.upsert(tables.GOAL_OF, [("acme", "user:x", GOAL, "party")])
    other.close()
    result = await rebuilt(view, HISTORY)
    assert not result.switched
    assert result.differences == [
        Difference("goal", ("acme", GOAL), "other"),
        Difference("goal_of", ("acme", "user:x", GOAL), "missing"),
        Difference("entry", ("acme", GOAL, "obstacle", uid("o")), "extra"),
    ]
    assert (view.sets.current(), view.sets.numbers()) == (1, [1])
    assert (await rebuilt(view, HISTORY, accept=True)).switched
    assert [row[4] for row in contents(view.sets)["goal"]] == ["private"]


async def test_tables_of_another_version_are_replaced(view: View) -> None:
    """Older tables cannot be compared; they are replaced by new ones that have read as far."""
    view.write(HISTORY)
    other = view.sets.connect(1)
    other.execute("UPDATE checkpoint SET model = 77")
    other.close()
    result = await rebuilt(view, HISTORY)
    assert (result.compared, result.switched) == (False, True)
    assert view.applying.load() == Position(1, 1)


async def test_one_rebuild_at_a_time(view: View) -> None:
    """A second rebuild is refused while one runs."""
    view.write(starter())
    with view.sets.alone(), pytest.raises(DatabaseError) as error:
        await rebuilt(view, starter())
    assert error.value.code == "in_use"


async def test_nobody_notices(view: View) -> None:
    """While the live view is read and written, rebuilds follow one another: no question fails, none goes back."""
    history = talkative(3)
    view.write(history)
    vault = history.vault
    stop = threading.Event()
    failures: list[str] = []

    def write() -> None:
        """Write as the reader of the stream does."""
        applying = Applying(view.sets)
        applying.load()
        while not stop.is_set():
            history.add(MENTEE, events.CommentPosted(comment=uid(f"more {len(history.documents)}"), text="More"))
            position = applying.position
            try:
                applying.apply(history.documents[-5:], Position(1, position.stream_sequence + 1))
            except Moved:
                applying.load()
        applying.close()

    async def ask() -> None:
        seen = ""
        while not stop.is_set():
            answer = await view.asked(GoalsOf(actor=MENTEE, min_sequence=seen or None))
            if not isinstance(answer, GoalsAnswer) or answer.sequence < seen or len(answer.goals) != 1:
                failures.append(repr(answer))
                return
            seen = answer.sequence

    history.vault = vault
    writer = threading.Thread(target=write)
    writer.start()
    asking = asyncio.create_task(ask())
    try:
        results = [await rebuilt(view, history) for _ in range(3)]
    finally:
        stop.set()
        writer.join()
        await asking
    assert failures == []
    assert [result.differences for result in results] == [[], [], []]
    view.applying.load()
    view.applying.apply(history.documents, Position(2, 0))
    last = contents(view.sets)
    assert (await rebuilt(view, history)).switched
    assert contents(view.sets) == last
