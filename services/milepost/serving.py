"""What an operator starts: every stage in one process on embedded defaults, or one stage by itself."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from milepost.asking import Asker
from milepost.broker import BrokerError, EmbeddedBroker
from milepost.health import Health
from milepost.roles import ConnectOptions, connect_options
from milepost.sample import directory, story
from milepost.sample.loading import load, today
from milepost.settings import PREFIX, Settings
from milepost.wiring import STAGES, Connect, Troubles, accept_in_two, connected, fault_point


class StageUnknownError(ValueError):
    """A stage that there is none of; `code` is `unknown_stage`."""

    code = "unknown_stage"


async def serve(settings: Settings, *, sample: bool, announce: Callable[[str], None]) -> None:
    """Run every stage in this process on embedded defaults until SIGTERM or SIGINT; *announce* prints for people.

    Raises BrokerError, JournalError, OSError where a part does not come up.
    """
    waiting = ["broker", *STAGES, *(["sample"] if sample else [])]
    troubles: list[Troubles] = []
    async with AsyncExitStack() as stack:
        health = stack.enter_context(_health(settings, _ready(waiting, troubles)))
        data = Path(settings.data_dir)
        await asyncio.to_thread(data.mkdir, parents=True, exist_ok=True, mode=0o700)
        connect, broker = await _broker(settings, stack)
        waiting.remove("broker")
        at = fault_point()
        for name, stage in STAGES.items():
            if (told := await stack.enter_async_context(stage(settings, connect, at))) is not None:
                troubles.append(told)
            waiting.remove(name)
        if sample:
            await _load_sample(data, connect)
            waiting.remove("sample")
        stopping = _signals()  # from here on a stop is an orderly one; before, there is nothing to bring to an end
        url = broker.url if broker is not None else settings.nats_url
        announce(f"ready nats={url} http=http://{settings.http_host}:{health.port} data={data}")
        for line in _what_next(sample=sample, plugins=bool(settings.plugins)):
            announce(line)
        await _until(stopping, broker)


async def run_stage(name: str, settings: Settings, announce: Callable[[str], None]) -> None:
    """Run one stage against the broker and databases of *settings* until SIGTERM or SIGINT.

    Raises StageUnknownError, and what `serve` raises.
    """
    if name not in STAGES:
        raise StageUnknownError(f"there is no stage {name!r}; there are {', '.join(STAGES)}")
    waiting = [name]
    troubles: list[Troubles] = []
    async with AsyncExitStack() as stack:
        health = stack.enter_context(_health(settings, _ready(waiting, troubles)))
        connect, _ = await _broker(settings, stack)
        stage = accept_in_two if name == "accept" else STAGES[name]
        if (told := await stack.enter_async_context(stage(settings, connect, fault_point()))) is not None:
            troubles.append(told)
        waiting.remove(name)
        stopping = _signals()
        announce(f"ready {name} nats={settings.nats_url} http=http://{settings.http_host}:{health.port}")
        await stopping.wait()


def _ready(waiting: list[str], troubles: list[Troubles]) -> Callable[[], list[str]]:
    """Return what tells `/readyz` what is not up yet, and what is up and cannot do all of its work."""
    return lambda: [*waiting, *(one for told in troubles for one in told())]


def _health(settings: Settings, ready: Callable[[], list[str]]) -> Health:
    """Return the HTTP port, bound; raises OSError that names its setting."""
    try:
        return Health(settings.http_host, settings.http_port, ready)
    except OSError as error:
        why = _taken("http_port", settings.http_host, settings.http_port)
        raise OSError(why or f"{_setting('http_port', settings.http_port)}: {error.strerror}") from error


async def _broker(settings: Settings, stack: AsyncExitStack) -> tuple[Connect, EmbeddedBroker | None]:
    if settings.nats_url:
        # One seed file holds for one role; a folder of them serves whoever runs several.
        seeds = Path(settings.nats_seed)

        def connect(role: str) -> ConnectOptions:
            seed = seeds / f"{role}.nk" if seeds.is_dir() else seeds
            return connect_options(settings.nats_url, role, seed)

        return connect, None
    broker = EmbeddedBroker(Path(settings.data_dir) / "broker", port=settings.nats_port)
    try:
        await stack.enter_async_context(broker)
    except BrokerError as error:
        if why := _taken("nats_port", broker.host, settings.nats_port):
            raise BrokerError(error.code, f"{why}: choose another, or 0 for one that is free") from error
        raise
    return broker.options, broker


def _taken(name: str, host: str, port: int) -> str:
    """Say that the port of the setting *name* is taken; nothing where it is not."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as those who listen do
        try:
            trial.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"{_setting(name, port)} is taken: something else listens on {host}:{port}"
    return ""


def _setting(name: str, port: int) -> str:
    return f"--{name.replace('_', '-')} {port} ({PREFIX}{name.upper()})"


def _signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _until(stopping: asyncio.Event, broker: EmbeddedBroker | None) -> None:
    waits: list[asyncio.Task[Any]] = [asyncio.create_task(stopping.wait())]
    if broker is not None:
        waits.append(asyncio.create_task(broker.ended()))
    done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    if waits[0] not in done:
        raise BrokerError("broker_failed", "the embedded nats-server ended; see its log in the data directory")


async def _load_sample(data: Path, connect: Connect) -> None:
    names = data / "sample.json"
    if names.exists():
        return
    async with connected(connect("cli"), "cli") as client:
        await load(Asker(client, "cli").command, story(today()))
    written = names.with_suffix(".new")
    written.write_bytes(msgspec.json.format(msgspec.json.encode(directory())))
    written.replace(names)


def _what_next(*, sample: bool, plugins: bool) -> list[str]:
    first = "milepost goal list --as maya" if sample else "milepost tenant open --as service:cli --tenant NAME"
    return [
        "In another terminal, from this folder (`.venv/bin/` before `milepost` where it is not on your path):",
        f"  {first}",
        f"  milepost watch --as {'maya' if sample else 'service:cli --tenant NAME'}",
        "  milepost plugins list" + ("" if plugins else "  # none runs yet: begin again with --plugins okr,nudges"),
        "Stop with Ctrl-C; on a terminal the log is milepost.log in the data folder. README.md goes on from here.",
    ]
