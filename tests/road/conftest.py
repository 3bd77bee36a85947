"""What the tests of the whole road share: one Milepost with the sample programme, for those who only look."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.postgres import postgres_url  # noqa: F401  fixture
from tests.support.road import Road


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    """Give a running `milepost serve --sample` with an embedded broker."""
    async with Road(tmp_path / "data", sample=True) as running:
        yield running
