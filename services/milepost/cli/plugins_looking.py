"""Plugins are looked at: which there are and how each is, what failed, what went out or waits, which timers stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import msgspec

from milepost.cli.asking import plain
from milepost.cli.errors import VerbError, misused
from milepost.cli.out import Out
from milepost.cli.plugins_bus import reports, told
from milepost.cli.plugins_telling import listing, shown
from milepost.cli.session import connection
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost.settings import SettingsError

if TYPE_CHECKING:
    from milepost.react.reports import EffectEntry, ParkedEvent, Report, Request, TimerEntry

STATES = ("waiting", "sent", "suppressed", "dead")
NOT_THERE = ("not_allowed", "not_installed")
ROWS_MAX = 200  # what the host gives at once


class _Name(click.Argument):
    """Which plugin; who leaves it out is told which there are."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the name; raises VerbError, and MissingParameter where nobody is there to say which there are."""
        try:
            return super().process_value(ctx, value)
        except click.MissingParameter as missing:
            try:
                found = asyncio.run(_reports(Where(ctx.params)))
            except (VerbError, SettingsError):
                raise missing from None
            names = ", ".join(one.plugin for one in found if one.state not in NOT_THERE) or "none may run here"
            hint = f"`milepost plugins list` tells how each is; {ctx.command_path} --help how this is used."
            raise misused("bad_usage", f"Say which plugin: {names}.", "name", hint=hint) from None


def name_argument() -> click.Argument:
    """Return the argument that names a plugin."""
    return _Name(["name"], metavar="NAME", help="of the plugin")


def _rows_option() -> click.Option:
    limit = click.IntRange(1, ROWS_MAX)
    return click.Option(["--limit"], type=limit, default=50, show_default=True, metavar="N", help="rows")


def _after_option() -> click.Option:
    return click.Option(["--after"], type=click.IntRange(0), default=0, metavar="#", help="where the last page ended")


def request(verb: str, plugin: str, **members: Any) -> Request:
    """Return the request for *verb*; what is None keeps its default."""
    from milepost.react.reports import Request

    given = {name: value for name, value in members.items() if value is not None}
    return msgspec.convert({"verb": verb, "plugin": plugin, **given}, Request)


# list


def _list(where: Where, out: Out) -> None:
    """List the plugins that may run and those that are installed: how each is, and why it does not run."""
    found = asyncio.run(_reports(where))
    if out.as_json:
        out.document(found)
        return
    columns = ("plugin", "version", "state", "mode", "lag", "handled", "parked", "given up", "about")
    rows = [
        [
            one.plugin, one.version, one.state.replace("_", " "), one.mode.replace("_", " "), plain(one.lag),
            _some(one.handled), _some(one.parked), _some(one.effects_dead), one.why or one.summary,
        ]
        for one in found
    ]  # fmt: skip
    out.table(columns, rows, empty="No plugin is installed; plugins/README.md tells how one is written.")


async def _reports(where: Where) -> list[Report]:
    async with connection(where, lasting=True) as nc:
        return await reports(nc)


def _some(count: int) -> str:
    return str(count) if count else ""


def list_() -> Verb:
    """Return `plugins list`."""
    return Verb("list", _list, examples=["milepost plugins list"], asks=False)


# show


def _show(where: Where, out: Out, *, name: str) -> None:
    """Show how a plugin is: what it handled, what failed, what went out and waits, what it may, and its health."""
    shown(out, told(where, request("show", name)).plugins[0])


def show() -> Verb:
    """Return `plugins show`."""
    return Verb("show", _show, [name_argument()], examples=["milepost plugins show thank-you"], asks=False)


# dead


def _dead(where: Where, out: Out, *, name: str, tenant: str | None, limit: int, after: int) -> None:
    """List what a plugin could not do: events that were parked, and effects that were given up.

    `milepost plugins retry` takes their number (#), or the id of an event, or the key of an effect.
    """
    found = told(where, request("dead", name, tenant=tenant, limit=limit, after=after))
    rows = sorted([*map(_parked_row, found.parked), *map(_given_up_row, found.effects)], key=lambda row: row["number"])
    if tenant is not None:
        rows = [row for row in rows if row["tenant"] == tenant]
    more = len(rows) > limit or len(found.parked) == limit or len(found.effects) == limit
    listing(out, rows[:limit], _DEAD, "Nothing is parked or given up.", more=more)


_DEAD = {
    "#": "number", "what": "what", "tenant": "tenant", "id": "id", "name": "name", "code": "code", "hook": "hook",
    "attempts": "attempts", "place": "place", "error": "error", "tried": "tried",
}  # fmt: skip


def _parked_row(one: ParkedEvent) -> dict[str, Any]:
    return {
        "number": one.number, "what": "event", "id": one.event_id, "name": one.type, "tenant": one.tenant,
        "sequence": one.sequence, "subject": one.subject, "code": one.code, "hook": one.hook, "place": one.place,
        "error": one.error, "attempts": one.attempts, "since": one.since, "tried": one.tried,
    }  # fmt: skip


def _given_up_row(one: EffectEntry) -> dict[str, Any]:
    return {
        "number": one.number, "what": one.kind, "id": one.key, "name": one.name, "tenant": one.tenant,
        "cause": one.cause, "code": one.last_code, "hook": "perform" if one.kind == "effect" else "", "place": "",
        "error": "", "attempts": one.attempts, "tried": one.at, "arguments": one.arguments,
    }  # fmt: skip


def dead() -> Verb:
    """Return `plugins dead`."""
    params = [name_argument(), _tenant_option(), _rows_option(), _after_option()]
    return Verb("dead", _dead, params, examples=["milepost plugins dead thank-you"], asks=False)


# effects, timers


def _effects(where: Where, out: Out, *, name: str, state: str | None, limit: int, after: int) -> None:
    """List the effects and commands that a plugin asked for, in order.

    Each waits, was sent (done), was suppressed (in replay and dry run it is only listed), or is dead: given up.
    """
    found = told(where, request("effects", name, state=state, limit=limit, after=after))
    rows = [msgspec.structs.asdict(one) for one in found.effects]
    listing(out, rows, _EFFECTS, "No effects.", more=len(rows) == limit)


_EFFECTS = {
    "#": "number", "state": "state", "kind": "kind", "name": "name", "tenant": "tenant", "due": "due", "at": "at",
    "attempts": "attempts", "code": "last_code", "arguments": "arguments", "key": "key",
}  # fmt: skip


def effects() -> Verb:
    """Return `plugins effects`."""
    params = [
        name_argument(),
        click.Option(["--state"], type=click.Choice(STATES), help="only these; dead: given up"),
        _rows_option(),
        _after_option(),
    ]
    return Verb(
        "effects", _effects, params, examples=["milepost plugins effects thank-you --state waiting"], asks=False
    )


def _timers(where: Where, out: Out, *, name: str, tenant: str | None, limit: int) -> None:
    """List the timers of a plugin, the earliest first, then those that came due in a replay and were listed instead."""
    found = told(where, request("timers", name, tenant=tenant, limit=limit))
    rows = [_timer_row(one) for one in found.timers]
    listing(out, rows, {name: name for name in ("at", "tenant", "key", "what")}, "No timers.")
    if any(sum(one.listed is listed for one in found.timers) == limit for listed in (True, False)):
        out.note(f"The first {limit} are shown; --limit takes up to {ROWS_MAX}.")


def _timer_row(one: TimerEntry) -> dict[str, Any]:
    return {"tenant": one.tenant, "key": one.key, "at": one.at, "what": "listed, not fired" if one.listed else "stands"}


def timers() -> Verb:
    """Return `plugins timers`."""
    params = [name_argument(), _tenant_option(), _rows_option()]
    return Verb("timers", _timers, params, examples=["milepost plugins timers thank-you"], asks=False)


def _tenant_option() -> click.Option:
    return click.Option(["--tenant"], metavar="NAME", help="of this tenant alone [default: of all]")
