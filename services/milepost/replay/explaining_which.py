"""What somebody calls an event becomes the event: by its id, its sequence, or its aggregate and version."""

from __future__ import annotations

import datetime as dt
import uuid

from milepost.journal import Journal, Stored
from milepost.replay.moments import last_until
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.queries.explain import Explain

_PAGE = 1_000  # documents read at once, about a megabyte
# How many events on both sides of where an event's id says that it is are looked through: two seconds of reading. Ids
# are made when a command is decided, a moment before its events are recorded; farther apart they are where the
# machine's clock was set back, or the ids were made elsewhere.
SCANNED_MAX = 100_000
_UUID7, _MS = 7, 1_000


def which(journal: Journal, tenant: str, query: Explain, newest: int) -> Stored | Refused | None:
    """Return the event that *query* names; None: there is none. Refused: it names none, or several ways at once."""
    named = [query.event is not None, query.sequence is not None, query.id is not None and query.version is not None]
    if sum(named) != 1 or (query.id is None) != (query.version is None):
        message = "Name one event: by `event`, by `sequence`, or by `aggregate`, `id` and `version`."
        return Refused(errors=[Problem(code="event_not_named", message=message, field="event")])
    if query.sequence is not None:
        return journal.at(tenant, query.sequence)
    if query.event is not None:
        return by_id(journal, tenant, query.event, newest)
    assert query.id is not None  # noqa: S101  counted above
    assert query.version is not None  # noqa: S101  counted above
    found = journal.load(tenant, (query.aggregate, query.id), query.version - 1, query.version)
    return found[0] if found else None


def by_id(journal: Journal, tenant: str, event_id: str, newest: int) -> Stored | None:
    """Return the event with this id; the journal has no index of ids, but an id begins with the time it was made at."""
    made = uuid.UUID(event_id)
    guess = newest
    if made.version == _UUID7:
        moment = dt.datetime.fromtimestamp((made.int >> 80) / _MS, dt.UTC)
        guess = last_until(journal, tenant, moment, newest)
    return _forward(journal, tenant, event_id, guess) or _backward(journal, tenant, event_id, guess)


def _forward(journal: Journal, tenant: str, event_id: str, after: int) -> Stored | None:
    until = after + SCANNED_MAX
    while after < until and (page := journal.events_after(tenant, after, _PAGE)):
        for one in page:
            if one.event_id == event_id:
                return one
        after = page[-1].sequence
    return None


def _backward(journal: Journal, tenant: str, event_id: str, until: int) -> Stored | None:
    lowest = max(0, until - SCANNED_MAX)
    while until > lowest:
        after = max(lowest, until - _PAGE)
        for one in journal.events_after(tenant, after, until - after):
            if one.event_id == event_id:
                return one
        until = after
    return None
