"""A journal is tampered with in random ways, covered up or not: relative to a held checkpoint all of it is named.

20 by default; five for every two of `MILEPOST_FAULT_SEEDS`, each takes a third of a second: 500 by `make faults`.
"""

from __future__ import annotations

import os
import random
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from milepost.replay.verify.checking import Evidence, check_journal
from milepost.replay.verify.findings import Report
from milepost.replay.verify.held import Held, given_checkpoints
from tests.replay.verify.samples import Sample, build, grow, key, signer, tail, to_postgres
from tests.replay.verify.tampering import WAYS, Mark, Table
from tests.support.postgres import server

pytestmark = pytest.mark.faults
TIMES = range(int(os.environ.get("MILEPOST_FAULT_SEEDS", "8")) * 5 // 2)
COVERS = ("nothing", "tiles_gone", "tiles_damaged", "tiles_grown_again", "signed_again", "proofs_gone")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return build(tmp_path_factory.mktemp("tampering") / "sample")


@pytest.fixture(scope="module")
def held(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> list[Held]:
    """Return what the verifier has: copies of each tenant's newest checkpoint, and the public keys."""
    folder = tmp_path_factory.mktemp("held")
    for tenant in sample.tenants():
        shutil.copy(sample.checkpoint(tenant), folder / tenant)
    return given_checkpoints([folder], [key(tenant) for tenant in sample.tenants()])


@pytest.fixture(scope="module")
def template(sample: Sample) -> Iterator[str]:
    """Make a PostgreSQL journal like the sample's, to copy from."""
    running, name = server(), f"t{uuid.uuid4().hex}"
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        to_postgres(sample, running.url(name))
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_copy(template: str) -> Iterator[str]:
    """Give the URL of a copy of the template."""
    running, name = server(), f"t{uuid.uuid4().hex}"
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield running.url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("number", TIMES)
def test_whatever_is_tampered_with_in_sqlite_is_named(
    number: int, sample: Sample, held: list[Held], tmp_path: Path
) -> None:
    """Random changes of a SQLite journal, covered up in random ways, are each found and named."""
    copy = sample.copy(tmp_path / "copy")
    _tamper_and_check(number, copy, Table(copy.journal), copy.url, held)


@pytest.mark.parametrize("number", TIMES)
def test_whatever_is_tampered_with_in_postgresql_is_named(
    number: int, sample: Sample, held: list[Held], tmp_path: Path, postgres_copy: str
) -> None:
    """Random changes of a PostgreSQL journal, covered up in random ways, are each found and named."""
    copy = sample.copy(tmp_path / "copy")
    _tamper_and_check(number + 1_000_000, copy, Table(postgres_copy), postgres_copy, held)


def test_an_untouched_copy_has_nothing_to_be_named(
    sample: Sample, held: list[Held], tmp_path: Path, postgres_copy: str
) -> None:
    """Untouched copies verify: no false alarm, in either database."""
    copy = sample.copy(tmp_path / "copy")
    for url in (copy.url, postgres_copy):
        report = check_journal(url, _evidence(copy, held))
        assert report.verified, report.findings


def _tamper_and_check(seed: int, copy: Sample, table: Table, url: str, held: list[Held]) -> None:
    chance = random.Random(seed)  # noqa: S311  reproducible, not secret
    marks: list[Mark] = []
    # One way each for one or both tenants: a second change could undo or move the first one's places.
    for tenant in chance.sample(copy.tenants(), chance.choice([1, 1, 2])):
        rows = table.rows(tenant)
        marks.append(chance.choice(WAYS)(table, rows[: -tail(tenant)], chance))
    cover = chance.choice(COVERS)
    _cover(cover, copy, table, marks, chance)
    table.close()
    report = check_journal(url, _evidence(copy, held))
    told = f"{marks} covered by {cover}: {report.findings}"
    assert not report.verified, told
    for mark in marks:
        for sequence in mark.sequences:
            assert _named(report, mark.tenant, sequence), f"{mark.what} at {sequence} is not named. {told}"
        if cover in ("nothing", "tiles_damaged"):
            assert _exactly(report, mark), f"{mark.what} is told too widely. {told}"
    assert {one.tenant for one in report.findings} <= {mark.tenant for mark in marks}, told


def _cover(cover: str, copy: Sample, table: Table, marks: Sequence[Mark], chance: random.Random) -> None:
    """Let the tamperer hide what was done."""
    for mark in marks:
        folder = copy.proofs / mark.tenant
        documents = [row["state"] for row in table.rows(mark.tenant)]
        signed = min(len(documents), copy.signed(mark.tenant))
        if cover == "tiles_gone":
            shutil.rmtree(folder / "tile")
        elif cover == "proofs_gone":
            shutil.rmtree(folder)
        elif cover == "tiles_damaged":
            tile = chance.choice(sorted(path for path in (folder / "tile").rglob("*") if path.is_file()))
            content = bytearray(tile.read_bytes())
            content[chance.randrange(len(content))] ^= 1
            tile.write_bytes(content)
        elif cover in ("tiles_grown_again", "signed_again"):
            shutil.rmtree(folder / "tile")
            if cover == "signed_again":
                shutil.rmtree(folder)
            sizes = sorted({signed // 3, signed * 2 // 3, signed}) if cover == "signed_again" else []
            grow(folder, documents[:signed], sizes, signer(mark.tenant))


def _evidence(copy: Sample, held: list[Held]) -> Evidence:
    keys = [key(tenant) for tenant in ("acme", "sample")]
    return Evidence(held, keys, copy.proofs, copy.signing)


def _named(report: Report, tenant: str, sequence: int) -> bool:
    return any(one.tenant == tenant and one.first <= sequence <= one.last for one in report.findings)


def _exactly(report: Report, mark: Mark) -> bool:
    """Whether something is said about each place that says nothing about the whole log."""
    return all(
        any(
            one.tenant == mark.tenant and one.code != "changed_within" and one.first <= sequence <= one.last
            for one in report.findings
        )
        for sequence in mark.sequences
    )
