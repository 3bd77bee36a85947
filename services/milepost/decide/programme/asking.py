"""Who asks about a programme: its admins and those of the tenant run it."""

from __future__ import annotations

from milepost.decide.checks import permit
from milepost.decide.kernel import Case, Frame
from milepost.decide.programme.state import Programme
from milepost.decide.tenant import has_role

ADMINS = "an admin of the programme or of the tenant"


def runs(frame: Frame, actor: str, programme: Programme | None) -> bool:
    """Whether *actor* is an admin of *programme* (where there is one) or of the tenant."""
    return (programme is not None and actor in programme.admins) or has_role(frame, actor, "admin")


def existing(case: Case) -> Programme:
    """Return the command's programme; refuses `programme_unknown` at once where there is none."""
    if case.state is None:
        case.reasons.refuse("programme_unknown", "There is no programme with this id in this tenant.", "id")
        case.reasons.raise_any()
    programme: Programme = case.state
    return programme


def asked(case: Case) -> Programme:
    """Return the command's programme; refuses `programme_unknown` and `not_allowed` at once."""
    programme = existing(case)
    permit(case, runs(case.frame, case.command.actor, programme), ADMINS)
    return programme


def asked_open(case: Case) -> Programme:
    """Do as `asked` does; refuses `programme_closed` beside the other reasons."""
    programme = asked(case)
    must_run(case, programme)
    return programme


def must_run(case: Case, programme: Programme, field: str = "id") -> bool:
    """Refuse `programme_closed` where *programme* has ended; returns whether it runs."""
    return case.reasons.unless(
        programme.state == "open", "programme_closed", "This programme has ended and is changed no more.", field
    )
