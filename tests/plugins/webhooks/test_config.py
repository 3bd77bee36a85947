"""What an operator writes wrong is said by name before anything is sent, and never with a secret in it."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
from milepost_webhooks import Webhooks
from milepost_webhooks.config import Secrets

from milepost_contracts.loading import load, load_entry_point
from milepost_contracts.plugin import PluginError
from milepost_contracts.testing.host import HookFailed
from tests.plugins.webhooks.hosting import config, endpoint, hosted, secret

URL = "https://hooks.example/"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (config(endpoint(URL), endpoint(URL)), "two endpoints are called 'crm'"),
        (config(endpoint("https://hooks.example:22/"), ports=[443]), "endpoint 'crm': port 22"),
        (config(endpoint("http://hooks.example/"), ports=[80], allow_http=False), "endpoint 'crm': only https"),
        (config({"id": "crm", "url": URL}), "tenants"),
        (config(endpoint(URL, tenants=[])), "tenants"),
        (config(endpoint(URL, events=["goal.milestone-hit"])), "events"),
        (config(endpoint(URL, event=["goal.*"])), "event"),
        (config(endpoint(URL, "Über")), "id"),
        (config(allow_private=["10.0.0.1/8"]), "10.0.0.1/8"),
        (config(allow_private=["intranet"]), "intranet"),
        (config(retry_s=[0]), "retry_s"),
        (config(timeout_s=31), "timeout_s"),
    ],
)
def test_a_mistake_is_said_by_name(wrong: dict[str, Any], said: str) -> None:
    """Each mistake in the configuration is refused, with where it is or what it is about."""
    with pytest.raises(PluginError, match=said) as error:
        load(Webhooks()).configured("config_schema", wrong, source="webhooks.toml")
    assert error.value.code == "invalid_config"
    assert "webhooks.toml" in str(error.value)


@pytest.mark.parametrize(
    "wrong",
    ["whsec_c2hvcnQ=", secret().removeprefix("whsec_"), "whsec_" + "A" * 200, "whsec_not base64!", "whsk_x", ""],
)
def test_a_secret_that_is_none_is_refused_unseen(wrong: str) -> None:
    """Secrets that are too short, too long or in another form are refused without being told."""
    with pytest.raises(PluginError) as error:
        load(Webhooks()).configured(
            "secrets_schema", {"endpoints": {"crm": {"signing": [secret(), wrong]}}}, source="webhooks.secrets.toml"
        )
    assert error.value.code == "invalid_config"
    assert not wrong or wrong not in str(error.value)


def test_secrets_are_not_shown() -> None:
    """The representation of secrets has none in it."""
    found = load(Webhooks()).configured(
        "secrets_schema", {"endpoints": {"crm": {"signing": [secret()]}}}, source="webhooks.secrets.toml"
    )
    assert isinstance(found, Secrets)
    assert secret()[6:] not in repr(found) + repr(found.endpoints)


def test_an_endpoint_without_a_secret_does_not_start() -> None:
    """The plugin says which endpoint it cannot sign for."""
    with pytest.raises(HookFailed, match="'crm' has no secrets"):
        hosted(endpoint(URL), secrets={"other": {"signing": [secret()]}})


def test_words_need_the_plugin_that_may_open_them() -> None:
    """An endpoint that wants words in the plugin without the permission is refused, and told what to enable."""
    with pytest.raises(HookFailed, match="webhooks-words"):
        hosted(endpoint(URL, words=True))
    hosted(endpoint(URL, words=True), words=True)


def test_a_missing_file_of_authorities_does_not_start() -> None:
    """A ca_file that is not there is told at the start, not with each delivery."""
    with pytest.raises(HookFailed, match="holds no certificates"):
        hosted(endpoint(URL), ca_file="/nowhere/authority.pem")


def test_both_plugins_are_found() -> None:
    """The distribution's two entry points load; one may open words, the other nothing; neither sends commands."""
    found = {one.name: one for one in importlib.metadata.entry_points(group="milepost.plugins")}
    sealed, opened = (load_entry_point(found[name]).manifest for name in ("webhooks", "webhooks-words"))
    assert sealed.permissions.words == ()
    assert opened.permissions.words == ("*",)
    assert sealed.permissions.commands == opened.permissions.commands == ()
    assert sealed.start == opened.start == "now"
    assert sealed.version == opened.version == importlib.metadata.version("milepost-webhooks")
