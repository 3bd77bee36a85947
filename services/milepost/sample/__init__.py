"""The sample programme: goals from vague to closed, told as the commands of the people in it.

Last year is over: what was a starter goal then is closed, whatever came of it. This year goals are under way, and many
of them go on from one of last year's. The dates hang on the day it is loaded, so that lists of what is due and what is
at risk have something to show. Ids are made from names, so that loading it again sends the same commands and changes
nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost.sample import last_year, organisation, this_year
from milepost.sample.organisation import YEAR_DAYS
from milepost.sample.telling import PEOPLE, TENANT, Step, Story, named, person

# A third of this year is over: some of its goals have come to something, and there is time for the others.
DAYS_INTO_THIS_YEAR = 126

# The scenarios, by what their starter goals are about: each of them runs until it is closed.
SCENARIOS = ("presentations", "leader", "management", "essays", "lead-team", "grades", "confidence", "churn")
GOALS = (
    *SCENARIOS,
    "podcast",
    "retrospectives",
    "launch",
    "mentees",
    "thesis",
    "statistics",
    "independence",
    "retention",
)


def story(today: dt.date) -> list[Step]:
    """Return every step of the sample programme, in order."""
    tale = Story(today, cycle="this year")
    this = tale.since(-DAYS_INTO_THIS_YEAR, "this year")
    last = this.since(-YEAR_DAYS, "last year")
    organisation.organisation(last)
    organisation.cycle(last)
    last_year.tell(last)
    organisation.cycle_over(last)
    organisation.cycle(this)
    organisation.on_we_go(this)
    this_year.tell(tale)
    return tale.steps


def directory() -> dict[str, Any]:
    """Return the names by which people, goals and the rest can be called on the command line."""
    return {
        "tenant": TENANT,
        "people": {name: person(name) for name in PEOPLE},
        "goals": {name: named("goal", name) for name in GOALS},
        "mentorships": {name: named("mentorship", name) for name in ("maya-ben", "lena-omar")},
        "programmes": {"growth": named("programme", "growth")},
    }


__all__ = ["PEOPLE", "SCENARIOS", "TENANT", "Step", "directory", "named", "person", "story"]
