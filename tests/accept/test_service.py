"""Accept on the bus: every request is answered exactly once, and stopping loses none."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client

from milepost import logs
from milepost.accept import AcceptService
from milepost.broker import EmbeddedBroker
from milepost.wiring import subscribing
from milepost_contracts import answers, subjects
from milepost_contracts.answers import Accepted, Answer, Failed, Invalid, Refused
from milepost_contracts.commands import Command
from tests.accept.test_committer import comment
from tests.support.accepting import Acceptance, create, ident, reviewing
from tests.support.nats import Connect

TENANT = "acme"


class Bus:
    """Accept behind a real broker, and a gateway's connection to it."""

    def __init__(self, accept: Acceptance, service: AcceptService, client: Client, log: io.StringIO) -> None:
        """Take the parts; `log` holds the lines that accept wrote."""
        self.accept = accept
        self.service = service
        self.client = client
        self.log = log

    async def ask(self, command: Command, tenant: str = TENANT) -> Answer:
        """Send *command* as the gateway `cli`."""
        subject = subjects.command(tenant, "cli", command.AGGREGATE, command.NAME)
        return await self.raw(subject, msgspec.json.encode(command))

    async def raw(self, subject: str, body: bytes) -> Answer:
        """Send *body* as it is."""
        return answers.decode((await self.client.request(subject, body, timeout=10)).data)


@pytest.fixture
async def bus(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> AsyncIterator[Bus]:
    """Give accept on the bus with an open tenant."""
    accept = Acceptance(tmp_path, started=False)
    log = io.StringIO()
    logs.configure(log, json=True)
    accept.decoder._gateways = frozenset({"cli", "tests"})
    service = AcceptService(
        subscribing(broker.options("accept")), accept.committer, accept.decoder,
        log=logs.logger("accept"), reviews=reviewing(),
    )  # fmt: skip
    await service.start()
    await asyncio.to_thread(accept.open_tenant)
    yield Bus(accept, service, await connect("cli"), log)
    await service.stop()
    accept.close()
    logs.configure()


async def test_a_command_over_the_bus_is_committed_when_answered(bus: Bus) -> None:
    """An accepted answer names events that are in the journal."""
    answer = await bus.ask(create("a"))
    assert isinstance(answer, Accepted)
    stored = bus.accept.journal.load(TENANT, ("goal", ident("a")))
    assert [one.event_id for one in stored] == [event.id for event in answer.events]


@pytest.mark.parametrize(
    ("subject", "body", "code"),
    [
        ("goals.command.v1.acme.cli.goal.create_goal", b"\xff\xfe", "invalid_json"),
        ("goals.command.v1.acme.cli.goal.create_goal", b"{}", "invalid_field"),
        ("goals.command.v1.acme.cli.goal.create", b"{}", "unknown_command"),
        ("goals.command.v1.acme.cli.wish.create_goal", b"{}", "unknown_aggregate"),
        ("goals.command.v1.ACME.cli.goal.create_goal", b"{}", "invalid_subject"),
        ("goals.command.v1.acme.cli.goal.create_goal", b'"' + b"x" * 200_000 + b'"', "message_too_large"),
    ],
)
async def test_what_is_no_command_is_answered_invalid(bus: Bus, subject: str, body: bytes, code: str) -> None:
    """Bad requests get the documented answer over the bus, and the next good one is served."""
    answer = await bus.raw(subject, body)
    assert isinstance(answer, Invalid)
    assert [problem.code for problem in answer.errors] == [code]
    assert isinstance(await bus.ask(create("good")), Accepted)


async def test_another_tenant_does_not_exist(bus: Bus) -> None:
    """A tenant that nobody opened is refused, and what is in one tenant is unknown in another."""
    answer = await bus.ask(create("a"), "globex")
    assert isinstance(answer, Refused)
    assert [problem.code for problem in answer.errors] == ["tenant_unknown"]


@pytest.mark.parametrize("headers", [{"X(Y": "z"}, {"padding": "x" * 600_000}, {"traceparent": "nonsense"}])
async def test_no_header_keeps_others_from_their_answers(bus: Bus, headers: dict[str, str]) -> None:
    """Whatever headers somebody sends, he is answered without them, and so is the next one."""
    subject = subjects.command(TENANT, "cli", "goal", "create_goal")
    client = bus.client
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    body = msgspec.json.encode(create("odd"))
    # Written past nats-py, which would not send the first of them.
    command = f"HPUB {subject} {inbox} {len(head)} {len(head) + len(body)}\r\n".encode()
    await client._send_command(command + head + body + b"\r\n")
    await client.flush()
    answer = answers.decode((await subscription.next_msg(timeout=10)).data)
    assert isinstance(answer, Accepted)
    assert isinstance(await bus.ask(create("next")), Accepted)


async def test_many_at_once_are_each_answered_once(bus: Bus) -> None:
    """Hundreds in flight over one connection all get their own answers."""
    assert isinstance(await bus.ask(create("a")), Accepted)
    given = await asyncio.gather(*(bus.ask(comment("a", number)) for number in range(300)))
    assert sorted(answer.version for answer in given if isinstance(answer, Accepted)) == list(range(2, 302))


async def test_stopping_commits_or_says_retry(bus: Bus) -> None:
    """While the service stops, each command is either accepted and stored, or answered `failed, retry`, or unheard."""
    assert isinstance(await bus.ask(create("a")), Accepted)
    asked = [asyncio.create_task(bus.ask(comment("a", number))) for number in range(300)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await bus.service.stop()
    given = await asyncio.gather(*asked, return_exceptions=True)
    stored = len(bus.accept.journal.load(TENANT, ("goal", ident("a")))) - 1
    assert stored == sum(isinstance(answer, Accepted) for answer in given)
    for answer in given:
        assert isinstance(answer, Accepted | Exception) or (isinstance(answer, Failed) and answer.retry)


async def test_a_tenant_may_not_flood(broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> None:
    """Above the rate of its tenant a command is answered `failed, retry`, and later it is accepted."""
    accept = Acceptance(tmp_path, started=False)
    accept.decoder._gateways = frozenset({"cli", "tests"})
    service = AcceptService(
        subscribing(broker.options("accept")), accept.committer, accept.decoder,
        log=logs.logger("accept"), reviews=reviewing(), rate_per_s=5,
    )  # fmt: skip
    await service.start()
    await asyncio.to_thread(accept.open_tenant)
    bus = Bus(accept, service, await connect("cli"), io.StringIO())
    given = await asyncio.gather(*(bus.ask(create(f"goal {number}")) for number in range(40)))
    slowed = [answer for answer in given if isinstance(answer, Failed)]
    assert slowed
    assert {problem.code for answer in slowed for problem in answer.errors} == {"rate_limited"}
    assert sum(isinstance(answer, Accepted) for answer in given) >= 5
    await service.stop()
    accept.close()


async def test_one_log_line_a_command_without_words(bus: Bus) -> None:
    """Each command leaves one line with tenant, ids and duration; nobody's words are in it."""
    await bus.ask(create("a very private wish"))
    await bus.ask(comment("a very private wish", 1, text="something confidential"))
    await bus.raw("goals.command.v1.acme.cli.goal.create_goal", b'{"title":"secret words"}')
    await bus.service.stop()
    lines: list[dict[str, Any]] = [json.loads(line) for line in bus.log.getvalue().splitlines()]
    told = [line for line in lines if line["event"] == "command"]
    assert [line["answer"] for line in told] == ["accepted", "accepted", "invalid"]
    assert told[0]["tenant"] == TENANT
    assert told[0]["id"] == ident("a very private wish")
    assert told[0]["ms"] >= 0
    for words in ("private", "confidential", "secret"):
        assert words not in bus.log.getvalue()
