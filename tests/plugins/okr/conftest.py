"""A real broker and a real host, for the test that goes the whole way."""

from __future__ import annotations

from tests.react.conftest import hosting
from tests.support.nats import broker, connect

__all__ = ["broker", "connect", "hosting"]  # fixtures
