"""A row that does not fit its document is looked at slowly, so that what is wrong with it can be named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from milepost.journal.batch import instant
from milepost.replay.verify.findings import Finding
from milepost.replay.verify.rows import RawRow
from milepost_contracts.envelope import SCHEMA_PREFIX, EnvelopeError, decode

_RESTORE = "Compare with a backup or another copy of the log; do not repair it by hand."
_RECORDED_MAX = 253_402_300_799_999_999  # the year 9999 ends: no clock of ours stamps later


def octets(state: Any) -> bytes:
    """Return a document as bytes, of whatever type the database gave it."""
    if isinstance(state, bytes | bytearray | memoryview):
        return bytes(state)
    return str(state).encode(errors="surrogateescape")


def place(row: RawRow) -> str:
    """Return where a row lies, for people: `row 17 (acme/goal/0199... version 3)`."""
    return f"row {row[0]} ({row[1]} version {row[2]})"


def tenant_of(row: RawRow) -> str:
    """Return the row's tenant, as text."""
    return row[4] if isinstance(row[4], str) else str(row[4])


def sequence_of(row: RawRow) -> int:
    """Return the row's sequence; 0 where it has none that is a number."""
    return row[5] if isinstance(row[5], int) and row[5] > 0 else 0


def finding(code: str, message: str, row: RawRow, todo: str = _RESTORE) -> Finding:
    """Return a finding about *row*."""
    sequence = sequence_of(row)
    return Finding(
        code=code, message=message, tenant=tenant_of(row), first=sequence, last=sequence, place=place(row), todo=todo
    )


def differences(row: RawRow) -> Iterator[Finding]:
    """Yield how *row*'s columns differ from its document; that it is in another form, where they all agree."""
    _, originator, version, topic, tenant, sequence, recorded_us, event_id, _, _, _, state = row
    try:
        envelope = decode(octets(state))
    except EnvelopeError as error:
        yield finding("document_unreadable", f"The document is no event: {error}.", row)
        return
    told = [
        ("event_id", event_id, envelope.id),
        ("topic", topic, envelope.type),
        ("topic", f"{SCHEMA_PREFIX}{topic}", envelope.dataschema),
        ("tenant", tenant, envelope.tenant),
        ("tenant", f"/milepost/{tenant}", envelope.source),
        ("originator_id", originator, f"{tenant}/{envelope.subject}"),
        ("originator_version", version, envelope.version),
        ("sequence", sequence, envelope.number),
        ("recorded_us", _time(recorded_us), envelope.time),
    ]
    wrong = {column: (ours, theirs) for column, ours, theirs in reversed(told) if ours != theirs}
    for column, (ours, theirs) in wrong.items():
        message = f"The column {column} says {str(ours)[:80]!r}, the document {str(theirs)[:80]!r}."
        yield finding("column_differs", message, row)
    if not wrong:
        yield finding("document_form", "The document is not in the one form in which events are stored.", row)


def _time(recorded_us: Any) -> str:
    if not isinstance(recorded_us, int) or not 0 <= recorded_us <= _RECORDED_MAX:
        return f"{recorded_us} us"
    return instant(recorded_us)
