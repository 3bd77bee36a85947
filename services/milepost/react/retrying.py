"""Events and timers that were put aside are handed to their plugin again, in their order, when somebody asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

import msgspec

from milepost.react.store import Parked, Store
from milepost.react.turns import Turns
from milepost_contracts.frames import Firing
from milepost_contracts.keeping import Kept, keep, of_event, of_timer
from milepost_contracts.letters import TIMER
from milepost_contracts.plugin import Delivered, Mode
from milepost_contracts.running import Failure

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

AT_ONCE = 100  # parked events read in one go


class Retrying:
    """Tries parked events of one plugin again."""

    def __init__(self, worker: Worker, turns: Turns, around: Around, mode: Mode) -> None:
        """Take whose they are, who hands them over, and the mode in which the plugin is now."""
        self._worker = worker
        self._turns = turns
        self._around = around
        self._mode = mode
        self._log = around.log.bind(plugin=worker.name)

    async def run(self, wanted: Iterable[str]) -> None:
        """Try the events *wanted* (by their ids); those that fail stay parked, and too many in a row end it.

        Where later events of a goal wait behind a parked one, naming one of them means all of that goal: they are
        tried from the first on, until one fails.
        """
        ids, blocks = set(wanted), self._worker.config.blocks
        if blocks:
            goals = {_goal(parked) async for parked in self._parked() if parked.event_id in ids}
        stuck: set[tuple[str, str, str]] = set()
        failed = 0
        async for parked in self._parked():
            if (_goal(parked) not in goals or _goal(parked) in stuck) if blocks else parked.event_id not in ids:
                continue
            if await self._one(parked):
                failed = 0
                continue
            stuck.add(_goal(parked))
            failed += 1
            if failed >= self._around.policy.parked_in_a_row_max:
                self._log.error("retry_given_up", failed=failed)
                return

    async def _parked(self) -> AsyncIterator[Parked]:
        after = 0
        while found := await self._worker.shared.run(Store.parked, limit=AT_ONCE, after=after):
            for parked in found:
                yield parked
            after = found[-1].number

    async def _one(self, parked: Parked) -> bool:
        async with self._turns.turning:
            kept, failure = await (self._timer if parked.aggregate == TIMER else self._event)(parked)
            if failure is None:
                await self._worker.shared.run(Store.unpark, parked.event_id, kept)
        if failure is None:
            self._log.info("parked_handled", tenant=parked.tenant, event_id=parked.event_id)
            self._turns.awake()
            return True
        again = msgspec.structs.replace(
            parked, code=failure.code, hook=failure.hook, error=failure.error, place=failure.place,
            attempts=parked.attempts + 1,
        )  # fmt: skip
        await self._worker.shared.run(Store.park, again, self._around.clock())
        self._log.warning("parked_again", tenant=parked.tenant, event_id=parked.event_id, code=failure.code)
        return False

    async def _event(self, parked: Parked) -> tuple[Kept | None, Failure | None]:
        mode = self._mode_of(parked)
        taken = await self._turns.alone(parked.document, mode)
        if taken.failure is not None or not taken.turns:
            return None, taken.failure
        cause = of_event(Delivered(parked.document))
        manifest = self._turns.manifest
        return keep(manifest, cause, taken.turns[0][1], mode=mode, now=self._around.clock()), None

    async def _timer(self, parked: Parked) -> tuple[Kept | None, Failure | None]:
        firing = msgspec.json.decode(parked.document, type=Firing)
        firing = msgspec.structs.replace(firing, mode=self._mode_of(parked))
        done = await self._turns.asked("fire", firing, "on_timer")
        if done.failure is not None:
            return None, done.failure
        manifest = self._turns.manifest
        cause = of_timer(manifest, firing.tenant, firing.key, firing.at)
        return keep(manifest, cause, done.turn, mode=firing.mode, now=self._around.clock()), None

    def _mode_of(self, parked: Parked) -> Mode:
        """Return how an event counts now: one that was history when it was parked is history still."""
        return "replay" if self._mode == "live" and parked.mode != "live" else self._mode


def _goal(parked: Parked) -> tuple[str, str, str]:
    return parked.tenant, parked.aggregate, parked.aggregate_id
