"""The events that a plugin is tried on: the sample's, all there at once, or a running Milepost's as they come."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from milepost.cli.plugins_child import Feed
from milepost.cli.session import Reached, Session, connection
from milepost.cli.where import Names, Where
from milepost_contracts import envelope, sealing
from milepost_contracts.envelope import Envelope

if TYPE_CHECKING:
    from milepost.asking import Asker

AGAIN_S = 1.0  # before keys are asked for again


class Along:
    """Events in order, more of them as they come; every run of the plugin goes through all of them."""

    def __init__(self, tenant: str, *, ends: bool) -> None:
        """Begin with none; *ends*: no more will come."""
        self.tenant = tenant
        self.ends = ends
        self._feeds: list[Feed] = []
        self._more = asyncio.Event()
        self._broken: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        """Let whoever goes along know that nothing more comes, and why."""
        self._broken = error
        self._more.set()

    def add(self, feed: Feed) -> None:
        """Let *feed* come after what there is."""
        self._feeds.append(feed)
        self._more.set()

    async def reached(self, sequence: int) -> None:
        """Return when the event with *sequence* is there; raises what keeps events from coming."""
        while not any(_last(feed) >= sequence for feed in self._feeds):
            self._more.clear()
            if self._broken is not None:
                raise self._broken
            await self._more.wait()

    @property
    def begins(self) -> dt.datetime | None:
        """When the first event was recorded."""
        first = next((feed.documents[0] for feed in self._feeds if feed.documents), None)
        return None if first is None else dt.datetime.fromisoformat(envelope.decode(first).time)

    async def feeds(self, pause_s: float) -> AsyncIterator[Feed]:
        """Yield what there is as one, then what comes; without events every *pause_s*, so that time passes."""
        place = len(self._feeds)
        yield _joined(self._feeds[:place])
        while not self.ends:
            self._more.clear()
            if self._broken is not None:
                raise self._broken
            if place == len(self._feeds):
                try:
                    async with asyncio.timeout(pause_s):
                        await self._more.wait()
                except TimeoutError:
                    yield _joined([])
                    continue
            fresh = self._feeds[place:]
            place += len(fresh)
            yield _joined(fresh)


def _last(feed: Feed) -> int:
    return envelope.decode(feed.documents[-1]).number if feed.documents else 0


def _joined(feeds: list[Feed]) -> Feed:
    return Feed(
        documents=[document for feed in feeds for document in feed.documents],
        keys={kid: key for feed in feeds for kid, key in feed.keys.items()},
        goals=[goal for feed in feeds for goal in feed.goals],
        until=dt.datetime.now(dt.UTC),
    )


def along_sample() -> tuple[Along, Names]:
    """Return the history of the sample, made now, and its names; raises SampleError."""
    import msgspec

    from milepost.sample import TENANT, directory
    from milepost.sample.history import made
    from milepost.sample.loading import today

    history = made(today())
    along = Along(TENANT, ends=True)
    keys = {kid: key.secret for kid, key in history.keys.items()}
    goals = [(id_, version, msgspec.json.encode(state)) for id_, version, state in history.goals]
    along.add(Feed(documents=history.documents, keys=keys, goals=[*goals]))
    return along, msgspec.convert(directory(), Names)


@asynccontextmanager
async def along_bus(where: Where, since: str | None, *, said: Callable[[str], None]) -> AsyncIterator[Along]:
    """Give the events of a running Milepost while this lasts, with the keys that *where*'s actor may have."""
    from milepost.asking import AskedEvents, Asker
    from milepost.cli.following import Following
    from milepost.cli.watching import start

    tenant, actor, names = where.tenant, where.actor, where.names
    async with connection(where, lasting=True) as nc:
        asker = Asker(nc, "cli")
        session = Session(Reached(asker), tenant=tenant, actor=actor, names=names, memory=where)
        along = Along(tenant, ends=False)
        newest = await start(session, None)
        after = newest if since is None else await start(session, since)
        said(f"Following {tenant} after sequence {after}, in dry run; Ctrl-C ends it.")

        async def follow() -> None:
            try:
                async for page in Following(nc, tenant, AskedEvents(asker, actor), said=said).pages(after):
                    along.add(await _fed(asker, tenant, actor, page, said))
            except Exception as error:  # noqa: BLE001  told where the events are wanted
                along.fail(error)

        following = asyncio.create_task(follow())
        try:
            if after < newest:
                await along.reached(newest)
            yield along
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _fed(asker: Asker, tenant: str, actor: str, page: list[Envelope], said: Callable[[str], None]) -> Feed:
    from milepost.asking import AskedKeys

    kids = {kid for event in page for kid in sealing.kids(event.data)}
    while True:
        try:
            found = await AskedKeys(asker, actor)(tenant, actor, kids)
            break
        except ConnectionError as error:
            said(f"Nobody gives keys now ({error}); trying to go on ...")
            await asyncio.sleep(AGAIN_S)
    keys = {kid: key.secret for kid, key in found.items() if key is not None}
    return Feed(documents=[envelope.encode(event) for event in page], keys=keys)
