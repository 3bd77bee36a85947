"""The compose file: valid by the compose schema, least in its rights, and its stages run on what it gives them."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import nats
import pytest
from nats.aio.client import Client
from ruamel.yaml import YAML

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker, server_binary
from milepost.publish import PublishAdmin
from milepost.publish.jetstream import JetStream
from milepost.react.reports import Request, Told
from milepost.roles import connect_options
from milepost.settings import PREFIX, described
from milepost.wiring import STAGES
from milepost_contracts import answers, commands, subjects
from milepost_contracts.queries import AskPlugin, AskPluginAnswer
from milepost_contracts.subjects import STREAM
from tests.deploy.test_databases import DEPLOY, databases, secrets
from tests.support.accepting import create, ident, user
from tests.support.postgres import Server
from tests.support.waiting import until

__all__ = ["databases", "secrets"]

SERVERS = {"nats", "postgres"}
PLUGINS = ("okr", "nudges")  # what an operator writes into .env, for these tests
OKR = """
cycles = [{ key = "2026", starts_on = 2026-01-01, ends_on = 2026-12-31 }]
objectives = [{ key = "loved", title = "Customers love us", cycle = "2026" }]
"""
TENANT = "acme"
VARIABLE = re.compile(r"\$\{(\w+):-(.*?)\}")  # as compose fills it in: ${NAME:-default}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """Give the compose file, its anchors merged."""
    read: dict[str, Any] = json.loads(json.dumps(YAML(typ="safe").load(DEPLOY / "compose.yaml")))
    return read


def _running(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if "profiles" not in service}


def test_the_file_is_valid_by_the_compose_schema(compose: dict[str, Any]) -> None:
    """Proves that compose will read the file, without compose or a network."""
    schema = files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text()
    jsonschema.Draft7Validator(json.loads(schema)).validate(compose)


def test_there_is_one_service_for_each_stage(compose: dict[str, Any]) -> None:
    """Proves that stages, services and commands have one name."""
    assert set(_running(compose)) == SERVERS | set(STAGES)
    assert {name: compose["services"][name]["command"] for name in STAGES} == {name: ["run", name] for name in STAGES}


def test_every_setting_is_one(compose: dict[str, Any]) -> None:
    """Proves that no variable is misspelt."""
    known = {PREFIX + name.upper() for name, _, _ in described()} | {"PGPASSFILE"}
    for stage in STAGES:
        assert set(compose["services"][stage]["environment"]) <= known, stage


def test_every_file_it_names_exists(compose: dict[str, Any], secrets: Path) -> None:
    """Proves that what is mounted lies in deploy/ or is made by `prepare`."""
    named = [secret["file"] for secret in compose["secrets"].values()]
    for service in compose["services"].values():
        named += [volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("./")]
    made = {path for path in named if path.removeprefix("./").startswith("secrets/")}
    assert all((secrets / path.removeprefix("./").removeprefix("secrets/")).is_file() for path in made)
    others = set(named) - made - {"./secrets", "./plugins"}  # folders that the operator makes
    assert others
    assert all((DEPLOY / path).is_file() for path in others)
    for service in compose["services"].values():
        assert {entry if isinstance(entry, str) else entry["source"] for entry in service.get("secrets", [])} <= set(
            compose["secrets"]
        )
    build = compose["services"]["accept"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_every_service_has_the_least_rights(compose: dict[str, Any]) -> None:
    """Proves that no container is root, writes its own image, gains rights, or reads another stage's secrets."""
    for name, service in compose["services"].items():
        assert service["user"].startswith("${MILEPOST_UID:-"), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    assert {stage: compose["services"][stage]["secrets"] for stage in STAGES} == {
        stage: [f"{stage}_seed", f"{stage}_pgpass"] for stage in STAGES
    }
    text = (DEPLOY / "compose.yaml").read_text()
    assert not re.search(r"postgresql://[^@\s]*:[^@\s]*@", text), "a password in a URL"
    assert [name for name, service in _running(compose).items() if "ports" in service] == ["nats"]
    # Nobody but who speaks with the outside by its nature can be reached from there, or reach it.
    assert {name for name, service in _running(compose).items() if "outside" in service["networks"]} == {
        "nats",
        "react",
    }
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["nats"]["ports"])


def test_every_service_is_watched(compose: dict[str, Any]) -> None:
    """Proves that each has a healthcheck, the stages on both of their endpoints, and that servers are waited for."""
    for name, service in _running(compose).items():
        assert service["healthcheck"]["test"][0] == "CMD", name
    for stage in STAGES:
        service = compose["services"][stage]
        assert all(at in service["healthcheck"]["test"][-1] for at in ("/livez", "/readyz")), stage
        assert {name for name, on in service["depends_on"].items() if on["condition"] == "service_healthy"} >= SERVERS


async def test_the_broker_takes_the_file_that_is_mounted(
    compose: dict[str, Any], secrets: Path, tmp_path: Path
) -> None:
    """Proves that the mounted settings and users are accepted by the server, side by side as in the container."""
    (settings,) = (path for path in compose["services"]["nats"]["volumes"] if "nats-server.conf" in path)
    assert "/etc/nats/nats-server.conf" in compose["services"]["nats"]["command"]
    (tmp_path / "nats-server.conf").write_bytes((DEPLOY / settings.split(":")[0]).read_bytes())
    (tmp_path / "users.conf").write_bytes((secrets / "nats" / "users.conf").read_bytes())
    server = await asyncio.create_subprocess_exec(server_binary(), "-t", "-c", tmp_path / "nats-server.conf")
    assert await server.wait() == 0


@pytest.fixture
async def stages(
    compose: dict[str, Any], secrets: Path, databases: Server, tmp_path: Path
) -> AsyncIterator[EmbeddedBroker]:
    """Run every stage as its service says, on a broker and databases of this machine instead of containers."""
    processes: list[Process] = []
    async with EmbeddedBroker(secrets / "nats") as broker:
        places = {
            "nats://nats:4222": broker.url,
            "@postgres:5432": f"@127.0.0.1:{databases.port}",
            "/data/": f"{tmp_path}/",
            "/plugins": str(tmp_path / "plugins"),
        }
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "okr.toml").write_text(OKR)
        for name in STAGES:
            service = compose["services"][name]
            sources = {f"/run/secrets/{entry}": compose["secrets"][entry]["file"] for entry in service["secrets"]}
            moved = places | {at: str(secrets / file.removeprefix("secrets/")) for at, file in sources.items()}
            written = {key: _filled(value) for key, value in service["environment"].items()}
            environment = {key: _replaced(value, moved) for key, value in written.items()}
            environment |= {"MILEPOST_HTTP_PORT": "0", "PATH": str(Path(sys.executable).parent)}
            command = [sys.executable, "-m", "milepost", *service["command"]]
            processes.append(await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, cwd=tmp_path))
        try:
            for name, process in zip(STAGES, processes, strict=True):
                assert process.stdout is not None
                assert (await asyncio.wait_for(process.stdout.readline(), 60)).startswith(f"ready {name}".encode())
            yield broker
        finally:
            for process in processes:
                if process.returncode is None:
                    process.terminate()
            ended = [(await process.communicate(), process.returncode)[1] for process in processes]
    assert ended == [0] * len(processes)


def _filled(value: str) -> str:
    """Return *value* as compose makes it with the variables that the operator has set."""
    said = {"MILEPOST_PLUGINS": ",".join(PLUGINS)}
    return VARIABLE.sub(lambda found: said.get(found[1]) or found[2], value)


def _replaced(value: str, moved: dict[str, str]) -> str:
    for here, there in moved.items():
        value = value.replace(here, there)
    return value


async def test_the_stages_run_as_their_services_say(stages: EmbeddedBroker, secrets: Path) -> None:
    """Proves that rights, secrets and settings suffice: commands are accepted, their events reach stream and plugins.

    One plugin reads a word, for which it takes the keys; the other answers out of the file that its operator wrote.
    """
    options = connect_options(stages.url, "cli", secrets / "nats" / "keys" / "cli.nk")
    client = await nats.connect(**options)
    asker = Asker(client, "cli")
    opened = commands.tenant.Open(
        command_id=ident("open"), id=subjects.tenant_id(TENANT), actor="service:cli", admins=[user("admin")]
    )
    for command in (opened, create("speak freely")):
        assert isinstance(await asker.command(TENANT, command), answers.Accepted)

    async def arrived() -> bool:
        return (await JetStream(client, STREAM).info()).state.messages == 2

    await until(arrived)

    async def known() -> bool:  # the relay counts it when it has the stream's answer
        return (await PublishAdmin(client).status()).lag == 0

    await until(known)

    async def handled() -> bool:
        return await _reports(client) == dict.fromkeys(PLUGINS, ("running", "live", 0, 1))

    await until(handled)
    objectives = AskPlugin(actor=user("mentee"), plugin="okr", name="objectives")
    answer = await asker.query(TENANT, objectives)
    assert isinstance(answer, AskPluginAnswer), answer
    assert "Customers love us" in msgspec.json.encode(answer.result).decode()
    await client.close()


async def _reports(client: Client) -> dict[str, tuple[str, str, int | None, int]]:
    """Return of every plugin that may run its state, its mode, how far behind it is and how much it has handled."""
    body = msgspec.json.encode(Request(verb="list"))
    reply = await client.request(f"{subjects.ADMIN}.react.list", body, timeout=30)
    told = msgspec.json.decode(reply.data, type=Told)
    return {
        one.plugin: (one.state, one.mode, one.lag, one.handled) for one in told.plugins if one.state != "not_allowed"
    }
