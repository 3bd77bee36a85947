"""The way of a log under SIGKILL at named points: same roots as from scratch, and no two checkpoints contradict."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from milepost.replay.tree import SigningKeys
from milepost_contracts.proofs.notes import parse_note
from milepost_contracts.subjects import STREAM_CHECKPOINTS
from tests.replay.tree.checking import checked
from tests.replay.tree.conftest import ORIGIN, Log
from tests.support.road import Road
from tests.support.waiting import until

pytestmark = pytest.mark.faults

POINTS = ("replay.before_tiles", "replay.after_tiles", "replay.before_checkpoint", "replay.after_checkpoint")
KILLS = 3
TENANTS = ("acme", "globex")
PATIENCE_S = 60.0


class Growing:
    """A grower in a process of its own."""

    def __init__(self, log: Log, events: int) -> None:
        """Start nothing yet."""
        self._arguments = [log.url, str(log.proofs), str(log.signing), str(events)]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, fault: str = "") -> str:
        """Start it to die at *fault*; return the line that it begins with, none where it died before."""
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.replay.tree.runner", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"MILEPOST_FAULT_AT": fault, "PYTHONPATH": path},
        )  # fmt: skip
        assert self.process.stdout
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)).decode().strip()

    async def stop(self) -> int:
        """End it in order; return its exit status."""
        assert self.process
        assert self.process.stdin
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    async def kill(self) -> None:
        """End it, whatever the test came to."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def test_trees_survive_kills(tmp_path: Path, request: pytest.FixtureRequest, seed: int) -> None:
    """Killed at random points while events are stored, the log holds after each kill and at the end."""
    database = ("sqlite", "postgresql")[seed % 2]
    rng = random.Random(seed)  # noqa: S311  a test's dice
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    log = Log(request.getfixturevalue("postgres_url") if database == "postgresql" else url, tmp_path)
    growing = Growing(log, events=rng.choice((1, 7, 300)))
    try:
        for _ in range(KILLS):
            for tenant in TENANTS:
                log.write(rng.choice((1, 40, 256, 700)), tenant)
            began = await growing.start(f"{rng.choice(POINTS)}:{rng.randint(1, 4)}")
            assert growing.process
            dead = asyncio.create_task(growing.process.wait())
            async with asyncio.timeout(PATIENCE_S):
                while not dead.done():  # it dies of what is stored meanwhile
                    log.write(rng.randint(1, 9), rng.choice(TENANTS))
                    await asyncio.wait([dead], timeout=0.01)
            assert await dead == -signal.SIGKILL
            assert began in ("ready", "")
            for tenant in TENANTS:
                checked(log.proofs, log.keys(), tenant, log.documents(tenant), settled=False)
        assert await growing.start() == "ready"
        rival = Growing(log, 1)
        assert await rival.start() == "tree_in_use"
        assert await rival.stop() == 0
        assert await growing.stop() == 0
        for tenant in TENANTS:
            documents = log.documents(tenant)
            assert checked(log.proofs, log.keys(), tenant, documents)[-1].size == len(documents)
    finally:
        await growing.kill()
        log.close()


@pytest.mark.parametrize("point", POINTS)
async def test_the_whole_process_goes_on(tmp_path: Path, point: str) -> None:
    """`milepost serve` killed at a checkpoint starts again: the log holds, and every checkpoint is on the bus once."""
    flags = ("--checkpoint-s", "0.05", "--checkpoint-events", "20", "--origin", ORIGIN)
    road = Road(tmp_path / "road", sample=True, flags=flags)
    try:
        await road.start(f"{point}:3")
        assert await road.ended() == -signal.SIGKILL
        assert await road.start()
        client = await road.connect()
        keys = SigningKeys(tmp_path / "road" / "signing", ORIGIN)
        folder = tmp_path / "road" / "proofs" / "sample"

        async def carried() -> bool:
            info = await client.jetstream().stream_info(STREAM_CHECKPOINTS)
            names = [path.name for path in (folder / "checkpoints").iterdir() if path.name.isdecimal()]
            return bool(names) and info.state.messages == len(names)

        await until(carried, PATIENCE_S)
        await client.close()
        assert await road.stop() == 0
        log = Log(f"sqlite:///{tmp_path / 'road' / 'journal.sqlite'}", tmp_path)
        documents = log.documents("sample")
        log.close()
        found = checked(tmp_path / "road" / "proofs", keys, "sample", documents)
        assert found[-1].size == len(documents)
        assert parse_note((folder / "checkpoint").read_bytes()).text == found[-1].text()
    finally:
        await road.kill()
