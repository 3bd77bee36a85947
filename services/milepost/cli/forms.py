"""What a person types for a value becomes the value's JSON: dates in words, numbers, people by name."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from milepost.cli.members import Member
from milepost_contracts.types import DECIMAL_PATTERN, ID_PATTERN, OWNER_PATTERN, PERSON_PATTERN

if TYPE_CHECKING:
    from milepost.cli.filling import Filling

Form = Callable[["Filling", Member, str], Awaitable[Any]]
DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_OFFSET = re.compile(r"([+-])([0-9]{1,5})([dwm])")
_UNIT_DAYS = {"d": 1, "w": 7}
_DECIMAL = re.compile(DECIMAL_PATTERN)
YES, NO = {"yes", "true", "hit"}, {"no", "false", "miss"}


class FormError(ValueError):
    """What was typed is not of the form that was asked for; the message says which form that is."""


def day(text: str, today: dt.date) -> str:
    """Return the date in *text* (2026-07-31, today, yesterday, tomorrow, +14d, -2w, +3m); raises FormError."""
    if text in DAYS:
        return (today + dt.timedelta(days=DAYS[text])).isoformat()
    try:
        if match := _OFFSET.fullmatch(text):
            number = int(match[1] + match[2])
            if match[3] in _UNIT_DAYS:
                return (today + dt.timedelta(days=number * _UNIT_DAYS[match[3]])).isoformat()
            return _months(today, number).isoformat()
        return dt.date.fromisoformat(text).isoformat()
    except (ValueError, OverflowError) as error:
        raise FormError("a date is 2026-07-31, today, yesterday, tomorrow, +14d, +2w, +3m or -1d") from error


def _months(today: dt.date, number: int) -> dt.date:
    """Return the same day *number* months later, or the last one of a shorter month."""
    year, month = divmod(today.year * 12 + today.month - 1 + number, 12)
    first_of_next = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    return dt.date(year, month + 1, min(today.day, (first_of_next - dt.timedelta(days=1)).day))


def decimal(text: str) -> str:
    """Return the number in *text*; raises FormError."""
    text = text.removeprefix("+")
    if not _DECIMAL.match(text):
        raise FormError("a number is digits, perhaps with a minus and a decimal point, such as 3 or -0.5")
    return text


def yes_or_no(text: str) -> bool:
    """Return the truth in *text*; raises FormError."""
    if text.lower() in YES | NO:
        return text.lower() in YES
    raise FormError("say yes or no")


async def _day(filling: Filling, _: Member, text: str) -> str:
    return day(text, filling.today)


async def _decimal(_: Filling, __: Member, text: str) -> str:
    return decimal(text)


async def _reading(_: Filling, __: Member, text: str) -> str | bool:
    return text.lower() in YES if text.lower() in YES | NO else decimal(text)


async def _instant(_: Filling, __: Member, text: str) -> str:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise FormError("a time is 2026-07-31T09:30, in this machine's zone unless it says another") from error
    return instant.astimezone().isoformat()


async def _choice(_: Filling, member: Member, text: str) -> str:
    return one_of(member, text)


def one_of(member: Member, text: str) -> str:
    """Return the word of *member*'s enumeration that *text* is, hyphens for underscores; raises FormError."""
    wanted = text.replace("-", "_").lower()
    if wanted not in member.choices:
        raise FormError(f"{text!r} is none of {', '.join(member.choices)}")
    return wanted


async def _text(_: Filling, __: Member, text: str) -> str:
    return text


async def _integer(_: Filling, __: Member, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise FormError("a whole number is wanted") from error


async def _person(filling: Filling, _: Member, text: str) -> str:
    return person(filling, text)


def person(filling: Filling, text: str) -> str:
    """Return the reference of the person *text*: me, a name of the sample, a UUID or user:UUID; raises FormError."""
    ref = filling.session.actor if text == "me" else filling.session.names.people.get(text, text)
    ref = f"user:{ref}" if re.match(ID_PATTERN, ref) else ref
    if not re.match(PERSON_PATTERN, ref):
        known = ", ".join(filling.session.names.people)
        raise FormError(f"{text!r} is nobody: give me, user:UUID" + (f", or one of {known}" if known else ""))
    return ref


async def _actor(filling: Filling, _: Member, text: str) -> str:
    return text if text.startswith(("service:", "plugin:")) else person(filling, text)


async def _owner(filling: Filling, _: Member, text: str) -> str:
    kind, colon, rest = text.partition(":")
    if colon and kind == "mentorship":
        return f"mentorship:{await filling.find.mentorship(rest)}"
    if colon and kind == "programme":
        return f"programme:{await filling.find.programme(rest)}"
    ref = person(filling, text)
    if not re.match(OWNER_PATTERN, ref):
        raise FormError("an owner is a person, mentorship:ID or programme:ID")
    return ref


async def _id(filling: Filling, member: Member, text: str) -> str:
    return await filling.meant(member.name, text)


SIMPLE: dict[str, Form] = {
    "day": _day,
    "decimal": _decimal,
    "reading": _reading,
    "instant": _instant,
    "choice": _choice,
    "text": _text,
    "zone": _text,
    "name": _text,
    "integer": _integer,
    "person": _person,
    "actor": _actor,
    "owner": _owner,
    "id": _id,
}
