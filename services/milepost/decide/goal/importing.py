"""A goal comes in from another system or tenant, as it was there and in whatever state."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace
from rpds import HashTrieMap

from milepost.decide.checks import blank, latest_today, within
from milepost.decide.goal.clock import zone_known
from milepost.decide.goal.conditions import check_once, check_score, check_start, owner_stands
from milepost.decide.goal.creating import begun
from milepost.decide.goal.measures import check_measure
from milepost.decide.goal.roles import IMPORTER, roles_in_tenant
from milepost.decide.goal.state import Closure, Goal
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events

_IMPORTED = ("origin", "as_of", "state", "terms", "agreements", "result", "score", "closed_on")
UNKNOWN = "unknown"  # the result of a goal that was closed elsewhere, nobody knows how, until the closing is amended


@decides(commands.ImportGoal)
def import_goal(case: Case) -> list[Change]:
    """Bring a goal as it was; it joins no mentorship or programme until it is placed.

    The asker's role as importer is looked up in this tenant alone, and so is a shared owner: nobody imports into
    another tenant, and what another tenant has is unknown here.
    """
    command, reasons, terms = case.command, case.reasons, case.command.terms
    if IMPORTER not in roles_in_tenant(command.actor, case.frame):
        reasons.refuse("not_allowed", "Only an importer of this tenant may do this.", "actor")
        reasons.raise_any()
    owner_stands(case, terms.owner, terms.accountable)
    reasons.unless(not blank(terms.title), "title_missing", "Give the goal a title.", "terms.title")
    zone_known(case, terms.time_zone)
    check_start(case, terms.start_on, terms.deadline, "terms.start_on")
    for name in ("parties", "measures", "tags"):
        within(case, len(getattr(terms, name)), name, f"terms.{name}")
    check_once(case, [party.ref for party in terms.parties], "party_twice", "terms.parties")
    check_once(case, [measure.measure for measure in terms.measures], "measure_twice", "terms.measures")
    for place, measure in enumerate(terms.measures):
        check_measure(case, measure, f"terms.measures.{place}.")
    _check_agreements(case)
    _check_dates(case)
    ended = any(told is not None for told in (command.result, command.score, command.closed_on))
    message = "Only a closed goal has a result, a score and a day of closing."
    reasons.unless(command.state == "closed" or not ended, "goal_not_closed", message, "result")
    check_score(case, command.result, command.score)
    told = {name: getattr(command, name) for name in _IMPORTED}
    return begun(case, [events.Imported(**told, revision=1)])


def _check_agreements(case: Case) -> None:
    command, terms = case.command, case.command.terms
    people = {party.ref for party in terms.parties} | {terms.owner, terms.accountable}
    strangers = sorted({agreement.party for agreement in command.agreements} - people)
    message = "Only the owner and the parties agree: name these people as parties, or leave their agreement out."
    case.reasons.unless(not strangers, "agreement_not_a_party", message, "agreements", parties=strangers)


def _check_dates(case: Case) -> None:
    """Refuse `in_future`; that an import tells of the past is no reason to warn."""
    command = case.command
    dates: dict[str, dt.date | None] = {"as_of": command.as_of, "closed_on": command.closed_on}
    dates |= {f"agreements.{place}.on": agreement.on for place, agreement in enumerate(command.agreements)}
    for field, on in dates.items():
        past = on is None or on <= latest_today(case.now)
        case.reasons.unless(past, "in_future", "This lies in the future: give the day on which it was so.", field)


@evolves(events.Imported)
def imported(_goal: Goal | None, event: events.Imported, recorded: Recorded) -> Goal:
    """Begin a goal in the state that it was in elsewhere."""
    terms = event.terms
    begun_before = event.state in ("active", "paused", "closed")
    goal = Goal(
        id=recorded.aggregate_id,
        owner=terms.owner,
        accountable=terms.accountable,
        title=terms.title,
        description=terms.description,
        kind=terms.kind,
        focus=terms.focus,
        priority=terms.priority,
        horizon=terms.horizon,
        parties=HashTrieMap({party.ref: party.role for party in terms.parties}),
        deadline=terms.deadline,
        start_on=terms.start_on,
        time_zone=terms.time_zone,
        measures=HashTrieMap({measure.measure: measure for measure in terms.measures}),
        visibility=terms.visibility,
        tags=frozenset(terms.tags),
        external_ref=terms.external_ref,
        origin=event.origin,
        state=event.state,
        revision=event.revision,
        terms_hash=event.terms_hash,
        agreements=HashTrieMap({agreement.party: event.revision for agreement in event.agreements}),
        ever_agreed=begun_before or bool(event.agreements),
        created_on=event.as_of,
        activated_on=min(terms.start_on or event.as_of, event.as_of) if begun_before else None,
        pauses=((event.as_of, None),) if event.state == "paused" else (),
    )
    return _standing(goal, event)


def _standing(goal: Goal, event: events.Imported) -> Goal:
    """Return *goal* with how it ended, or with whose yes is still wanted."""
    if event.state == "closed":
        closed_on = event.closed_on or event.as_of
        return replace(goal, closure=Closure(result=event.result or UNKNOWN, closed_on=closed_on, score=event.score))
    open_ = event.state in ("active", "paused") and any(person not in goal.agreements for person in goal.people)
    return replace(goal, agreement_open=open_)
