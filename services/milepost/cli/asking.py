"""Verbs that ask: one query, its page as a table or as the document that was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import click
import msgspec

from milepost.cli.errors import misused
from milepost.cli.filling import Filling
from milepost.cli.forms import FormError, person
from milepost.cli.out import Out
from milepost.cli.session import Session, session
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost_contracts.queries import PAGE_MAX, Query, ViewAnswer

T = TypeVar("T", bound=ViewAnswer)
Asked = Callable[["Asking", dict[str, Any]], Awaitable[None]]
ERASED = {
    "erased": "(erased)",
    "not_entitled": "(not for you)",
    "unavailable": "(cannot be read now)",
    "broken": "(not as it was sealed)",
}
_PAGE = 100  # what a person scrolls through


class Asking(Filling):
    """A question being asked: who asks, how words become ids, and where the answer goes."""

    def __init__(self, connected: Session, out: Out, common: dict[str, Any]) -> None:
        """Take the session; *common*: limit, cursor, after."""
        super().__init__(connected, "goal")
        self.out = out
        self._common = common

    def who(self, text: str | None, option: str = "of") -> str | None:
        """Return the reference of the person *text*; raises VerbError."""
        if text is None:
            return None
        try:
            return person(self, text)
        except FormError as error:
            raise misused("bad_value", f"{error}.", option) from error

    async def ask(self, kind: type[Query], answer: type[T], **members: Any) -> tuple[T, dict[str, Any]] | None:
        """Return the answer, and as a dict with unreadable words told; None where it was printed as a document."""
        given = {name: value for name, value in {**self._common, **members}.items() if value not in (None, ())}
        page = await self.session.ask(kind, answer, **given)
        document = msgspec.to_builtins(page)
        if self.out.as_json:
            self.out.document(document)
            return None
        return page, told(document)

    def more(self, page: ViewAnswer) -> None:
        """Say how the next page is had."""
        if page.next is not None:
            self.out.note(f"More: --cursor {page.next}")

    def named(self, ref: str | None) -> str:
        """Return what a person or thing is called here, else the end of its id, which can be typed."""
        if not ref:
            return ""
        if name := self.session.names.name_of(ref) or self.session.names.name_of(ref.partition(":")[2]):
            return name
        kind, _, id_ = ref.rpartition(":")
        return f"{kind}:{short(id_)}" if kind else short(ref)


def short(id_: str) -> str:
    """Return the end of an id: the beginning is the time it was made at, alike for many."""
    return id_.rpartition("-")[2][-8:]


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in which words that cannot be read are told to be so."""
    for unread in document["unread"]:
        *way, last = unread["at"].lstrip("/").split("/")
        node: Any = document
        for step in way:
            node = node[int(step) if isinstance(node, list) else _step(step)]
        node[int(last) if isinstance(node, list) else _step(last)] = ERASED.get(unread["why"], f"({unread['why']})")
    return document


def _step(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def question(
    name: str, asked: Asked, params: Iterable[click.Parameter], *, examples: Iterable[str], paged: bool = True
) -> Verb:
    """Return the verb that asks; *asked* gets an Asking and its own values by name."""
    common: list[click.Parameter] = [
        click.Option(["--after"], metavar="SEQUENCE", type=click.IntRange(0), help="wait until this is to be seen"),
    ]
    if paged:
        limit = click.IntRange(1, PAGE_MAX)
        common += [
            click.Option(["--limit"], type=limit, default=_PAGE, show_default=True, metavar="N", help="rows"),
            click.Option(["--cursor"], metavar="CURSOR", help="where the last page ended"),
        ]

    def call(where: Where, out: Out, after: int | None, **values: Any) -> None:
        told_by = {"limit": values.pop("limit", None), "cursor": values.pop("cursor", None)}
        minimum = None if after is None else f"{after:016d}"

        async def work() -> None:
            async with session(where) as connected:
                await asked(Asking(connected, out, {**told_by, "min_sequence": minimum}), values)

        asyncio.run(work())

    return Verb(name, call, [*params, *common], examples=examples, text=asked.__doc__ or "")


def yes(value: object) -> str:
    """Return a mark for what is so."""
    return "yes" if value else ""


def percent(fraction: str | None) -> str:
    """Return a share from 0 to 1 in per cent."""
    return "" if fraction is None else f"{float(fraction) * 100:.0f} %"


def plain(value: object) -> str:
    """Return a value as text; nothing for what is not there."""
    return "" if value is None else str(value)
