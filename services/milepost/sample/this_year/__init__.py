"""The year that runs: one scenario has come to its closing, and what last year left open or began goes on.

Days count from today, so that most are negative.
"""

from __future__ import annotations

from milepost.sample.telling import Story
from milepost.sample.this_year import lena, maya, others


def tell(tale: Story) -> None:
    """Tell how far everybody's goals are."""
    maya.presentations(tale)
    maya.retrospectives(tale)
    lena.mentees(tale)
    lena.thesis(tale)
    maya.launch(tale)
    lena.statistics(tale)
    others.independence(tale)
    others.retention(tale)
    others.figures(tale)
