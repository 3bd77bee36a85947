"""The parties agree to one revision of the terms: they propose, say yes or no, and may take a yes back."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from milepost.decide.goal.key_areas import mentorship_of
from milepost.decide.goal.roles import PARTY, asked
from milepost.decide.goal.state import Goal
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events


def agreed(goal: Goal) -> frozenset[str]:
    """Return whose yes holds for the present revision."""
    return frozenset(
        person for person, revision in goal.agreements.items() if revision == goal.revision and person in goal.people
    )


def missing(goal: Goal, yes: frozenset[str], quorum: str) -> list[str]:
    """Return who could still make *yes* the *quorum* of the goal's people; empty when it is complete.

    `all`: everybody. `majority`: more than half. `owner_plus_one`: the owner or the accountable person and, where
    there is anybody else, one more. A rule that is unknown here counts as `all`.
    """
    people = goal.people
    owner = goal.accountable or goal.owner
    if quorum == "majority":
        complete = 2 * len(yes) > len(people)
    elif quorum == "owner_plus_one":
        complete = owner in yes and (len(yes) > 1 or len(people) == 1)
        if not complete and len(yes) > 1:
            return [owner]
    else:
        complete = yes == people
    return [] if complete else sorted(people - yes)


def missing_from(case: Case, goal: Goal, yes: frozenset[str]) -> list[str]:
    """Return whose yes is missing by the quorum of the goal's mentorship; outside any, all people agree."""
    mentorship = mentorship_of(case, goal)
    return missing(goal, yes, mentorship.quorum if mentorship is not None else "all")


def check_revision(case: Case, goal: Goal) -> bool:
    """Refuse `stale_revision` where the command means other terms than the present ones; returns whether it holds."""
    named = case.command.revision
    message = "The terms have changed since: read them again and name their revision."
    current = named in (None, goal.revision)
    return case.reasons.unless(current, "stale_revision", message, "revision", revision=goal.revision)


def check_state(case: Case, goal: Goal, message: str, *states: str) -> bool:
    """Refuse `wrong_state` where the goal is in none of *states*; *message* says what to do instead."""
    return case.reasons.unless(
        goal.state in states, "wrong_state", message, "id", state=goal.state, allowed=sorted(states)
    )


@decides(commands.ProposeGoal)
def propose_goal(case: Case) -> list[Change]:
    """Propose the present terms, which is the proposer's yes."""
    command, goal = case.command, asked(case, PARTY)
    current = check_revision(case, goal)
    if current and goal.state == "proposed" and command.actor in agreed(goal):
        return []
    check_state(case, goal, "Only a draft is proposed: agree to what is proposed, or runs, instead.", "drafted")
    said = _yes(case, goal)
    return [case.change(events.Proposed(**said))]


@decides(commands.AgreeGoal)
def agree_goal(case: Case) -> list[Change]:
    """Say yes to the present terms; on a goal that runs, the quorum's last yes closes the open agreement.

    A closed goal takes a yes as well, since it cannot be reopened without the quorum's.
    """
    command, goal = case.command, asked(case, PARTY)
    current = check_revision(case, goal)
    if current and goal.state != "drafted" and command.actor in agreed(goal):
        return []
    message = "Nothing is proposed: propose the goal, which is your yes."
    check_state(case, goal, message, "proposed", "active", "paused", "closed")
    said = _yes(case, goal)
    return [case.change(events.Agreed(**said))]


def _yes(case: Case, goal: Goal) -> dict[str, Any]:
    """Return the members of an event that says the actor's yes."""
    complete = not missing_from(case, goal, agreed(goal) | {case.command.actor})
    return {
        "party": case.command.actor,
        "revision": goal.revision,
        "terms_hash": goal.terms_hash,
        "complete": complete,
        "note": case.command.note,
    }


@evolves(events.Proposed, events.Agreed)
def agreed_to(goal: Goal, event: events.Proposed | events.Agreed, _recorded: Recorded) -> Goal:
    """Note the yes."""
    return replace(
        goal,
        state="proposed" if isinstance(event, events.Proposed) else goal.state,
        agreements=goal.agreements.insert(event.party, event.revision),
        agreement_open=goal.agreement_open and not event.complete,
        ever_agreed=goal.ever_agreed or event.complete,
    )


@decides(commands.DeclineGoal)
def decline_goal(case: Case) -> list[Change]:
    """Say no to what is proposed; it is a draft again."""
    command, goal = case.command, asked(case, PARTY)
    check_state(case, goal, "Nothing is proposed. Of a goal that runs, a party withdraws its agreement.", "proposed")
    declined = events.Declined(party=command.actor, revision=goal.revision, reason=command.reason)
    return [case.change(declined)]


@evolves(events.Declined)
def declined(goal: Goal, event: events.Declined, _recorded: Recorded) -> Goal:
    """Make it a draft again, without a yes of who declined."""
    return replace(goal, state="drafted", agreements=goal.agreements.discard(event.party))


@decides(commands.WithdrawAgreement)
def withdraw_agreement(case: Case) -> list[Change]:
    """Take one's yes back; a goal that runs goes on, marked as not agreed, where its quorum is lost."""
    command, goal = case.command, asked(case, PARTY)
    if command.actor not in agreed(goal):
        return []
    message = "A closed goal is agreed or not as it was; amend its closing instead."
    check_state(case, goal, message, "drafted", "proposed", "active", "paused")
    lost = goal.state in ("active", "paused") and bool(missing_from(case, goal, agreed(goal) - {command.actor}))
    withdrawn = events.AgreementWithdrawn(party=command.actor, revision=goal.revision, open=lost, reason=command.reason)
    return [case.change(withdrawn)]


@evolves(events.AgreementWithdrawn)
def agreement_withdrawn(goal: Goal, event: events.AgreementWithdrawn, _recorded: Recorded) -> Goal:
    """Forget the yes."""
    return replace(
        goal, agreements=goal.agreements.discard(event.party), agreement_open=goal.agreement_open or event.open
    )
