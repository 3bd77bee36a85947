"""What an operator may set, how errors are told, and that the README says it as it is."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import milepost_nudges
import msgspec
import pytest
from milepost_nudges.addresses import understood
from milepost_nudges.config import Config, Secrets, Stages, rules_of

from milepost_contracts.loading import load, load_entry_point
from milepost_contracts.plugin import PluginError
from tests.plugins.nudges.cases import ADMIN, MENTEE, PROGRAMME, Nudged

HERE = Path(milepost_nudges.__file__).parents[1]
README = (HERE / "README.md").read_text(encoding="utf-8")
SETTINGS, SECRETS = (tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL))


def test_the_plugin_loads_by_its_entry_point() -> None:
    """Name, version and distribution agree, and it asks for no more than it says."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["milepost.plugins"].items()
    plugin = load_entry_point(EntryPoint(name, value, "milepost.plugins"))
    manifest = plugin.manifest
    assert (manifest.id, f"milepost-{manifest.id}") == (name, project["name"])
    assert manifest.version == project["version"]
    assert manifest.permissions.commands == manifest.permissions.reviews == ()
    assert manifest.permissions.words == ("goal.created/title", "goal.imported/terms", "goal.refined/after")
    assert all(f"`{words}`" in README for words in manifest.permissions.words)


def test_the_example_of_the_settings_is_taken() -> None:
    """Every setting there is stands in it, and without what a comment marks as another value it is the default."""
    plugin = load(milepost_nudges)
    config: Config = plugin.configured("config_schema", SETTINGS, source="README")
    assert set(SETTINGS) == set(Config.__struct_fields__)
    told = {name for stage in SETTINGS["stages"].values() for name in stage}
    assert {name for stage in msgspec.to_builtins(Stages()).values() for name in stage} == told
    assert (config.titles, config.link) == (True, "https://goals.example.org/goals/{goal}")
    assert msgspec.structs.replace(config, titles=False, link="", people={}, programmes={}) == Config()
    rules = rules_of(config, next(iter(config.programmes)))
    assert (rules.grace_days, rules.quiet.weekends, rules.quiet.start) == (5, True, "20:00")
    assert (rules.stages.silent.on, rules.stages.deadline.days) == (False, (30, 7))
    assert rules.stages.deadline.text == config.stages.deadline.text
    assert rules.stages.check_in_due == config.stages.check_in_due


def test_the_example_of_the_secrets_is_taken() -> None:
    """Each address is one that Apprise understands; the person's go first."""
    secrets: Secrets = load(milepost_nudges).configured("secrets_schema", SECRETS, source="README")
    person, programme = next(iter(SECRETS["people"])), next(iter(SECRETS["programmes"]))
    assert secrets.addresses(person, programme) == SECRETS["people"][person]
    assert secrets.addresses(MENTEE, programme) == SECRETS["programmes"][programme]
    assert secrets.addresses(MENTEE, None) == secrets.addresses(MENTEE, PROGRAMME) == SECRETS["default"]
    assert all(understood(url) for url in SECRETS["default"])


def test_the_readme_lists_every_stage_and_its_days() -> None:
    """The table is as the code."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert list(rows) == list(Stages.__struct_fields__)
    for name, begins in rows.items():
        days = getattr(getattr(Stages(), name), "days", None)
        wanted = ", ".join(map(str, days)) if isinstance(days, tuple) else days
        assert days is None or f"({wanted})" in begins


def test_nothing_has_to_be_set() -> None:
    """Without any file it runs."""
    plugin = load(milepost_nudges)
    assert plugin.configured("config_schema", None, source="nudges.toml") == Config()
    assert plugin.configured("secrets_schema", None, source="nudges.secrets.toml") == Secrets()


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"grace": 3}, "grace"),
        ({"grace_days": -1}, "grace_days"),
        ({"quiet": {"start": "8:00"}}, "quiet.start"),
        ({"quiet": {"end": "24:00"}}, "quiet.end"),
        ({"stages": {"check_in": {}}}, "check_in"),
        ({"stages": {"deadline": {"days": [400]}}}, "stages.deadline.days"),
        ({"stages": {"deadline": {"days": list(range(9))}}}, "stages.deadline.days"),
        ({"stages": {"silent": {"days": 0}}}, "stages.silent.days"),
        ({"stages": {"silent": {"to": ["everybody"]}}}, "stages.silent.to"),
        ({"stages": {"silent": {"text": "Hello {name}"}}}, "{name} is no placeholder; there are {title}, {due}"),
        ({"stages": {"silent": {"text": "Hello {title.__class__}"}}}, "no placeholder"),
        ({"stages": {"silent": {"subject": "{days:{link}}"}}}, "no placeholder"),
        ({"stages": {"silent": {"subject": "{days!r}"}}}, "no placeholder"),
        ({"stages": {"silent": {"subject": "{"}}}, "stages.silent"),
        ({"people": {"ada": {"time_zone": "UTC"}}}, "people"),
        ({"people": {MENTEE: {"time_zone": "Europe/Atlantis"}}}, "Europe/Atlantis is no IANA time zone"),
        ({"people": {MENTEE: {"time_zone": "Europe"}}}, "Europe is no IANA time zone"),
        ({"programmes": {PROGRAMME: {"grce_days": 1}}}, f"programmes.{PROGRAMME}: Object contains unknown field"),
        ({"programmes": {PROGRAMME: {"titles": True}}}, f"programmes.{PROGRAMME}"),
        ({"programmes": {PROGRAMME: {"quiet": 5}}}, f"programmes.{PROGRAMME}"),
        ({"programmes": {PROGRAMME: {"stages": {"silent": {"text": "{name}"}}}}}, "{name} is no placeholder"),
    ],
)
def test_what_is_wrong_is_named(config: dict[str, Any], wanted: str) -> None:
    """The place, or what is there instead."""
    with pytest.raises(PluginError) as error:
        Nudged(**config)
    assert error.value.code == "invalid_config"
    assert wanted in str(error.value)


@pytest.mark.parametrize(
    "secrets", [{"defaults": []}, {"people": {"ada": []}}, {"default": "json://localhost"}, {"people": {ADMIN: ["x"]}}]
)
def test_wrong_secrets_are_refused(secrets: dict[str, Any]) -> None:
    """By their place."""
    with pytest.raises(PluginError) as error:
        Nudged(secrets=secrets)
    assert error.value.code == "invalid_config"
