"""What the tests of this plugin leave behind is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.webhooks.hosting import OPEN


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().runner.close()
