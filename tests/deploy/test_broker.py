"""The embedded broker: it keeps what it acknowledged, is found again at its address, and never outlives us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nats.errors
import pytest
from nats.aio.client import Client

from milepost.broker import BrokerError, EmbeddedBroker, server_binary, settings_folder
from milepost.permissions import RoleError
from milepost.publish.jetstream import JetStream
from tests.support.nats import Connect, make_streams
from tests.support.waiting import until

_SERVES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from milepost.broker import EmbeddedBroker

async def main():
    async with EmbeddedBroker(Path(sys.argv[1])) as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_server_comes_back_at_its_address_with_what_it_acknowledged(
    broker: EmbeddedBroker, connect: Connect
) -> None:
    """Proves that port and streams survive a SIGKILL of the server, and that a connection finds it again."""
    url, pid = broker.url, broker.pid
    client = await connect("publish")
    stream = JetStream(client, "GOALS")
    await stream.publish("goals.event.v1.acme.goal.x.created", b"kept", {})

    await broker.kill()
    await broker.start()

    assert broker.url == url
    assert broker.pid != pid
    await until(lambda: client.is_connected)
    last = await stream.last("goals.event.v1.>")
    assert last is not None
    assert last.data == b"kept"


async def test_the_server_runs_on_the_file_that_operators_use(broker: EmbeddedBroker) -> None:
    """Proves that the embedded settings are deploy/nats/nats-server.conf byte for byte; the server accepts them."""
    running = broker.directory / "nats-server.conf"
    assert running.read_bytes() == (settings_folder() / "nats-server.conf").read_bytes()
    assert str(running) in broker.command()
    check = await asyncio.create_subprocess_exec(server_binary(), "-t", "-c", running)
    assert await check.wait() == 0


async def test_acknowledged_is_on_the_disk(tmp_path: Path) -> None:
    """Proves that the running server writes out every message before it acknowledges, as its own report says."""
    async with EmbeddedBroker(tmp_path / "broker", http_port=0) as broker:
        reader, writer = await asyncio.open_connection(*broker.http_url.removeprefix("http://").split(":"))
        writer.write(b"GET /varz HTTP/1.0\r\n\r\n")
        report = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    assert '"sync_always": true' in report


async def test_two_servers_never_share_a_folder(broker: EmbeddedBroker) -> None:
    """Proves that a second server on the same streams is refused while the first lives."""
    with pytest.raises(BrokerError) as refused:
        await EmbeddedBroker(broker.directory).start()
    assert refused.value.code == "broker_in_use"


async def test_a_server_that_cannot_start_says_why(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """Proves that a taken port ends in an error with the server's own last words, not in waiting."""
    port = int(broker.url.rpartition(":")[2])
    with pytest.raises(BrokerError, match="address already in use") as refused:
        await EmbeddedBroker(tmp_path / "second", port=port).start()
    assert refused.value.code == "broker_failed"


async def test_a_role_without_a_seed_is_told_apart(broker: EmbeddedBroker) -> None:
    """Proves that asking for the credentials of an unknown role is an error of its own."""
    with pytest.raises(RoleError) as refused:
        broker.options("stranger")
    assert refused.value.code == "unknown_role"


async def test_nobody_connects_without_a_key(broker: EmbeddedBroker) -> None:
    """Proves that an anonymous connection is turned away."""

    async def quiet(_: Exception) -> None:
        """Take the library's own report; what is raised is checked below."""

    client = Client()
    with pytest.raises(nats.errors.Error, match="Authorization Violation"):
        await client.connect(broker.url, allow_reconnect=False, error_cb=quiet)
    await client.close()


async def test_seeds_are_readable_by_their_owner_alone(broker: EmbeddedBroker) -> None:
    """Proves the modes of the private folder, and that the broker's own settings hold no seed."""
    seeds = sorted((broker.directory / "keys").glob("*.nk"))
    assert len(seeds) == 7
    assert {seed.stat().st_mode & 0o777 for seed in seeds} == {0o600}
    assert (broker.directory / "keys").stat().st_mode & 0o777 == 0o700
    settings = (broker.directory / "users.conf").read_bytes()
    assert not any(seed.read_bytes() in settings for seed in seeds)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_the_server_never_outlives_a_killed_parent(tmp_path: Path) -> None:
    """Proves that a SIGKILL of the process that embeds the server ends the server too, and frees its folder."""
    folder = tmp_path / "broker"
    command = [sys.executable, "-c", _SERVES_UNTIL_KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while _alive(server) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(server)

    async def again() -> None:
        async with EmbeddedBroker(folder) as broker:
            await make_streams(broker)

    asyncio.run(again())


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
