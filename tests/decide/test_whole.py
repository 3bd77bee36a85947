"""Given the contracts, then nothing in them is left undecided, and nothing that happened is left out."""

from __future__ import annotations

import pytest

from milepost.decide import BEGINNINGS, Recorded, evolve
from milepost.decide.kernel import DECIDERS, EVOLVERS
from milepost_contracts.commands import COMMANDS
from milepost_contracts.events import EVENTS, Event
from milepost_contracts.events.goal import Aligned
from milepost_contracts.upcasts import UPCASTS
from tests.support.scenario import GOAL, MENTEE, NOW, uid


@pytest.mark.parametrize("name", sorted(COMMANDS), ids="/".join)
def test_every_command_is_decided(name: tuple[str, str]) -> None:
    """Each command of the contracts has the function that decides it."""
    assert COMMANDS[name] in DECIDERS


@pytest.mark.parametrize("tag", sorted(set(EVENTS) - set(UPCASTS)))
def test_every_event_is_evolved(tag: str) -> None:
    """Each event in its newest form has the function that applies it; older forms are upcast before."""
    assert EVENTS[tag] in EVOLVERS


def test_a_missing_beginning() -> None:
    """Events of an aggregate whose beginning is missing make nothing out of nothing."""
    orphan: Event = Aligned(parent=uid("parent"), weight="1")
    assert not isinstance(orphan, BEGINNINGS)
    assert evolve(None, Recorded(orphan, uid("event"), MENTEE, NOW, None, GOAL)) is None
