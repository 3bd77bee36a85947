"""Where a goal stands today: progress, health and due check-ins are worked out when asked, never stored."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from milepost.decide.cadence import GRACE_DAYS, Standing, standing
from milepost.decide.goal.health import derived, expected
from milepost.decide.goal.progress import overall, result, share_text, weighted
from milepost.decide.goal.tally import Point, Tally, tally_of
from milepost.view import rows
from milepost.view.answer.asked import Case
from milepost.view.fold.happenings import READING
from milepost.view.rows import CardRow, DetailRow, MeasureRow
from milepost_contracts.types import Cadence, Measure, MeasureResult


class ReadingNow(NamedTuple):
    """A reading as it stands after corrections."""

    event: str
    number: int
    measure: str
    point: Point
    struck: bool


class _Recorded(msgspec.Struct):
    measure: str
    on: dt.date
    reading: str | bool | None = None
    step: str | None = None


class _After(msgspec.Struct):
    reading: str | bool | None = None
    step: str | None = None
    on: dt.date | None = None


class _Corrected(msgspec.Struct):
    after: _After | None = None
    strike: bool = False


_recorded = msgspec.json.Decoder(_Recorded)
_corrected = msgspec.json.Decoder(_Corrected)


def readings_of(case: Case, goal: str) -> list[ReadingNow]:
    """Return every reading of a goal, struck ones too, in the order they were recorded."""
    found = case.connection.query(
        "SELECT entry, number, layers FROM entry WHERE tenant = ? AND goal = ? AND kind = ? ORDER BY number",
        (case.tenant, goal, READING),
    )
    return [_reading(*row) for row in found]


def _reading(event: str, number: int, layers: bytes) -> ReadingNow:
    first, *later = rows.decode_layers(layers)
    told = _recorded.decode(first.data)
    value, step, on, struck = told.reading, told.step, told.on, False
    for layer in later:
        correction = _corrected.decode(layer.data)
        struck = correction.strike
        if correction.after is not None:
            value, step, on = correction.after.reading, correction.after.step, correction.after.on or on
    return ReadingNow(event, number, told.measure, Point(on, number, value, step), struck)


def measure_of(row: MeasureRow) -> Measure:
    """Return a measure as the arithmetic takes it; its name is of no use there."""
    return msgspec.convert(row.terms | {"name": ""}, Measure)


def tallies_of(detail: DetailRow, readings: list[ReadingNow]) -> dict[str, tuple[Measure, Tally]]:
    """Return every measure with the tally of its standing readings, retired ones too."""
    points: dict[str, list[Point]] = {}
    for reading in readings:
        if not reading.struck:
            points.setdefault(reading.measure, []).append(reading.point)
    measures = {id_: measure_of(row) for id_, row in detail.measures.items()}
    return {id_: (measure, tally_of(measure, points.get(id_, ()))) for id_, measure in measures.items()}


def results_of(detail: DetailRow, readings: list[ReadingNow], today: dt.date) -> dict[str, MeasureResult]:
    """Return where every measure stands today, retired ones too."""
    tallies = tallies_of(detail, readings).items()
    return {id_: result(measure, tally, today=today) for id_, (measure, tally) in tallies}


def progress_of(case: Case, goal: str, card: CardRow) -> str | None:
    """Return the goal's progress today, 0 to 1, None where it has none."""
    if card.state == "closed" and not card.moving:
        return card.progress
    return _progress(case, goal, card, {})


def _progress(case: Case, goal: str, card: CardRow, known: dict[str, str | None]) -> str | None:
    if card.progress_from == "children":
        known[goal] = None  # in a broken history with a loop, a goal adds nothing to itself
        children = case.cards(sorted(card.children.keys() - known.keys()))
        for id_, child in children.items():
            known[id_] = _progress(case, id_, child, known)
        parts = [(Decimal(weight), known.get(id_)) for id_, weight in card.children.items()]
        share = weighted((weight, Decimal(part)) for weight, part in parts if part is not None)
        return None if share is None else share_text(share)
    if not card.moving:
        return card.progress
    found = case.goal(goal)
    assert found is not None  # noqa: S101  its card was just read
    detail = found[1]
    tallies = tallies_of(detail, readings_of(case, goal))
    counted = [both for id_, both in sorted(tallies.items()) if not detail.measures[id_].retired]
    return overall(counted, today=case.day(card))[1]


class HealthNow(NamedTuple):
    """Health today: what holds, what is derived, whether a person set it, and the elapsed share of the time."""

    health: str
    derived: str
    set: bool
    expected: str | None


def health_of(card: CardRow, progress: str | None, today: dt.date) -> HealthNow:
    """Return the health of a goal; of a closed one it is unknown."""
    if not card.open:
        return HealthNow("unknown", "unknown", set=False, expected=None)
    # The clock of a goal that nobody has begun to work on does not run, whatever start was planned.
    start = (card.start_on or card.activated_on) if card.activated_on else None
    plain = derived(progress, start, card.deadline, today, card.pauses)
    share = None
    if start is not None and card.deadline is not None:
        share = share_text(expected(start, card.deadline, today, card.pauses))
    if card.health is not None and today <= card.health[1]:
        return HealthNow(card.health[0], plain, set=True, expected=share)
    return HealthNow(plain, plain, set=False, expected=share)


def cadence_of(case: Case, card: CardRow) -> Cadence | None:
    """Return the rhythm of a goal's check-ins: its own, else its mentorship's, else its programme's."""
    if card.cadence is not None:
        return card.cadence
    mentorship = case.mentorship(card.mentorship)
    if mentorship is not None and mentorship.cadence is not None:
        return mentorship.cadence
    programme = case.programme(card.programme)
    return programme.cadence if programme is not None else None


def check_ins_of(
    case: Case, card: CardRow, held: list[dt.date] | None = None, grace_days: int = GRACE_DAYS
) -> Standing:
    """Return how a goal keeps to its rhythm; without all days *held* in hand, streaks are not told right."""
    days = held if held is not None else [card.last_held_on] if card.last_held_on else []
    agreed = card.next_on if card.next_on and card.last_held_on and card.next_on > card.last_held_on else None
    return standing(
        cadence_of(case, card),
        days,
        case.day(card),
        since=card.activated_on if card.state != "drafted" else None,
        until=card.closed_on,
        pauses=card.pauses,
        agreed=agreed,
        grace_days=grace_days,
    )


def number_text(value: Any) -> str | None:
    """Return a decimal as wire text with at most four places, None as None."""
    return None if value is None else format(round(Decimal(value), 4).normalize(), "f")
