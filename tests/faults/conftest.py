"""How many seeds: five by default, `MILEPOST_FAULT_SEEDS` otherwise."""

from __future__ import annotations

import os

import pytest

from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.postgres import postgres_url  # noqa: F401  fixture


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each fault test its seeds."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(int(os.environ.get("MILEPOST_FAULT_SEEDS", "5"))))
