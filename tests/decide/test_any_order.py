"""Given released events in any order, words still sealed, then evolving takes them all and refuses none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.decide import BEGINNINGS, Recorded, evolve
from milepost_contracts import envelope
from milepost_contracts.subjects import AGGREGATES

GOLDEN = Path(__file__).parents[2] / "contracts" / "examples" / "golden"


def released(aggregate: str) -> list[Recorded]:
    """Return one event of every released tag of *aggregate*, as it lies in a journal."""
    found = []
    for path in sorted(GOLDEN.glob(f"{aggregate}.*.json")):
        document = envelope.decode(path.read_bytes())
        time = dt.datetime.fromisoformat(document.time)
        found.append(Recorded(document.event(), document.id, document.actor, time, None, document.aggregate_id))
    return found


@pytest.mark.parametrize("aggregate", AGGREGATES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_order(aggregate: str, data: Any) -> None:
    """No sequence of released events raises: what happened has happened, whatever came before it."""
    events = released(aggregate)
    beginning = [recorded for recorded in events if isinstance(recorded.event, BEGINNINGS)]
    state = None
    for recorded in [data.draw(st.sampled_from(beginning)), *data.draw(st.lists(st.sampled_from(events), max_size=40))]:
        state = evolve(state, recorded)
    assert state is not None


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_every_event_first(aggregate: str) -> None:
    """An event without its beginning makes nothing; a beginning makes a state that knows its id."""
    for recorded in released(aggregate):
        state = evolve(None, recorded)
        if isinstance(recorded.event, BEGINNINGS):
            assert state.id == recorded.aggregate_id
        else:
            assert state is None
