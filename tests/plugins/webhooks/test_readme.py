"""What README.md tells operators and receivers is true: its examples load, and its receiver receives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from milepost_webhooks import Webhooks
from milepost_webhooks.config import Config, Endpoint
from milepost_webhooks.delivery import signed
from milepost_webhooks.exchange import DRAIN_BYTES_MAX
from milepost_webhooks.lines import HEAD_BYTES_MAX, KEPT_MAX, KEPT_S

from milepost_contracts.loading import load
from milepost_contracts.testing import Host
from tests.plugins.webhooks.hosting import endpoint, hosted, secret, told

README = Path(__file__).parents[3] / "plugins" / "webhooks" / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


class Examples(NamedTuple):
    """The blocks of README.md."""

    config: str
    secrets: str
    making: str
    receiver: str


@pytest.fixture
def examples() -> Examples:
    tomls = [text for kind, text in BLOCKS if kind == "toml"]
    pythons = [text for kind, text in BLOCKS if kind == "python"]
    return Examples(*tomls, *pythons)


def test_the_configuration_loads_and_is_whole(examples: Examples) -> None:
    """The example fits, together with its secrets; it has every setting there is, each at its default."""
    members = tomllib.loads(examples.config)
    Host(Webhooks(), config=members, secrets=tomllib.loads(examples.secrets))
    found = load(Webhooks()).configured("config_schema", members, source="README.md")
    for field in msgspec.structs.fields(Config):
        assert re.search(rf"^(# )?{field.name} = |^\[\[{field.name}\]\]", examples.config, re.MULTILINE), field.name
        if field.name != "endpoints":
            assert getattr(found, field.name) == field.default, field.name
    assert {field.name for field in msgspec.structs.fields(Endpoint)} == set(members["endpoints"][0])


def test_limits_are_those_that_are_told() -> None:
    """The numbers of the last paragraph are those of the code."""
    text = README.read_text("utf-8")
    assert f"a head of {HEAD_BYTES_MAX // 1024} KiB" in text
    assert f"its body {DRAIN_BYTES_MAX // 1024} KiB" in text
    assert f"{KEPT_S:g} seconds from when it was opened, {KEPT_MAX} at the most" in text


def test_a_secret_is_made(examples: Examples) -> None:
    """The lines that make a secret make one that fits."""
    made = _run(examples.making).strip()
    load(Webhooks()).configured(
        "secrets_schema", {"endpoints": {"crm": {"signing": [made]}}}, source="webhooks.secrets.toml"
    )


def test_the_receiver_receives(examples: Examples) -> None:
    """The receiver takes each event once, however often it comes, and refuses what is forged."""
    environment = {**os.environ, "WEBHOOK_SECRET": secret(), "PORT": "0"}
    command = [sys.executable, "-c", examples.receiver]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        try:
            port = running.stdout.readline().split()[-1]
            url = f"http://127.0.0.1:{port}/"
            forger = hosted(endpoint(url, "forger"), story=told(0), secrets={"forger": {"signing": [secret(2)]}})
            _delivered(forger)
            assert forger.state["endpoint/forger"]["code"] == "http_401"
            host = _delivered(hosted(endpoint(url), story=told(1)))
            host.perform(again=True)
            assert host.state == {}
            assert sorted(host.stored.sent.values()) == [2, 2]
        finally:
            running.terminate()
        assert running.stdout.read().splitlines() == [
            "goal.created.v1 0000000000000001", "goal.milestone_hit.v1 0000000000000002",
        ]  # fmt: skip


def test_the_commands_are_understood() -> None:
    """Every command of the README is a request that the plugin does, with arguments as they are typed."""
    typed = re.findall(r"`milepost plugins act webhooks (\w+)((?: \w+=[^ `]+)*)`", README.read_text("utf-8"))
    assert len(typed) == 6
    host = hosted(endpoint("https://hooks.example/"), story=told(3))
    host.deliver(*host.story.documents)
    host.act("disable", endpoint="crm")
    host.perform()
    for place, (name, arguments) in enumerate(typed):
        host.act("enable", id_=f"enable {place}", endpoint="crm")
        given = dict(pair.split("=") for pair in arguments.split())
        assert host.act(name, id_=f"{place}", **given)["endpoint"] == "crm"
        host.replay()
    assert len(host.stored.replays) == 4
    assert [one.arguments.get("replay") is not None for one in host.effects[-3:]] == [True] * 3
    assert f"plugins ask webhooks {'endpoints'}`" in README.read_text("utf-8")
    assert len(host.ask("endpoints", by="service:tests", roles=["admin"])) == 1


def test_the_signature_of_the_convention() -> None:
    """Headers are made as the convention's own example says, so that receivers in any language agree."""
    import base64
    import datetime as dt
    import hashlib
    import hmac

    now = dt.datetime(2023, 1, 19, 0, 13, 51, 900_000, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    headers = dict(signed("msg_1", b'{"type":"\xc3\xa9"}', [secret()], now))
    stamp = headers["webhook-timestamp"]
    assert stamp == str(int(now.timestamp()))
    key = base64.b64decode(secret().removeprefix("whsec_"))
    wanted = hmac.new(key, f"msg_1.{stamp}.".encode() + b'{"type":"\xc3\xa9"}', hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(wanted).decode()


def _delivered(host: Host) -> Host:
    host.deliver(*host.story.documents)
    host.perform()
    return host


def _run(code: str) -> Any:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
