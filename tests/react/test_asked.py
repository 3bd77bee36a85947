"""A plugin is asked: what it says on purpose reaches whoever asked, and where it broke only those who look after it."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.asking import Asker
from milepost_contracts.answers import Failed, Refused
from milepost_contracts.queries import AskPlugin
from tests.react.conftest import MakeHost
from tests.support.hosting import Hosting
from tests.support.nats import Connect

GRUMPY = {"grumpy": "tests.react.plugins.grumpy"}


async def _asked(connect: Connect, name: str, plugin: str = "grumpy") -> Any:
    return await Asker(await connect("cli"), "cli").query(
        "acme", AskPlugin(actor="service:cli", plugin=plugin, name=name)
    )


async def _running(hosting: MakeHost) -> Hosting:
    host = hosting(GRUMPY)
    await host.start()
    await host.until("grumpy", lambda report: report.state == "running")
    return host


async def test_a_refusal_is_the_plugins_own_words(hosting: MakeHost, connect: Connect) -> None:
    """Code and message come as the plugin raised them, with nothing before and no place after; it is no failure."""
    host = await _running(hosting)
    answer = await _asked(connect, "cycle")
    assert isinstance(answer, Refused)
    assert [(one.code, one.message) for one in answer.errors] == [("unknown_cycle", "there is no cycle 'nope'")]
    assert (await host.report("grumpy")).asked_in_vain == ""


@pytest.mark.parametrize(("name", "code"), [("broken", "raised"), ("later", "busy"), ("given_up", "gone")])
async def test_a_defect_is_told_without_its_place(hosting: MakeHost, connect: Connect, name: str, code: str) -> None:
    """Whoever asked learns the code, not to ask again and who knows more; `show` has the place."""
    host = await _running(hosting)
    answer = await _asked(connect, name)
    assert isinstance(answer, Failed)
    assert not answer.retry
    ((told, message),) = [(one.code, one.message) for one in answer.errors]
    assert told == code
    assert "/" not in message
    assert "milepost plugins show grumpy" in message
    shown = (await host.told("show", "grumpy")).plugins[0].asked_in_vain
    assert shown.startswith(f"answer failed: {code}: ")
    assert "plugins/grumpy.py:" in shown


async def test_one_that_does_not_start_again(hosting: MakeHost, connect: Connect) -> None:
    """A configuration that was broken since is told by its code; which file it is says `show`."""
    host = await _running(hosting)
    for config, code, why in (("ready = ", "invalid_config", "grumpy.toml"), ("ready = false", "start_failed", ".py:")):
        host.configure("grumpy", config)
        answer = await _asked(connect, "cycle")
        assert isinstance(answer, Failed)
        assert answer.errors[0].code == code
        assert "/" not in answer.errors[0].message
        shown = (await host.told("show", "grumpy")).plugins[0]
        assert why in shown.asked_in_vain
        assert why in shown.health


@pytest.mark.parametrize(("plugin", "said"), [("grumpi", "did you mean 'grumpy'?"), ("okr", "there are grumpy.")])
async def test_one_that_there_is_not(hosting: MakeHost, connect: Connect, plugin: str, said: str) -> None:
    """The one that is meant is named, or those that there are."""
    await _running(hosting)
    answer = await _asked(connect, "cycle", plugin)
    assert isinstance(answer, Refused)
    assert answer.errors[0].code == "plugin_unknown"
    assert answer.errors[0].message.endswith(said)


async def test_nothing_to_retry_says_where_to_look(hosting: MakeHost) -> None:
    """The command that lists what could be tried again is told whole."""
    host = await _running(hosting)
    with pytest.raises(AssertionError, match="`milepost plugins dead grumpy`"):
        await host.told("retry", "grumpy", events=["no-such"])
