"""One Milepost for all tests of a session, with the sample programme; tests begin as somebody new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import uuid_utils

from tests.support.distributing import distribute
from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.serving import Served
from tests.support.shell import Shell

THANKING = Path(__file__).parents[1] / "support" / "thanking.py"
NewShell = Callable[[], Shell]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give the running Milepost; its checkpoints come soon, because exports wait for them."""
    with Served(tmp_path_factory.mktemp("served") / "data", "--sample", "--checkpoint-s", "0.5") as running:
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


@pytest.fixture(scope="session")
def hosting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a running Milepost with plugins: `thank-you` runs, `broken` cannot, `idle` may not, `gone` is not there."""
    folder = tmp_path_factory.mktemp("hosting")
    distribute(folder / "installed", "thank-you", THANKING.read_text(encoding="utf-8"))
    distribute(folder / "installed", "broken", "import a_module_that_nobody_has\n")
    distribute(folder / "installed", "idle", "raise SystemExit('nobody may import this')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "installed"), prepend=os.pathsep)
        with Served(folder / "data", "--sample", "--plugins", "thank-you,broken,gone") as running:
            yield running


@pytest.fixture
def admin(hosting: Served, tmp_path: Path) -> Shell:
    """Give a shell of priya, an administrator of the sample, at the Milepost with plugins."""
    return Shell(tmp_path, MILEPOST_DATA_DIR=str(hosting.folder), MILEPOST_AS="priya")


def new_person() -> str:
    """Return somebody whom nobody has met."""
    return f"user:{uuid_utils.uuid7()}"
