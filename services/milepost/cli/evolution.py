"""`evolution`: how the goals of a programme evolved: as of a moment, between two, towards SMART, by slips."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import click
import msgspec

from milepost.cli.asking import told
from milepost.cli.errors import misused
from milepost.cli.forms import FormError, day
from milepost.cli.out import Out
from milepost.cli.reasons import reason
from milepost.cli.session import Session, session
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost_contracts.queries import PAGE_MAX, Evolution, EvolutionAnswer
from milepost_contracts.queries.moments import MomentError, instant_text, parse_moment

_PAGE = 50  # goals that a person scrolls through
_TEXT = """Tell how the goals of a PROGRAMME evolved; with --mentorship of one, without either of the whole tenant.

A goal belongs where it was placed at the time. A MOMENT is 2026-03-01T09:30Z, 2026-03-01 (the end of that day in UTC),
yesterday, -2w, s1234 (a sequence) or now."""


def _moment(text: str | None, option: str) -> str | None:
    """Return the point in time in *text*, as the bus has it; raises VerbError."""
    if text is None:
        return None
    try:
        parse_moment(text)
    except MomentError as error:
        try:
            return day(text, dt.datetime.now(dt.UTC).date())
        except FormError:
            raise misused("bad_value", f"{error}.", option) from error
    return text


async def _members(connected: Session, values: dict[str, Any]) -> dict[str, Any]:
    from milepost.cli.finding import Finder

    if values["programme"] and values["mentorship"]:
        raise misused("bad_usage", "Name a programme or a mentorship, not both.", "mentorship")
    scope: dict[str, Any] = {"aggregate": "tenant"}
    if values["programme"]:
        scope = {"aggregate": "programme", "id": await Finder(connected).programme(values["programme"])}
    elif values["mentorship"]:
        scope = {"aggregate": "mentorship", "id": await Finder(connected).mentorship(values["mentorship"])}
    if values["diff"] is not None and values["as_of"] is not None:
        raise misused("bad_usage", "--diff A B names both moments: leave --as-of out.", "as-of")
    since, at = values["diff"] or (None, values["as_of"])
    points = {"at": _moment(at, "diff" if since else "as-of"), "since": _moment(since, "diff")}
    asked = {name: values[name] for name in ("effective", "slips", "smart", "reason")}
    return scope | asked | {name: moment for name, moment in points.items() if moment is not None}


async def _ask(where: Where, out: Out, values: dict[str, Any]) -> None:
    async with session(where) as connected:
        members = await _members(connected, values)
        limit = values["limit"] or (PAGE_MAX if values["csv"] else _PAGE)
        answer = await connected.ask(Evolution, EvolutionAnswer, **members, limit=limit, cursor=values["cursor"])
        if out.as_json:
            out.document(answer)
            return
        from milepost.cli.evolution_shown import Evolved
        from milepost.cli.evolution_tables import written

        evolved = Evolved(
            out, connected.names, told(msgspec.to_builtins(answer)), slips=values["slips"], smart=values["smart"]
        )
        if not values["csv"]:
            evolved.show()
            return
        out.text(written(evolved, heading=True))
        while answer.next is not None and values["limit"] is None:
            # The instant of the first page: what is recorded meanwhile belongs to none of them.
            members["at"] = instant_text(answer.at)
            answer = await connected.ask(Evolution, EvolutionAnswer, **members, limit=limit, cursor=answer.next)
            evolved.answer = told(msgspec.to_builtins(answer))
            out.text(written(evolved, heading=False))


def _evolution(where: Where, out: Out, **values: Any) -> None:
    if values["csv"] and out.as_json:
        raise misused("bad_usage", "--csv and --json are two forms of the answer: choose one.", "csv")
    asyncio.run(_ask(where, out, values))


def evolution() -> Verb:
    """Return `evolution`."""
    params: list[click.Parameter] = [
        click.Argument(["programme"], metavar="PROGRAMME", required=False, help="which one"),
        click.Option(["--mentorship"], metavar="MENTORSHIP", help="goals of this mentorship"),
        click.Option(["--as-of"], metavar="MOMENT", help="as it was then [default: now]"),
        click.Option(["--diff"], nargs=2, metavar="MOMENT MOMENT", help="what changed between the two"),
        click.Option(
            ["--slips"], is_flag=True, help="each move of a deadline: why, whose yes it ended, who agreed again"
        ),
        click.Option(["--smart"], is_flag=True, help="how each starter goal became SMART, step by step"),
        click.Option(["--effective"], is_flag=True, help="by when it happened, not by when it was recorded"),
        click.Option(["--csv"], is_flag=True, help="a table for spreadsheets: of goals, or of slips or SMART steps"),
        click.Option(["--limit"], type=click.IntRange(1, PAGE_MAX), metavar="N", help=f"goals [default: {_PAGE}]"),
        click.Option(["--cursor"], metavar="CURSOR", help="where the last page ended"),
        reason(),
    ]
    examples = [
        "milepost evolution growth --as-of -3m --effective --as priya",
        "milepost evolution growth --diff -6m now --effective --slips --as priya",
        "milepost evolution growth --smart --as priya",
        "milepost evolution --mentorship maya-ben --as maya --csv",
    ]
    return Verb("evolution", _evolution, params, examples=examples, text=_TEXT)
