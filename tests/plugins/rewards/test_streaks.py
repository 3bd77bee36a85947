"""The arithmetic of streaks is that of Milepost: held against its own over random rhythms, days and pauses."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_rewards.streaks import Rhythm, block, chains, due_on, number_from, unbroken

from milepost.decide import cadence as theirs
from milepost_contracts.types import Cadence

DAY = dt.date(2026, 1, 31)
days = st.integers(-40, 400).map(lambda number: DAY + dt.timedelta(days=number))
cadences = st.one_of(
    st.sampled_from(["weekly", "bi_weekly", "monthly", "lunar"]).flatmap(
        lambda rhythm: st.builds(Cadence, rhythm=st.just(rhythm), anchor=days)
    ),
    st.builds(Cadence, rhythm=st.just("days"), anchor=days, days=st.integers(1, 40)),
)


@st.composite
def pauses(draw: Any) -> list[tuple[dt.date, dt.date | None]]:
    """Return pauses one after the other; the last may have no end."""
    marks = sorted(draw(st.lists(days, max_size=6)))
    found: list[tuple[dt.date, dt.date | None]] = list(zip(marks[::2], marks[1::2], strict=False))
    return [*found, (marks[-1], None)] if len(marks) % 2 else found


@given(cadences, st.lists(days, max_size=30), days, pauses())
def test_the_longest_chain_is_the_best_streak_of_milepost(
    cadence: Cadence, held: list[dt.date], since: dt.date, rests: list[tuple[dt.date, dt.date | None]]
) -> None:
    """Whatever the rhythm, the days and the pauses: as many due dates met in a row as Milepost itself tells."""
    named = {f"{place}": day for place, day in enumerate(held)}
    found = chains(named, Rhythm(cadence, 1), since=since, until=None, pauses=rests)
    today = max([*held, since])
    best = theirs.standing(cadence, held, today, since=since, pauses=rests).best
    assert max(map(len, found), default=0) == best
    assert sorted(id_ for chain in found for link in chain for id_ in link) == sorted(
        id_ for id_, day in named.items() if day >= since
    )


@given(cadences, st.integers(0, 200), days)
def test_due_dates_are_those_of_milepost(cadence: Cadence, number: int, on: dt.date) -> None:
    """The same numbers, the same dates, at the end of months too."""
    assert due_on(cadence, number) == theirs.due_on(cadence, number)
    assert number_from(cadence, on) == theirs.number_from(cadence, on)


@given(st.lists(days, max_size=30), st.integers(1, 40), pauses())
def test_a_chain_without_a_rhythm_has_no_long_gap(
    held: list[dt.date], gap_days: int, rests: list[tuple[dt.date, dt.date | None]]
) -> None:
    """Within a chain no two days lie further apart than allowed, days of pauses left out; between chains they do."""
    named = {f"{place}": day for place, day in enumerate(held)}
    found = chains(named, Rhythm(None, gap_days), since=None, until=None, pauses=rests)
    flat = [(place, named[link[0]]) for place, chain in enumerate(found) for link in chain]
    assert [day for _, day in flat] == sorted(set(held))

    def apart(before: dt.date, after: dt.date) -> int:
        between = (before + dt.timedelta(days=number) for number in range((after - before).days))
        return sum(not any(start <= day and (end is None or day < end) for start, end in rests) for day in between)

    for (place, before), (other, after) in itertools.pairwise(flat):
        assert (place == other) == (apart(before, after) <= gap_days)


def test_nothing_is_expected_before_the_activation() -> None:
    """A goal that is not active yet has no streak of due dates."""
    rhythm = Rhythm(Cadence(rhythm="weekly", anchor=DAY), 1)
    assert chains({"a": DAY}, rhythm, since=None, until=None, pauses=()) == []


def test_what_was_held_after_the_closing_counts_for_nothing() -> None:
    """A closing on a day ends what counts with that day."""
    held = {"a": DAY, "b": DAY + dt.timedelta(days=1)}
    assert chains(held, Rhythm(None, 9), since=None, until=DAY, pauses=()) == [[["a"]]]


@pytest.mark.parametrize(
    ("taken", "found"),
    [(set(), ["a", "c"]), ({"a"}, ["c", "d"]), ({"b"}, ["c", "d"]), ({"c"}, None), ({"d"}, ["a", "c"])],
)
def test_a_block_takes_no_link_that_is_taken(taken: set[str], found: list[str] | None) -> None:
    """A link is taken with any of its check-ins, and a block does not reach across it."""
    assert block([[["a", "b"], ["c"], ["d"]], [["e"]]], 2, taken) == found


@pytest.mark.parametrize(("basis", "stands"), [("ac", True), ("bc", True), ("ad", False), ("ab", False), ("ax", False)])
def test_a_basis_stands_as_long_as_its_links_follow_each_other(basis: str, stands: bool) -> None:  # noqa: FBT001  a case
    """One that is gone, one in between, or two that became one: the streak is broken."""
    assert unbroken([[["a", "b"], ["c"], ["d"]]], list(basis)) is stands
