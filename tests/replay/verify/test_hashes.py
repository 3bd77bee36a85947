"""Hashes of terms are computed again where the keys are; what was erased is counted, and nothing is written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from milepost.journal import KeyStore
from milepost.journal.errors import KeyErased
from milepost.replay.verify.findings import Check, Finding
from milepost.replay.verify.hashes import KeysToLookAt, NoKey, check_hashes
from milepost.sample import named, person
from tests.replay.verify.samples import Sample
from tests.replay.verify.tampering import Table


def _checked(sample: Sample) -> tuple[dict[tuple[str, str], Check], list[Finding]]:
    with KeysToLookAt(_url(sample), sample.folder / "keys") as keys:
        checks, findings = check_hashes(sample.url, keys, 0)
    return {(check.name, check.status): check for check in checks}, findings


def _url(sample: Sample) -> str:
    return f"sqlite:///{sample.folder / 'keys.sqlite'}"


def _digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_every_hash_of_terms_is_that_of_the_terms(copy: Sample) -> None:
    """All are computed again, with nothing written to the key store; commands' bodies are told as not kept."""
    before = _digest(copy.folder / "keys")
    checks, findings = _checked(copy)
    assert not findings
    assert checks["hashes of terms", "passed"].count > 300
    assert checks["hashes of commands", "passed"].count > 300
    assert ("bodies of commands", "not_checkable") in checks
    assert ("hashes of terms", "not_checkable") not in checks
    assert _digest(copy.folder / "keys") == before


def test_a_hash_that_does_not_fit_is_named(copy: Sample) -> None:
    """Another terms_hash, terms that were changed, a broken seal and another commandhash are each named."""
    table = Table(copy.journal)
    rows = table.rows("sample")
    dated = next(row for row in rows if row["topic"] == "goal.deadline_shifted.v1")
    hashed = next(
        row for row in rows if row["topic"] == "goal.created.v1" and row["originator_id"] != dated["originator_id"]
    )
    at = hashed["state"].index(b'"terms_hash":"') + len(b'"terms_hash":"')
    table.update(hashed, state=hashed["state"][:at] + b"AAAA" + hashed["state"][at + 4 :])
    at = dated["state"].index(b'"new":"') + len(b'"new":"')
    table.update(dated, state=dated["state"][:at] + b"2031" + dated["state"][at + 4 :])
    commanded = next(row for row in rows if row["topic"] == "goal.check_in_held.v1")
    at = commanded["state"].index(b'"commandhash":"') + len(b'"commandhash":"')
    table.update(commanded, state=commanded["state"][:at] + b"!" + commanded["state"][at + 1 :])
    table.close()
    _, findings = _checked(copy)
    found = {(one.code, one.first) for one in findings}
    assert ("terms_hash_differs", hashed["sequence"]) in found
    assert ("terms_hash_differs", dated["sequence"]) in found
    assert ("command_hash_differs", commanded["sequence"]) in found


def test_what_was_erased_is_counted_and_no_fault(copy: Sample) -> None:
    """Hashes under an erased person's key, and of terms with words that cannot be opened, are not checkable."""
    with KeyStore(_url(copy), copy.folder / "keys") as keys:
        keys.erase("sample", person("maya"))
    checks, findings = _checked(copy)
    assert not findings
    assert checks["hashes of terms", "passed"].count > 0
    assert "erased" in checks["hashes of terms", "not_checkable"].said


def test_keys_are_looked_at_and_never_made(copy: Sample) -> None:
    """Asking for somebody who has no key makes none."""
    with KeysToLookAt(_url(copy), copy.folder / "keys") as keys:
        ref = ("goal", named("goal", "presentations"))
        with pytest.raises(NoKey):
            keys.sealing_key("sample", ref, "parties", f"user:{'0' * 8}-0000-7000-8000-{'0' * 12}", None)
        assert issubclass(NoKey, KeyErased)
