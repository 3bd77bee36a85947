"""An event changes rows: importing this package registers what every event does to them."""

from milepost.view.fold import happenings, others
from milepost.view.fold.goal import applied
from milepost.view.fold.kernel import ENTRIES, FOLDS, At, EntryKey, EntryRows, GoalRows, Key, open_envelope, open_event

__all__ = [
    "ENTRIES",
    "FOLDS",
    "At",
    "EntryKey",
    "EntryRows",
    "GoalRows",
    "Key",
    "applied",
    "happenings",
    "open_envelope",
    "open_event",
    "others",
]
