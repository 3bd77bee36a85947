"""A mentorship reaches its end, or is given up."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import happened, reason_given, stepped_on
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.mentorship.asking import asked_active, asked_open
from milepost.decide.mentorship.state import Mentorship
from milepost_contracts.commands import mentorship as commands
from milepost_contracts.events import mentorship as events


@decides(commands.Complete)
def complete(case: Case) -> list[Change]:
    """End it when its work is done."""
    mentorship, command = asked_active(case, admins=True), case.command
    happened(case, command.completed_on, "completed_on", after=max(mentorship.sessions.values(), default=None))
    _check_goals(case, mentorship)
    completed = events.Completed(completed_on=command.completed_on, retrospective=command.retrospective)
    return [case.change(completed)]


def _check_goals(case: Case, mentorship: Mentorship) -> None:
    """Refuse while work goes on: what becomes of an active goal is its people's decision, not a side effect.

    Drafts, proposals and paused goals hold nobody up: they stay as they are, and the answer says so.
    """
    active = sorted(mentorship.key_areas)
    case.reasons.unless(
        not active,
        "goals_open",
        "Goals are active here: close, pause or place each of them elsewhere first.",
        "id",
        goals=active,
    )
    if any(id_ not in mentorship.key_areas for id_ in mentorship.goals):
        message = "Goals that are not active stay placed here: close them, or place them elsewhere to go on."
        case.reasons.warn("goals_left", message, "id")


@evolves(events.Completed)
def completed(state: Mentorship, event: events.Completed, _recorded: Recorded) -> Mentorship:
    """End it."""
    return msgspec.structs.replace(state, state="completed", ended_on=event.completed_on)


@decides(commands.Cancel)
def cancel(case: Case) -> list[Change]:
    """End it early; a request is taken back in the same way."""
    mentorship, command = asked_open(case, admins=True), case.command
    reason_given(case, command.reason)
    _check_goals(case, mentorship)
    return [case.change(events.Cancelled(cancelled_on=stepped_on(case), reason=command.reason))]


@evolves(events.Cancelled)
def cancelled(state: Mentorship, event: events.Cancelled, _recorded: Recorded) -> Mentorship:
    """End it early."""
    return msgspec.structs.replace(state, state="cancelled", ended_on=event.cancelled_on)
