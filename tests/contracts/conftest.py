"""Fixtures: a private broker, and the published examples."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from milepost_contracts.sealing import SealingKey
from tests.support.nats import broker, connect

__all__ = ["broker", "connect"]

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
EXAMPLES = CONTRACTS / "examples"


@pytest.fixture(scope="session")
def keys() -> dict[str, SealingKey]:
    """Give the published keys by their kid."""
    entries = msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())["keys"]
    return {entry["kid"]: SealingKey.from_text(entry["kid"], entry["key"]) for entry in entries}
