"""The sample programme, told and signed once for all tests of exports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.replay.export.exporting import Exporting


@pytest.fixture(scope="session")
def exporting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporting]:
    """Give the sample with its signed tree; tests only read it."""
    made = Exporting(tmp_path_factory.mktemp("exporting"))
    made.tell_sample()
    yield made
    made.close()
