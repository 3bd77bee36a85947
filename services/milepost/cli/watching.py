"""`watch`: a tenant's events, one a line, as they happen; their words opened for who watches."""

from __future__ import annotations

import asyncio
from typing import Any

import click
import msgspec

from milepost.cli.asking import ERASED, short
from milepost.cli.errors import VerbError, misused
from milepost.cli.out import Out, clean
from milepost.cli.session import Reached, Session, connection
from milepost.cli.verbs import Verb
from milepost.cli.where import Names, Where
from milepost_contracts.envelope import Envelope

BEGINNING = "beginning"
_WORDS_MAX = 80  # of one member in a line; --json has all of it
# What routes and proves, and says nothing to who reads along.
_UNTOLD = frozenset({"context", "terms_hash", "frame", "revision", "voided", "warnings"})


def _watch(where: Where, out: Out, *, since: str | None, goal: str | None) -> None:
    """Follow events live, one a line, until Ctrl-C.

    It goes on by itself when the broker was away, with nothing missing and nothing twice. With --json each line is an
    event's document with its words opened; `unread` names those that you may not read or that were erased.
    """
    try:
        asyncio.run(_follow(where, out, since, goal))
    except KeyboardInterrupt:
        return


async def _follow(where: Where, out: Out, since: str | None, goal: str | None) -> None:
    from milepost.asking import AskedEvents, Asker
    from milepost.cli.finding import Finder
    from milepost.cli.following import Following
    from milepost.cli.opening import Opener

    tenant, actor, names = where.tenant, where.actor, where.names
    async with connection(where, lasting=True) as nc:
        asker = Asker(nc, "cli")
        session = Session(Reached(asker), tenant=tenant, actor=actor, names=names, memory=where)
        only = await Finder(session).goal(goal) if goal else None
        after = await start(session, since)
        out.note(f"Watching {tenant} after sequence {after}; Ctrl-C ends it.")
        opener = Opener(session)
        async for page in Following(nc, tenant, AskedEvents(asker, actor), said=out.note).pages(after):
            shown = [event for event in page if only in (None, event.aggregate_id)]
            for event, (members, unread) in zip(shown, await _opened(opener, shown, out), strict=True):
                if out.as_json:
                    out.record(_document(event, members, unread))
                else:
                    out.line(_line(event, members, unread, names))


async def _opened(opener: Any, page: list[Envelope], out: Out) -> list[Any]:
    """Return the events' members, opened; while keys cannot be had it waits, for an event is told once."""
    while True:
        try:
            return list(await opener.open(page))
        except VerbError as error:
            if error.word != "failed":
                raise
            out.note("Nobody gives keys now; trying to go on ...")


async def start(session: Session, since: str | None) -> int:
    """Return the sequence after which to tell; without *since* what happened before now is not told."""
    if since == BEGINNING:
        return 0
    if since is not None:
        if not since.isdecimal():
            raise misused("bad_value", "Say after which sequence, a number, or `beginning`.", "since")
        return int(since)
    from milepost_contracts.queries import Keys, KeysAnswer

    # The journal's newest sequence comes with every answer of its side; this one asks for nothing else.
    return int((await session.ask(Keys, KeysAnswer, kids=[])).sequence)


def _document(event: Envelope, members: dict[str, Any], unread: list[dict[str, str]]) -> dict[str, Any]:
    document = {name: value for name, value in msgspec.structs.asdict(event).items() if name != "data" and value != ""}
    return document | {"data": members} | ({"unread": unread} if unread else {})


def _line(event: Envelope, members: dict[str, Any], unread: list[dict[str, str]], names: Names) -> str:
    why = {one["at"]: ERASED[one["why"]] for one in unread}
    told = [
        f"{name}={_told(value, f'/{name}', why, names)}"
        for name, value in members.items()
        if name not in _UNTOLD and (value not in (None, [], {}, "") or f"/{name}" in why)
    ]
    about = names.name_of(event.aggregate_id) or short(event.aggregate_id)
    by = names.name_of(event.actor) or event.actor
    head = f"{event.time[:19].replace('T', ' ')}Z  {event.number:>5}  {event.aggregate} {about}"
    return clean("  ".join([head, event.name, f"by {by}", *told]))


def _told(value: Any, at: str, why: dict[str, str], names: Names) -> str:
    """Return *value* in one line; words in quotes, people and goals by name where they have one."""
    if at in why:
        return why[at]
    if isinstance(value, str):
        called = names.name_of(value)
        cut = value if len(value) <= _WORDS_MAX else value[:_WORDS_MAX] + "..."
        return called or (f'"{cut}"' if any(character.isspace() for character in cut) else cut)
    if isinstance(value, list):
        return "[" + ", ".join(_told(one, f"{at}/{place}", why, names) for place, one in enumerate(value)) + "]"
    if isinstance(value, dict):
        inner = (f"{name}={_told(one, f'{at}/{name}', why, names)}" for name, one in value.items() if one is not None)
        return "{" + ", ".join(inner) + "}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def watch() -> Verb:
    """Return `watch`."""
    params: list[click.Parameter] = [
        click.Option(
            ["--since"], metavar="SEQUENCE|beginning", help="tell first what came after this [default: nothing]"
        ),
        click.Option(["--goal"], metavar="GOAL", help="of this goal alone"),
    ]
    return Verb("watch", _watch, params, examples=["milepost watch --since beginning --as maya"])
