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
    KeyErased,
    KeysUnavailable,
    OutcomeUnknown,
    WrappingKeyError,
)
from milepost.journal.journal import Bare, Head, Journal, Known
from milepost.journal.keys import Derived, HolderKey, KeyStore, Place
from milepost.journal.keys_rewrapping import Rewrapping
from milepost.journal.stored import Stored

__all__ = [
    "Append",
    "Attributes",
    "BadURL",
    "Bare",
    "Committed",
    "Derived",
    "Dropped",
    "Head",
    "HolderKey",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "JournalInUse",
    "JournalUnavailable",
    "JournalUnsafe",
    "KeyErased",
    "KeyStore",
    "KeysUnavailable",
    "Known",
    "Nothing",
    "Outcome",
    "OutcomeUnknown",
    "Place",
    "Reader",
    "Ref",
    "Rewrapping",
    "Stored",
    "Wanted",
    "WrappingKeyError",
]
