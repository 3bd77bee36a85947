"""A batch is written whole with its checkpoint or not at all, in order, once, whoever else writes."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.view import tables
from milepost.view.applying import Applying, Gap, Moved, Position
from milepost.view.sets import OldModel, Sets
from milepost_contracts.envelope import EnvelopeError
from milepost_contracts.events import EVENTS
from milepost_contracts.events import goal as events
from milepost_contracts.queries import Goal, GoalAnswer
from milepost_contracts.types import Party
from tests.support.documents import History
from tests.support.scenario import ADMIN, GOAL, MENTEE, day, uid
from tests.view.conftest import View, contents
from tests.view.test_goal import starter


def talkative(count: int = 6) -> History:
    """Return a history with one goal and remarks on it."""
    history = starter()
    for number in range(count):
        history.add(MENTEE, events.CommentPosted(comment=uid(f"remark {number}"), text=f"Remark {number}"))
    return history


def test_duplicates_are_passed_over(view: View) -> None:
    """An event that comes again, within a batch or in a later one, changes nothing."""
    documents = talkative().documents
    view.applying.apply([*documents[:3], documents[1], *documents[:5]], Position(1, 9))
    once = contents(view.sets)
    assert view.applying.apply(documents[:5], Position(1, 14)).events == 0
    assert contents(view.sets) == once
    assert view.applying.numbers == {"acme": 5}


def test_a_gap_is_told_and_nothing_written(view: View) -> None:
    """An event whose predecessor has not come is not written, nor is anything of its batch."""
    documents = talkative().documents
    with pytest.raises(Gap) as gap:
        view.applying.apply([*documents[:2], documents[4]], Position(1, 5))
    assert (gap.value.after, gap.value.before, gap.value.place) == (2, 5, 2)
    assert view.applying.load() == Position(0, 0)
    assert contents(view.sets)["goal"] == []


def test_what_is_no_event_is_refused(view: View) -> None:
    """A message that is no event of ours, or an event whose data does not fit, is refused with all its batch."""
    documents = talkative().documents
    broken = documents[1].replace(b'"comment":', b'"remark":')
    for bad in (b"{}", b"\xff", broken, documents[1].replace(b'"0000000000000002"', b'"x"')):
        with pytest.raises(EnvelopeError) as error:
            view.applying.apply([documents[0], bad], Position(1, 2))
        assert error.value.code == "invalid_event"
        view.applying.load()
    assert contents(view.sets)["goal"] == []


def test_unknown_events_are_remembered(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event younger than this version is passed over, and remembered for when its tag is known."""
    history = starter()
    history.add_raw(MENTEE, "goal", "goal.dreamt_of.v1", {"dream": "x"}, GOAL)
    history.add_raw(MENTEE, "team", "team.formed.v1", {}, uid("team"))
    history.add(MENTEE, events.VisibilityChanged(old="private", new="tenant"))
    view.write(history)
    assert view.applying.numbers == {"acme": 4}
    assert contents(view.sets)["unknown"] == [("acme", 2, "goal.dreamt_of.v1"), ("acme", 3, "team.formed.v1")]
    view.applying.load()
    assert view.applying.learned == []
    monkeypatch.setitem(EVENTS, "goal.dreamt_of.v1", events.Tagged)
    view.applying.load()
    assert view.applying.learned == ["goal.dreamt_of.v1"]


def test_a_second_copy_is_harmless(view: View) -> None:
    """Two writers in turn: who lost finds that the tables moved on, and goes on from there."""
    documents = talkative().documents
    other = Applying(view.sets)
    other.load()
    view.applying.apply(documents[:2], Position(1, 2))
    with pytest.raises(Moved):
        other.apply(documents[:2], Position(1, 2))
    other.load()
    other.apply(documents[2:], Position(1, 7))
    with pytest.raises(Moved):
        view.applying.apply(documents[2:4], Position(1, 4))
    view.applying.load()
    assert view.applying.numbers == {"acme": 7}
    alone = contents(view.sets)
    other.close()
    assert [row[4] for row in alone["entry"]] == sorted(row[4] for row in alone["entry"]) or len(alone["entry"]) == 6


@pytest.mark.parametrize("point", ["view.in_transaction", "view.after_commit"])
async def test_a_fault_is_survived(view: View, point: str) -> None:
    """Whatever stops the writer in a transaction or after it, going on from the checkpoint gives the same rows."""
    history = talkative()

    class FaultError(Exception):
        pass

    def at(name: str) -> None:
        if name == point:
            raise FaultError

    faulty = Applying(view.sets, at=at)
    faulty.load()
    with pytest.raises(FaultError):
        faulty.apply(history.documents[:4], Position(1, 4))
    faulty.close()
    position = view.applying.load()
    assert position == (Position(0, 0) if point == "view.in_transaction" else Position(1, 4))
    view.write(history)
    answer = await view.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert [one.text for one in reversed(answer.goal.comments)] == [f"Remark {number}" for number in range(6)]


def test_several_first_starts(view_url: str) -> None:
    """Copies that start at once make the tables once, and all find them."""
    copies = [Sets(view_url) for _ in range(6)]
    with ThreadPoolExecutor(len(copies)) as pool:
        assert list(pool.map(Sets.open, copies)) == [1] * len(copies)
    for copy in copies:
        assert contents(copy)["goal"] == []
        copy.close()


def test_old_tables_are_not_written(view: View) -> None:
    """Tables of another version are left alone, by who writes and by who reads."""
    other = view.sets.connect(view.sets.current())
    other.execute("UPDATE checkpoint SET model = ?", (tables.MODEL + 1,))
    with pytest.raises(Moved):
        view.applying.apply(starter().documents, Position(1, 1))
    with pytest.raises(OldModel):
        view.applying.load()
    with pytest.raises(OldModel), view.sets.reading():
        raise AssertionError("was read")
    other.close()


def told_differently() -> History:
    """Return a history in which events change each other's rows: people, entries, terms."""
    history = talkative(2)
    history.add(MENTEE, events.PartyAdded(party=Party(ref=ADMIN, role="mentor"), revision=2))
    history.add(MENTEE, events.CheckInHeld(check_in=uid("c"), held_on=day(0), attendees=[MENTEE], wins=["a", "b"]))
    history.add(ADMIN, events.CheckInAcknowledged(check_in=uid("c"), party=ADMIN))
    history.add(MENTEE, events.CheckInAmended(check_in=uid("c"), wins=["c"]))
    history.add(MENTEE, events.PartyRemoved(party=ADMIN, revision=3))
    history.add(MENTEE, events.DeadlineShifted(old=day(90), new=day(95), days=5, reason="late", reason_code="other"))
    history.add(MENTEE, events.ObstacleRaised(obstacle=uid("o"), title="Stage fright"))
    history.add(MENTEE, events.ObstacleResolved(obstacle=uid("o"), resolution="Practice"))
    return history


HISTORY = told_differently()


COUNT = len(HISTORY.documents)
STEPS = st.lists(st.tuples(st.integers(0, COUNT), st.integers(0, COUNT), st.booleans()), max_size=8)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_any_split_gives_the_same_rows(steps: list[tuple[int, int, bool]]) -> None:
    """However events come in batches, repeated from any place and with restarts between, the rows are the same."""
    with tempfile.TemporaryDirectory() as folder:
        whole, split = (Sets(f"sqlite:///{folder}/{name}.sqlite") for name in ("whole", "split"))
        one, many = Applying(whole), Applying(split)
        for applying, sets in ((one, whole), (many, split)):
            sets.open()
            applying.load()
        one.apply(HISTORY.documents, Position(1, 1))
        done = 0
        for step, (start, end, restart) in enumerate([*steps, (0, COUNT, False)], start=1):
            if restart:
                many.load()
            many.apply(HISTORY.documents[min(start, done) : end], Position(1, step))
            done = max(done, end)
        assert contents(split) == contents(whole)
        for applying, sets in ((one, whole), (many, split)):
            applying.close()
            sets.close()


def test_many_goals_are_forgotten_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more goals than fit in memory, rows that were forgotten are read again before they change."""
    monkeypatch.setattr("milepost.view.folding.KEPT_MAX", 2)
    history = History()
    for number in range(6):
        history.add(MENTEE, events.Created(title=f"Goal {number}", owner=MENTEE, revision=1), uid(f"goal {number}"))
    for number in range(6):
        changed = events.VisibilityChanged(old="private", new="tenant")
        history.add(MENTEE, changed, uid(f"goal {number}"))
    sets = Sets(f"sqlite:///{tmp_path / 'view.sqlite'}")
    sets.open()
    applying = Applying(sets)
    applying.load()
    for number, document in enumerate(history.documents):
        applying.apply([document], Position(1, number + 1))
    assert [(row[1], row[4]) for row in contents(sets)["goal"]] == sorted(
        (uid(f"goal {number}"), "tenant") for number in range(6)
    )
    applying.close()
    sets.close()
