"""A process that is a host of plugins and may kill itself at a named point: `python -m tests.react.runner FOLDER`.

FOLDER holds `runner.json` (see Given), the plugins' configuration, `keys.json` (kid -> secret, hexadecimal) and
`documents`, a line for each event that there is. It prints `ready`, and ends at SIGTERM. Commands that plugins send
are written to `commands`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import nats

from milepost.logs import configure, logger
from milepost.react import Around, Options, ReactService
from milepost.react.installed import Installed
from milepost.react.policy import Policy
from milepost.wiring import fault_point
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command
from milepost_contracts.plugin import PluginError
from milepost_contracts.sealing import SealingKey
from milepost_contracts.turns import GoalThen

# Everything is tried again soon and for long: nothing here is given up for good.
POLICY = Policy(
    event_attempts_max=100, event_pause_s_min=0.02, event_pause_s_max=0.1, parked_in_a_row_max=100, starts_max=100,
    effect_pauses_s=(0.02,) * 200, effects_at_once=2, lease_s=0.1, pause_s_min=0.02, pause_s_max=0.2,
    frame_max=5, batch_max=11,
)  # fmt: skip


class Given(msgspec.Struct):
    """What the process is told: how to connect, where plugins keep things, and which there are (name -> module)."""

    nats: dict[str, Any]
    url: str
    plugins: dict[str, str]


class Runner:
    """What a host has around it, out of files."""

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self._folder = folder
        self._commands = (folder / "commands").open("a", encoding="utf-8")

    async def events_after(self, tenant: str, after: int, limit: int) -> list[bytes]:
        """Return events as the journal's side would."""
        lines = (self._folder / "documents").read_bytes().splitlines()
        return [line for line in lines if msgspec.json.decode(line)["tenant"] == tenant][after : after + limit]

    async def keys(self, _tenant: str, _reader: str, kids: Iterable[str]) -> dict[str, SealingKey | None]:
        """Return keys."""
        known: dict[str, str] = msgspec.json.decode((self._folder / "keys.json").read_bytes())
        return {kid: SealingKey(kid, bytes.fromhex(known[kid])) if kid in known else None for kid in kids}

    async def goal_at(self, _tenant: str, _id: str, _version: int | None, _words: Sequence[str]) -> GoalThen:
        """Know no goal."""
        raise PluginError("unknown_goal", "there is none")

    async def send(self, tenant: str, command: Command) -> Answer:
        """Write a command down, and accept it."""
        name = f"{command.AGGREGATE}.{command.NAME}"
        line = msgspec.json.encode({"tenant": tenant, "name": name, "body": command}, order="sorted").decode()
        self._commands.write(f"{line}\n")
        self._commands.flush()
        return Accepted(id=command.id, version=1)


async def main(folder: Path) -> None:
    """Be a host until told to end."""
    configure(json=True)
    given = msgspec.json.decode((folder / "runner.json").read_bytes(), type=Given)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    runner = Runner(folder)
    nc = await nats.connect(**given.nats, reconnect_time_wait=0.05, error_cb=_quiet)
    around = Around(
        nc=nc, events_after=runner.events_after, keys=runner.keys, goal_at=runner.goal_at, send=runner.send,
        clock=lambda: dt.datetime.now(dt.UTC), log=logger("react"), at=fault_point(), policy=POLICY,
    )  # fmt: skip
    options = Options(
        url=given.url, allowed=",".join(given.plugins), folder=folder, memory_bytes=1 << 30, blocks=False, review_s=1.0,
        gateways=frozenset({"cli"}),
    )  # fmt: skip
    found = {name: Installed(name, value, name, "1") for name, value in given.plugins.items()}
    service = ReactService(nc, around, options, roles=_roles, find=lambda: found)
    await service.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended.wait()
    await service.stop()
    await nc.close()


async def _roles(_tenant: str, _actor: str) -> tuple[str, ...]:
    return ()


async def _quiet(_: Exception) -> None:
    """Say nothing: the broker dies on purpose."""


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
