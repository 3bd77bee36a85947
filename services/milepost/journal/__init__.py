"""The event store: what was decided becomes durable here, in order, once; and the keys that seal people's words."""

from milepost.journal.appends import (
    Append,
    Attributes,
    Committed,
    Dropped,
    Nothing,
    Outcome,
    Reader,
    Ref,
    Wanted,
)
from milepost.journal.errors import (
    BadURL,
    JournalCorrupt,
    JournalError,
    JournalInUse,
    JournalUnavailable,
    JournalUnsafe,
    OutcomeUnknown,
)
from milepost.journal.journal import Head, Journal, Known
from milepost.journal.stored import Stored

__all__ = [
    "Append",
    "Attributes",
    "BadURL",
    "Committed",
    "Dropped",
    "Head",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "JournalInUse",
    "JournalUnavailable",
    "JournalUnsafe",
    "Known",
    "Nothing",
    "Outcome",
    "OutcomeUnknown",
    "Reader",
    "Ref",
    "Stored",
    "Wanted",
]
