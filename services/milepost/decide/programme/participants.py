"""People take part in a programme, in a role, until they leave."""

from __future__ import annotations

import msgspec

from milepost.decide.checks import permit
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.programme.asking import ADMINS, asked_open, existing, must_run, runs
from milepost.decide.programme.state import Programme
from milepost_contracts.commands import programme as commands
from milepost_contracts.events import programme as events


@decides(commands.EnrolParticipant)
def enrol_participant(case: Case) -> list[Change]:
    """Give a person a role in the programme, or another one."""
    programme, command = asked_open(case), case.command
    before = programme.participants.get(command.participant)
    if before == command.role:
        return []
    if before == "admin":
        _keep_an_admin(case, programme, command.participant)
    return [case.change(events.ParticipantEnrolled(participant=command.participant, role=command.role))]


def _keep_an_admin(case: Case, programme: Programme, person: str) -> None:
    case.reasons.unless(
        programme.admins != {person},
        "last_admin",
        "Nobody else is an admin of this programme: enrol another one first.",
        "participant",
    )


@evolves(events.ParticipantEnrolled)
def participant_enrolled(state: Programme, event: events.ParticipantEnrolled, _recorded: Recorded) -> Programme:
    """Give the role; the role `admin` comes and goes with the right to run the programme."""
    admins = state.admins
    if event.role == "admin":
        admins |= {event.participant}
    elif state.participants.get(event.participant) == "admin":
        admins -= {event.participant}
    participants = state.participants.insert(event.participant, event.role)
    return msgspec.structs.replace(state, admins=admins, participants=participants)


@decides(commands.WithdrawParticipant)
def withdraw_participant(case: Case) -> list[Change]:
    """Let a person leave, who may do so without asking anybody."""
    programme, command = existing(case), case.command
    itself = command.actor == command.participant
    permit(case, itself or runs(case.frame, command.actor, programme), f"the person or {ADMINS}")
    must_run(case, programme)
    case.reasons.unless(
        command.participant in programme.participants or command.participant in programme.admins,
        "not_a_participant",
        "This person takes no part in the programme.",
        "participant",
    )
    _keep_an_admin(case, programme, command.participant)
    return [case.change(events.ParticipantWithdrawn(participant=command.participant, reason=command.reason))]


@evolves(events.ParticipantWithdrawn)
def participant_withdrawn(state: Programme, event: events.ParticipantWithdrawn, _recorded: Recorded) -> Programme:
    """Take the person out, as an admin too."""
    return msgspec.structs.replace(
        state,
        admins=state.admins - {event.participant},
        participants=state.participants.discard(event.participant),
    )
