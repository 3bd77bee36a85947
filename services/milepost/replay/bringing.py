"""The tenant's events after a sequence, each as its exact document: what the stream no longer has."""

from __future__ import annotations

import msgspec

from milepost.replay.desk import Desk, Told
from milepost_contracts.queries import EventsAfter, EventsAfterAnswer

# Of one answer: the broker's largest message is 1 MiB, and the answer's own members need room beside the events.
ANSWER_BYTES_MAX = 900_000


def events_after(desk: Desk, tenant: str, query: EventsAfter, _: str) -> Told:
    """Answer *query*; whoever may read the tenant's events on the bus may ask: the words in them stay sealed."""
    stored = desk.journal.events_after(tenant, query.sequence, query.limit + 1)
    events: list[msgspec.Raw] = []
    size = 0
    for one in stored[: query.limit]:
        size += len(one.document)
        if events and size > ANSWER_BYTES_MAX:
            break
        events.append(msgspec.Raw(one.document))
    last = stored[len(events) - 1].sequence if events else query.sequence
    answer = EventsAfterAnswer(sequence=f"{last:016d}", events=events, more=len(events) < len(stored))
    return answer, {"after": query.sequence}
