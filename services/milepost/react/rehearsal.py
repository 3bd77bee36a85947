"""A plugin is run over all history without anything coming of it: what it would do is counted and shown."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from milepost.ordered import stream_state
from milepost.react.delivering import Delivering
from milepost.react.failing import Halted
from milepost.react.incoming import Words
from milepost.react.process import Process
from milepost.react.reports import Dry, EffectEntry
from milepost.react.store import Entry, Position, Status, Store
from milepost.react.turns import Turns
from milepost.react.worker import Around, Config, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 50  # of what would go out, the first are told one by one
READ_AT_ONCE = 500


async def rehearse(config: Config, around: Around) -> Dry:
    """Return what the plugin of *config* would do with all events there are; raises PluginError, Died, ConnectionError.

    It runs in a process and on tables of its own, which are thrown away.
    """
    # What fails is told, not waited for.
    around = around._replace(policy=around.policy._replace(event_attempts_max=1))
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="milepost-rehearsal-"))
        worker = Worker(config._replace(url=f"sqlite:///{Path(folder) / 'react.sqlite'}", blocks=False), around)
        await worker.shared.run(Store.open)
        stack.push_async_callback(worker.shared.run, Store.close)
        process = Process(config.read(), worker.port(), policy=around.policy, quiet=config.quiet)
        stack.push_async_callback(process.stop)
        manifest = await process.start()
        state = await stream_state(around.nc)
        begin = Position(state.generation, 0)
        await worker.shared.run(Store.begin, begin, "dry_run", state.last_sequence, {})
        words = Words(manifest, around.keys, "service:react")
        delivering = Delivering(worker, around, Turns(process, words, around, worker.name))
        await delivering.begin(await worker.shared.run(Store.status))
        with suppress(Halted):  # what it came to until then is told, with why
            await delivering.run(once=True)
        return await asyncio.to_thread(worker.shared.call, _told)


def _told(store: Store) -> Dry:
    entries = list(_all(store))
    facts: Counter[str] = Counter()
    after = 0
    while rows := store.facts(limit=READ_AT_ONCE, after=after):
        facts.update(row.subject.rpartition(".")[2] for row in rows)
        after = rows[-1].number
    status: Status = store.status()
    return Dry(
        events=status.handled,
        failed=[f"{row.event_id}: {row.code} in {row.hook}" for row in store.parked(limit=SHOWN)],
        effects=dict(Counter(one.name.partition(":")[0] for one in entries if one.kind == "effect")),
        commands=dict(Counter(one.name.split(":")[1] for one in entries if one.kind == "command")),
        facts=dict(facts),
        timers_listed=store.counts().timers_listed,
        first=[shown(entry) for entry in entries[:SHOWN]],
    )


def _all(store: Store) -> Iterator[Entry]:
    after = 0
    while rows := store.effects(limit=READ_AT_ONCE, after=after):
        yield from rows
        after = rows[-1].number


def shown(entry: Entry) -> EffectEntry:
    """Return *entry* as administrators see it."""
    return msgspec.convert(
        {name: getattr(entry, name) for name in EffectEntry.__struct_fields__}, EffectEntry, from_attributes=True
    )
