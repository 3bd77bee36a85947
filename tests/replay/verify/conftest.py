"""What tests of verifying share: the sample, built once; exports of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from milepost.replay.verify.held import Held, given_checkpoints
from tests.replay.export.conftest import exporting  # noqa: F401  fixture
from tests.replay.verify.samples import Sample, build, key
from tests.support.postgres import postgres_url  # noqa: F401  fixture


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Give the sample; tests only read it."""
    return build(tmp_path_factory.mktemp("verifying") / "sample")


@pytest.fixture(scope="session")
def held(sample: Sample) -> list[Held]:
    """Give each tenant's newest checkpoint, as the verifier holds it."""
    tenants = sample.tenants()
    return given_checkpoints([sample.checkpoint(tenant) for tenant in tenants], [key(tenant) for tenant in tenants])


@pytest.fixture
def copy(sample: Sample, tmp_path: Path) -> Sample:
    """Give a copy of the sample, to be tampered with."""
    return sample.copy(tmp_path / "copy")
