"""What the stream brings becomes what a plugin has not seen yet: in order, without gaps, and only what concerns it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from milepost_contracts.envelope import EnvelopeError
from milepost_contracts.envelope import decode as decode_envelope
from milepost_contracts.permitted import opened, wanted_kids
from milepost_contracts.plugin import ERASED, RETRACTIONS, Manifest
from milepost_contracts.running import wants
from milepost_contracts.sealing import SealingKey

EventsAfter = Callable[[str, int, int], Awaitable[list[bytes]]]
"""(tenant, after sequence, limit) -> documents in order; raises ConnectionError."""
Keys = Callable[[str, str, Iterable[str]], Awaitable[dict[str, SealingKey | None]]]
"""(tenant, reader, kids) -> keys; None: the words were erased. Raises ConnectionError."""
MISSING_MAX = 500  # events asked of the journal in one go
KEYS_KEPT_MAX = 10_000  # a goal has a handful; so many are some 3 MB


class Incoming(msgspec.Struct, gc=False):
    """An event on its way to a plugin: what the host has to know of it; the rest is the plugin's to read."""

    id: str
    type: str
    subject: str  # `goal/UUID`
    tenant: str
    number: str = msgspec.field(name="sequence")
    document: bytes = b""  # the exact bytes; what is decoded has no such member
    sequence: int = msgspec.field(name="", default=0)

    @property
    def name(self) -> str:
        """Without its version: `goal.milestone_hit`."""
        return self.type.rpartition(".")[0]

    @property
    def aggregate(self) -> str:
        """`goal`, `mentorship` ..."""
        return self.subject.partition("/")[0]

    @property
    def aggregate_id(self) -> str:
        """The UUID."""
        return self.subject.partition("/")[2]


class Missing(Exception):  # noqa: N818  nothing is skipped: reading waits for them
    """Events are neither in the stream nor to be had from the journal."""


_decoder = msgspec.json.Decoder(Incoming)


def incoming(document: bytes) -> Incoming:
    """Return *document* with what the host has to know of it; raises EnvelopeError."""
    try:
        event = _decoder.decode(document)
        event.document, event.sequence = document, int(event.number)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EnvelopeError("invalid_event", f"not an event of Milepost: {error}") from error
    return event


async def dense(
    arrived: Sequence[Incoming], known: dict[str, int], events_after: EventsAfter, *, since: str = ""
) -> list[Incoming]:
    """Return the events of *arrived* beyond *known* (tenant -> sequence), in order, gaps filled from the journal.

    *since*: tenants that are not known begin with their first event that was recorded later; empty: with their first.
    Raises Missing where an event is nowhere to be had.
    """
    reached = dict(known)
    found: list[Incoming] = []
    for event in arrived:
        tenant, sequence = event.tenant, event.sequence
        if since and tenant not in reached:
            if decode_envelope(event.document).time <= since:
                continue
            reached[tenant] = sequence - 1
        last = reached.get(tenant, 0)
        if sequence <= last:
            continue
        while sequence > last + 1:
            missing = await _missing(event, last, events_after)
            found += missing
            last = missing[-1].sequence
        found.append(event)
        reached[tenant] = sequence
    return found


async def _missing(event: Incoming, last: int, events_after: EventsAfter) -> list[Incoming]:
    wanted = event.sequence - last - 1
    try:
        documents = await events_after(event.tenant, last, min(wanted, MISSING_MAX))
    except (ConnectionError, TimeoutError) as error:
        raise Missing(f"{event.tenant}: {last + 1} to {event.sequence - 1}; the journal's side is silent") from error
    found = [incoming(document) for document in documents]
    if not found or [one.sequence for one in found] != list(range(last + 1, last + 1 + len(found))):
        raise Missing(f"{event.tenant}: the journal's side does not have {last + 1} to {event.sequence - 1}")
    return found[:wanted]


class Concerns:
    """Which events come to a plugin at all; asked for every event, so each tag is looked at once."""

    def __init__(self, manifest: Manifest, hooks: frozenset[str]) -> None:
        """Take its manifest and the hooks that it has."""
        self._manifest = manifest
        self._hooks = hooks
        self._known: dict[str, bool] = {}

    def __call__(self, tag: str) -> bool:
        """Whether events with *tag* do."""
        known = self._known.get(tag)
        if known is None:
            name = tag.rpartition(".")[0]
            known = (
                wants(self._manifest, name)
                or (name in RETRACTIONS and "on_retracted" in self._hooks and wants(self._manifest, RETRACTIONS[name]))
                or (name == ERASED and "on_person_erased" in self._hooks)
            )
            self._known[tag] = known
        return known


class Words:
    """Opens the words that a plugin may read; keys are kept until somebody of the tenant is erased."""

    def __init__(self, manifest: Manifest, keys: Keys, reader: str) -> None:
        """Take whose permissions count, where keys come from, and as whom they are asked for."""
        self._permissions = manifest.permissions
        self._keys = keys
        self._reader = reader
        self._kept: OrderedDict[tuple[str, str], SealingKey | None] = OrderedDict()

    def forget(self, tenant: str) -> None:
        """Drop every key of *tenant*."""
        for place in [place for place in self._kept if place[0] == tenant]:
            del self._kept[place]

    async def opened(self, documents: Sequence[bytes]) -> list[dict[str, Any] | None]:
        """Return the data of each of *documents* with its permitted words opened; None where none are permitted.

        Raises ConnectionError while keys cannot be asked for.
        """
        if not self._permissions.words:
            return [None] * len(documents)
        envelopes = [decode_envelope(document) for document in documents]
        wanted: dict[str, set[str]] = {}
        for envelope in envelopes:
            for kid in wanted_kids(self._permissions, envelope):
                if (envelope.tenant, kid) not in self._kept:
                    wanted.setdefault(envelope.tenant, set()).add(kid)
        for tenant, kids in wanted.items():
            given = await self._keys(tenant, self._reader, kids)
            for kid in kids:
                self._kept[tenant, kid] = given.get(kid)
        found = []
        for envelope in envelopes:
            held = {kid: self._kept[envelope.tenant, kid] for kid in wanted_kids(self._permissions, envelope)}
            found.append(opened(self._permissions, envelope, held))
        while len(self._kept) > KEYS_KEPT_MAX:
            self._kept.popitem(last=False)
        return found
