"""Where the parts meet: settings come in, running stages come out; nothing connects anywhere else."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import hashlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from nats.aio.client import Client

from milepost.accept import AcceptService, Committer, Decoder, Far, Hints, Near, Reviews
from milepost.asking import AskedEvents, AskedGoals, AskedKeys, AskedRoles, Asker
from milepost.broker import BrokerError
from milepost.decide import Limits
from milepost.journal import Journal, JournalUnavailable, KeyStore
from milepost.logs import configure, logger
from milepost.ordered import Reader
from milepost.publish import serve as serve_publish
from milepost.react import Around, Options, ReactService, allowed
from milepost.replay import ReplayService
from milepost.replay.tree import Bus, Carrying, Grower, Logs, SigningKeys, TreeService, target_of, witnesses_of
from milepost.replay.tree import Options as TreeOptions
from milepost.replay.tree.service import POLL_S
from milepost.reviewers import reviewers
from milepost.roles import ConnectOptions
from milepost.settings import Settings
from milepost.tasks import end
from milepost.view.service import Sources, ViewService

Connect = Callable[[str], ConnectOptions]
"""Role -> how it connects."""

FaultPoint = Callable[[str], None]
Troubles = Callable[[], list[str]]
"""What a stage that runs cannot do, for `/readyz`."""
# How long a thread that computes keeps the interpreter while others wait. Python's 5 ms would hold up the event loop
# after each of its system calls while commands are decided: measured on accept, a fifth more commands a second.
SWITCH_S = 0.0005
# The kept states are many and have no cycles: looking for garbage among them at Python's every 700 new objects took a
# tenth of accept's time, and made one in a hundred of replay's answers wait twice as long.
GARBAGE_MIN = 50_000
RECORD_S = 5.0  # for accept to take the event of a new signing key; the next round asks again
LOOK_AGAIN_S = 0.5  # for a journal that is not there yet; accept makes it within a second of its start
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
    """Return FastStream's broker for *options*, not connected yet; what goes wrong with its connection is logged."""
    log = logger(options["name"].rpartition(" ")[2])

    async def failed(error: Exception) -> None:
        log.warning("nats", error=type(error).__name__, message=str(error))

    return NatsBroker(
        options["servers"],
        name=options["name"],
        security=NatsNKey.from_file(options["nkeys_seed"]),
        inbox_prefix=options["inbox_prefix"],
        max_reconnect_attempts=options["max_reconnect_attempts"],
        apply_types=False,  # messages are decoded by type where they come in; handlers take what decoders return
        logger=None,
        error_cb=failed,
    )


@asynccontextmanager
async def connected(options: ConnectOptions, stage: str, kind: Callable[[], Client] = Client) -> AsyncIterator[Client]:
    """Give a connection of *stage* that never gives up; what goes wrong with it is logged."""
    log = logger(stage)

    async def failed(error: Exception) -> None:
        log.warning("nats", error=type(error).__name__, message=str(error))

    client = kind()
    await client.connect(**options, error_cb=failed)
    try:
        yield client
    finally:
        with contextlib.suppress(OSError):  # the broker may be gone before us
            await client.close()


@asynccontextmanager
async def committing(
    settings: Settings, connect: Connect, at: FaultPoint, replied: Callable[[], None] = lambda: None
) -> AsyncIterator[Committer]:
    """Give what decides and commits, on its journal and key store; it hints to publish after each commit."""
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(GARBAGE_MIN)
    journal = await asyncio.to_thread(Journal, settings.journal_url, at=at)
    keys = await asyncio.to_thread(KeyStore, settings.keys_url, Path(settings.keys_dir), at=at)
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        stack.callback(keys.close)
        client = await stack.enter_async_context(connected(connect("accept"), "accept"))
        hints = await stack.enter_async_context(Hints(client))
        yield Committer(
            journal,
            keys,
            clock=utc_now,
            limits=limits_of(settings),
            log=logger("accept"),
            committed=hints.hint,
            replied=replied,
            alone=settings.journal_url.startswith("sqlite:"),
        )


async def reading(settings: Settings, stage: str) -> Journal:
    """Return the journal for reading, as soon as accept has made it: stages may start in any order."""
    while True:
        try:
            return await asyncio.to_thread(Journal, settings.journal_url, writes=False)
        except JournalUnavailable as error:
            logger(stage).warning("waiting_for_journal", error=str(error))
            await asyncio.sleep(LOOK_AGAIN_S)


def accepting(settings: Settings, connect: Connect, committer: Committer | Far) -> AcceptService:
    """Return accept's side of the bus in front of *committer*, not started."""
    decoder = Decoder(
        gateways=gateways_of(settings),
        line_chars=settings.line_chars,
        text_chars=settings.text_chars,
        message_bytes_max=settings.message_bytes_max,
    )
    log = logger("accept")
    reviews = Reviews(
        reviewers(settings.reviews), limit_s=settings.review_s, late_passes=settings.review_late == "pass", log=log
    )
    return AcceptService(
        subscribing(connect("accept")), committer, decoder, log=log, reviews=reviews, rate_per_s=settings.rate_per_s
    )


@asynccontextmanager
async def accept(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run accept in this process: commands are decided and committed while this lasts."""
    async with committing(settings, connect, at) as committer:
        service = accepting(settings, connect, committer)
        await service.start()
        try:
            yield
        finally:
            await service.stop()


@asynccontextmanager
async def accept_in_two(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run accept in two processes: a child speaks with the bus while this one decides and commits."""
    here, there = socket.socketpair()
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    def tell() -> None:
        loop.call_soon_threadsafe(gone.set)

    near = Near(here, gone=tell)
    async with committing(settings, connect, at, near.flush) as committer:
        code = f"from milepost.wiring import take; take({there.fileno()})"
        told = msgspec.json.encode((settings, connect("accept")))
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            pass_fds=[there.fileno()], start_new_session=True,
        )  # fmt: skip
        there.close()
        assert child.stdin is not None  # noqa: S101  both were asked for
        assert child.stdout is not None  # noqa: S101
        child.stdin.write(told + b"\n")
        committer.start()
        near.start(committer)
        if await child.stdout.readline() != b"ready\n":
            raise BrokerError("intake_failed", f"accept's side of the bus ended with {await child.wait()}")
        watching = asyncio.create_task(_die_with(gone))
        try:
            yield
        finally:
            watching.cancel()
            child.stdin.close()  # the sign to stop: it drains, waits for its answers, and ends
            await child.wait()
            await asyncio.to_thread(committer.stop)
            near.close()


async def _die_with(gone: asyncio.Event) -> None:
    """End this process when its other half has ended by itself: whoever supervises it starts both again."""
    await gone.wait()
    logger("accept").error("intake_ended")
    os.kill(os.getpid(), signal.SIGTERM)


def take(descriptor: int) -> None:
    """Be the child of `accept_in_two`: settings and connection come on standard input, whose end is the end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its parent, after it
    settings, options = msgspec.json.decode(sys.stdin.buffer.readline(), type=tuple[Settings, ConnectOptions])
    configure(level=settings.log_level)
    asyncio.run(_take(socket.socket(fileno=descriptor), settings, options))


async def _take(end: socket.socket, settings: Settings, options: ConnectOptions) -> None:
    far = Far(*await asyncio.open_connection(sock=end))
    service = accepting(settings, lambda _: options, far)
    await service.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ended = [asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.read)), asyncio.create_task(far.closed.wait())]
    await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    await service.stop()
    os._exit(0)  # the thread that reads standard input may never return


@asynccontextmanager
async def replay(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[Troubles]:
    """Run replay: what only the journal can answer is answered, and the logs are grown and signed, while this lasts."""
    gc.set_threshold(GARBAGE_MIN)
    journal = await reading(settings, "replay")
    keys = await asyncio.to_thread(KeyStore, settings.keys_url, Path(settings.keys_dir), finishes=False)
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        stack.callback(keys.close)
        logs, troubles = await stack.enter_async_context(growing(settings, connect, journal, at))
        service = ReplayService(
            subscribing(connect("replay")),
            journal,
            keys,
            gateways=gateways_of(settings),
            log=logger("replay"),
            logs=logs,
            reasons_required=settings.access_reasons == "required",
        )
        await service.start()
        stack.push_async_callback(service.stop)
        yield troubles


@asynccontextmanager
async def growing(
    settings: Settings, connect: Connect, journal: Journal, at: FaultPoint
) -> AsyncIterator[tuple[Logs, Troubles]]:
    """Give the logs, grown and signed while this lasts, and what tells of those that cannot be signed."""
    log, proofs, target = logger("replay"), Path(settings.proofs_dir), target_of(settings.checkpoint_target)
    signing = await asyncio.to_thread(SigningKeys, Path(settings.signing_dir), settings.origin)
    options = TreeOptions(settings.checkpoint_events, settings.checkpoint_s)
    grower = Grower(journal, proofs, signing, options, log=log, at=at)
    async with connected(connect("replay"), "replay") as client:
        carrying = [Carrying("bus", Bus(client), proofs, log=log)]
        if target is not None:
            # Another target begins with every checkpoint there is: its name on disk is its own.
            name = hashlib.sha256(settings.checkpoint_target.encode()).hexdigest()[:8]
            carrying.append(Carrying(f"target-{name}", target, proofs, log=log))
        service = TreeService(
            client, grower, signing, carrying, send=Asker(client, "replay", patience_s=RECORD_S).command,
            witnesses=witnesses_of(settings.witnesses), log=log, poll_s=min(POLL_S, settings.checkpoint_s),
        )  # fmt: skip
        service.start().add_done_callback(partial(_ended_by_itself, "replay"))
        try:
            yield Logs(proofs, signing, lambda: grower.troubles, grower.wish), service.troubles
        finally:
            await service.stop()


@asynccontextmanager
async def publish(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run publish: what is in the journal reaches the stream while this lasts."""
    journal = await reading(settings, "publish")
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        client = await stack.enter_async_context(connected(connect("publish"), "publish"))
        running = asyncio.create_task(serve_publish(client, journal, replicas=settings.replicas, at=at))
        running.add_done_callback(partial(_ended_by_itself, "publish"))
        stack.push_async_callback(end, running)
        yield


def _ended_by_itself(stage: str, task: asyncio.Task[None]) -> None:
    """End the process when what should run for ever has not: whoever supervises it starts it again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger(stage).error("defect", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def view(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run view: events become read models and questions about them are answered while this lasts."""
    async with connected(connect("view"), "view", Reader) as client:
        asker = Asker(client, "view")
        service = ViewService(
            settings.view_url,
            subscribing(connect("view")),
            client,
            sources=Sources(AskedKeys(asker, "service:view"), AskedEvents(asker, "service:view")),
            gateways=gateways_of(settings),
            log=logger("view"),
            clock=utc_now,
            wait_s=settings.wait_s,
            at=at,
        )
        await service.start()
        try:
            yield
        finally:
            await service.stop()


@asynccontextmanager
async def react(settings: Settings, connect: Connect, at: FaultPoint) -> AsyncIterator[None]:
    """Run react: plugins are handed events and do what they want done while this lasts."""
    sys.setswitchinterval(SWITCH_S)
    async with connected(connect("react"), "react", Reader) as client:
        asker = Asker(client, "react")
        around = Around(
            nc=client,
            events_after=AskedEvents(asker, "service:react"),
            keys=AskedKeys(asker, "service:react"),
            goal_at=AskedGoals(asker, "service:react"),
            send=asker.command,
            clock=utc_now,
            log=logger("react"),
            at=at,
        )
        options = Options(
            url=settings.react_url,
            allowed=settings.plugins,
            folder=Path(settings.plugins_dir),
            memory_bytes=settings.plugin_memory_mb << 20,
            blocks=settings.plugin_blocks == "yes",
            review_s=settings.review_s,
            gateways=gateways_of(settings),
            inside=frozenset(allowed(settings.plugins_inside)),
        )
        service = ReactService(client, around, options, roles=AskedRoles(asker, "service:react"))
        await service.start()
        try:
            yield
        finally:
            await service.stop()


STAGES = {"accept": accept, "publish": publish, "react": react, "replay": replay, "view": view}
"""The stages that run by themselves, in an event's order."""
