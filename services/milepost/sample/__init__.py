"""The sample programme: eight goals from vague to closed, told as the commands of the people in it.

The dates hang on the day it is loaded, so that lists of what is due and what is at risk have something to show. Ids
are made from names, so that loading it again sends the same commands and changes nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost.sample import lena, maya, organisation, others
from milepost.sample.telling import PEOPLE, TENANT, Step, Story, named, person


def story(today: dt.date) -> list[Step]:
    """Return every step of the sample programme, in order."""
    tale = Story(today)
    organisation.organisation(tale)
    maya.presentations(tale)
    maya.leader(tale)
    lena.management(tale)
    lena.essays(tale)
    maya.lead_team(tale)
    lena.grades(tale)
    others.confidence(tale)
    others.churn(tale)
    return tale.steps


def directory() -> dict[str, Any]:
    """Return the names by which people, goals and the rest can be called on the command line."""
    goals = ("presentations", "leader", "management", "essays", "lead-team", "grades", "confidence", "churn")
    return {
        "tenant": TENANT,
        "people": {name: person(name) for name in PEOPLE},
        "goals": {name: named("goal", name) for name in goals},
        "mentorships": {name: named("mentorship", name) for name in ("maya-ben", "lena-omar")},
        "programmes": {"growth": named("programme", "growth")},
    }


__all__ = ["PEOPLE", "TENANT", "Step", "directory", "named", "person", "story"]
