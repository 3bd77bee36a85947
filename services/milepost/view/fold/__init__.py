"""An event changes rows: importing this package registers what every event does to them."""

from milepost.view.fold import happenings, lifecycle, mentorships, programmes, tenants
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
    "lifecycle",
    "mentorships",
    "open_envelope",
    "open_event",
    "programmes",
    "tenants",
]
