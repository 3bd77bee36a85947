"""How answers show things: people's words opened, or null and named in `unread`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from milepost_contracts.queries.base import Answer
from milepost_contracts.types import Day, Value

# None where there are none, and where they cannot be read: then `unread` of the answer names the place.
Words: TypeAlias = str | None

WhyUnread: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"x-known": ["erased", "not_entitled", "unavailable", "broken"]})
]


class Unread(Value, frozen=True, kw_only=True):
    """Words that are null in this answer although somebody wrote them.

    `at`: JSON Pointer within the answer. `why`: `erased` for ever, `not_entitled` for this asker, `unavailable` as
    long as the keys cannot be asked for, `broken` when they are not what was sealed.
    """

    at: str
    why: WhyUnread


class ViewAnswer(Answer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """A page from the view; `today` (in UTC) is the day that due dates and health were told for."""

    today: Day
    unread: list[Unread] = []


class Shown(Value, frozen=True, kw_only=True, omit_defaults=False):
    """A part of an answer; every member is always present."""
