"""Whatever may happen to a log in its life is no fault: erasure, refills, new wrapping and signing keys, growth."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from milepost.journal.errors import KeyErased
from milepost.logs import logger
from milepost.replay.tree.grower import Grower, Options
from milepost.replay.tree.signing import SigningKeys
from milepost.replay.verify.checking import Evidence, check_journal
from milepost.replay.verify.hashes import KeysToLookAt, check_hashes
from milepost.replay.verify.held import Held
from milepost.sample import person
from milepost_contracts.commands.person import Erase
from milepost_contracts.commands.tenant import RecordRefill
from milepost_contracts.subjects import tenant_id
from tests.replay.verify.samples import ORIGIN, Sample
from tests.support.accepting import Acceptance, create


def _id() -> str:
    return str(uuid.uuid4())


def test_erasure_refill_and_rotation_are_no_fault(copy: Sample, held: list[Held]) -> None:
    """The journal verifies with the checkpoint from before, and with those that the log itself signs afterwards."""
    maya = person("maya")
    accept = Acceptance(copy.folder)
    erase = Erase(command_id=_id(), id=maya.removeprefix("user:"), actor=maya, reason="She left")
    accept.accepted(erase, "sample")
    refill = RecordRefill(
        command_id=_id(), id=tenant_id("sample"), actor="service:publish", generation=2, first=f"{1:016d}",
        last=f"{354:016d}",
    )  # fmt: skip
    accept.accepted(refill, "sample")
    accept.keys.rotate("sample")
    for number in range(300):
        accept.accepted(create(f"after {number}"))
    accept.close()
    _verified(copy, held)
    _signed_again(copy)
    _verified(copy, held)
    with KeysToLookAt(f"sqlite:///{copy.folder / 'keys.sqlite'}", copy.folder / "keys") as keys:
        checks, findings = check_hashes(copy.url, keys, 0)
        with pytest.raises(KeyErased):
            keys.person_key("sample", maya)
    assert not findings
    assert "no longer checkable: erased" in {check.said for check in checks}


def _verified(copy: Sample, held: list[Held]) -> None:
    report = check_journal(copy.url, Evidence(held, (), copy.proofs, copy.signing))
    assert report.verified, report.findings


def _signed_again(copy: Sample) -> None:
    """Let the log grow its own trees beside, with keys of its own, as the installation does."""
    from milepost.journal import Journal

    proofs, signing = copy.folder / "grown", copy.folder / "grown-keys"
    with Journal(copy.url, writes=False) as journal:
        grower = Grower(
            journal, proofs, SigningKeys(signing, ORIGIN), Options(events=1, seconds=0.0), log=logger("test")
        )
        grower.open()
        grower.step()
        grower.close()
    copy.proofs, copy.signing = proofs, signing


def test_what_the_log_grows_by_itself_verifies(copy: Sample, tmp_path: Path) -> None:
    """Trees, tiles and checkpoints of the product's own growing are those of these tests, and verify."""
    _signed_again(copy)
    report = check_journal(copy.url, Evidence((), (), copy.proofs, copy.signing))
    assert report.verified, report.findings
    statuses = {(check.name, check.tenant): check.status for check in report.checks}
    for tenant in ("acme", "sample"):
        assert statuses["own checkpoint", tenant] == statuses["tiles", tenant] == "passed"
        assert ("tail", tenant) not in statuses
