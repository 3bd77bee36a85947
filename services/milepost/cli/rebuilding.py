"""`view rebuild`: the stream is read from its beginning into new read models, beside those that are in use."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click
import msgspec

from milepost.cli.errors import REFUSED, failed
from milepost.cli.out import Out
from milepost.cli.progress import progress
from milepost.cli.session import connection
from milepost.cli.verbs import Entry, Group, Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from nats.aio.client import Client

    from milepost.ordered import Ordered
    from milepost.view.rebuild import Progress, Rebuilt

# A stream whose end was purged has a last sequence with nothing to read before it: then this is how long is waited.
QUIET_S = 1.0
TRIES = 5  # at a consumer that breaks, before the rebuild ends


class StreamSource:
    """Gives all events of the stream in order, from the first; use as an async context."""

    def __init__(self, nc: Client) -> None:
        """Take a connection that may read GOALS."""
        self._nc = nc
        self._ordered: Ordered | None = None
        self._read_to = 0

    async def __call__(self, _taken: int, limit: int) -> list[bytes]:
        """Return up to *limit* documents after the last ones; none where there are no more for now."""
        from milepost.ordered import Broken, NoStream, Ordered, stream_state

        for _ in range(TRIES):
            with contextlib.suppress(NoStream):
                if self._read_to >= (await stream_state(self._nc)).last_sequence:
                    return []
            try:
                if self._ordered is None:
                    self._ordered = Ordered(self._nc, start=self._read_to + 1)
                    await self._ordered.open()
                async with asyncio.timeout(QUIET_S):
                    arrived = await self._ordered.next(limit)
            except Broken:
                await self.close()
                continue
            except (TimeoutError, NoStream):
                return []
            self._read_to = arrived.last_sequence
            return arrived.documents
        raise ConnectionError("the stream could not be read in order")

    async def close(self) -> None:
        """End the consumer."""
        if self._ordered is not None:
            await self._ordered.close()
        self._ordered = None


async def _rebuild(where: Where, advance: Progress, *, accept_differences: bool) -> Rebuilt:
    from nats.errors import Error as NatsError

    from milepost.asking import AskedEvents, Asker
    from milepost.database import DatabaseError
    from milepost.view.rebuild import Rebuild, RebuildError

    async with connection(where, lasting=True) as nc:
        events_after = AskedEvents(Asker(nc, "cli"), "service:cli")
        source = StreamSource(nc)
        try:
            rebuild = Rebuild(where.settings.view_url, source, events_after, advance)
            return await rebuild.run(accept_differences=accept_differences)
        except (RebuildError, DatabaseError) as error:
            raise failed(error.code, f"{error}.") from error
        except (NatsError, OSError) as error:
            message = f"The events cannot be read: {error or type(error).__name__}."
            raise failed("rebuild_failed", message, hint="The view is as it was.") from error
        finally:
            await source.close()


def _view_rebuild(where: Where, out: Out, *, view_url: str | None, accept_differences: bool) -> int:
    """Build the read models again from all events, beside those in use; compare both; then take the new ones.

    Questions are answered all the while. Where the two differ, the old ones stay, unless --accept-differences: the
    exit status is 1 then.
    """
    where = where.having(view_url=view_url) if view_url else where
    with progress(out, "Building") as advance:
        report = asyncio.run(_rebuild(where, advance, accept_differences=accept_differences))
    if out.as_json:
        out.document(report._asdict() | {"differences": [one._asdict() for one in report.differences]})
        return 0 if report.switched else REFUSED
    seconds = f"{report.seconds:.1f} s" + "".join(f", {name} {spent:.1f} s" for name, spent in report.parts.items())
    compared = f"{report.rows} rows, {report.differing} differ" if report.compared else "not comparable: another model"
    switched = "yes" if report.switched else "no: the old ones stay; see --accept-differences"
    out.pairs([("events", str(report.events)), ("took", seconds), ("compared", compared), ("in use now", switched)])
    rows = [[one.table, msgspec.json.encode(one.key).decode(), one.kind] for one in report.differences]
    if rows:
        out.heading("Differences")
        out.table(("table", "key", "rebuilt"), rows)
    return 0 if report.switched else REFUSED


def view() -> Group:
    """Return `view`."""
    params: list[click.Parameter] = [
        click.Option(["--view-url"], metavar="URL", help="where the read models are [MILEPOST_VIEW_URL]"),
        click.Option(["--accept-differences"], is_flag=True, help="take the new ones although they differ"),
    ]
    examples = ["milepost view rebuild"]
    entry = Entry(
        "build the read models again, compare, switch",
        "Verbs",
        lambda: Verb("rebuild", _view_rebuild, params, examples=examples, asks=False),
    )
    return Group("view", {"rebuild": entry}, text="The read models.")
