"""A broker and a host for each test."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from milepost.react.policy import Policy
from tests.react.tormenting import CODE, NEIGHBOURS, POLICY, TORTURE, Tormented
from tests.support.hosting import Hosting
from tests.support.nats import Connect, broker, connect  # noqa: F401  fixtures
from tests.support.postgres import postgres_url  # noqa: F401  fixture

MakeHost = Callable[..., Hosting]


@pytest.fixture
async def hosting(connect: Connect, tmp_path: Path) -> AsyncIterator[MakeHost]:  # noqa: F811  the fixture
    """Give what makes hosts: `hosting({"name": "module"}, **options)`; they are stopped after the test."""
    made: list[Hosting] = []

    def make(plugins: dict[str, str], *, folder: str = "host", **options: Any) -> Hosting:
        (tmp_path / folder).mkdir(exist_ok=True)
        made.append(Hosting(connect, tmp_path / folder, plugins, **options))
        return made[-1]

    yield make
    for one in made:
        await one.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def hosting_both(hosting: MakeHost, request: pytest.FixtureRequest) -> MakeHost:
    """Give what `hosting` gives, on each of the databases in turn; hosts of one test share theirs."""
    if request.param == "sqlite":
        return hosting
    return functools.partial(hosting, url=request.getfixturevalue("postgres_url"))


MakeTormented = Callable[..., Tormented]


@pytest.fixture
def tormenting(hosting: MakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeTormented:
    """Give what makes hosts with a plugin that misbehaves: `tormenting("raises", **options)`."""
    # In the environment of every process that a plugin starts; modules that a test writes are found there.
    (tmp_path / "host" / "code").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "host" / "code"))

    def make(module: str, *, policy: Policy = POLICY, **options: Any) -> Tormented:
        neighbours = {name: f"tests.react.plugins.neighbours:{name}" for name in NEIGHBOURS}
        return Tormented(hosting(neighbours | {TORTURE: CODE}, policy=policy, **options), module)

    return make
