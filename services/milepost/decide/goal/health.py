"""A goal's progress is held against its clock: on track, at risk, off track, or unknown; a person may say otherwise.

The derived health is never stored: whoever asks works it out with the functions here, on plain values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from milepost.decide.checks import reason_given
from milepost.decide.goal import clock
from milepost.decide.goal.roles import PARTY, asked_open
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands.goal import SetHealth
from milepost_contracts.events.goal import HealthSet

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

# Percentage points behind the clock, both inclusive: a sixth and a third of the way (DOMAIN.md, health).
ON_TRACK_BEHIND_MAX = Decimal("16.5")
AT_RISK_BEHIND_MAX = Decimal(33)

Pauses = Iterable[tuple[dt.date, dt.date | None]]


def expected(start: dt.date, deadline: dt.date, today: dt.date, pauses: Pauses = ()) -> Decimal:
    """Return the elapsed share (0 to 1) of the way from *start* to *deadline*.

    A pause (first day, day of resuming or None) stops the clock: its days have not elapsed. Days that two pauses
    share are counted once.
    """
    days = (deadline - start).days
    if days <= 0:
        return Decimal(int(today >= deadline))
    elapsed = (today - start).days
    rested_until = start
    for first, resumed in sorted(pauses, key=lambda pause: pause[0]):
        begin, end = max(first, rested_until), min(resumed or today, today)
        if begin < end:
            elapsed -= (end - begin).days
            rested_until = end
    return min(max(Decimal(elapsed) / Decimal(days), Decimal(0)), Decimal(1))


def derived(
    progress: str | None, start: dt.date | None, deadline: dt.date | None, today: dt.date, pauses: Pauses = ()
) -> str:
    """Return `on_track`, `at_risk`, `off_track`, or `unknown` without progress, start or deadline.

    *progress* is decimal text from 0 to 1.
    """
    if progress is None or start is None or deadline is None:
        return "unknown"
    behind = (expected(start, deadline, today, pauses) - Decimal(progress)) * 100
    if behind <= ON_TRACK_BEHIND_MAX:
        return "on_track"
    return "at_risk" if behind <= AT_RISK_BEHIND_MAX else "off_track"


def health_of(goal: Goal, progress: str | None, today: dt.date) -> str:
    """Return the health of *goal* on *today* (in its zone): the override that holds until its end date, or derived."""
    if goal.health is not None and today <= goal.health[1]:
        return goal.health[0]
    # The clock of a goal that nobody has begun to work on does not run, whatever start was planned.
    start = (goal.start_on or goal.activated_on) if goal.activated_on else None
    return derived(progress, start, goal.deadline, today, goal.pauses)


@decides(SetHealth)
def set_health(case: Case) -> list[Change]:
    """Override the health with a reason and an end date."""
    command: SetHealth = case.command
    goal = asked_open(case, PARTY)
    reason_given(case, command.reason)
    case.reasons.unless(
        command.until >= clock.today(goal, case.now),
        "until_past",
        "The end date is over already: choose today or a later day.",
        "until",
    )
    if goal.health == (command.health, command.until):
        return []
    return [case.change(HealthSet(health=command.health, reason=command.reason, until=command.until))]


@evolves(HealthSet)
def health_set(state: Goal, event: HealthSet, _recorded: Recorded) -> Goal:
    """Keep the override; it ends by itself."""
    return msgspec.structs.replace(state, health=(event.health, event.until))
