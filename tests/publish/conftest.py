"""Fixtures: a private broker."""

from tests.support.nats import broker, connect

__all__ = ["broker", "connect"]
