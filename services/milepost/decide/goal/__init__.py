"""A goal: importing this package registers what every command on a goal causes and what its events make of it."""

from milepost.decide.goal import roles, state, terms

__all__ = ["roles", "state", "terms"]
