"""Facts of plugins that name a person are read from the stream, for a bundle about that person; no log proves them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec

from milepost.cli.errors import failed
from milepost.cli.session import connection
from milepost.cli.where import Where
from milepost_contracts.subjects import STREAM_PLUGIN

if TYPE_CHECKING:
    from nats.aio.client import Client

QUIET_S = 5.0  # the stream's end is known beforehand: only a broker that went away is silent for so long


class Facts:
    """The facts in *tenant* whose documents name the person with this id, oldest first, as exact documents."""

    def __init__(self, where: Where, tenant: str, person: str) -> None:
        """Take where the stream is; nothing is read yet."""
        self._where = where
        self._tenant = tenant
        self._needle = person.encode()

    async def __call__(self) -> AsyncIterator[bytes]:
        """Yield them; raises VerbError where the stream cannot be read."""
        from nats.errors import Error as NatsError

        async with connection(self._where, lasting=True) as nc:
            try:
                async for document in self._all(nc):
                    if self._needle in document:
                        yield document
            except (NatsError, OSError, TimeoutError) as error:
                message = f"Facts of plugins cannot be read: {error or type(error).__name__}."
                raise failed("facts_unreadable", message) from error

    async def _all(self, nc: Client) -> AsyncIterator[bytes]:
        """Yield every fact of the tenant that is there now."""
        subject = f"goals.plugin.v1.{self._tenant}.>"
        waiting = await self._waiting(nc, subject)
        if not waiting:
            return
        subscription = await nc.jetstream().subscribe(subject, stream=STREAM_PLUGIN, ordered_consumer=True)
        try:
            for _ in range(waiting):
                message = await subscription.next_msg(timeout=QUIET_S)
                yield message.data
        finally:
            await subscription.unsubscribe()

    async def _waiting(self, nc: Client, subject: str) -> int:
        """Return how many facts of the tenant the stream holds."""
        body = msgspec.json.encode({"subjects_filter": subject})
        answer = await nc.request(f"$JS.API.STREAM.INFO.{STREAM_PLUGIN}", body, timeout=QUIET_S)
        told: dict[str, Any] = msgspec.json.decode(answer.data)
        if told.get("error"):
            return 0  # no plugin ever ran here: the stream is made with the first
        return sum((told["state"].get("subjects") or {}).values())
