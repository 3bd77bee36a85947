"""Long answers about the past come in pages, by count and by bytes: each fits into one message of the bus."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.answers import Invalid, Problem
from milepost_contracts.queries.history import HistoryEntry

# Of one answer: the broker's largest message is 1 MiB, and the answer's own members need room beside the page.
PAGE_BYTES_MAX = 800_000
# Of the state beside one event, so that a page has several; what is larger is asked for by itself.
STATE_BYTES_MAX = 200_000


def position(cursor: str | None, query: str) -> int | None:
    """Return where the page of *query* goes on, None for the first; raises ValueError for no cursor of it."""
    if cursor is None:
        return None
    name, _, number = cursor.partition("-")
    if name != query or not number.isdecimal() or not number.isascii():
        raise ValueError(cursor)
    return int(number)


def cursor_of(query: str, number: int) -> str:
    """Return the cursor of the page of *query* that goes on at *number*."""
    return f"{query}-{number}"


def invalid_cursor() -> Invalid:
    """Return the answer to a cursor that is none."""
    message = "Send back what the last page of this query gave as `next`, or leave it out for the first page."
    return Invalid(errors=[Problem(code="invalid_cursor", message=message, field="cursor")])


def size(answer: Any) -> int:
    """Return how many bytes *answer* takes on the wire."""
    return len(msgspec.json.encode(answer))


def bounded(entry: HistoryEntry, bytes_max: int) -> HistoryEntry:
    """Return *entry* without what makes it larger than a message, named in `left_out`: an event may fill one alone."""
    for name, nothing in (("state", None), ("changes", []), ("data", {})):
        if size(entry) <= bytes_max:
            break
        changed: dict[str, Any] = {name: nothing, "left_out": [*entry.left_out, name]}
        entry = msgspec.structs.replace(entry, **changed)
    return entry


def fitting(state: dict[str, Any], bytes_max: int) -> tuple[dict[str, Any], list[str]]:
    """Return *state* without its largest members until it fits into *bytes_max*, and the names of those."""
    sizes = {name: size(value) for name, value in state.items()}
    left_out: list[str] = []
    total = sum(sizes.values())
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if total <= bytes_max:
            break
        left_out.append(name)
        total -= sizes[name]
    return {name: value for name, value in state.items() if name not in left_out}, sorted(left_out)
