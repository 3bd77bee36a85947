"""The SMART rubrics that every tenant has: one for every reading of the five letters."""

from __future__ import annotations

import itertools

from milepost_contracts.types import Rubric

# What people read the letters as; the first of each is the standard.
LETTERS = (
    ("specific",),
    ("measurable",),
    ("achievable", "attainable", "action_oriented"),
    ("relevant", "realistic"),
    ("time_bound", "timely", "tangible"),
)
VERSION = 1
STANDARD = "smart"


def _built_in() -> dict[str, Rubric]:
    rubrics: dict[str, Rubric] = {}
    for criteria in itertools.product(*LETTERS):
        # The standard comes first; a variant is called by the letters that have variants.
        name = "-".join((STANDARD, *criteria[2:])) if rubrics else STANDARD
        rubrics[name] = Rubric(id=name, version=VERSION, criteria=list(criteria))
    return rubrics


BUILT_IN = _built_in()
"""By id: `smart`, then `smart-attainable-relevant-time_bound` and so on; all of them version 1."""
