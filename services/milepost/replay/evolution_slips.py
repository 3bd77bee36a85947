"""Each move of a deadline is told with its reason, whose yes it voided, and when those said yes anew."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from milepost.replay.agreements import Agreements
from milepost.replay.evolution_tracks import Scope, Track
from milepost.replay.explaining_around import placed
from milepost_contracts.events import goal as events
from milepost_contracts.queries.evolution import AgreedAgain, Slip

_DAY = dt.timedelta(days=1)


def days(first: dt.datetime, last: dt.datetime) -> str:
    """Return the days from *first* to *last* as decimal text with one place; a claim that goes back is 0."""
    told = max(Decimal(round((last - first) / _DAY, 1)), Decimal(0))
    return f"{told:.1f}".removesuffix(".0")


def followed(track: Track) -> Agreements:
    """Return the agreements of the goal as they were at the moment, with what each came from and went with."""
    agreements = Agreements()
    for place, event in track.events():
        agreements.follow(track.known[place].state, track.known[place + 1].state, track.story.stored[place], event)
    return agreements


def slips(track: Track, scope: Scope, agreements: Agreements) -> list[Slip]:
    """Return the moves between the two moments of *track* that came while the goal was in *scope*, words sealed."""
    return [
        _slip(track, place, event, agreements)
        for place, event in track.between()
        if isinstance(event, events.DeadlineShifted) and scope.inside(track.known[place + 1].state)
    ]


def _slip(track: Track, place: int, event: events.DeadlineShifted, agreements: Agreements) -> Slip:
    stored, at = track.story.stored[place], track.at[place]
    times = {one.version: when for one, when in zip(track.story.stored, track.at, strict=True)}
    voided = []
    for ended in agreements.ended:
        if ended.ended.version != stored.version:
            continue
        again = agreements.again(ended)
        voided.append(
            AgreedAgain(
                party=ended.yes.party,
                event=placed(again) if again is not None else None,
                days=days(at, times[again.version]) if again is not None else None,
            )
        )
    return Slip(
        event=placed(stored), on=at, old=event.old, new=event.new, days=event.days, reason_code=event.reason_code,
        reason=event.reason, override=event.override, revision=event.revision, voided=voided,
    )  # fmt: skip
