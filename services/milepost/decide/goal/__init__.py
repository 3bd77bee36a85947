"""A goal: importing this package registers what every command on a goal causes and what its events make of it."""

from milepost.decide.goal import (
    activation,
    agreement,
    alignment,
    closing,
    creating,
    importing,
    lifecycle,
    people,
    placing,
    refining,
    roles,
    state,
    terms,
)

__all__ = [
    "activation",
    "agreement",
    "alignment",
    "closing",
    "creating",
    "importing",
    "lifecycle",
    "people",
    "placing",
    "refining",
    "roles",
    "state",
    "terms",
]
