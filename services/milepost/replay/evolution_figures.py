"""Every goal of a scope is counted: where they stand, what happened between two moments, slips, the way to SMART."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from milepost_contracts.queries.evolution import (
    EvolutionFigures,
    GoalThen,
    Slip,
    SlipFigures,
    SmartFigures,
    SmartStory,
)

RUNNING = ("active", "paused")


class Counted(NamedTuple):
    """A goal as it is counted."""

    then: GoalThen
    before: GoalThen | None
    changed: list[str]
    slips: list[Slip]
    smart: SmartStory | None


def figures(counted: list[Counted], *, compared: bool) -> EvolutionFigures:
    """Return the figures of all goals; *compared*: there is an earlier moment to compare with."""
    inside = [one for one in counted if one.then.inside]
    stood = [one.then for one in inside]
    shares = [Decimal(one.progress) for one in stood if one.progress is not None and one.state in RUNNING]
    return EvolutionFigures(
        goals=len(inside),
        goals_before=sum(one.before is not None and one.before.inside for one in counted) if compared else None,
        states=_counts(one.state for one in stood),
        results=_counts(one.result for one in stood if one.result),
        health=_counts(one.health for one in stood if one.state in RUNNING),
        progress=_text(sum(shares, Decimal(0)) / len(shares), "0.0001") if shares else None,
        changed=_counts(what for one in counted for what in one.changed),
        slips=_slips(counted),
        smart=_smart([one.smart for one in inside if one.smart is not None]),
    )


def _slips(counted: list[Counted]) -> SlipFigures:
    told = [slip for one in counted for slip in one.slips]
    voided = [again for slip in told for again in slip.voided]
    return SlipFigures(
        later=sum(slip.days > 0 for slip in told),
        earlier=sum(slip.days < 0 for slip in told),
        goals=sum(bool(one.slips) for one in counted),
        days=sum(slip.days for slip in told),
        by_reason=_counts(slip.reason_code for slip in told),
        voided=len(voided),
        agreed_again=sum(one.event is not None for one in voided),
    )


def _smart(told: list[SmartStory]) -> SmartFigures:
    return SmartFigures(
        brought=len(told),
        smart=sum(one.became_smart is not None for one in told),
        agreed=sum(one.first_agreed is not None for one in told),
        activated=sum(one.activated is not None for one in told),
        refinements=sum(one.refinements for one in told),
        evaluations=sum(one.evaluations for one in told),
        revisions_median=_median(str(one.revisions) for one in told),
        days_to_smart=_median(one.days_to_smart for one in told),
        days_to_agreement=_median(one.days_to_agreement for one in told),
        days_to_activation=_median(one.days_to_activation for one in told),
    )


def _median(told: Iterable[str | None]) -> str | None:
    numbers = [Decimal(one) for one in told if one is not None]
    return _text(statistics.median(numbers), "0.1") if numbers else None


def _text(number: Decimal, place: str) -> str:
    """Return *number* rounded to *place*, without trailing zeros and without an exponent."""
    rounded = format(number.quantize(Decimal(place)), "f")
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def _counts(names: Iterable[str]) -> dict[str, int]:
    counted = Counter(names)
    return {name: counted[name] for name in sorted(counted)}
