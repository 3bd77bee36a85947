"""What fails is tried again, for as often as it is worth it; a plugin that keeps failing is stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from milepost.react.turns import Turns
from milepost_contracts.running import Failure

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

LATER_S_MAX = 60.0  # a handler that wants to be called again later is asked at least so often, and is seen to wait


class Halted(Exception):  # noqa: N818  the plugin is paused with it
    """The plugin keeps failing."""


class Failing:
    """Counts the failures of one plugin."""

    def __init__(self, worker: Worker, turns: Turns, around: Around) -> None:
        """Take the plugin's worker, who says how it is, and its process."""
        self.attempts = worker.attempts  # id of an event or a timer -> how often it was tried
        self._worker = worker
        self._turns = turns
        self._policy = around.policy
        self._log = around.log.bind(plugin=worker.name)
        self._uncounted = 0
        self._in_a_row = 0

    def uncounted(self) -> int:
        """Return how many attempts failed since this was asked the last time."""
        count, self._uncounted = self._uncounted, 0
        return count

    def went_well(self) -> None:
        """Note that something did."""
        self._in_a_row = 0

    async def again(self, id_: str, failure: Failure, *, tenant: str, what: str) -> bool:
        """Wait and return True where what has *id_* is to be tried again; False: that was often enough."""
        attempts = self.attempts[id_] = self.attempts.get(id_, 0) + int(failure.tried)
        self._log.warning(
            "plugin_failed",
            tenant=tenant, id=id_, what=what, hook=failure.hook, code=failure.code, error=failure.error,
            place=failure.place, attempts=attempts,
        )  # fmt: skip
        self._uncounted += int(failure.tried)
        if failure.code == "out_of_memory":
            async with self._turns.turning:
                await self._turns.anew()  # what has leaked goes with the process: the next attempt has all there is
        if failure.tried and (failure.final or attempts >= self._policy.event_attempts_max):
            return False
        self._worker.trying_again(f"{failure.code} in {failure.hook}: attempt {attempts} at {what}")
        pause = self._policy.event_pause_s(max(attempts, 1)) if failure.retry_s is None else failure.retry_s
        await asyncio.sleep(min(pause, LATER_S_MAX))
        self._worker.running()
        return True

    def given_up(self, failure: Failure) -> None:
        """Note that something was put aside; raises Halted where that was too much in a row."""
        self._in_a_row += 1
        if self._in_a_row >= self._policy.parked_in_a_row_max:
            raise Halted(f"{self._in_a_row} events in a row failed; the last with {failure.code} in {failure.hook}")
