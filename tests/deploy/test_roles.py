"""Who may say what on the bus, tried with real connections: what a role needs works, and nothing beside it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import APIError

from milepost.broker import EmbeddedBroker
from milepost.permissions import EVERY_TENANT, ROLES, RoleError, consumer_role, inbox
from milepost.publish.jetstream import JetStream
from milepost.roles import add_consumer, prepare, public_key, remove_consumer, seed_path
from milepost_contracts.subjects import (
    DEAD_LETTERS,
    HINT,
    STREAM,
    STREAM_CHECKPOINTS,
    STREAM_DEAD,
    STREAM_PLUGIN,
    checkpoint,
    dead,
    fact,
)
from tests.support.nats import Connect
from tests.support.waiting import until

GOAL = "0199c0de-0000-7000-8000-000000000001"
ACME = f"goals.event.v1.acme.goal.{GOAL}.created"
GLOBEX = f"goals.event.v1.globex.goal.{GOAL}.created"


class Knocking:
    """A connection that counts what the broker forbade it."""

    def __init__(self, client: Client, violations: list[str]) -> None:
        """Keep both."""
        self.client = client
        self._violations = violations

    async def may_publish(self, subject: str) -> bool:
        """Whether the broker takes an empty message on *subject*."""
        return await self._unforbidden(self.client.publish(subject, b""))

    async def may_subscribe(self, subject: str) -> bool:
        """Whether the broker lets it listen on *subject*."""
        return await self._unforbidden(self.client.subscribe(subject))

    async def _unforbidden(self, action: Awaitable[object]) -> bool:
        before = len(self._violations)
        await action
        # The broker answers in order, a violation before the pong; but a first ping may overtake what is buffered.
        await self.client.flush()
        await self.client.flush()
        return len(self._violations) == before


Knock = Callable[[str], Awaitable[Knocking]]


@pytest.fixture
async def knock(broker: EmbeddedBroker) -> AsyncIterator[Knock]:
    """Give the way to connect as a role or consumer and be told of violations."""
    clients: list[Client] = []

    async def knocking(name: str) -> Knocking:
        violations: list[str] = []

        async def note(error: Exception) -> None:
            violations.append(str(error))

        clients.append(await nats.connect(**broker.options(name), error_cb=note))
        return Knocking(clients[-1], violations)

    yield knocking
    for client in clients:
        await client.close()


@pytest.fixture
async def partner(broker: EmbeddedBroker) -> str:
    """Let a consumer of the tenant acme in, with commands, while the broker runs; its name."""
    add_consumer(broker.directory, "partner", "acme", commands=True)
    prepare(broker.directory)
    broker.reload()
    await until(lambda: _lets_in(broker, "partner"))
    return "partner"


async def _lets_in(broker: EmbeddedBroker, name: str) -> bool:
    client = Client()
    try:
        await client.connect(**broker.options(name), allow_reconnect=False, error_cb=_quiet)
    except (nats.errors.Error, OSError):
        return False
    finally:
        with contextlib.suppress(OSError):  # the broker had closed it already
            await client.close()
    return True


async def _quiet(_: Exception) -> None:
    """Take the library's own report of a refused connection."""


async def _events(connect: Connect) -> None:
    stream = JetStream(await connect("publish"), STREAM)
    for subject in (ACME, GLOBEX, ACME):
        await stream.publish(subject, subject.encode(), {})


async def test_only_the_relay_may_publish_events(knock: Knock) -> None:
    """Proves that the journal's copy has one writer, whatever else a role may."""
    assert {role: await (await knock(role)).may_publish(ACME) for role in ROLES} == {
        role: role == "publish" for role in ROLES
    }


@pytest.mark.parametrize(
    ("role", "subject", "may"),
    [
        ("accept", HINT, True),
        ("web", HINT, False),
        ("cli", "goals.command.v1.acme.cli.goal.create_goal", True),
        ("cli", "goals.command.v1.acme.web.goal.create_goal", False),
        ("web", "goals.query.v1.acme.web.inbox", True),
        ("web", "goals.query.v1.acme.view.keys", False),
        ("view", "goals.query.v1.acme.view.keys", True),
        ("view", "goals.command.v1.acme.view.goal.create_goal", False),
        ("publish", "goals.command.v1.acme.publish.tenant.record_refill", True),
        ("publish", "goals.command.v1.acme.publish.tenant.grant_role", False),
        ("react", "goals.command.v1.acme.react.goal.post_comment", True),
        ("react", "goals.command.v1.acme.rewards.goal.post_comment", False),
        ("react", "goals.command.v1.acme.web.goal.post_comment", False),
        ("react", "goals.plugin.v1.acme.rewards.badge_given", True),
        ("replay", "goals.plugin.v1.acme.rewards.badge_given", False),
        ("replay", "goals.command.v1.acme.replay.access.record", True),
        ("replay", "goals.command.v1.acme.replay.goal.create_goal", False),
        ("view", "goals.command.v1.acme.replay.access.record", False),
        ("react", "goals.dead.v1.acme.rewards", True),
        ("react", "$JS.API.STREAM.MSG.DELETE.GOALS_DEAD", True),
        ("react", "$JS.API.STREAM.MSG.DELETE.GOALS_PLUGIN", False),
        ("react", "$JS.API.STREAM.MSG.DELETE.GOALS", False),
        ("react", "$JS.API.STREAM.PURGE.GOALS_DEAD", False),
        ("cli", "$JS.API.STREAM.MSG.DELETE.GOALS_DEAD", False),
        ("cli", "$JS.API.STREAM.MSG.GET.GOALS_DEAD", True),
        ("cli", "goals.dead.v1.acme.rewards", False),
        ("web", "$JS.API.STREAM.MSG.GET.GOALS_DEAD", False),
        ("cli", "goals.admin.v1.publish.refill", True),
        ("web", "goals.admin.v1.publish.refill", False),
        ("publish", "$JS.API.STREAM.PURGE.GOALS", True),
        ("cli", "$JS.API.STREAM.PURGE.GOALS", False),
        ("publish", "$JS.API.STREAM.DELETE.GOALS", False),
        ("publish", "$JS.API.STREAM.CREATE.OTHER", False),
    ],
)
async def test_each_role_publishes_what_it_needs_and_no_more(
    knock: Knock, role: str, subject: str, *, may: bool
) -> None:
    """Proves a role's right, or that a neighbour's is none of its own."""
    assert await (await knock(role)).may_publish(subject) is may


@pytest.mark.parametrize(
    ("role", "subject", "may"),
    [
        ("accept", "goals.command.v1.>", True),
        ("web", "goals.command.v1.>", False),
        ("view", "goals.query.v1.*.*.inbox", True),
        ("view", "goals.query.v1.*.*.keys", False),
        ("replay", "goals.query.v1.*.*.keys", True),
        ("replay", "goals.query.v1.*.*.inbox", False),
        ("react", "goals.query.v1.*.*.ask_plugin", True),
        ("react", "goals.query.v1.*.*.keys", False),
        ("view", "goals.query.v1.*.*.ask_plugin", False),
        ("react", "goals.review.v1.*.*", True),
        ("react", "goals.admin.v1.react.*", True),
        ("react", "goals.admin.v1.publish.*", False),
        ("publish", HINT, True),
        ("cli", "goals.event.v1.>", False),
        ("web", "_INBOX.cli.>", False),
        ("web", "_INBOX.>", False),
        ("web", "_INBOX.web.x", True),
        ("view", ">", False),
        ("cli", "$SYS.>", False),
    ],
)
async def test_each_role_hears_what_it_needs_and_no_more(knock: Knock, role: str, subject: str, *, may: bool) -> None:
    """Proves that a role listens to its own subjects and its own inbox: no answers and words of others."""
    assert await (await knock(role)).may_subscribe(subject) is may


async def test_a_service_may_answer_and_only_once(connect: Connect, knock: Knock) -> None:
    """Proves that answering is a right to one reply, not to publish into inboxes."""
    view = await knock("view")
    answered: list[bool] = []

    async def answer(message: Msg) -> None:
        answered.append(await view.may_publish(message.reply))
        answered.append(await view.may_publish(message.reply))

    await view.client.subscribe("goals.query.v1.*.*.inbox", cb=answer)
    await view.client.flush()
    web = await connect("web")
    assert (await web.request("goals.query.v1.acme.web.inbox", b"{}", timeout=5)).data == b""
    await until(lambda: len(answered) == 2)
    assert answered == [True, False]
    assert not await view.may_publish(f"{inbox('web')}.guessed")


async def test_a_view_never_hears_who_asks_for_keys(connect: Connect, knock: Knock) -> None:
    """Proves that listening to all queries leaves out those of the journal's side."""
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    view = await knock("view")
    await view.client.subscribe("goals.query.v1.>", cb=hear)
    await view.client.flush()
    web = await connect("web")
    for name in ("keys", "events_after", "inbox"):
        await web.publish(f"goals.query.v1.acme.web.{name}", b"{}")
    await until(lambda: bool(heard))
    assert heard == ["goals.query.v1.acme.web.inbox"]


async def _read(client: Client, name: str, filtered: str, count: int, stream: str = STREAM) -> list[bytes]:
    context = client.jetstream(timeout=0.3)
    config = ConsumerConfig(name=name, filter_subject=filtered, ack_policy=AckPolicy.NONE, inactive_threshold=60)
    await context.add_consumer(stream, config)
    reader = await context.pull_subscribe_bind(name, stream)
    return [message.data for message in await reader.fetch(count, timeout=5)]


async def test_a_consumer_reads_its_tenant_and_no_other(connect: Connect, knock: Knock, partner: str) -> None:
    """Proves the pin of reading: its own tenant's events arrive; another filter, none, or a look aside is refused."""
    await _events(connect)
    client = (await knock(partner)).client
    assert await _read(client, partner, "goals.event.v1.acme.>", 2) == [ACME.encode()] * 2

    for filtered in ("goals.event.v1.globex.>", "goals.event.v1.>", "goals.event.v1.*.>", ""):
        with pytest.raises(nats.errors.TimeoutError):
            await _read(client, partner, filtered, 1)
    with pytest.raises(nats.errors.TimeoutError):
        await _read(client, "another", "goals.event.v1.acme.>", 1)
    stream = JetStream(client, STREAM, answer_s_max=0.3)
    for look in (stream.info(), stream.last("goals.event.v1.>")):
        with pytest.raises((nats.errors.TimeoutError, TimeoutError)):
            await look


async def test_a_consumer_reads_its_tenants_facts_of_plugins(connect: Connect, knock: Knock, partner: str) -> None:
    """Proves the pin of facts: those of its own tenant arrive; another's, all, and dead letters are refused."""
    react = await connect("react")
    subjects = [fact(tenant, "rewards", "reward_granted") for tenant in ("acme", "globex", "acme")]
    for subject in (*subjects, dead("acme", "rewards")):
        await react.request(subject, subject.encode(), timeout=5)
    client = (await knock(partner)).client
    assert await _read(client, partner, "goals.plugin.v1.acme.>", 2, STREAM_PLUGIN) == [subjects[0].encode()] * 2

    for filtered in ("goals.plugin.v1.globex.>", "goals.plugin.v1.>", "goals.plugin.v1.*.>", ""):
        with pytest.raises(nats.errors.TimeoutError):
            await _read(client, partner, filtered, 1, STREAM_PLUGIN)
    with pytest.raises(nats.errors.TimeoutError):
        await _read(client, partner, "goals.dead.v1.acme.>", 1, STREAM_DEAD)


async def test_a_consumer_keeps_its_tenants_checkpoints(connect: Connect, knock: Knock, partner: str) -> None:
    """Proves the pin of checkpoints: those of its own tenant arrive, and nobody but replay publishes any."""
    replay = await connect("replay")
    for tenant in ("acme", "globex", "acme"):
        await replay.request(checkpoint(tenant), tenant.encode(), timeout=5)
    outside = await knock(partner)
    assert await _read(outside.client, partner, checkpoint("acme"), 2, STREAM_CHECKPOINTS) == [b"acme"] * 2
    for filtered in (checkpoint("globex"), "goals.checkpoint.v1.>", "goals.checkpoint.v1.*", ""):
        with pytest.raises(nats.errors.TimeoutError):
            await _read(outside.client, partner, filtered, 1, STREAM_CHECKPOINTS)
    assert not await outside.may_publish(checkpoint("acme"))


async def test_administrators_watch_dead_letters(connect: Connect) -> None:
    """Proves that `cli` reads what is in GOALS_DEAD as it comes, and sees which plugins have any."""
    cli, react = await connect("cli"), await connect("react")
    subject = dead("acme", "rewards")
    await react.request(subject, b"one", timeout=5)
    reader = await cli.jetstream().subscribe(DEAD_LETTERS, stream=STREAM_DEAD, ordered_consumer=True)
    assert (await reader.next_msg(timeout=5)).data == b"one"
    asked = b'{"subjects_filter":">"}'
    state = msgspec.json.decode((await cli.request(f"$JS.API.STREAM.INFO.{STREAM_DEAD}", asked, timeout=5)).data)
    assert state["state"]["subjects"] == {subject: 1}


async def test_a_consumer_cannot_say_one_filter_and_mean_another(connect: Connect, knock: Knock, partner: str) -> None:
    """Proves that the subject of the request, which is pinned, and the filter in its body must agree."""
    await _events(connect)
    client = (await knock(partner)).client
    body = {"stream_name": STREAM, "config": {"name": partner, "filter_subject": "goals.event.v1.globex.>"}}
    subject = f"$JS.API.CONSUMER.CREATE.{STREAM}.{partner}.goals.event.v1.acme.>"
    for config in ({}, {"filter_subject": "", "filter_subjects": ["goals.event.v1.globex.>"]}):
        body["config"] = {"name": partner, "filter_subject": "goals.event.v1.globex.>"} | config
        reply = await client.request(subject, msgspec.json.encode(body), timeout=5)
        assert "error" in msgspec.json.decode(reply.data), reply.data


async def test_a_consumer_cannot_pull_with_anothers_name(
    broker: EmbeddedBroker, connect: Connect, knock: Knock, partner: str
) -> None:
    """Proves that a consumer which somebody else made, of every tenant, is out of reach."""
    await _events(connect)
    web = await connect("web")
    await web.jetstream().add_consumer(STREAM, ConsumerConfig(name="everything", inactive_threshold=60))
    assert not await (await knock(partner)).may_publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.everything")


async def test_a_consumer_speaks_as_itself_in_its_tenant(knock: Knock, partner: str) -> None:
    """Proves the pin of asking: commands and queries of its own name and tenant, no events, no other caller."""
    client = await knock(partner)
    spoken = {
        "goals.command.v1.acme.partner.goal.create_goal": True,
        "goals.query.v1.acme.partner.events_after": True,
        "goals.command.v1.acme.web.goal.create_goal": False,
        "goals.command.v1.globex.partner.goal.create_goal": False,
        "goals.query.v1.globex.partner.events_after": False,
        ACME: False,
        "goals.plugin.v1.acme.rewards.badge_given": False,
        "goals.admin.v1.publish.refill": False,
        HINT: False,
        "_INBOX.web.guessed": False,
    }
    assert {subject: await client.may_publish(subject) for subject in spoken} == spoken
    assert not await client.may_subscribe("goals.command.v1.acme.>")
    assert not await client.may_subscribe(f"{inbox('web')}.>")


async def test_a_consumer_cannot_have_events_sent_into_the_stream(connect: Connect, knock: Knock, partner: str) -> None:
    """Proves that a push consumer is no way around the pin of publishing: the server refuses the circle."""
    await _events(connect)
    client = (await knock(partner)).client
    config = ConsumerConfig(
        name=partner, filter_subject="goals.event.v1.acme.>", deliver_subject=GLOBEX, ack_policy=AckPolicy.NONE
    )
    with pytest.raises(APIError):
        await client.jetstream().add_consumer(STREAM, config)


async def test_consumers_come_and_go_while_the_broker_runs(broker: EmbeddedBroker) -> None:
    """Proves that a consumer is let in and shut out by SIGHUP alone, and that by default it only reads."""
    add_consumer(broker.directory, "reader", "acme")
    prepare(broker.directory)
    broker.reload()
    await until(lambda: _lets_in(broker, "reader"))
    assert "goals.command.v1.acme.reader" not in (broker.directory / "users.conf").read_text()

    seed = seed_path(broker.directory, "reader")
    kept = seed.read_bytes()
    remove_consumer(broker.directory, "reader")
    assert not seed.exists()
    prepare(broker.directory)
    broker.reload()
    seed.write_bytes(kept)
    await until(lambda: _shut_out(broker, "reader"))


async def _shut_out(broker: EmbeddedBroker, name: str) -> bool:
    return not await _lets_in(broker, name)


def test_preparing_again_keeps_every_key(tmp_path: Path) -> None:
    """Proves that every start may prepare the folder: keys stay, and a missing one is made."""
    prepare(tmp_path)
    before = {role: seed_path(tmp_path, role).read_bytes() for role in ROLES}
    seed_path(tmp_path, "view").unlink()
    prepare(tmp_path)
    after = {role: seed_path(tmp_path, role).read_bytes() for role in ROLES}
    assert {role for role in ROLES if before[role] != after[role]} == {"view"}
    settings = (tmp_path / "users.conf").read_text()
    assert all(public_key(seed) in settings for seed in after.values())


def test_a_consumer_may_bring_its_own_key(tmp_path: Path) -> None:
    """Proves that only the public part of a key has to come to the operator, and that it must be one."""
    prepare(tmp_path)
    prepare(tmp_path / "elsewhere")
    own = public_key(seed_path(tmp_path / "elsewhere", "cli").read_bytes())
    add_consumer(tmp_path, "theirs", "acme", nkey=own)
    assert not seed_path(tmp_path, "theirs").exists()
    prepare(tmp_path)
    assert own in (tmp_path / "users.conf").read_text()
    with pytest.raises(RoleError) as refused:
        add_consumer(tmp_path, "theirs", "acme", nkey="SUASECRET")
    assert refused.value.code == "invalid_key"


def test_a_role_of_ours_cannot_be_taken_over(tmp_path: Path) -> None:
    """Proves that a consumer has neither a role's name nor its key, and no name or tenant that widens a subject."""
    prepare(tmp_path)
    for name, tenant in (("web", "acme"), ("a.b", "acme"), ("*", "acme"), ("reader", "a.>"), ("Reader", "acme")):
        with pytest.raises(RoleError) as refused:
            add_consumer(tmp_path, name, tenant)
        assert refused.value.code == "invalid_consumer"
    add_consumer(tmp_path, "sly", "acme", nkey=public_key(seed_path(tmp_path, "publish").read_bytes()))
    with pytest.raises(RoleError, match="'sly' has the key of another"):
        prepare(tmp_path)


def test_a_consumer_of_every_tenant_is_spelled_out(tmp_path: Path) -> None:
    """Proves that `*` reads every tenant's events, and only `*` does."""
    everything = consumer_role(add_consumer(tmp_path, "warehouse", EVERY_TENANT))
    assert f"$JS.API.CONSUMER.CREATE.{STREAM}.warehouse.goals.event.v1.*.>" in everything.publish
    prepare(tmp_path)
    assert "goals.event.v1.*.>" in (tmp_path / "users.conf").read_text()


def test_operators_do_it_by_commands(tmp_path: Path) -> None:
    """Proves the commands of deploy/README.md: prepare, let a consumer in, shut it out, and errors with their code."""

    def roles(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "milepost.roles", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert roles("prepare", "--plugin", "badges").returncode == 0
    assert roles("consumer", "partner", "--tenant", "acme", "--commands").returncode == 0
    assert "goals.command.v1.acme.partner.>" in (tmp_path / "users.conf").read_text()
    assert roles("consumer", "partner", "--tenant", "acme", "--remove").returncode == 0
    assert "partner" not in (tmp_path / "users.conf").read_text()
    assert roles("consumer", "stars", "--tenant", "acme").returncode == 0
    for refused in (
        roles("consumer", "web", "--tenant", "acme"),
        roles("consumer", "badges", "--tenant", "acme"),
        roles("consumer", "okr", "--tenant", "acme"),
        roles("prepare", "--plugin", "stars"),
    ):
        assert refused.returncode == 1
        assert refused.stderr.startswith("Error: invalid_consumer: ")
