"""A moment that somebody wrote becomes a place in the journal: the last sequence that counts, and the time it was."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from milepost.decide import Ref
from milepost.journal import Journal
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.queries.moments import MomentError, Point, instant_text, parse_moment


class Then(NamedTuple):
    """What a moment is in a tenant: its last `sequence` that counts, and the instant (UTC) that it was.

    The instant of a version or a sequence is the recorded time of that event; what has no event is told for now.
    """

    sequence: int
    instant: dt.datetime


def then(
    journal: Journal, tenant: str, ref: Ref | None, text: str, *, now: dt.datetime, field: str = "at"
) -> Then | Refused:
    """Return what the moment *text* is in *tenant*; a version is one of *ref*. Refused names *field*."""
    try:
        point = parse_moment(text)
    except MomentError as error:
        return _refused("moment_unknown", f"{error}.", field)
    head = journal.heads().get(tenant)
    if head is None:
        return Then(0, now)
    # The tenant's time never runs backward, but the machine's clock may: what is recorded is not in the future.
    newest = Then(head.sequence, max(now, dt.datetime.fromisoformat(head.time)))
    if point.version is not None:
        return _version(journal, tenant, ref, point.version, field)
    if point.sequence is not None:
        return _sequence(journal, tenant, point.sequence, newest, field)
    instant = _instant(point, newest.instant)
    if instant > newest.instant:
        return _refused("in_future", f"{text} is in the future: ask for what has been.", field)
    if instant == newest.instant:
        return newest
    return Then(last_until(journal, tenant, instant, head.sequence), instant)


def last_until(journal: Journal, tenant: str, instant: dt.datetime, newest: int) -> int:
    """Return the last sequence of *tenant*, at most *newest*, that was recorded at *instant* or before; 0: none was."""
    until = instant_text(instant)
    low, high = 0, newest  # time never runs backward along the sequence: what is looked for is found by halving
    while low < high:
        middle = (low + high + 1) // 2
        found = journal.at(tenant, middle)
        if found is not None and found.time <= until:
            low = middle
        else:
            high = middle - 1
    return low


def _instant(point: Point, newest: dt.datetime) -> dt.datetime:
    if point.day is None:
        return point.instant or newest
    begins = dt.datetime.combine(point.day, dt.time(), dt.UTC)
    # A day's end is its last microsecond; of a day that goes on, what has come to be of it.
    ends = begins + (dt.timedelta(days=1) - dt.timedelta.resolution)
    return min(ends, newest) if begins <= newest else begins


def _version(journal: Journal, tenant: str, ref: Ref | None, version: int, field: str) -> Then | Refused:
    if ref is None:
        return _refused("version_of_nothing", "A version is one of a goal, mentorship ...: name an instant.", field)
    newest = journal.head(tenant, ref)
    if version > newest:
        return _refused("version_unknown", f"Its newest version is {newest}.", field)
    found = journal.load(tenant, ref, max(version, 1) - 1, max(version, 1))
    if not found:
        return _refused("version_unknown", "It has no events.", field)
    return Then(found[0].sequence - (version == 0), dt.datetime.fromisoformat(found[0].time))


def _sequence(journal: Journal, tenant: str, sequence: int, newest: Then, field: str) -> Then | Refused:
    if sequence > newest.sequence:
        return _refused("sequence_unknown", f"The newest sequence is {newest.sequence}.", field)
    found = journal.at(tenant, max(sequence, 1))
    return Then(sequence, dt.datetime.fromisoformat(found.time) if found else newest.instant)


def _refused(code: str, message: str, field: str) -> Refused:
    return Refused(errors=[Problem(code=code, field=field, message=message)])
