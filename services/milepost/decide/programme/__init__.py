"""A programme: importing this package registers what every command on it causes and what its events make of it."""

from milepost.decide.programme import cycles, figures, participants, running, state, templates

__all__ = ["cycles", "figures", "participants", "running", "state", "templates"]
