"""Timers that have come due are fired, after the events that were there before; what fails is put aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from milepost.ordered import stream_state
from milepost.react.failing import Failing
from milepost.react.store import Store, ToPark
from milepost.react.turns import Turns
from milepost_contracts.frames import Firing
from milepost_contracts.keeping import Cause, keep, of_timer
from milepost_contracts.letters import TIMER
from milepost_contracts.running import Done

if TYPE_CHECKING:
    from milepost.react.worker import Around, Worker

TIMERS_MAX = 100  # fired before events are looked at again
# Timers wait for the events that were there when they came due: a nudge must know of the check-in that was held. Where
# nothing comes for so long, what the stream said of itself is not to be had, and they wait no longer.
TIMERS_LATE_S = 30.0


class Timers:
    """Fires one plugin's timers while it is live."""

    def __init__(self, worker: Worker, turns: Turns, failing: Failing, around: Around) -> None:
        """Take where they stand, the plugin's process, who counts failures, and the time."""
        self._shared = worker.shared
        self._turns = turns
        self._failing = failing
        self._around = around
        self._log = around.log.bind(plugin=worker.name)
        # Those that have come due: when that was seen, and the stream's last sequence then.
        self._waiting: tuple[dt.datetime, int] | None = None

    async def until_next(self) -> float:
        """Return in how many seconds to look again."""
        upcoming = await self._shared.run(Store.next_timer)
        if upcoming is None or self._waiting is not None:
            return TIMERS_LATE_S  # another process of the plugin may set one
        return min(max(0.0, (upcoming - self._around.clock()).total_seconds()), TIMERS_LATE_S)

    async def fire_due(self, stream_sequence: int, *, silent: bool = False) -> None:
        """Fire timers that have come due, once the events are handled that were there then.

        *stream_sequence*: what is handled; *silent*: nothing comes. Raises Halted.
        """
        if self._waiting is None:
            now = self._around.clock()
            if not await self._shared.run(Store.due_timers, now, 1):
                return
            self._waiting = (now, (await stream_state(self._around.nc)).last_sequence)
        due, head = self._waiting
        if stream_sequence < head and not silent:
            return
        for tenant, key, at in await self._shared.run(Store.due_timers, due, TIMERS_MAX):
            await self._fire(tenant, key, at)
        self._waiting = None

    async def _fire(self, tenant: str, key: str, at: dt.datetime) -> None:
        cause = of_timer(self._turns.manifest, tenant, key, at)
        firing = Firing(tenant=tenant, key=key, at=at, mode="live")
        while True:
            async with self._turns.turning:
                done = await self._turns.asked("fire", firing, "on_timer")
                if done.failure is None:
                    await self._keep(cause, done, key, at)
                    self._failing.went_well()
                    return
            if not await self._failing.again(cause.id, done.failure, tenant=tenant, what=f"the timer {key}"):
                break
        parked = ToPark(
            tenant=tenant, sequence=0, event_id=cause.id, aggregate=TIMER, aggregate_id=key,
            document=msgspec.json.encode(firing), code=done.failure.code, hook=done.failure.hook,
            error=done.failure.error, place=done.failure.place, attempts=self._failing.attempts[cause.id],
        )  # fmt: skip
        await self._keep(cause, Done(), key, at, parked=[parked])
        self._log.error("timer_parked", tenant=tenant, key=key, code=done.failure.code)
        self._failing.given_up(done.failure)

    async def _keep(
        self, cause: Cause, done: Done, key: str, at: dt.datetime, *, parked: Sequence[ToPark] = ()
    ) -> None:
        kept = keep(self._turns.manifest, cause, done.turn, mode="live", now=self._around.clock())
        self._around.at("react.before_commit")
        await self._shared.run(Store.keep_timer, kept, cause.tenant, key, at, parked=parked)
        self._around.at("react.after_commit")
        self._failing.attempts.pop(cause.id, None)
        self._turns.awake()
