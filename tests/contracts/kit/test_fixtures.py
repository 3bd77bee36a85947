"""The fixtures of the author's kit: what a test of a plugin needs is there without an import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from milepost_contracts.context import Context
from milepost_contracts.plugin import Delivered
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.fixtures import Effects
from tests.contracts.kit.plugins import Bowl, Thankful, made

RUN_S_MAX = 60


class Mailing(Thankful):
    """Says thanks by an effect, too."""

    from milepost_contracts.hooks import hook as _hook

    @_hook
    def config_schema(self) -> type[Bowl]:
        return Bowl

    @_hook
    def on_event(self, event: Delivered, context: Context) -> None:
        context.effect(f"thank/{event.name}", {"size": context.config.size})

    @_hook
    def perform(self) -> None:
        """Do nothing."""


@pytest.fixture
def milepost_plugin() -> Mailing:
    return Mailing()


@pytest.fixture
def milepost_config() -> dict[str, Any]:
    return {"size": 3}


def test_events_are_given_and_taken_back(
    story: Story, given_events: Callable[..., Host], retract: Callable[..., Delivered], effects: Effects
) -> None:
    """What happens in the story is delivered, and what is taken back is told; effects are seen as they come."""
    goal = story.goal(story.person("mentee"), story.person("mentor"))
    hit = goal.hit()
    assert (len(effects), list(effects)) == (0, [])
    host = given_events()
    assert effects.names == ["thank/goal.milestone_hit"]
    assert effects[0].arguments == {"size": 3}
    assert [one.name for one in effects[:1]] == effects.names
    assert [grant.cause for grant in host.grants] == [hit.id]
    retraction = retract(hit)
    assert (host.grants, retraction.name) == ([], "goal.milestone_hit_retracted")
    given_events(goal.check_in())
    given_events()
    assert effects.names[1:] == ["thank/goal.check_in_held"]


def test_a_crash_and_a_redelivery_change_nothing(
    host: Host,
    story: Story,
    given_events: Callable[..., Host],
    redeliver: Callable[..., Host],
    crash_after_commit: Callable[[], Host],
) -> None:
    """The position is kept over a crash; without it, a plugin that keeps its own account changes nothing either."""
    goal = story.goal(story.person("mentee"))
    goal.hit()
    given_events()
    before = (host.grants, host.facts, host.state)
    crash_after_commit()
    redeliver()
    redeliver(forgotten=True)
    assert (host.grants, host.facts, host.state) == before
    assert len(host.grants) == 1


def test_hosts_are_made_as_they_are_wanted(make_host: Callable[..., Host], story: Story) -> None:
    """In another mode, with another configuration, with another plugin."""
    story.goal(story.person("mentee")).hit()
    replaying = make_host(mode="replay", config={"size": 4})
    replaying.deliver(*story.documents)
    assert [one.arguments for one in replaying.suppressed] == [{"size": 4}]
    assert make_host(made(), config={}).manifest.id == "small"


# In a project of its own

PLUGIN = """
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Manifest

@hook
def manifest():
    return Manifest(id="own", version="1", summary="Its own", subscriptions=("goal.created",))

@hook
def on_event(event, context):
    context.effect("mail")

@hook
def perform(effect):
    pass
"""
TEST = """
def test_it(story, given_events, effects):
    story.goal(story.person("mentee"))
    given_events()
    assert effects.names == ["mail"]
"""
ENTRY = '[project.entry-points."milepost.plugins"]\n'


def run(folder: Path, entries: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project with these entry points."""
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "own"\n\n{entries}\n'
        '[tool.pytest.ini_options]\npythonpath = ["."]\nfilterwarnings = ["error"]\n'
    )
    (folder / "own_plugin.py").write_text(PLUGIN)
    (folder / "test_own.py").write_text(TEST)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *options],
        cwd=folder, capture_output=True, text=True, timeout=RUN_S_MAX, check=False,
    )  # fmt: skip


def test_the_plugin_is_the_one_of_the_project(tmp_path: Path) -> None:
    """Where `pyproject.toml` names one plugin, tests are about that one, installed or not."""
    ran = run(tmp_path, ENTRY + 'own = "own_plugin"\n')
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("", "names no plugin"),
        (ENTRY + 'own = "own_plugin"\nother = "own_plugin"\n', "names own, other; tests are about one"),
        (ENTRY + 'own = "nowhere"\n', "nowhere cannot be imported: ModuleNotFoundError"),
        (ENTRY + 'other = "own_plugin"\n', "'other', the manifest says 'own'"),
    ],
)
def test_without_one_plugin_it_is_said_what_to_do(entries: str, said: str, tmp_path: Path) -> None:
    """No plugin, several, or one that does not load: the test fails with a sentence."""
    ran = run(tmp_path, entries)
    assert (ran.returncode, said in ran.stdout) == (1, True), ran.stdout


def test_the_kit_is_not_imported_for_those_who_do_not_want_it(tmp_path: Path) -> None:
    """A project that only reads events has its pytest not slowed down by the kit."""
    test = "import sys\n\ndef test_it():\n    assert 'milepost_contracts.running' not in sys.modules\n"
    (tmp_path / "test_other.py").write_text(test)
    ran = run(tmp_path, "", "test_other.py")
    assert "1 passed" in ran.stdout, ran.stdout
