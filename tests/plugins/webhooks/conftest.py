"""A real broker and a real host, for the tests that go the whole way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.plugins.webhooks.hosting import HOSTS
from tests.react.conftest import hosting
from tests.support.nats import broker, connect

__all__ = ["broker", "connect", "hosting"]  # fixtures


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """Let the plugin end in every host that the test made."""
    yield
    while HOSTS:
        HOSTS.pop().close()
