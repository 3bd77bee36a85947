"""`access`: who read what, when, and why."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import click
import msgspec

from milepost.cli.asking import told
from milepost.cli.errors import misused
from milepost.cli.filling import Filling
from milepost.cli.finding import Finder
from milepost.cli.forms import FormError, day, person
from milepost.cli.out import Out
from milepost.cli.reasons import reason
from milepost.cli.session import Session, session
from milepost.cli.verbs import Verb
from milepost.cli.where import Names, Where
from milepost_contracts.queries import PAGE_MAX, Access, AccessAnswer

KINDS = (
    "keys", "history", "as_of", "diff", "explain", "evolution", "export", "verify", "access", "erasure",
    "due_for_erasure", "certificate",
)  # fmt: skip
_PAGE = 50
_SCOPES_SHOWN = 3  # of one reading; the document has them all
_TEXT = """List who read what, the newest first: of a goal, by somebody, from a day on.

The same by the same reader is recorded once a day, before it is given; keys open the words of everything that is
named. Auditors and admins may ask for everything, you for goals that are yours, and with --reader me for what you
read yourself."""


def _named(names: Names, ref: str | None) -> str:
    """Return what a person or thing is called here, else the end of its id."""
    if not ref:
        return ""
    kind, _, id_ = ref.rpartition(":")
    if name := names.name_of(ref) or names.name_of(id_):
        return name
    if kind not in ("user", ""):
        return ref
    return f"{kind}:{id_[-8:]}" if kind else id_[-8:]


def _read(names: Names, entry: dict[str, Any]) -> str:
    """Return what was read, in a few words."""
    if entry["everything"]:
        return "everything"
    scopes = entry["scopes"]
    shown = ", ".join(f"{scope['aggregate']} {_named(names, scope['id'])}" for scope in scopes[:_SCOPES_SHOWN])
    more = len(scopes) - _SCOPES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _row(names: Names, entry: dict[str, Any]) -> list[str]:
    return [
        entry["recorded"][:16].replace("T", " "),
        _named(names, entry["reader"]),
        (entry["via"] or "").removeprefix("service:"),
        entry["kind"].replace("_", " "),
        _read(names, entry),
        " to ".join(entry["moments"]),
        entry["reason"] or "",
    ]


def _day(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(day(text, dt.datetime.now(dt.UTC).date()))
    except FormError as error:
        raise misused("bad_value", f"{error}.", option) from error


async def _members(connected: Session, values: dict[str, Any]) -> dict[str, Any]:
    filling = Filling(connected, "person")
    members: dict[str, Any] = {name: values[name] for name in ("limit", "cursor", "reason")}
    members["kinds"] = list(values["kind"])
    members |= {name: _day(values[name], name) for name in ("since", "until")}
    if values["goal"]:
        members["id"] = await Finder(connected).goal(values["goal"])
    if values["reader"]:
        members["reader"] = values["reader"]
        if not values["reader"].startswith(("service:", "plugin:")):
            try:
                members["reader"] = person(filling, values["reader"])
            except FormError as error:
                raise misused("bad_value", f"{error}.", "reader") from error
    return {name: value for name, value in members.items() if value not in (None, [])}


def _access(where: Where, out: Out, **values: Any) -> None:
    async def work() -> None:
        async with session(where) as connected:
            answer = await connected.ask(Access, AccessAnswer, **await _members(connected, values))
            if out.as_json:
                out.document(answer)
                return
            entries = told(msgspec.to_builtins(answer))["accesses"]
            rows = [_row(connected.names, entry) for entry in entries]
            columns = ("recorded (UTC)", "reader", "through", "asked for", "of", "as of", "why")
            out.table(columns, rows, empty="Nobody read anything here.", spare="as of")
            if answer.next is not None:
                out.note(f"More: --cursor {answer.next}")

    asyncio.run(work())


def access() -> Verb:
    """Return `access`."""
    params: list[click.Parameter] = [
        click.Option(["--goal"], metavar="GOAL", help="who read this goal [default: everything]"),
        click.Option(["--reader"], metavar="WHO", help="what somebody read: a person, service:NAME or plugin:NAME@1.0"),
        click.Option(["--kind"], multiple=True, type=click.Choice(KINDS), help="only what was asked so; repeatable"),
        click.Option(["--since"], metavar="DAY", help="from this day on, in UTC"),
        click.Option(["--until"], metavar="DAY", help="until the end of this day"),
        click.Option(["--limit"], type=click.IntRange(1, PAGE_MAX), default=_PAGE, show_default=True, metavar="N",
                     help="rows"),
        click.Option(["--cursor"], metavar="CURSOR", help="where the last page ended"),
        reason(),
    ]  # fmt: skip
    examples = [
        "milepost access --goal presentations --as maya",
        "milepost access --since -1m --as priya --reason 'the yearly audit'",
        "milepost access --reader me --as ben",
    ]
    return Verb("access", _access, params, examples=examples, text=_TEXT)
