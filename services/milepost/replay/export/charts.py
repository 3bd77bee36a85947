"""A goal's progress and its deadline over time are drawn as pictures that need nothing from elsewhere (inline SVG)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from milepost.replay.export.html import Markup, h, join, plain

WIDTH, HEIGHT = 720, 230  # of the drawing; a page is 180 mm wide, and it scales
LEFT, RIGHT, TOP, BOTTOM = 78, 18, 18, 34
_TICKS = 5  # along the time; a date takes about 70 of the 620 units that there are


class Point(NamedTuple):
    """Something at a moment: `value` on the chart's own scale, `label` for who points at it."""

    on: dt.date
    value: float
    label: str


class Scale(NamedTuple):
    """Where days are on the chart."""

    first: dt.date
    last: dt.date

    def x(self, day: dt.date) -> float:
        """Return the place of *day*, at the edge where it lies outside."""
        days = max((self.last - self.first).days, 1)
        share = min(max((day - self.first).days / days, 0), 1)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def y(share: float) -> float:
    """Return the height of *share*, 0 at the bottom and 1 at the top."""
    return round(TOP + (1 - min(max(share, 0), 1)) * (HEIGHT - TOP - BOTTOM), 1)


def progress_chart(
    points: Sequence[Point], *, expected: tuple[dt.date, dt.date] | None, deadlines: Sequence[dt.date], end: dt.date
) -> Markup:
    """Return progress (0 to 1) as steps until *end*, what was *expected* as a dashed line, and the deadlines."""
    days = [point.on for point in points] + [*deadlines, end] + list(expected or ())
    scale = Scale(min(days), max(days))
    lines = [_grid(scale)]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        lines += _level(share, f"{share:.0%}")
    if expected is not None:
        (first, last), ends = expected, (y(0), y(1))
        lines.append(
            h("line", x1=scale.x(first), y1=ends[0], x2=scale.x(last), y2=ends[1], class_="expected", fill="none")
        )
    for number, day in enumerate(deadlines):
        newest = number == len(deadlines) - 1
        lines.append(
            h("line", h("title", f"Deadline {day}" if newest else f"Deadline before it was moved: {day}"),
              x1=scale.x(day), y1=TOP, x2=scale.x(day), y2=HEIGHT - BOTTOM, class_="due" if newest else "due old")
        )  # fmt: skip
    lines += _steps(scale, points, end)
    last_told = points[-1] if points else None
    description = (
        f"From {points[0].on} to {max(end, last_told.on)}; it came to {last_told.value:.0%}." if last_told else ""
    )
    legend = _legend(["progress", "expected" if expected else "", "deadline" if deadlines else ""])
    return _figure("Progress over time", description, lines, legend)


def deadline_chart(points: Sequence[Point], dates: Sequence[dt.date], end: dt.date) -> Markup:
    """Return how the deadline (`dates`, one for each of *points*) was moved, by when that was recorded, until *end*."""
    low, high = min(dates), max(dates)
    span = max((high - low).days, 1)
    scale = Scale(points[0].on, max(end, points[-1].on))
    placed = [
        Point(point.on, 0.12 + 0.76 * (day - low).days / span, point.label)
        for point, day in zip(points, dates, strict=True)
    ]
    lines = [_grid(scale)]
    for day in sorted({low, high, dates[-1]}):
        lines += _level(0.12 + 0.76 * (day - low).days / span, str(day))
    lines += _steps(scale, placed, end)
    description = (
        f"The deadline was {dates[0]} at first and {dates[-1]} at last; it was moved {_times(len(dates) - 1)}."
    )
    return _figure("Deadline over time", description, lines, _legend(["deadline as agreed at that time"]))


def _steps(scale: Scale, points: Sequence[Point], end: dt.date) -> list[Markup]:
    if not points:
        return []
    way = f"M{scale.x(points[0].on)} {y(points[0].value)}"
    for point in points[1:]:
        way += f"H{scale.x(point.on)}V{y(point.value)}"
    way += f"H{scale.x(max(end, points[-1].on))}"
    dots = [
        h("circle", h("title", plain(point.label)), cx=scale.x(point.on), cy=y(point.value), r=3.2, class_="dot")
        for point in points
    ]
    return [h("path", d=way, class_="line", fill="none"), *dots]


def _grid(scale: Scale) -> Markup:
    days = (scale.last - scale.first).days
    ticks = [scale.first + dt.timedelta(days=round(days * number / _TICKS)) for number in range(_TICKS + 1)]
    parts = []
    for day in sorted(set(ticks)):
        place = scale.x(day)
        anchor = "end" if day == scale.last and days else "start" if day == scale.first else "middle"
        parts.append(h("line", x1=place, y1=TOP, x2=place, y2=HEIGHT - BOTTOM + 4, class_="grid"))
        parts.append(h("text", str(day), x=place, y=HEIGHT - BOTTOM + 18, text_anchor=anchor))
    return join(*parts)


def _level(share: float, label: str) -> list[Markup]:
    height = y(share)
    return [
        h("line", x1=LEFT, y1=height, x2=WIDTH - RIGHT, y2=height, class_="grid"),
        h("text", label, x=LEFT - 8, y=height + 4, text_anchor="end"),
    ]


def _legend(names: Sequence[str]) -> Markup:
    kinds = ("line", "expected", "due")
    shown = [
        h("span", h("span", class_=f"key {kind}", aria_hidden="true"), name)
        for kind, name in zip(kinds, names, strict=False)
        if name
    ]
    return h("p", *shown, class_="legend")


def _figure(name: str, description: str, lines: Sequence[Markup], legend: Markup) -> Markup:
    picture = h(
        "svg", h("title", name), h("desc", description), *lines,
        viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{name}. {description}",
    )  # fmt: skip
    return h("figure", h("figcaption", h("strong", name), " ", description), picture, legend)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
