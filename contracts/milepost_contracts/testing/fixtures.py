"""The fixtures that pytest finds by itself where `milepost-contracts` is installed: a host with the plugin under test.

    def test_a_hit_is_thanked_for(story, given_events, effects):
        goal = story.goal(story.person("mentee"), story.person("mentor"))
        given_events(goal.hit())
        assert effects.names == ["thank"]

The plugin is the one that `pyproject.toml` names in `[project.entry-points."milepost.plugins"]`; a test that is about
another one, or wants a configuration, has a fixture of its own called `milepost_plugin`, `milepost_config` or
`milepost_secrets`, which returns it. Nothing of the kit is imported before a test wants one of these.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pytest

if TYPE_CHECKING:
    from milepost_contracts.keeping import Outgoing
    from milepost_contracts.plugin import Delivered
    from milepost_contracts.testing import Host, Story

_SECTION = '[project.entry-points."milepost.plugins"]'


class Effects(Sequence["Outgoing"]):
    """The effects that were asked for and not suppressed, in order, as they are now."""

    def __init__(self, host: Host) -> None:
        """Take the host that has them."""
        self._host = host

    def __repr__(self) -> str:
        return repr(self._host.effects)

    def __len__(self) -> int:
        return len(self._host.effects)

    @overload
    def __getitem__(self, place: int) -> Outgoing: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Outgoing]: ...
    def __getitem__(self, place: int | slice) -> Outgoing | Sequence[Outgoing]:
        return self._host.effects[place]

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [one.name for one in self]


@pytest.fixture
def milepost_plugin(pytestconfig: pytest.Config) -> object:
    """Give the plugin under test: the one of the `pyproject.toml` beside the tests; a fixture of this name replaces it.

    A module, an object or a loaded Plugin.
    """
    from importlib.metadata import EntryPoint

    from milepost_contracts.hooks import ENTRY_POINTS
    from milepost_contracts.loading import load_entry_point

    named = _named(pytestconfig.rootpath / "pyproject.toml")
    if len(named) != 1:
        pytest.fail(
            f"{_SECTION} of {pytestconfig.rootpath}/pyproject.toml names {', '.join(named) or 'no plugin'}; tests are "
            "about one: write a fixture `milepost_plugin` that returns it",
            pytrace=False,
        )
    ((name, value),) = named.items()
    return load_entry_point(EntryPoint(name, value, ENTRY_POINTS))


def _named(pyproject: Path) -> dict[str, str]:
    if not pyproject.is_file():
        return {}
    project = tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
    named: dict[str, str] = project.get("entry-points", {}).get("milepost.plugins", {})
    return named


@pytest.fixture
def milepost_config() -> dict[str, Any]:
    """Give the configuration, as `PLUGIN.toml` would hold it: nothing, unless a fixture of this name replaces it."""
    return {}


@pytest.fixture
def milepost_secrets() -> dict[str, Any]:
    """Give the secrets, as `PLUGIN.secrets.toml` would hold them: none, unless a fixture of this name replaces it."""
    return {}


@pytest.fixture
def story() -> Story:
    """Give a history of the tenant `acme` to tell."""
    from milepost_contracts.testing import Story

    return Story()


@pytest.fixture
def make_host(
    milepost_plugin: object, milepost_config: dict[str, Any], milepost_secrets: dict[str, Any], story: Story
) -> Iterator[Callable[..., Host]]:
    """Give a function that returns hosts of the plugin; its options are those of `Host`, e.g. `mode="replay"`."""
    from milepost_contracts.testing import Host

    made: list[Host] = []

    def make(plugin: object = milepost_plugin, **options: Any) -> Host:
        given: dict[str, Any] = {"config": milepost_config, "secrets": milepost_secrets, "story": story} | options
        made.append(Host(plugin, **given))
        return made[-1]

    yield make
    for host in made:
        host.close()


@pytest.fixture
def host(make_host: Callable[..., Host]) -> Host:
    """Give a host in memory with the plugin in it."""
    return make_host()


@pytest.fixture
def given_events(host: Host, story: Story) -> Callable[..., Host]:
    """Give a function that delivers events, those of the story that were not delivered yet unless it is given some."""

    def deliver(*events: Delivered | bytes) -> Host:
        known = host.stored.position.get(story.tenant, 0)
        host.deliver(*(events or story.documents[known:]))
        return host

    return deliver


@pytest.fixture
def redeliver(host: Host) -> Callable[..., Host]:
    """Give a function that delivers everything again; with `forgotten=True` as if no position had been kept."""

    def again(*, forgotten: bool = False) -> Host:
        host.redeliver(forgotten=forgotten)
        return host

    return again


@pytest.fixture
def crash_after_commit(host: Host) -> Callable[[], Host]:
    """Give a function that lets the plugin's process die after a turn was kept, and the next one begin."""

    def crash() -> Host:
        host.crash_after_commit()
        return host

    return crash


@pytest.fixture
def retract(host: Host, story: Story) -> Callable[..., Delivered]:
    """Give a function that takes back a hit, reading, feedback, check-in, action or closing, and delivers that."""

    def take_back(event: Delivered, reason: str = "It was a mistake") -> Delivered:
        taken = story.retract(event, reason)
        host.deliver(taken)
        return taken

    return take_back


@pytest.fixture
def effects(host: Host) -> Effects:
    """Give the effects that were asked for, always as they are now."""
    return Effects(host)
