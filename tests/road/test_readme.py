"""Every command block of the README does what it says."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Give the environment of somebody who has just run the README's first command: it really runs."""
    assert BLOCKS[0] == "make run\n"
    given = os.environ | {
        "MILEPOST_DATA_DIR": str(tmp_path / "data"),
        "MILEPOST_NATS_PORT": str(_free_port()),
        "MILEPOST_HTTP_PORT": "0",
    }
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "make", "run", cwd=ROOT, env=given, stdout=asyncio.subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout
    said = b""
    while not said.startswith(b"ready"):
        said = await asyncio.wait_for(process.stdout.readline(), 120)
        assert said, (tmp_path / "log").read_text()
    yield given
    os.killpg(process.pid, signal.SIGTERM)
    await process.wait()


async def test_the_first_goal(environment: dict[str, str]) -> None:
    """The blocks, one after another in one shell, all succeed; the goal that they make is there in the end."""
    script = "set -e\n" + "".join(block for block in BLOCKS if not block.startswith("make"))
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, out.decode()
    assert "It felt slow, and worked" in out.decode()
    assert "Talks in which I asked first" in out.decode()


async def test_the_other_commands_are_there() -> None:
    """What the README says of make is what make knows; the tests themselves are not run again from here."""
    assert "make test\n" in BLOCKS
    process = await asyncio.create_subprocess_exec(
        "make", "-n", "run", "test", "check", "bench", "faults", cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


def test_every_link_leads_somewhere() -> None:
    """Every file that the README points to exists."""
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
