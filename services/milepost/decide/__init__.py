"""A command meets the state it is about: what it causes, or every reason why it causes nothing.

    decide(state, command, frame, now) -> Decision | raises Refused | raises Missing
    evolve(state, recorded)            -> state

Both are pure: time and frame come in; no clock, environment, random source or database.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

# Importing a module registers what it decides and evolves.
from milepost.decide import access, goal, mentorship, person, programme, tenant
from milepost.decide.kernel import (
    DECIDERS,
    EVOLVERS,
    Case,
    Change,
    Decision,
    Frame,
    Limits,
    Missing,
    Reasons,
    Recorded,
    Ref,
    Refused,
    Seen,
)
from milepost_contracts import events
from milepost_contracts.commands import Command

DEFAULT_LIMITS = Limits()
# How far the asker's clock may run ahead of ours: a machine that asks the network for the time is closer.
CLOCKS_APART = dt.timedelta(minutes=5)
# What makes a state out of nothing. Any other event without a state (its beginning is not there) applies to nothing.
BEGINNINGS = (
    events.goal.Created,
    events.goal.Imported,
    events.mentorship.Requested,
    events.programme.Created,
    events.person.Linked,
    events.person.Held,
    events.person.Erased,
    events.tenant.Opened,
    events.access.Recorded,
)


def decide(
    state: Any, command: Command, *, frame: Frame, now: dt.datetime, limits: Limits = DEFAULT_LIMITS
) -> Decision:
    """Return the events that *command* causes on *state*, or raise Refused with every reason why not.

    *now* is aware and UTC. Raises Missing when *frame* lacks an aggregate that the decision depends on.
    """
    reasons = Reasons()
    case = Case(state, command, frame, now, limits, reasons)
    tenant.must_be_open(case)
    claimed = command.occurred_at
    message = "What is told has happened already: give the time when it did, or none for now."
    reasons.unless(claimed is None or claimed <= now + CLOCKS_APART, "in_future", message, "occurred_at")
    reasons.raise_any()
    changes = DECIDERS[type(command)](case)
    reasons.raise_any()
    return Decision(changes, reasons.warnings)


def evolve(state: Any, recorded: Recorded) -> Any:
    """Return the state after *recorded* happened to *state* (None before the first event). It never refuses."""
    if state is None and not isinstance(recorded.event, BEGINNINGS):
        return None
    return EVOLVERS[type(recorded.event)](state, recorded.event, recorded)


__all__ = [
    "BEGINNINGS",
    "DEFAULT_LIMITS",
    "Change",
    "Decision",
    "Frame",
    "Limits",
    "Missing",
    "Recorded",
    "Ref",
    "Refused",
    "Seen",
    "access",
    "decide",
    "evolve",
    "goal",
    "mentorship",
    "person",
    "programme",
    "tenant",
]
