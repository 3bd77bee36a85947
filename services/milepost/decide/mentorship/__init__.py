"""A mentorship: importing this package registers what every command on it causes and what its events make of it."""

from milepost.decide.mentorship import beginning, disposing, ending, holding, leaving, meeting, setting, state

__all__ = ["beginning", "disposing", "ending", "holding", "leaving", "meeting", "setting", "state"]
