"""Where the parts meet: settings come in, running stages come out; nothing connects anywhere else."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from nats.aio.client import Client

from milepost.accept import AcceptService, Committer, Decoder
from milepost.decide import Limits
from milepost.journal import Journal, KeyStore
from milepost.logs import logger
from milepost.replay import ReplayService
from milepost.roles import ConnectOptions
from milepost.settings import Settings
from milepost_contracts.subjects import HINT

Connect = Callable[[str], ConnectOptions]
"""Role -> how it connects."""

FaultPoint = Callable[[str], None]
FAULT_VARIABLE = "MILEPOST_FAULT_AT"  # tests name a point here at which the process kills itself


def fault_point() -> FaultPoint:
    """Return what is called at named points: nothing happens, or the process dies at the one named for tests.

    `MILEPOST_FAULT_AT=journal.after_commit:3` kills at the third time that point is passed.
    """
    wanted, _, count = os.environ.get(FAULT_VARIABLE, "").partition(":")
    left = int(count or 1)

    def at(point: str) -> None:
        nonlocal left
        if point == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return at


def limits_of(settings: Settings) -> Limits:
    """Return the limits of deciding that the settings name; the others keep their defaults."""
    return Limits(
        line_chars=settings.line_chars,
        text_chars=settings.text_chars,
        measures=settings.measures,
        milestones=settings.milestones,
        actions=settings.actions,
        parties=settings.parties,
    )


def gateways_of(settings: Settings) -> frozenset[str]:
    """Return the callers that may name other actors."""
    return frozenset(name.strip() for name in settings.gateways.split(",") if name.strip())


def utc_now() -> dt.datetime:
    """Return the time by this machine's clock."""
    return dt.datetime.now(dt.UTC)


def subscribing(options: ConnectOptions) -> NatsBroker:
    """Return FastStream's broker for *options*, not connected yet."""
    return NatsBroker(
        options["servers"],
        name=options["name"],
        security=NatsNKey.from_file(options["nkeys_seed"]),
        inbox_prefix=options["inbox_prefix"],
        max_reconnect_attempts=options["max_reconnect_attempts"],
        apply_types=False,  # messages are decoded by type where they come in; handlers take what decoders return
        logger=None,
    )


@asynccontextmanager
async def connected(options: ConnectOptions, stage: str) -> AsyncIterator[Client]:
    """Give a connection of *stage* that never gives up; what goes wrong with it is logged."""
    log = logger(stage)

    async def failed(error: Exception) -> None:
        log.warning("nats", error=type(error).__name__, message=str(error))

    client = await nats.connect(**options, error_cb=failed)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def accept(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run accept: commands are decided and committed while this lasts."""
    log = logger("accept")
    journal = await asyncio.to_thread(Journal, settings.journal_url, at=at)
    keys = await asyncio.to_thread(KeyStore, settings.keys_url, Path(settings.keys_dir))
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        stack.callback(keys.close)
        hints = await stack.enter_async_context(connected(connect("accept"), "accept"))

        def hint() -> None:
            # Lost hints only cost time: the relay also polls.
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(hints.publish(HINT, b"")))

        committer = Committer(
            journal,
            keys,
            clock=utc_now,
            limits=limits_of(settings),
            log=log,
            committed=hint,
            alone=settings.journal_url.startswith("sqlite:"),
        )
        decoder = Decoder(
            gateways=gateways_of(settings),
            line_chars=settings.line_chars,
            text_chars=settings.text_chars,
            message_bytes_max=settings.message_bytes_max,
        )
        service = AcceptService(
            subscribing(connect("accept")), committer, decoder, log=log, rate_per_s=settings.rate_per_s
        )
        await service.start()
        stack.push_async_callback(service.stop)
        yield


@asynccontextmanager
async def replay(settings: Settings, connect: Connect, _: FaultPoint) -> AsyncIterator[None]:
    """Run replay: what only the journal can answer is answered while this lasts."""
    journal = await asyncio.to_thread(Journal, settings.journal_url, writes=False)
    keys = await asyncio.to_thread(KeyStore, settings.keys_url, Path(settings.keys_dir))
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        stack.callback(keys.close)
        service = ReplayService(
            subscribing(connect("replay")), journal, keys, gateways=gateways_of(settings), log=logger("replay")
        )
        await service.start()
        stack.push_async_callback(service.stop)
        yield
