"""The parties of a mentorship meet, look back and share what helped: sessions, reflections and resources."""

from __future__ import annotations

from milepost.decide.checks import happened, title_given, within, words_given
from milepost.decide.goal.links import check_link
from milepost.decide.kernel import Case, Change, Recorded, decides, evolves
from milepost.decide.mentorship.asking import asked, asked_open
from milepost.decide.mentorship.state import Mentorship, put
from milepost_contracts.commands import mentorship as commands
from milepost_contracts.events import mentorship as events


@decides(commands.HoldSession)
def hold_session(case: Case) -> list[Change]:
    """Record a meeting, with or without goals; of a mentorship that has ended, what was held before its end."""
    mentorship, command, reasons = asked(case), case.command, case.reasons
    _check_time(case, mentorship)
    reasons.unless(
        command.session not in mentorship.sessions,
        "session_id_taken",
        "A session has this id already: choose a new one.",
        "session",
    )
    attendees = list(dict.fromkeys(command.attendees))
    within(case, len(attendees), "items", "attendees")
    reasons.unless(
        any(person in mentorship.parties for person in attendees),
        "attendees_missing",
        "Say who was there: at least one party, and guests where there were any.",
        "attendees",
    )
    goals = list(dict.fromkeys(command.goals))
    within(case, len(goals), "items", "goals")
    _check_goals(case, mentorship, goals)
    reasons.unless(
        command.next_on is None or command.next_on > command.held_on,
        "next_on_not_after",
        "The next session is on a later day than this one.",
        "next_on",
    )
    held = events.SessionHeld(
        session=command.session,
        held_on=command.held_on,
        attendees=attendees,
        notes=command.notes,
        goals=goals,
        next_on=command.next_on,
    )
    return [case.change(held)]


def _check_time(case: Case, mentorship: Mentorship) -> None:
    """Refuse a session to come, before the mentorship began and after it ended; warn of one long past."""
    held_on, reasons = case.command.held_on, case.reasons
    happened(case, held_on, "held_on")
    if mentorship.state == "requested":
        message = "This mentorship has not begun: its other parties accept it first."
        reasons.refuse("mentorship_not_active", message, "id", state=mentorship.state)
    elif not mentorship.open:
        reasons.unless(
            mentorship.state != "rejected" and mentorship.ended_on is not None and held_on <= mentorship.ended_on,
            "mentorship_ended",
            "This mentorship ended before that day.",
            "held_on",
            state=mentorship.state,
            ended_on=mentorship.ended_on,
        )


def _check_goals(case: Case, mentorship: Mentorship, goals: list[str]) -> None:
    """Refuse goals of other mentorships; one that is open here needs not be read, one closed here does."""
    others = [id_ for id_ in goals if id_ not in mentorship.goals]
    case.frame.need([("goal", id_) for id_ in others])
    known = {id_: case.frame.get(("goal", id_)) for id_ in others}
    strangers = [id_ for id_, goal in known.items() if goal is None or goal.mentorship != mentorship.id]
    case.reasons.unless(
        not strangers, "goal_not_here", "These goals are not of this mentorship.", "goals", goals=strangers
    )


@evolves(events.SessionHeld)
def session_held(state: Mentorship, event: events.SessionHeld, _recorded: Recorded) -> Mentorship:
    """Remember the day of the session."""
    return put(state, "sessions", event.session, event.held_on)


@decides(commands.RecordReflection)
def record_reflection(case: Case) -> list[Change]:
    """Keep a party's entry; looking back after the end is what a diary is for, so that it is never too late."""
    mentorship, command = asked(case), case.command
    case.reasons.unless(
        command.reflection not in mentorship.reflections,
        "reflection_id_taken",
        "An entry has this id already: choose a new one.",
        "reflection",
    )
    words_given(case, command.text, "text")
    recorded = events.ReflectionRecorded(reflection=command.reflection, author=command.actor, text=command.text)
    return [case.change(recorded)]


@evolves(events.ReflectionRecorded)
def reflection_recorded(state: Mentorship, event: events.ReflectionRecorded, _recorded: Recorded) -> Mentorship:
    """Remember whose entry it is."""
    return put(state, "reflections", event.reflection, event.author)


@decides(commands.AttachResource)
def attach_resource(case: Case) -> list[Change]:
    """Attach a book, course, tool ..., with a link that does no harm."""
    mentorship, command = asked_open(case), case.command
    case.reasons.unless(
        command.resource not in mentorship.resources,
        "resource_id_taken",
        "A resource has this id already: choose a new one.",
        "resource",
    )
    title_given(case, command.title)
    if command.url is not None:
        check_link(case, command.url, "url")
    attached = events.ResourceAttached(
        resource=command.resource, kind=command.kind, title=command.title, url=command.url
    )
    return [case.change(attached)]


@evolves(events.ResourceAttached)
def resource_attached(state: Mentorship, event: events.ResourceAttached, _recorded: Recorded) -> Mentorship:
    """Remember that it is there."""
    return put(state, "resources", event.resource, event.kind)
