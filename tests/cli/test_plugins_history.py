"""The history on which plugins are tried: the sample's own, made without a broker, recorded as it happened."""

from __future__ import annotations

import datetime as dt

import pytest

from milepost.sample.history import made
from milepost_contracts import sealing
from milepost_contracts.envelope import decode
from tests.support.sampled import check_among_them, check_scenarios

LATE_S_MAX = 3600  # commands of one day follow one another in seconds


@pytest.mark.parametrize("today", [dt.date(2026, 3, 29), dt.date(2028, 2, 29), dt.date(2027, 1, 1)])
def test_it_is_the_sample_as_it_happened(today: dt.date) -> None:
    """Whatever the day, every scenario is told to its end, each event recorded on the day on which it happened."""
    history = made(today)
    check_scenarios(history.documents)
    check_among_them(history.documents)
    events = [decode(document) for document in history.documents]
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    times = [dt.datetime.fromisoformat(event.time) for event in events]
    assert times == sorted(times)
    assert times[-1].date() <= today
    for event, time in zip(events, times, strict=True):
        happened = dt.datetime.fromisoformat(event.occurredat)
        assert 0 <= (time - happened).total_seconds() < LATE_S_MAX


def test_its_words_can_be_opened_and_its_goals_looked_back_at() -> None:
    """There is a key for every sealed word, and a state after every event of a goal, the words in it still sealed."""
    history = made(dt.date(2026, 11, 22))
    events = [decode(document) for document in history.documents]
    kids = {kid for event in events for kid in sealing.kids(event.data)}
    assert kids == set(history.keys)
    versions = {(event.aggregate_id, event.version) for event in events if event.aggregate == "goal"}
    assert {(id_, version) for id_, version, _ in history.goals} == versions
    for id_, _, state in history.goals:
        assert state["id"] == id_
        assert state["title"].startswith(sealing.PREFIX)
