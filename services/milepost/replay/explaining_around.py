"""The events around one are looked through: are their numbers whole, do their times go forward, what is next to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from milepost.journal import Journal, Stored
from milepost.replay.causes import SOUGHT_MAX
from milepost_contracts.queries.explain import Density, EventPlace, RemovedTold

MISSING_MAX = 100  # numbers of what is missing that are told; a longer list is a case for `milepost verify`


class Around(NamedTuple):
    """The tenant's events from sequence `first` to `last`, as far as they are there."""

    first: int
    last: int
    events: list[Stored]

    def before(self, sequence: int) -> list[Stored]:
        """Return those before *sequence*."""
        return [one for one in self.events if one.sequence < sequence]

    def after(self, sequence: int) -> list[Stored]:
        """Return those after *sequence*."""
        return [one for one in self.events if one.sequence > sequence]


def around(journal: Journal, tenant: str, sequence: int, newest: int) -> Around:
    """Return the events around *sequence*, SOUGHT_MAX on both sides; *newest* is the tenant's last sequence."""
    first, last = max(1, sequence - SOUGHT_MAX), min(newest, sequence + SOUGHT_MAX)
    found = journal.events_after(tenant, first - 1, last - first + 1)
    return Around(first, last, [one for one in found if one.sequence <= last])


def density(numbers: Sequence[int], first: int, last: int) -> Density:
    """Return which of the numbers from *first* to *last* are not among *numbers*."""
    there = set(numbers)
    missing = [number for number in range(first, last + 1) if number not in there]
    return Density(first=first, last=last, found=len(there), missing=missing[:MISSING_MAX])


def removed(chosen: Stored, near: Around, own: Sequence[Stored], version: int) -> RemovedTold:
    """Return whether numbers are missing around *chosen*.

    *own*: all events of its aggregate, in order; *version*: the newest version that the aggregate has.
    """
    sequences = density([one.sequence for one in near.events], near.first, near.last)
    versions = density([one.version for one in own], 1, version)
    times = [one.time for one in near.events]
    in_order = times == sorted(times)
    by_sequence = {one.sequence: one for one in near.events}
    by_version = {one.version: one for one in own}
    finding = "nothing_missing" if in_order else "out_of_order"
    return RemovedTold(
        finding="missing" if sequences.missing or versions.missing else finding,
        sequences=sequences,
        versions=versions,
        times_in_order=in_order,
        before=place(by_sequence.get(chosen.sequence - 1)),
        after=place(by_sequence.get(chosen.sequence + 1)),
        version_before=place(by_version.get(chosen.version - 1)),
        version_after=place(by_version.get(chosen.version + 1)),
    )


def placed(stored: Stored) -> EventPlace:
    """Return where *stored* stands."""
    envelope = stored.envelope
    return EventPlace(
        id=stored.event_id,
        type=stored.tag,
        aggregate=stored.ref[0],
        aggregate_id=stored.ref[1],
        version=stored.version,
        sequence=stored.sequence,
        recorded=dt.datetime.fromisoformat(stored.time),
        occurred=dt.datetime.fromisoformat(envelope.occurredat) if envelope.occurredat else None,
        actor=envelope.actor,
    )


def place(stored: Stored | None) -> EventPlace | None:
    """Return where *stored* stands; None where there is none."""
    return None if stored is None else placed(stored)
