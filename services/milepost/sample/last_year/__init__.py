"""The year that is over: seven of the scenarios from starter goal to closing, and a goal that was never begun.

Days count from the one on which that year began.
"""

from __future__ import annotations

from milepost.sample.last_year import lena, maya, others
from milepost.sample.telling import Story


def tell(year: Story) -> None:
    """Tell what became of everybody's goals."""
    maya.leader(year)
    maya.lead_team(year)
    lena.management(year)
    lena.essays(year)
    lena.grades(year)
    lena.podcast(year)
    others.confidence(year)
    others.churn(year)
