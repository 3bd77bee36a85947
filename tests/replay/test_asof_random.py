"""Given a random life of a goal, then its past is told alike by replay, by a live view, and by its own history.

Lives have corrections, strikes, retractions, voided check-ins and entries that are told late, on a clock that jumps.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.decide.goal.clock import zone
from milepost.replay import fields
from milepost.replay.asof import as_of
from milepost.replay.desk import Desk
from milepost.replay.differing import diff
from milepost.replay.history import history
from milepost_contracts.envelope import decode
from milepost_contracts.queries import (
    PAGE_MAX,
    AsOf,
    AsOfAnswer,
    Diff,
    DiffAnswer,
    FieldChange,
    History,
    HistoryAnswer,
    HistoryEntry,
)
from milepost_contracts.queries.moments import instant_text
from tests.replay.goldens import desk_of
from tests.replay.randomly import ID, MENTOR, OWNER, Life
from tests.replay.viewed import Live
from tests.support.accepting import TENANT

STEPS = 40
LIVES = 6  # each takes about a second: what is compared is every sequence and a moment after it
SEEDS = st.integers(0, 10**9)


@contextmanager
def lived(seed: int, steps: int = STEPS) -> Iterator[tuple[Life, Desk, Path]]:
    """Give a life of so many steps, and a desk that answers what is asked of it."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder), seed)
        with closing(life):
            life.live(steps)
            desk = desk_of(life.accept.journal, life.accept.keys)._replace(clock=lambda: life.now)
            yield life, desk, Path(folder)


def told(desk: Desk, **asked: Any) -> list[HistoryEntry]:
    """Return every entry, oldest first, a few on each page."""
    entries: list[HistoryEntry] = []
    cursor = None
    while True:
        query = History(actor=OWNER, id=ID, oldest_first=True, limit=7, cursor=cursor, **asked)
        answer, _ = history(desk, TENANT, query, OWNER)
        assert isinstance(answer, HistoryAnswer), answer
        entries += answer.entries
        if (cursor := answer.next) is None:
            return entries


def was(desk: Desk, **asked: Any) -> AsOfAnswer:
    """Return the goal as it was."""
    answer, _ = as_of(desk, TENANT, AsOf(actor=OWNER, id=ID, **asked), OWNER)
    assert isinstance(answer, AsOfAnswer), answer
    return answer


@settings(max_examples=LIVES, deadline=None)
@given(seed=SEEDS)
def test_replay_is_what_the_view_was(seed: int) -> None:
    """At each sequence, and at a random moment before the next, replay answers what the live view answered then."""
    with lived(seed) as (life, desk, folder):
        asyncio.run(_compared(life, desk, folder, random.Random(seed)))  # noqa: S311  no secret


async def _compared(life: Life, desk: Desk, folder: Path, chance: random.Random) -> None:
    stream = [one.document for one in desk.journal.events_after(TENANT, 0, 10_000)]
    times = [dt.datetime.fromisoformat(decode(document).time) for document in stream]
    assert times == sorted(times)  # though the clock jumped
    with closing(Live(folder, desk, TENANT)) as live:
        for place, document in enumerate(stream):
            live.tell(document)
            event = decode(document)
            if event.aggregate != "goal":
                continue
            reader = OWNER if event.version < 3 else chance.choice((OWNER, MENTOR))
            live.now = times[place]
            await live.same(ID, reader, f"s{event.number}")
            until = times[place + 1] if place + 1 < len(times) else max(life.now, times[place])
            if (gap := (until - times[place]) // dt.timedelta(microseconds=1)) > 1:
                live.now = times[place] + dt.timedelta(microseconds=chance.randrange(1, gap))
                await live.same(ID, reader, instant_text(live.now))


@settings(max_examples=LIVES, deadline=None)
@given(seed=SEEDS)
def test_changes_add_up_to_the_state(seed: int) -> None:
    """What each event changed, applied one after the other, makes the state that it is told to be at each version."""
    with pytest.MonkeyPatch.context() as patch, lived(seed) as (_, desk, _folder):
        if seed % 2:
            patch.setattr(fields, "MANY", 0)  # looked at as a very long life is
        tree: dict[str, Any] = {}
        entries = told(desk, state=True)
        assert [one.version for one in entries] == list(range(1, len(entries) + 1))
        for entry in entries:
            for change in entry.changes:
                applied(tree, change)
            past = was(desk, at=f"v{entry.version}")
            assert (past.state, past.standing) == (entry.state, entry.standing)
            assert spoken(tree) == spoken(past.state), entry.name


@settings(max_examples=LIVES, deadline=None)
@given(seed=SEEDS, data=st.data())
def test_what_differs_leads_from_one_point_to_the_other(seed: int, data: Any) -> None:
    """Between any two points the changes turn the one state into the other, whichever comes first."""
    with lived(seed) as (_, desk, _folder):
        newest = desk.journal.head(TENANT, ("goal", ID))
        for _ in range(5):
            a, b = (data.draw(st.integers(0, newest)) for _ in range(2))
            query = Diff(actor=OWNER, id=ID, a=f"v{a}", b=f"v{b}", limit=PAGE_MAX)
            answer, _ = diff(desk, TENANT, query, OWNER)
            assert isinstance(answer, DiffAnswer)
            assert (answer.a.version, answer.b.version) == (a, b)
            between = [one.version for one in answer.entries]
            assert between == list(range(min(a, b) + 1, max(a, b) + 1))
            assert answer.events_between == len(between)
            tree = was(desk, at=f"v{a}").state if a else {}
            for change in answer.changes:
                applied(tree, change)
            assert spoken(tree) == (spoken(was(desk, at=f"v{b}").state) if b else {})


@settings(max_examples=LIVES, deadline=None)
@given(seed=SEEDS)
def test_by_occurred_time(seed: int) -> None:
    """A reading counts from its day on as it is known to be now, and not before; in the end all is as it is now."""
    with lived(seed) as (life, desk, _):
        newest = was(desk)
        entries = told(desk)
        last = max(*(one.counts_from for one in entries), life.now)
        ahead = desk._replace(clock=lambda: last + dt.timedelta(days=2))
        assert was(ahead, at="now", effective=True).state == newest.state
        began = min(one.counts_from for one in entries if one.version == 1)
        place = zone(newest.state["time_zone"])
        for event, reading in newest.state["readings"].items():
            begins = dt.datetime.combine(dt.date.fromisoformat(reading["on"]), dt.time(), place)
            ends = begins + dt.timedelta(days=1)
            if ends <= min(last, life.now) and ends > began:
                then = was(desk, at=instant_text(ends), effective=True).state["readings"]
                assert numbered(then[event]) == numbered(reading)
            if (before := begins - dt.timedelta(seconds=1)) > began:
                assert event not in was(desk, at=instant_text(before), effective=True).state["readings"]
        for entry in entries:
            # As known right after it was recorded, the end of time is the state at that version.
            past = was(ahead, at="now", effective=True, known_at=f"v{entry.version}")
            assert past.state == was(desk, at=f"v{entry.version}").state


def numbered(reading: dict[str, Any]) -> dict[str, Any]:
    """Return *reading* without its number among those that are known: of part of them it is another."""
    return reading | {"version": None}


def applied(tree: dict[str, Any], change: FieldChange) -> None:
    """Put *change* into *tree*."""
    *way, last = change.field.split(".")
    for name in way:
        if not isinstance(tree.get(name), dict):
            tree[name] = {}
        tree = tree[name]
    assert spoken({last: tree.get(last)}) == spoken({last: change.before}), change
    if change.change == "removed":
        del tree[last]
    else:
        tree[last] = change.after


def spoken(node: Any) -> Any:
    """Return *node* without members that say nothing."""
    if isinstance(node, dict):
        kept = {name: spoken(value) for name, value in node.items()}
        return {name: value for name, value in kept.items() if value not in (None, False, "", [], {})}
    return [spoken(value) for value in node] if isinstance(node, list) else node
