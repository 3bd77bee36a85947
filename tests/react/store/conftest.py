"""A plugin's store in either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.react.store import Store
from tests.react.turns import BEGIN, MANIFEST, NOW
from tests.support.postgres import postgres_url  # noqa: F401  fixture


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of all plugins' tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/some where/react.sqlite"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Give a store that has begun live at BEGIN."""
    made = Store(url, MANIFEST.id, clock=lambda: NOW)
    made.open()
    made.begin(BEGIN, "live")
    yield made
    made.close()
