"""A mentorship is requested by one person, and begins when all the others have accepted."""

from __future__ import annotations

from collections import Counter

import msgspec
from rpds import HashTrieMap

from milepost.decide.checks import cadence_whole, permit, within
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.mentorship.asking import asked, must_be_open
from milepost.decide.mentorship.state import Mentorship
from milepost.decide.programme.asking import runs
from milepost.decide.programme.state import Programme
from milepost_contracts.commands import mentorship as commands
from milepost_contracts.events import mentorship as events

FORMATS = {
    "one_to_one": "One to one are two: a mentee and a mentor.",
    "reverse": "Reverse are two: a mentee and a mentor, the one who learns being the senior.",
    "peer": "Peers are two or more, all of them peers.",
    "circle": "A circle begins with three or more.",
}
CIRCLE_MIN = 3


@decides(commands.Request)
def request(case: Case) -> list[Change]:
    """Ask the others; a person asks for a mentorship of one's own, an admin brings people together."""
    command, mentorship, reasons = case.command, case.state, case.reasons
    actor = command.actor
    refs = [party.ref for party in command.parties]
    programme: Programme | None = None
    if command.programme is not None:
        programme = case.frame.get(("programme", command.programme))
        _check_programme(case, programme)
    may = actor.startswith("user:") and (actor in refs or runs(case.frame, actor, programme))
    permit(case, may, "one of the parties, or an admin of the programme or of the tenant,")
    requested = events.Requested(
        requester=actor,
        parties=sorted(command.parties, key=lambda party: party.ref),
        format=command.format,
        purpose=command.purpose,
        programme=command.programme,
        cadence=command.cadence,
    )
    if mentorship is not None:
        same = mentorship.requested == requested
        reasons.unless(same, "mentorship_id_taken", "Another mentorship has this id: choose a new one.", "id")
        return []
    reasons.unless(
        len(set(refs)) == len(refs),
        "paired_with_oneself",
        "The parties are different people: name each of them once.",
        "parties",
    )
    within(case, len(refs), "parties", "parties")
    check_format(case, command.format, [party.role for party in command.parties], "parties")
    cadence_whole(case, command.cadence)
    return [case.change(requested)]


def _check_programme(case: Case, programme: Programme | None) -> None:
    """Refuse a programme that does not run; warn of people who take no part in it."""
    reasons = case.reasons
    if programme is None:
        reasons.refuse("programme_unknown", "There is no programme with this id in this tenant.", "programme")
        return
    reasons.unless(programme.state == "open", "programme_closed", "This programme has ended.", "programme")
    if any(party.ref not in programme.participants for party in case.command.parties):
        reasons.warn("not_enrolled", "Not every party is enrolled in the programme: enrol them.", "parties")


def check_format(case: Case, form: str, roles: list[str], field: str, *, circle_min: int = CIRCLE_MIN) -> bool:
    """Refuse `format_mismatch` where number or *roles* of the parties do not make *form*; returns whether they do."""
    count = Counter(roles)
    if form == "circle":
        fits = len(roles) >= circle_min
    elif form == "peer":
        fits = len(roles) > 1 and count["peer"] == len(roles)
    else:
        fits = len(roles) == count["mentee"] + count["mentor"] and count["mentee"] == count["mentor"] == 1
    return case.reasons.unless(fits, "format_mismatch", FORMATS[form], field, format=form)


@evolves(events.Requested)
def requested(_state: Mentorship | None, event: events.Requested, recorded: Recorded) -> Mentorship:
    """Begin a mentorship that waits for the others."""
    return Mentorship(
        id=recorded.aggregate_id,
        requester=event.requester,
        requested=event,
        parties=HashTrieMap({party.ref: party.role for party in event.parties}),
        format=event.format,
        purpose=event.purpose,
        programme=event.programme,
        cadence=event.cadence,
    )


@decides(commands.Accept)
def accept(case: Case) -> list[Change]:
    """Say yes; the last of the others begins the mentorship. Where it has begun already, nothing is to be done."""
    mentorship, actor = asked(case), case.command.actor
    _not_own(case, mentorship, "The request is your yes already: the others accept it.")
    if must_be_open(case, mentorship) and (mentorship.state == "active" or actor in mentorship.accepted):
        return []
    waiting = frozenset(mentorship.parties) - {mentorship.requester, actor} - mentorship.accepted
    return [case.change(events.Accepted(party=actor, complete=not waiting))]


def _not_own(case: Case, mentorship: Mentorship, message: str) -> None:
    case.reasons.unless(case.command.actor != mentorship.requester, "own_request", message, "actor")


@evolves(events.Accepted)
def accepted(state: Mentorship, event: events.Accepted, _recorded: Recorded) -> Mentorship:
    """Note the yes; the last one begins the mentorship."""
    return msgspec.structs.replace(
        state, accepted=state.accepted | {event.party}, state="active" if event.complete else state.state
    )


@decides(commands.Reject)
def reject(case: Case) -> list[Change]:
    """Say no, also after having accepted, as long as it has not begun: one no is enough."""
    mentorship, command = asked(case), case.command
    _not_own(case, mentorship, "A request of one's own is cancelled, not rejected.")
    if must_be_open(case, mentorship):
        case.reasons.unless(
            mentorship.state == "requested", "mentorship_begun", "This mentorship has begun: cancel it instead.", "id"
        )
    return [case.change(events.Rejected(party=command.actor, reason=command.reason))]


@evolves(events.Rejected)
def rejected(state: Mentorship, _event: events.Rejected, recorded: Recorded) -> Mentorship:
    """End it before it began."""
    return msgspec.structs.replace(state, state="rejected", ended_on=recorded.recorded.date())
