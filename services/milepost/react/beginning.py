"""A plugin begins where its manifest says or where it was; a stream that began anew, a state that was lost are seen."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from milepost.ordered import NoStream, StreamState, stream_document, stream_state
from milepost.react.store import Position, Status, Store
from milepost_contracts.envelope import decode
from milepost_contracts.plugin import Manifest, Mode

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # of an event's `time`


async def begin(worker: Worker, around: Around, manifest: Manifest, status: Status) -> None:
    """Find the place to go on from, and keep it; where there is none yet, the one that *manifest* asks for.

    Raises NoStream, NatsError, TimeoutError; Moved where another copy writes.
    """
    log, run = around.log.bind(plugin=worker.name), worker.shared.run
    state = await stream_state(around.nc)
    position = status.position
    anew = position.generation != state.generation or position.stream_sequence > state.last_sequence
    if state.refilling and (not status.started or (anew and status.mode != "live")):
        raise NoStream("the stream is being filled again: where history ends is not known yet")
    if not status.started:
        await _first(worker, around, manifest, state)
    elif anew:
        # Another stream than the one that was read: from its beginning, passing over what was handled.
        log.info("stream_begins_anew", generation=state.generation)
        await run(Store.keep, [], Position(state.generation, 0), before=position)
        if status.mode != "live" and status.replay_until:
            await run(Store.set_mode, status.mode, state.last_sequence)
    elif status.mode == "live" and await run(Store.looks_emptied):
        # What it knew is gone: acting on it would greet everybody anew.
        await run(Store.set_mode, "dry_run", 0)
        log.error("state_is_empty", mode="dry_run", run=f"milepost plugins replay {worker.name}")
    if status.version and status.version != manifest.version:
        log.info("plugin_version", before=status.version, now=manifest.version)
    await run(Store.set_version, manifest.version)


async def _first(worker: Worker, around: Around, manifest: Manifest, state: StreamState) -> None:
    last = state.last_sequence
    if manifest.start == "now":
        since = await _newest(around, last) if last else ""
        await worker.shared.run(Store.begin, Position(state.generation, last), "live", 0, {}, since=since)
        return
    mode: Mode = "replay" if last else "live"
    await worker.shared.run(Store.begin, Position(state.generation, 0), mode, last, {})
    if last:
        around.log.info("replay_begins", plugin=worker.name, until=last)


async def _newest(around: Around, last_sequence: int) -> str:
    """Return when the newest event was recorded."""
    document = await stream_document(around.nc, last_sequence)
    if document is None:
        return around.clock().astimezone(dt.UTC).strftime(TIME)
    return decode(document).time
