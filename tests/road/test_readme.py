"""Every command block of the README does what it says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give the environment of somebody who tries the README: folders and ports of its own."""
    return os.environ | {
        "MILEPOST_DATA_DIR": str(tmp_path / "data"),
        "MILEPOST_NATS_PORT": str(_free_port()),
        "MILEPOST_HTTP_PORT": "0",
    }


@asynccontextmanager
async def _running(command: str, environment: dict[str, str], log: Path) -> AsyncIterator[None]:
    """Run *command*, which starts Milepost, in a terminal of its own until the end of the block."""
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_shell(
            command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE, stderr=out, start_new_session=True
        )
    try:
        assert process.stdout
        said = b""
        while not said.startswith(b"ready"):
            said = await asyncio.wait_for(process.stdout.readline(), 120)
            assert said, _text(log)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


def _text(log: Path) -> str:
    return log.read_text()


async def _said(script: str, environment: dict[str, str]) -> str:
    """Return what *script* prints; all of its commands succeed."""
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", f"set -e\n{script}", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_commands_one_after_another(environment: dict[str, str], tmp_path: Path) -> None:
    """Every block succeeds beside the `make run` before it, in one other terminal: a first goal, plugins, an audit."""
    first, second = (place for place, block in enumerate(BLOCKS) if block.startswith("make run"))
    goals = "".join(block for block in BLOCKS[first + 1 : second] if not block.startswith("make"))
    assert BLOCKS[first] == "make run\n"
    async with _running(BLOCKS[first], environment, tmp_path / "first"):
        said = await _said(goals, environment)
    assert "It felt slow, and worked" in said
    assert "Talks in which I asked first" in said
    exported = "".join(line for line in goals.splitlines(keepends=True) if line.startswith("export "))
    plugins = "".join(BLOCKS[second + 1 :])
    assert plugins
    async with _running(BLOCKS[second], environment, tmp_path / "second"):
        said = await _said((exported + plugins).replace("presentations-bundle", str(tmp_path / "bundle")), environment)
        assert "okr" in said
        assert "moved the deadline" in said
        assert "Nothing wrong was found" in said

        async def told() -> bool:
            listed = json.loads(await _said(f"{exported}milepost plugins list --json", environment))
            on = [one for one in listed if one["state"] == "running" and one["lag"] == 0 and one["handled"]]
            assert not any(one["effects_sent"] for one in listed)
            return {one["plugin"] for one in on} == {"okr", "nudges"}

        await until(told, 60)


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
