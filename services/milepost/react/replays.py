"""Past events that a plugin asked for come again, from the journal, beside those that are new."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from milepost.react.incoming import incoming
from milepost.react.store import Store
from milepost.react.turns import Turns
from milepost_contracts.frames import Replaying
from milepost_contracts.keeping import keep, of_replay
from milepost_contracts.plugin import Delivered, Replay

if TYPE_CHECKING:
    from milepost.react.delivering import Delivering
    from milepost.react.incoming import Words
    from milepost.react.rows import Replaying as Asked
    from milepost.react.worker import Around, Worker

AT_ONCE = 100  # events asked of the journal's side in one go
LOOK_S = 30.0
SILENT_S = 5.0  # before the journal's side is asked again


class Replays:
    """Brings past events to one plugin."""

    def __init__(self, worker: Worker, delivering: Delivering, turns: Turns, around: Around, words: Words) -> None:
        """Take the plugin's worker, who knows its mode, its process, and where events and words come from."""
        self._worker = worker
        self._delivering = delivering
        self._turns = turns
        self._around = around
        self._policy = around.policy
        self._words = words
        self._log = around.log.bind(plugin=worker.name)
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Bring what was asked for until cancelled."""
        while True:
            self.wake.clear()
            wait = LOOK_S
            for asked in await self._worker.shared.run(Store.replays):
                try:
                    await self._bring(asked)
                except (ConnectionError, TimeoutError) as error:
                    # The journal's side is away; what is new goes on meanwhile.
                    self._log.warning("replay_waits", replay=asked.replay.id, error=str(error))
                    wait = SILENT_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self.wake.wait()

    async def _bring(self, asked: Asked) -> None:
        replay, following = asked.replay, asked.next
        while following <= replay.last:
            documents = await self._around.events_after(asked.tenant, following - 1, AT_ONCE)
            events = [event for event in map(incoming, documents) if event.sequence <= replay.last]
            if not events:
                self._log.error("replay_ends_early", replay=replay.id, at=following)
                await self._worker.shared.run(Store.end_replay, replay.id)
                return
            opened = await self._words.opened([event.document for event in events])
            for event, data in zip(events, opened, strict=True):
                if not await self._one(event.document, data, replay, following):
                    return  # another copy wrote, or it was ended
                following = event.sequence + 1

    async def _one(self, document: bytes, data: object, replay: Replay, before: int) -> bool:
        event = Delivered(document)
        given = Replaying(document=document, opened=data, replay=replay, mode=self._delivering.mode)
        attempts = 0
        while True:
            async with self._turns.turning:
                done = await self._turns.asked("replayed", given, "on_replayed")
                attempts += 1
                if done.failure is None or done.failure.final or attempts >= self._policy.event_attempts_max:
                    kept = []
                    if done.failure is None:
                        cause = of_replay(self._turns.manifest, replay, event)
                        now, mode = self._around.clock(), self._delivering.mode
                        kept = [keep(self._turns.manifest, cause, done.turn, mode=mode, now=now)]
                    else:
                        self._log.error("replayed_event_given_up", event_id=event.id, code=done.failure.code)
                    following = event.sequence + 1
                    going = await self._worker.shared.run(
                        Store.keep_replayed, replay.id, kept, before=before, next_=following
                    )
                    self._turns.awake()
                    return going
            self._log.warning("plugin_failed", hook="on_replayed", event_id=event.id, code=done.failure.code)
            await asyncio.sleep(self._policy.event_pause_s(attempts))
