"""What can go wrong between an event and its place in the journal; every error has a stable code."""

from __future__ import annotations


class JournalError(Exception):
    """The root of this stage's errors; `code` never changes."""

    code = "journal_error"


class JournalUnavailable(JournalError):  # noqa: N818  says what the caller meets: surely nothing was written
    """The database cannot be reached or refused; nothing of this call was written."""

    code = "journal_unavailable"


class OutcomeUnknown(JournalError):  # noqa: N818  says what the caller meets
    """The connection was lost in COMMIT: written whole or not at all. Look for the commands before anything else."""

    code = "outcome_unknown"


class JournalInUse(JournalError):  # noqa: N818  says what the caller meets
    """Another process writes this SQLite journal; it has one writing process."""

    code = "journal_in_use"


class JournalUnsafe(JournalError):  # noqa: N818  says what the caller meets
    """The database would lose what it acknowledged (fsync or synchronous_commit is off)."""

    code = "journal_unsafe"


class JournalCorrupt(JournalError):  # noqa: N818  says what the caller meets
    """What is stored is not what this stage writes: a row that does not fit its document, or a foreign writer."""

    code = "journal_corrupt"


class BadURL(JournalError, ValueError):  # noqa: N818  says what the caller meets
    """Not `sqlite:///PATH` or `postgresql://...`."""

    code = "bad_url"


class KeysUnavailable(JournalError):  # noqa: N818  says what the caller meets
    """The key store cannot be reached or refused; nothing of this call was written."""

    code = "keys_unavailable"


class KeyErased(JournalError):  # noqa: N818  says what the caller meets
    """The person was erased: their key is destroyed for ever and nothing more can be sealed for them."""

    code = "key_erased"


class WrappingKeyError(JournalError):
    """The key directory lacks a tenant's wrapping key, holds another one, or is open to others."""

    code = "wrapping_key"
