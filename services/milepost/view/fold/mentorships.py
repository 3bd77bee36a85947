"""Events of a mentorship: who belongs to it, and the frame they set."""

from __future__ import annotations

from milepost.view.fold.kernel import At, folds
from milepost.view.rows import MentorshipRow, SaidRow, Words
from milepost_contracts.events import mentorship


@folds(mentorship.Requested)
def requested(row: MentorshipRow, event: mentorship.Requested, at: At) -> None:
    """Begin a mentorship that the others have to accept."""
    row.requester, row.format, row.programme, row.cadence = (
        event.requester,
        event.format,
        event.programme,
        event.cadence,
    )
    row.parties = {party.ref: party.role for party in event.parties}
    row.purpose = at.words(event.purpose, "/purpose")
    row.requested = at.occurred


@folds(mentorship.Accepted)
def accepted(row: MentorshipRow, event: mentorship.Accepted, at: At) -> None:
    """Add a yes; with the last one it runs."""
    if event.party not in row.accepted:
        row.accepted.append(event.party)
    if event.complete:
        row.state, row.started = "active", at.occurred


@folds(mentorship.Rejected)
def rejected(row: MentorshipRow, _event: mentorship.Rejected, at: At) -> None:
    """End it before it began."""
    row.state, row.ended_on = "rejected", at.moment.date()


@folds(mentorship.ExpectationsAgreed)
def expectations_agreed(row: MentorshipRow, event: mentorship.ExpectationsAgreed, at: At) -> None:
    """Keep what the party wrote or said yes to.

    Whether it is what others said is seen only when all is opened. But who speaks again says other words than before,
    or says again what others' words had replaced: no yes from before that person's last one is left either way.
    """
    people = [said.person for said in row.expectations]
    if event.party in people:
        place = people.index(event.party)
        for said in row.expectations[:place]:
            said.stands = False
        del row.expectations[place]
    words = Words(event.expectations, at.envelope.id, "/expectations")
    row.expectations.append(SaidRow(person=event.party, words=words, on=at.occurred_on))


@folds(mentorship.PurposeSet)
def purpose_set(row: MentorshipRow, event: mentorship.PurposeSet, at: At) -> None:
    """Set the purpose."""
    row.purpose = at.words(event.purpose, "/purpose")


@folds(mentorship.CadenceSet)
def cadence_set(row: MentorshipRow, event: mentorship.CadenceSet, _at: At) -> None:
    """Set the cadence."""
    row.cadence = event.after


@folds(mentorship.CapSet)
def cap_set(row: MentorshipRow, event: mentorship.CapSet, _at: At) -> None:
    """Set the cap."""
    row.cap = event.new


@folds(mentorship.QuorumSet)
def quorum_set(row: MentorshipRow, event: mentorship.QuorumSet, _at: At) -> None:
    """Set the quorum."""
    row.quorum = event.new


@folds(mentorship.SessionHeld)
def session_held(row: MentorshipRow, event: mentorship.SessionHeld, _at: At) -> None:
    """Keep the day, and the next one that they settled when they last met; a session may be told after a later one."""
    row.sessions[event.session] = event.held_on
    if event.held_on == max(row.sessions.values()):
        row.next_on = event.next_on


@folds(mentorship.PartyReplaced)
def party_replaced(row: MentorshipRow, event: mentorship.PartyReplaced, _at: At) -> None:
    """One person takes another's place."""
    row.parties.pop(event.old, None)
    row.parties[event.new.ref] = event.new.role
    if event.old != event.new.ref:  # else the same person has another role
        _left(row, event.old)


@folds(mentorship.PartyRemoved)
def party_removed(row: MentorshipRow, event: mentorship.PartyRemoved, _at: At) -> None:
    """Take the person out."""
    row.parties.pop(event.party, None)
    _left(row, event.party)


@folds(mentorship.Completed)
def completed(row: MentorshipRow, event: mentorship.Completed, _at: At) -> None:
    """End it."""
    row.state, row.ended_on = "completed", event.completed_on


@folds(mentorship.Cancelled)
def cancelled(row: MentorshipRow, event: mentorship.Cancelled, _at: At) -> None:
    """End it early."""
    row.state, row.ended_on = "cancelled", event.cancelled_on


@folds(mentorship.KeyAreaOpened)
def key_area_opened(row: MentorshipRow, event: mentorship.KeyAreaOpened, _at: At) -> None:
    """Give the active goal its place."""
    row.key_areas[event.goal] = event.owner


@folds(mentorship.KeyAreaReleased)
def key_area_released(row: MentorshipRow, event: mentorship.KeyAreaReleased, _at: At) -> None:
    """Free the place."""
    row.key_areas.pop(event.goal, None)


@folds(mentorship.GoalJoined)
def goal_joined(row: MentorshipRow, event: mentorship.GoalJoined, _at: At) -> None:
    """Note the open goal."""
    row.goals[event.goal] = event.owner


@folds(mentorship.GoalLeft)
def goal_left(row: MentorshipRow, event: mentorship.GoalLeft, _at: At) -> None:
    """Forget the goal, and the place that it may have held."""
    row.goals.pop(event.goal, None)
    row.key_areas.pop(event.goal, None)


@folds(mentorship.ReflectionRecorded, mentorship.ResourceAttached)
def said(_row: MentorshipRow, _event: mentorship.MentorshipEvent, _at: At) -> None:
    """Leave the row as it is: diaries and shelves of mentorships have no list here."""


def _left(row: MentorshipRow, person: str) -> None:
    """Forget who said it; what was said stays, since others' yes is to it, or was replaced by it."""
    for said in row.expectations:
        if said.person == person:
            said.person = ""
