"""What the parties of a mentorship settle among themselves: expectations, purpose, cadence, cap and quorum."""

from __future__ import annotations

from collections import Counter

import msgspec

from milepost.decide.checks import cadence_whole, words_given
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.mentorship.asking import asked_open, programme_of
from milepost.decide.mentorship.state import Mentorship, cap_for
from milepost_contracts.commands import mentorship as commands
from milepost_contracts.events import mentorship as events


@decides(commands.AgreeExpectations)
def agree_expectations(case: Case) -> list[Change]:
    """Write down expectations, or say yes to those that another party wrote by saying the same."""
    mentorship, command = asked_open(case), case.command
    words_given(case, command.expectations, "expectations")
    if command.expectations == mentorship.expectations and command.actor in mentorship.expectations_agreed:
        return []
    return [case.change(events.ExpectationsAgreed(party=command.actor, expectations=command.expectations))]


@evolves(events.ExpectationsAgreed)
def expectations_agreed(state: Mentorship, event: events.ExpectationsAgreed, _recorded: Recorded) -> Mentorship:
    """Note the yes; other expectations than before have only their writer's."""
    same = event.expectations == state.expectations
    return msgspec.structs.replace(
        state,
        expectations=event.expectations,
        expectations_agreed=(state.expectations_agreed if same else frozenset()) | {event.party},
    )


@decides(commands.SetPurpose)
def set_purpose(case: Case) -> list[Change]:
    """Say what it is for."""
    mentorship, command = asked_open(case), case.command
    words_given(case, command.purpose, "purpose")
    return [] if command.purpose == mentorship.purpose else [case.change(events.PurposeSet(purpose=command.purpose))]


@evolves(events.PurposeSet)
def purpose_set(state: Mentorship, event: events.PurposeSet, _recorded: Recorded) -> Mentorship:
    """Set what it is for."""
    return msgspec.structs.replace(state, purpose=event.purpose)


@decides(commands.SetCadence)
def set_cadence(case: Case) -> list[Change]:
    """Say how often its parties meet."""
    mentorship, cadence = asked_open(case), case.command.cadence
    cadence_whole(case, cadence)
    if cadence == mentorship.cadence:
        return []
    return [case.change(events.CadenceSet(before=mentorship.cadence, after=cadence))]


@evolves(events.CadenceSet)
def cadence_set(state: Mentorship, event: events.CadenceSet, _recorded: Recorded) -> Mentorship:
    """Set how often its parties meet."""
    return msgspec.structs.replace(state, cadence=event.after)


@decides(commands.SetCap)
def set_cap(case: Case) -> list[Change]:
    """Set a cap of its own; goals that are active already stay so, and the next one waits for room."""
    mentorship, cap = asked_open(case, admins=True), case.command.cap
    if cap == mentorship.cap:
        return []
    programme = programme_of(case, mentorship) if mentorship.cap is None else None
    if any(count > cap for count in Counter(mentorship.key_areas.values()).values()):
        case.reasons.warn("cap_exceeded", "An owner has more active goals here already: they stay active.", "cap")
    return [case.change(events.CapSet(old=cap_for(mentorship, programme), new=cap))]


@evolves(events.CapSet)
def cap_set(state: Mentorship, event: events.CapSet, _recorded: Recorded) -> Mentorship:
    """Set its own cap, which stands before the programme's."""
    return msgspec.structs.replace(state, cap=event.new)


@decides(commands.SetQuorum)
def set_quorum(case: Case) -> list[Change]:
    """Say whose yes a goal needs from its next agreement on."""
    mentorship, quorum = asked_open(case, admins=True), case.command.quorum
    if quorum == mentorship.quorum:
        return []
    return [case.change(events.QuorumSet(old=mentorship.quorum, new=quorum))]


@evolves(events.QuorumSet)
def quorum_set(state: Mentorship, event: events.QuorumSet, _recorded: Recorded) -> Mentorship:
    """Set whose yes a goal needs."""
    return msgspec.structs.replace(state, quorum=event.new)
