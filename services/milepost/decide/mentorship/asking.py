"""Who asks about a mentorship: its parties, and for what concerns its frame the admins of its programme."""

from __future__ import annotations

from milepost.decide.checks import permit
from milepost.decide.kernel import Case
from milepost.decide.mentorship.state import Mentorship
from milepost.decide.programme.asking import runs
from milepost.decide.programme.state import Programme


def existing(case: Case) -> Mentorship:
    """Return the command's mentorship; refuses `mentorship_unknown` at once where there is none."""
    if case.state is None:
        case.reasons.refuse("mentorship_unknown", "There is no mentorship with this id in this tenant.", "id")
        case.reasons.raise_any()
    mentorship: Mentorship = case.state
    return mentorship


def asked(case: Case, *, admins: bool = False) -> Mentorship:
    """Return the command's mentorship; refuses `mentorship_unknown` and `not_allowed` at once.

    A party may; where *admins* is true, an admin of its programme or of the tenant may as well. The programme is read
    only where the asker is no party, so that it conflicts with nobody else.
    """
    mentorship, actor = existing(case), case.command.actor
    if actor not in mentorship.parties:
        may = admins and runs(case.frame, actor, programme_of(case, mentorship))
        permit(case, may, "a party of the mentorship or an admin" if admins else "a party of the mentorship")
    return mentorship


def asked_open(case: Case, *, admins: bool = False) -> Mentorship:
    """Do as `asked` does; refuses `mentorship_ended` beside the other reasons."""
    mentorship = asked(case, admins=admins)
    must_be_open(case, mentorship)
    return mentorship


def asked_active(case: Case, *, admins: bool = False) -> Mentorship:
    """Do as `asked` does; refuses `mentorship_ended` or `mentorship_not_active` beside the other reasons."""
    mentorship = asked_open(case, admins=admins)
    case.reasons.unless(
        mentorship.state != "requested",
        "mentorship_not_active",
        "This mentorship has not begun: its other parties accept it first.",
        "id",
        state=mentorship.state,
    )
    return mentorship


def must_be_open(case: Case, mentorship: Mentorship) -> bool:
    """Refuse `mentorship_ended`; returns whether it goes on."""
    return case.reasons.unless(
        mentorship.open,
        "mentorship_ended",
        "This mentorship has ended and is changed no more.",
        "id",
        state=mentorship.state,
    )


def programme_of(case: Case, mentorship: Mentorship) -> Programme | None:
    """Return the programme that *mentorship* belongs to, None where it belongs to none."""
    if mentorship.programme is None:
        return None
    programme: Programme | None = case.frame.get(("programme", mentorship.programme))
    return programme
