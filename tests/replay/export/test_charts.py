"""Charts stay within their picture, whatever happened when."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from milepost.replay.export.charts import HEIGHT, WIDTH, Point, deadline_chart, progress_chart

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2999, 12, 31))
SHARES = st.floats(0, 1, allow_nan=False)


def picture(chart: str) -> ET.Element:
    """Return the drawing of a chart."""
    return ET.fromstring(chart[chart.index("<svg") : chart.index("</svg>") + 6])  # noqa: S314  our own


def check(root: ET.Element) -> None:
    """Every mark is within the drawing, and no number is anything but a number."""
    for mark in root.iter():
        for name, most in (("cx", WIDTH), ("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("cy", HEIGHT), ("y1", HEIGHT)):
            if name in mark.attrib:
                assert 0 <= float(mark.attrib[name]) <= most


@given(st.lists(st.tuples(DAYS, SHARES), min_size=1, max_size=30), st.lists(DAYS, max_size=4), DAYS, DAYS, DAYS)
def test_progress_is_drawn_whatever_came_when(
    told: list[tuple[dt.date, float]], deadlines: list[dt.date], start: dt.date, last: dt.date, end: dt.date
) -> None:
    """Steps at any days, deadlines before, between and after them, on one day or over a thousand years."""
    points = [Point(day, share, "<&>") for day, share in sorted(told)]
    root = picture(
        progress_chart(points, expected=(start, last) if start < last else None, deadlines=deadlines, end=end)
    )
    check(root)
    dots = list(root.iter("circle"))
    assert len(dots) == len(points)
    assert [float(dot.attrib["cx"]) for dot in dots] == sorted(float(dot.attrib["cx"]) for dot in dots)


@given(st.lists(st.tuples(DAYS, DAYS), min_size=2, max_size=20), DAYS)
def test_deadlines_are_drawn_wherever_they_were_moved(moves: list[tuple[dt.date, dt.date]], end: dt.date) -> None:
    """Later deadlines are higher, whenever they were set."""
    moves = sorted(moves)
    root = picture(deadline_chart([Point(on, 0, "") for on, _ in moves], [day for _, day in moves], end))
    check(root)
    heights = [float(dot.attrib["cy"]) for dot in root.iter("circle")]
    lowest, highest = (moves.index(pick(moves, key=lambda move: move[1])) for pick in (min, max))
    assert heights[lowest] >= heights[highest]
