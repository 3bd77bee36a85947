"""One Milepost for all tests of a session, with the sample programme; tests begin as somebody new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import uuid_utils

from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.serving import Served
from tests.support.shell import Shell

NewShell = Callable[[], Shell]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give the running Milepost."""
    with Served(tmp_path_factory.mktemp("served") / "data", "--sample") as running:
        assert running.first_line.startswith("ready ")
        yield running


@pytest.fixture
def shell(served: Served, tmp_path: Path) -> Shell:
    """Give a shell of somebody new, who knows the people of the sample; `growth` is a programme made for the test."""
    data = tmp_path / "data"
    data.mkdir()
    names = msgspec.json.decode((served.folder / "sample.json").read_bytes())
    names["programmes"]["growth"] = str(uuid_utils.uuid7())
    (data / "sample.json").write_bytes(msgspec.json.encode(names))
    variables = {
        "MILEPOST_DATA_DIR": str(data),
        "MILEPOST_NATS_URL": served.url,
        "MILEPOST_NATS_SEED": str(served.keys),
        "MILEPOST_AS": new_person(),
    }
    return Shell(tmp_path, **variables)


def new_person() -> str:
    """Return somebody whom nobody has met."""
    return f"user:{uuid_utils.uuid7()}"
