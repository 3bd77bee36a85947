"""What can be typed for a value: dates in words, numbers, people by name; and what means which thing."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.cli.errors import VerbError
from milepost.cli.finding import Known, chosen
from milepost.cli.forms import FormError, day, decimal, yes_or_no
from tests.support.scenario import uid

TODAY = dt.date(2026, 10, 31)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2027-01-31", "2027-01-31"),
        ("today", "2026-10-31"),
        ("yesterday", "2026-10-30"),
        ("tomorrow", "2026-11-01"),
        ("+14d", "2026-11-14"),
        ("-2w", "2026-10-17"),
        ("+1m", "2026-11-30"),
        ("+4m", "2027-02-28"),
        ("-10m", "2025-12-31"),
    ],
)
def test_days(text: str, date: str) -> None:
    """A date is written out, or counted from today; a month later is its same day, or its last one."""
    assert day(text, TODAY) == date


@pytest.mark.parametrize("text", ["", "soon", "31.10.2026", "2026-02-30", "+d", "+99999999d", "+99999m", "+1y"])
def test_no_days(text: str) -> None:
    """What is no date is refused with the forms that are."""
    with pytest.raises(FormError, match="2026-07-31"):
        day(text, TODAY)


@given(st.dates(dt.date(1900, 1, 1), dt.date(2999, 12, 31)), st.integers(-1000, 1000))
def test_months_go_on_by_their_number(today: dt.date, months: int) -> None:
    """However many months later: the month is right, and the day is the same or the month's last."""
    later = dt.date.fromisoformat(day(f"{months:+}m", today))
    assert (later.year * 12 + later.month) - (today.year * 12 + today.month) == months
    assert later.day == today.day or (later + dt.timedelta(days=1)).day == 1


@pytest.mark.parametrize("text", ["3", "-0.5", "+2", "123456789012345678.123456789"])
def test_decimals(text: str) -> None:
    """A number stays as it was typed."""
    assert decimal(text) == text.removeprefix("+")


@pytest.mark.parametrize("text", ["", "1e3", "NaN", "1_000", " 1", ".5", "1.", "1,5"])
def test_no_decimals(text: str) -> None:
    """What the wire would refuse is refused here."""
    with pytest.raises(FormError):
        decimal(text)


def test_yes_and_no() -> None:
    """Yes, no, and nothing in between."""
    assert (yes_or_no("Yes"), yes_or_no("miss")) == (True, False)
    with pytest.raises(FormError):
        yes_or_no("maybe")


TALK, TEAM, OLD = (
    Known(uid("a"), "Give a talk"),
    Known(uid("b"), "Lead a team"),
    Known(uid("c"), "An old talk", open=False),
)


@pytest.mark.parametrize(
    ("ref", "meant"),
    [
        ("Give a talk", TALK),
        ("TEAM", TEAM),
        ("talk", TALK),  # the other one is over
        (TALK.id[:8], TALK),
        (TEAM.id[-6:], TEAM),
        (OLD.id[-8:], OLD),
        ("last", TALK),
    ],
)
def test_what_is_meant(ref: str, meant: Known) -> None:
    """A thing is called by words of its title or by a part of its id; what is open comes first."""
    assert chosen(ref, [TALK, TEAM, OLD], "goal") == meant.id


@pytest.mark.parametrize(("ref", "code"), [("song", "unknown"), ("a", "ambiguous"), ("zz99", "unknown")])
def test_what_may_be_meant(ref: str, code: str) -> None:
    """Nothing is guessed: none and several are errors, and several are listed."""
    with pytest.raises(VerbError) as caught:
        chosen(ref, [TALK, TEAM, OLD], "goal")
    assert (caught.value.problems[0].code, caught.value.status) == (code, 2)
    assert code == "unknown" or (TALK.id in caught.value.hint and TEAM.id in caught.value.hint)
