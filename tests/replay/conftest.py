"""What the tests of replay share."""

from __future__ import annotations

from tests.support.nats import broker, connect  # noqa: F401  fixtures
