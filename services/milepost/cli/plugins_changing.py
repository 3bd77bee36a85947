"""What a plugin does is changed: it is let run or held, runs over all history again, tries again what failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from milepost.cli.errors import REFUSED, failed, misused
from milepost.cli.out import Out
from milepost.cli.plugins_bus import LOOK_S, asked, told
from milepost.cli.plugins_looking import ROWS_MAX, name_argument, request
from milepost.cli.plugins_telling import cell, stands
from milepost.cli.progress import Advance, progress
from milepost.cli.session import connection
from milepost.cli.verbs import Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from nats.aio.client import Client

    from milepost.react.reports import Dry, Report, Told

# All of history goes through the plugin before there is an answer; a million events take some minutes.
DRY_S = 3600.0
START_S = 15.0  # a plugin with large libraries takes some seconds on a busy machine; `show` tells what comes later
# As these it does nothing until somebody looks after it.
BROKEN = ("not_loaded", "no_database", "defect")
HALTED = (*BROKEN, "paused", "disabled")


def _changing(verb: str, text: str) -> Callable[[], Verb]:
    def call(where: Where, out: Out, *, name: str) -> int:
        report = asyncio.run(_changed(where, verb, name))
        stands(out, report)
        return REFUSED if report.state in BROKEN else 0

    example = f"milepost plugins {verb} thank-you"
    return lambda: Verb(verb, call, [name_argument()], examples=[example], text=text, asks=False)


async def _changed(where: Where, verb: str, name: str) -> Report:
    """Return how the plugin is after *verb*, and after it has started, where it does."""
    async with connection(where, lasting=True) as nc:
        report = (await asked(nc, request(verb, name))).plugins[0]
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while report.state == "starting":
                    await asyncio.sleep(LOOK_S)
                    report = (await asked(nc, request("show", name))).plugins[0]
        return report


enable = _changing(
    "enable",
    "Let a plugin run that was disabled; it goes on where it was. Which may run at all is a setting: --plugins.",
)
disable = _changing("disable", "Let a plugin not run any more, also after a restart; its tables and place stay.")
pause = _changing("pause", "Hold a plugin where it is, until `resume`.")
resume = _changing(
    "resume", "Let a plugin go on that was paused, by hand or for failing; one in dry run acts from now on."
)


# retry


def _retry(where: Where, out: Out, *, name: str, ids: tuple[str, ...], every: bool) -> int:
    """Try again what a plugin could not do: parked events are handed over again, effects that were given up done again.

    ID is a number (#), the id of an event or the key of an effect, as `milepost plugins dead` lists them. The exit
    status is 1 where one of them is neither parked nor given up.
    """
    if bool(ids) == every:
        raise misused("bad_usage", "Name what to try again, or say --all.", "id")

    async def work() -> tuple[int, int]:
        async with connection(where, lasting=True) as nc:
            meant = await _meant(nc, name, ids)
            return (await asked(nc, request("retry", name, events=meant))).count, len(set(meant))

    count, wanted = asyncio.run(work())
    if out.as_json:
        out.document({"plugin": name, "tried_again": count})
    else:
        out.line(f"{count} tried again" if count else "nothing is parked or given up")
    if count >= wanted:
        return 0
    out.note(f"{wanted - count} are neither parked nor given up.")
    return REFUSED


async def _meant(nc: Client, name: str, ids: tuple[str, ...]) -> list[str]:
    """Return *ids* with the event or effect in the place of each number; raises VerbError for a number of neither."""
    numbers = {int(id_) for id_ in ids if id_.isdecimal()}
    found: dict[int, str] = {}
    after = 0
    while numbers - found.keys():
        page = await asked(nc, request("dead", name, limit=ROWS_MAX, after=after))
        listed = {one.number: one.event_id for one in page.parked} | {one.number: one.key for one in page.effects}
        found |= listed
        if max(len(page.parked), len(page.effects)) < ROWS_MAX:
            break
        after = _seen(page)
    if missing := numbers - found.keys():
        told = ", ".join(map(str, sorted(missing)))
        raise failed(
            "nothing_to_retry", f"Nothing parked or given up has the number {told}; see `milepost plugins dead {name}`."
        )
    return [found[int(id_)] if id_.isdecimal() else id_ for id_ in ids]


def _seen(page: Told) -> int:
    """Return the number up to which *page* has everything: a list that is full may go on before the other's end."""
    full = [[one.number for one in rows] for rows in (page.parked, page.effects) if len(rows) == ROWS_MAX]
    return min(numbers[-1] for numbers in full)


def retry() -> Verb:
    """Return `plugins retry`."""
    params: list[click.Parameter] = [
        name_argument(),
        click.Argument(["ids"], metavar="[ID]...", nargs=-1, help="what to try again"),
        click.Option(["--all", "every"], is_flag=True, help="all of it"),
    ]
    return Verb("retry", _retry, params, examples=["milepost plugins retry thank-you --all"], asks=False)


# replay


def _replay(where: Where, out: Out, *, name: str, dry_run: bool, sure: bool, wait: bool) -> int:
    """Run a plugin over all history again, from an empty state; nothing goes out on the way, effects are listed.

    With --dry-run it runs beside the one that works, on tables that are thrown away: what would go out is printed.
    Otherwise it takes the place of the other, facts that are not told yet are told, and it goes on live from the end.
    The exit status is 1 where the plugin stops on the way.
    """
    if dry_run:
        with progress(out, "Running over all history"):
            answer = told(where, request("replay", name, dry_run=True), answer_s=DRY_S).dry
        if answer is None:
            raise failed("unexpected_answer", "The plugin host did not say what the plugin would do.")
        _dry(out, answer)
        return 0
    if not sure:
        question = f"What {name} keeps is thrown away and made again from all history. Go on?"
        if not (out.terminal and out.err_terminal):
            raise failed("not_confirmed", "What the plugin keeps will be thrown away and made again: say --yes.")
        click.confirm(question, abort=True, err=True)
    with progress(out, "Replaying") as advance:
        report = asyncio.run(_replayed(where, name, advance, wait=wait))
    stands(out, report)
    if report.state not in HALTED:
        if not out.as_json:
            out.line(f"{report.handled} events handled, {report.parked} parked, {report.effects_suppressed} suppressed")
        return 0
    out.note(f"It is {report.state.replace('_', ' ')}: the replay goes on when it runs; see `plugins resume`.")
    return REFUSED


async def _replayed(where: Where, name: str, advance: Advance, *, wait: bool) -> Report:
    async with connection(where, lasting=True) as nc:
        report = (await asked(nc, request("replay", name))).plugins[0]
        total = 0
        while wait and report.state not in HALTED and not _through(report):
            if report.lag is not None:
                total = max(total, report.lag)
                advance(total - report.lag, total)
            await asyncio.sleep(LOOK_S)
            report = (await asked(nc, request("show", name))).plugins[0]
        return report


def _through(report: Report) -> bool:
    return report.mode == "live" and report.lag == 0


def _dry(out: Out, dry: Dry) -> None:
    if out.as_json:
        out.document(dry)
        return
    out.line(f"{dry.events} events; nothing went out and nothing was kept")
    rows: list[list[Any]] = [
        [what, name, str(count)]
        for what, counted in (("effect", dry.effects), ("command", dry.commands), ("fact", dry.facts))
        for name, count in sorted(counted.items())
    ]
    if dry.timers_listed:
        rows.append(["timer", "came due on the way", str(dry.timers_listed)])
    out.table(("what", "name", "how often"), rows, empty="Nothing would go out.")
    if dry.failed:
        out.heading("What failed")
        for one in dry.failed:
            out.line(one)
    if dry.first:
        out.heading("What would go out first")
        rows = [[one.kind, one.name, one.tenant, cell(one.arguments), one.cause] for one in dry.first]
        out.table(("what", "name", "tenant", "arguments", "cause"), rows)


def replay() -> Verb:
    """Return `plugins replay`."""
    params: list[click.Parameter] = [
        name_argument(),
        click.Option(["--dry-run"], is_flag=True, help="only tell what would go out"),
        click.Option(["--yes", "sure"], is_flag=True, help="do not ask"),
        click.Option(["--wait/--no-wait"], default=True, show_default=True, help="return when history is through"),
    ]
    examples = ["milepost plugins replay thank-you --dry-run", "milepost plugins replay thank-you --yes"]
    return Verb("replay", _replay, params, examples=examples, asks=False)
