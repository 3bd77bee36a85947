"""Parts become a score, and a score a band: exact sums, so that the order of events makes no difference.

A score is kept with twelve places and shown with four, rounded down: only what is 1 is shown as 1, and what is shown
is never in a higher band than it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from milepost_okr.counting import Part
from milepost_okr.measures import EXACT, ONE, ZERO, text, weighted
from milepost_okr.plan import exact

if TYPE_CHECKING:
    from milepost_okr.config import Edges

Band = Literal["red", "yellow", "green"]
_KEPT = Decimal("0.000000000001")
_SHOWN = Decimal("0.0001")
_SHOWN_CONFIDENCE = Decimal("0.01")
# What is kept is rounded: a mean that is 0.7 may be kept as 0.699999999999.
_NOISE = Decimal("0.00000000001")


class Total(msgspec.Struct, frozen=True, omit_defaults=True):
    """The goals of one objective or key result together.

    weights, total: of the goals that have a value. goals: how many count, `counted`: how many of them have a value.
    """

    weights: str = "0"
    total: str = "0"
    goals: int = 0
    counted: int = 0
    confidence_weights: str = "0"
    confidence_total: str = "0"

    def changed(self, part: Part | None, sign: Literal[1, -1]) -> Total:
        """Return the total with *part* in it (1), or without it (-1)."""
        if part is None:
            return self
        weight, sure = Decimal(part.weight), part.confidence is not None
        return Total(
            weights=_sum(self.weights, weight * sign if part.value is not None else ZERO),
            total=_sum(self.total, EXACT.multiply(weight, Decimal(part.value or 0)) * sign),
            goals=self.goals + sign,
            counted=self.counted + (sign if part.value is not None else 0),
            confidence_weights=_sum(self.confidence_weights, weight * sign if sure else ZERO),
            confidence_total=_sum(self.confidence_total, EXACT.multiply(weight, Decimal(part.confidence or 0)) * sign),
        )

    @property
    def score(self) -> Score:
        """What the goals come to."""
        return Score(_mean(self.total, self.weights), _mean(self.confidence_total, self.confidence_weights, of=10))


class Score(msgspec.Struct, frozen=True, omit_defaults=True):
    """A score (0 to 1) and the confidence in it (0 to 10), as kept; None: nobody knows."""

    value: str | None = None
    confidence: str | None = None


class Shown(msgspec.Struct, frozen=True):
    """A score as it is told."""

    score: str | None = None
    band: Band | None = None
    confidence: str | None = None


class Weighed(NamedTuple):
    """A score with the weight that it has in another."""

    weight: Decimal
    score: Score


def rolled_up(parts: Iterable[Weighed], *, unknown_is_zero: bool) -> Score:
    """Return the weighted mean of scores; those that nobody knows are left out, or 0."""
    known = list(parts)
    values = [
        (one.weight, Decimal(one.score.value or 0)) for one in known if unknown_is_zero or one.score.value is not None
    ]
    confidences = [(one.weight, Decimal(one.score.confidence)) for one in known if one.score.confidence is not None]
    return Score(_kept(weighted(values), ONE), _kept(weighted(confidences), Decimal(10)))


def shown(score: Score, edges: Edges) -> Shown:
    """Return *score* as it is told, with its band."""
    if score.value is None:
        return Shown(confidence=_shown_confidence(score.confidence))
    value = Decimal(score.value)
    rounded = value if value == ONE else min(EXACT.add(value, _NOISE), EXACT.subtract(ONE, _KEPT))
    told = text(rounded.quantize(_SHOWN, rounding=ROUND_DOWN, context=EXACT))
    return Shown(told, _band(rounded, edges), _shown_confidence(score.confidence))


def _band(value: Decimal, edges: Edges) -> Band:
    if value >= exact(edges.green):
        return "green"
    return "yellow" if value >= exact(edges.yellow) else "red"


def _shown_confidence(confidence: str | None) -> str | None:
    return None if confidence is None else text(Decimal(confidence).quantize(_SHOWN_CONFIDENCE, context=EXACT))


def _sum(one: str, other: Decimal) -> str:
    return text(EXACT.add(Decimal(one), other))


def _mean(total: str, weights: str, of: int = 1) -> str | None:
    if not Decimal(weights):
        return None
    return _kept(EXACT.divide(Decimal(total), Decimal(weights)), Decimal(of))


def _kept(mean: Decimal | None, most: Decimal) -> str | None:
    """Return *mean* with twelve places; what is less than *most* stays less."""
    if mean is None:
        return None
    return text(most if mean >= most else min(mean.quantize(_KEPT, context=EXACT), EXACT.subtract(most, _KEPT)))
