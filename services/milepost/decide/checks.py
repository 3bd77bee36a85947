"""What many commands are checked for alike: who asks, dates, reasons and words, limits, whole cadences."""

from __future__ import annotations

import datetime as dt

from milepost.decide.kernel import Case
from milepost_contracts.types import Cadence

# Somewhere on Earth it is already this much later than in UTC: what lies after that day has happened nowhere.
AHEAD_MAX = dt.timedelta(hours=14)
# What is written down within a week is how people work; later than that, a reader should know that it came late.
BACKDATED_AFTER_DAYS = 7


def latest_today(now: dt.datetime) -> dt.date:
    """Return the latest date that it is anywhere at *now* (aware, UTC)."""
    return (now + AHEAD_MAX).date()


def happened(
    case: Case, day: dt.date, field: str, *, today: dt.date | None = None, after: dt.date | None = None
) -> bool:
    """Refuse a *day* on which nothing can have happened yet, warn of one long past; returns whether it stands.

    *today* is the day where it happened, if that is not the day in UTC; *after* is a fact known already which one
    would expect to be the earlier one.
    """
    reasons = case.reasons
    if not reasons.unless(
        day <= latest_today(case.now), "in_future", "This lies in the future: record it once it has happened.", field
    ):
        return False
    if ((today or case.today) - day).days > BACKDATED_AFTER_DAYS:
        reasons.warn("backdated", f"This happened more than {BACKDATED_AFTER_DAYS} days ago.", field)
    elif after is not None and day < after:
        reasons.warn("backdated", f"This happened before what is recorded for {after} already.", field)
    return True


def stepped_on(case: Case) -> dt.date:
    """Return the day of a step taken now or, where the command claims so, at `occurred_at` (both in UTC)."""
    claimed = case.command.occurred_at
    if claimed is None:
        return case.today
    on: dt.date = claimed.astimezone(dt.UTC).date()
    happened(case, on, "occurred_at")
    return on


def blank(text: str | None) -> bool:
    """Whether *text* says nothing."""
    return text is None or not text.strip()


def reason_given(case: Case, text: str | None, field: str = "reason") -> bool:
    """Refuse `reason_missing` where *text* says nothing; returns whether it says something."""
    return case.reasons.unless(not blank(text), "reason_missing", "Say why, so that others can follow.", field)


def words_given(case: Case, text: str, field: str) -> bool:
    """Refuse `text_missing` where *text* says nothing; returns whether it says something."""
    return case.reasons.unless(not blank(text), "text_missing", "This says nothing: write at least a word.", field)


def title_given(case: Case, title: str) -> bool:
    """Refuse `title_missing` where *title* says nothing; returns whether it says something."""
    return case.reasons.unless(not blank(title), "title_missing", "Give it a title.", "title")


def within(case: Case, count: int, limit: str, field: str) -> bool:
    """Refuse `limit_reached` where *count* is more than the limit called *limit* allows; returns whether it is not."""
    allowed = getattr(case.limits, limit)
    return case.reasons.unless(
        count <= allowed, "limit_reached", f"At most {allowed} fit here.", field, limit=limit, allowed=allowed
    )


def cadence_whole(case: Case, cadence: Cadence | None, field: str = "cadence") -> bool:
    """Refuse a rhythm of `days` that does not say how many, and a number of days with any other rhythm."""
    if cadence is None:
        return True
    return case.reasons.unless(
        (cadence.rhythm == "days") == (cadence.days is not None),
        "cadence_invalid",
        "The rhythm `days` says how many days; every other rhythm says none.",
        field,
    )


def permit(case: Case, holds: object, who: str) -> None:
    """Refuse `not_allowed` at once unless *holds*: who may not do a thing learns nothing else about it."""
    case.reasons.unless(holds, "not_allowed", f"Only {who} may do this.", "actor")
    case.reasons.raise_any()
