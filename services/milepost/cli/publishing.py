"""`publish`: the relay is looked at and mended: its state, the stream against the journal, the stream anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from milepost.cli.asking import plain
from milepost.cli.errors import REFUSED, failed
from milepost.cli.out import Out
from milepost.cli.progress import progress
from milepost.cli.session import connection
from milepost.cli.verbs import Entry, Group, Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from milepost.publish.admin import PublishAdmin
    from milepost.publish.reports import Finding


def _on_relay(where: Where, work: Callable[[PublishAdmin], Awaitable[Any]]) -> Any:
    from milepost.publish.admin import AdminError, PublishAdmin

    async def asked() -> Any:
        async with connection(where, lasting=True) as nc:
            try:
                return await work(PublishAdmin(nc))
            except AdminError as error:
                raise failed(error.code, str(error)) from error

    return asyncio.run(asked())


def _status(where: Where, out: Out) -> int:
    """Show what the relay does: how far it is behind, the stream's last sequence, and why it halted, if it did.

    The exit status is 1 where it is halted.
    """
    status = _on_relay(where, lambda admin: admin.status())
    if out.as_json:
        out.document(status)
    else:
        refill = f"{status.refill.done} of {status.refill.total}" if status.refill else ""
        out.pairs(
            [
                ("state", status.state + (f": {status.reason}" if status.reason else "")),
                ("halted", f"{status.halt.code}: {status.halt.message}" if status.halt else ""),
                ("alarm", status.alarm),
                ("behind", f"{status.lag} events" if status.lag is not None else "not known now"),
                ("last sequence", str(status.last_sequence)),
                ("generation", str(status.generation)),
                ("published", f"{status.published} since it started"),
                ("refill", refill),
            ]
        )
    if status.halt:
        out.note("It goes on after `milepost publish refill`, or a restart with the cause mended.")
        return REFUSED
    return 0


def _reconcile(where: Where, out: Out) -> int:
    """Compare journal and stream, whole, and name every gap, duplicate and difference; status 1 where there is any."""
    with progress(out, "Comparing") as advance:
        report = _on_relay(where, lambda admin: admin.reconcile(advance))
    if out.as_json:
        out.document(report)
    else:
        out.line(f"{report.events} events in the journal, {report.messages} messages on the stream")
        columns = ("what", "tenant", "from", "to", "count", "stream sequence")
        out.table(columns, [_finding(one) for one in report.findings], empty="They agree.")
    return REFUSED if report.findings else 0


def _finding(one: Finding) -> list[str]:
    at = "" if not one.stream_first else f"{one.stream_first}-{one.stream_last or one.stream_first}"
    kind = one.kind.replace("_", " ")
    return [kind, one.tenant, plain(one.first.lstrip("0")), plain(one.last.lstrip("0")), str(one.count), at]


def _refill(where: Where, out: Out, *, sure: bool) -> int:
    """Empty the stream and fill it again from the journal: the same events, ids and order, a new generation.

    Readers that keep a bookmark go on where they were. Status 1 where a tenant's readers could not be told yet.
    """
    if not sure:
        if not (out.terminal and out.err_terminal):
            raise failed("not_confirmed", "The stream will be emptied first: say --yes.")
        click.confirm("The stream is emptied and filled again from the journal. Go on?", abort=True, err=True)
    with progress(out, "Filling") as advance:
        report = _on_relay(where, lambda admin: admin.refill(advance))
    if out.as_json:
        out.document(report)
    else:
        out.line(f"{report.events} events, generation {report.generation}")
        for tenant, reason in report.unrecorded.items():
            out.note(f"Not recorded in tenant {tenant}: {reason}")
    return REFUSED if report.unrecorded else 0


def publish() -> Group:
    """Return `publish`."""
    sure = click.Option(["--yes", "sure"], is_flag=True, help="do not ask")

    def verb(name: str, call: Callable[..., int], *params: click.Parameter, example: str) -> Callable[[], Verb]:
        return lambda: Verb(name, call, params, examples=[example], asks=False)

    entries = {
        "status": Entry(
            "how far the relay is, and why it halted",
            "Verbs",
            verb("status", _status, example="milepost publish status"),
        ),
        "reconcile": Entry(
            "journal and stream compared", "Verbs", verb("reconcile", _reconcile, example="milepost publish reconcile")
        ),
        "refill": Entry(
            "the stream filled again from the journal",
            "Verbs",
            verb("refill", _refill, sure, example="milepost publish refill --yes"),
        ),
    }
    return Group("publish", entries, text="The relay from the journal to the stream.")
