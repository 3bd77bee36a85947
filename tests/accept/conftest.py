"""What the tests of accept share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accepting import Acceptance
from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.postgres import postgres_url  # noqa: F401  fixture


@pytest.fixture
def acceptance(tmp_path: Path) -> Iterator[Acceptance]:
    """Give accept on SQLite with an open tenant."""
    accept = Acceptance(tmp_path)
    accept.open_tenant()
    yield accept
    accept.close()
