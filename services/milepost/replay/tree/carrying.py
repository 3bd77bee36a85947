"""Signed checkpoints are carried to the bus and outside, each one, in order, until they have arrived."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nats.aio.client import Client
from nats.errors import Error as NatsError
from structlog.typing import FilteringBoundLogger

from milepost.replay.tree.folder import ProofFolder, tenants_in
from milepost.replay.tree.targets import TargetError
from milepost_contracts.subjects import checkpoint

ACK_S = 5.0  # a broker answers in milliseconds; with three replicas across regions within a second
BACK_OFF_S = (1.0, 60.0)  # between two tries: the first, and the longest


class Outlet(Protocol):
    """Where checkpoints go; putting the same one again does nothing."""

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Hand over *note*; raises TargetError, NatsError, OSError."""
        ...


class Bus:
    """Publishes on `goals.checkpoint.v1.{tenant}`, which the stream GOALS_CHECKPOINTS keeps."""

    def __init__(self, nc: Client) -> None:
        """Take the connection."""
        self._stream = nc.jetstream()

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Publish *note*; raises NatsError, OSError."""
        headers = {"Nats-Msg-Id": f"{tenant}:{size}", "Content-Type": "text/plain; charset=utf-8"}
        await self._stream.publish(checkpoint(tenant), note, timeout=ACK_S, headers=headers)


class Carrying:
    """What one outlet, called *name* on disk, has still to get; `trouble` says why it does not, or is empty."""

    def __init__(
        self,
        name: str,
        outlet: Outlet,
        proofs: Path,
        *,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the outlet; what it lacks is read by `begin`."""
        self.name = name
        self.trouble = ""
        self._outlet = outlet
        self._proofs = proofs
        self._log = log
        self._clock = clock
        self._waiting: dict[str, deque[int]] = {}
        self._try_at = 0.0
        self._back_off_s = BACK_OFF_S[0]

    def begin(self) -> None:
        """Find what was signed and not carried; raises OSError."""
        self._waiting = {}
        for tenant in tenants_in(self._proofs):
            folder = ProofFolder(self._proofs, tenant)
            if sizes := folder.sizes(folder.delivered(self.name)):
                self._waiting[tenant] = deque(sizes)

    def add(self, tenant: str, size: int) -> None:
        """Have a checkpoint carried after those that wait."""
        self._waiting.setdefault(tenant, deque()).append(size)

    async def carry(self, *, now: bool = False) -> None:
        """Carry what waits, unless the last try failed a moment ago; *now*: even then."""
        if self._clock() < self._try_at and not now:
            return
        trouble = ""
        for tenant in list(self._waiting):
            try:
                await self._carry(tenant, self._waiting[tenant])
                del self._waiting[tenant]
            except (TargetError, NatsError, OSError) as error:
                code = getattr(error, "code", type(error).__name__)
                trouble = f"{code}: {error}"
                if code != "target_differs":  # which is that tenant's alone; what else fails, fails for all
                    break
        if trouble:
            self._try_at = self._clock() + self._back_off_s
            self._back_off_s = min(2 * self._back_off_s, BACK_OFF_S[1])
        else:
            self._back_off_s = BACK_OFF_S[0]
        if trouble != self.trouble:
            if trouble:
                self._log.error("checkpoint_not_carried", outlet=self.name, why=trouble)
            else:
                self._log.info("checkpoints_carried", outlet=self.name)
        self.trouble = trouble

    async def _carry(self, tenant: str, sizes: deque[int]) -> None:
        folder = ProofFolder(self._proofs, tenant)
        while sizes:
            await self._outlet.put(tenant, sizes[0], folder.signed(sizes[0]))
            folder.deliver(self.name, sizes[0])
            sizes.popleft()
