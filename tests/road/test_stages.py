"""Each stage in a process of its own, as a larger installation runs them, on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
import pytest

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import goal, tenant
from milepost_contracts.queries import Goal as GoalQuery
from milepost_contracts.queries import GoalAnswer
from milepost_contracts.subjects import tenant_id
from tests.support.accepting import create, ident, user
from tests.support.ledger import check_stream, everything, stream_documents
from tests.support.waiting import until

TENANT = "acme"


class Stage:
    """One `milepost run STAGE`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Take the process; its log is in *log*."""
        self.name = name
        self.process = process
        self.log = log

    def children(self) -> list[int]:
        """Return the process ids of its children."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


@asynccontextmanager
async def stage(name: str, folder: Path, broker: EmbeddedBroker, url: str) -> AsyncIterator[Stage]:
    """Run one stage until the end of the block, which SIGTERM is."""
    flags = ["--nats-url", broker.url, "--nats-seed", str(broker.directory / "keys"), "--http-port", "0"]
    flags += ["--journal-url", url, "--keys-url", url, "--keys-dir", str(folder / "keys"), "--view-url", url]
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "milepost", "run", name, *flags, "--data-dir", str(folder),
            stdout=asyncio.subprocess.PIPE, stderr=out,
        )  # fmt: skip
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    assert line.startswith(f"ready {name}".encode()), log.read_text()
    try:
        yield Stage(name, process, log)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_stages_apart_are_one_road(tmp_path: Path, postgres_url: str) -> None:
    """Commands, events, keys and read models meet over broker and database alone; SIGTERM ends each with status 0."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(tmp_path / "broker"))
        names = ("publish", "accept", "replay", "view")
        # At once, because nobody promises an order: each waits for what it needs.
        starting = (stack.enter_async_context(stage(name, tmp_path, broker, postgres_url)) for name in names)
        stages = await asyncio.gather(*starting)
        client = await nats.connect(**broker.options("cli"))
        asker = Asker(client, "cli", patience_s=30)
        opened = tenant.Open(command_id=ident("o"), id=tenant_id(TENANT), actor="service:cli")
        assert isinstance(await asker.command(TENANT, opened), Accepted)
        answer = await asker.command(TENANT, create("speak freely"))
        assert isinstance(answer, Accepted)
        shown = await asker.query(
            TENANT, GoalQuery(actor=user("mentee"), id=ident("speak freely"), min_sequence=answer.sequence)
        )
        assert isinstance(shown, GoalAnswer), shown
        assert shown.goal.title == "speak freely"
        publisher = await nats.connect(**broker.options("publish"))
        check_stream(everything(postgres_url), await stream_documents(publisher))
        await publisher.close()
        await client.close()
        for one in stages:
            one.process.terminate()
            assert await one.process.wait() == 0, (one.name, one.log.read_text()[-2000:])


@pytest.mark.parametrize("half", ["intake", "committer"])
async def test_neither_half_of_accept_outlives_the_other(
    tmp_path: Path,
    postgres_url: str,
    half: str,
) -> None:
    """When one of accept's two processes is killed, the other ends by itself, and a new start goes on."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(tmp_path / "broker"))
        accept = await stack.enter_async_context(stage("accept", tmp_path, broker, postgres_url))
        (child,) = accept.children()
        if half == "intake":
            os.kill(child, signal.SIGKILL)
        else:
            accept.process.kill()
        await asyncio.wait_for(accept.process.wait(), 30)
        await until(lambda: not _alive(child), 30)
        await stack.enter_async_context(stage("accept", tmp_path, broker, postgres_url))
        client = await nats.connect(**broker.options("cli"))
        asker = Asker(client, "cli", patience_s=30)
        opened = tenant.Open(command_id=ident("o"), id=tenant_id(TENANT), actor="service:cli")
        assert isinstance(await asker.command(TENANT, opened), Accepted)
        await client.close()


async def test_stopping_accept_answers_what_it_took(tmp_path: Path, postgres_url: str) -> None:
    """SIGTERM under load: every command that was accepted is in the journal, and no answer says otherwise."""
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(tmp_path / "broker"))
        accept = await stack.enter_async_context(stage("accept", tmp_path, broker, postgres_url))
        client = await nats.connect(**broker.options("cli"))
        asker = Asker(client, "cli", patience_s=0.0, request_s=5.0)
        opened = tenant.Open(command_id=ident("o"), id=tenant_id(TENANT), actor="service:cli")
        assert isinstance(await asker.command(TENANT, opened), Accepted)
        assert isinstance(await asker.command(TENANT, create("a")), Accepted)
        asked = [
            asyncio.create_task(
                asker.command(
                    TENANT,
                    goal.PostComment(
                        command_id=ident(f"c {number}"), id=ident("a"), actor=user("mentee"),
                        comment=ident(f"{number}"), text="On we go",
                    ),
                )
            )
            for number in range(400)
        ]  # fmt: skip
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        accept.process.terminate()
        assert await accept.process.wait() == 0
        given = await asyncio.gather(*asked)
        await client.close()
    stored = [one for one in everything(postgres_url) if one.tag == "goal.comment_posted.v1"]
    assert len(stored) == sum(isinstance(answer, Accepted) for answer in given)


def _alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


async def test_a_stage_that_waits_for_the_journal_can_be_stopped(tmp_path: Path, postgres_url: str) -> None:
    """Before accept has made the journal a reader only waits: SIGTERM ends it at once."""
    async with EmbeddedBroker(tmp_path / "broker") as broker:
        flags = ["--nats-url", broker.url, "--nats-seed", str(broker.directory / "keys"), "--http-port", "0"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "milepost", "run", "replay", *flags, "--journal-url", postgres_url,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr
        assert b"waiting_for_journal" in await asyncio.wait_for(process.stderr.readline(), 30)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == -signal.SIGTERM
