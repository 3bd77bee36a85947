"""A journal as real use makes it, with its tree and checkpoints, built once and copied for each test."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost.sample import story
from milepost.sample.loading import load
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, leaf_hash
from milepost_contracts.proofs.notes import Signer, VerifierKey, parse_note, signed_note
from milepost_contracts.proofs.tiles import TILE_WIDTH, tile_path
from tests.support.accepting import Acceptance, create

ORIGIN = "milepost.test"
TODAY = dt.date(2026, 11, 21)
OTHER = "acme"  # a second tenant, whose rows lie between those of the sample
_COLUMNS = 12


def signer(tenant: str, generation: int = 1) -> Signer:
    """Return the key of *tenant*'s log, the same every time."""
    seed = f"{tenant} {generation}".encode().ljust(32, b".")
    return Signer(f"{ORIGIN}/{tenant}", Ed25519PrivateKey.from_private_bytes(seed))


def key(tenant: str, generation: int = 1) -> VerifierKey:
    """Return the public key of *tenant*'s log."""
    return signer(tenant, generation).verifier


def grow(folder: Path, documents: Sequence[bytes], sizes: Iterable[int], signed_by: Signer) -> None:
    """Write the tree over *documents* into a tenant's *folder*, and a checkpoint for each of *sizes*."""
    hashes = [leaf_hash(document) for document in documents]
    for size in sizes:
        frontier = Frontier()
        frontier.extend(hashes[:size])
        keep(folder, Checkpoint(signed_by.verifier.name, size, frontier.root()), signed_by)
    level, content = 0, hashes
    while content:
        for number in range(-(-len(content) // TILE_WIDTH)):
            tile = content[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            path = folder / tile_path(level, number, len(tile))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(tile))
        whole = [content[at : at + TILE_WIDTH] for at in range(0, len(content) - TILE_WIDTH + 1, TILE_WIDTH)]
        content = [_root(tile) for tile in whole]
        level += 1


def keep(folder: Path, checkpoint: Checkpoint, signed_by: Signer) -> None:
    """Write *checkpoint* where the newest and all of them are."""
    note = str(signed_note(checkpoint.text(), [signed_by]))
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoints" / f"{checkpoint.size:016d}").write_text(note)
    (folder / "checkpoint").write_text(note)


def _root(hashes: Sequence[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


class Sample:
    """A folder with `journal.sqlite`, the key store, `proofs/` and `signing/`: the sample programme and a tenant more.

    Checkpoints are there at a third, at two thirds and near the end of each tenant's log; a few events come after.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self.folder = folder
        self.journal = folder / "journal.sqlite"
        self.url = f"sqlite:///{self.journal}"
        self.proofs = folder / "proofs"
        self.signing = folder / "signing"

    def copy(self, folder: Path) -> Sample:
        """Return a copy in *folder*."""
        shutil.copytree(self.folder, folder)
        return Sample(folder)

    def documents(self, tenant: str) -> list[bytes]:
        """Return the tenant's documents in their order."""
        statement = "SELECT state FROM stored_events WHERE tenant = ? ORDER BY sequence"
        with sqlite3.connect(self.journal) as connection:
            found = [bytes(state) for (state,) in connection.execute(statement, (tenant,))]
        connection.close()
        return found

    def tenants(self) -> list[str]:
        """Return the tenants that have proofs."""
        return sorted(path.name for path in self.proofs.iterdir())

    def signed(self, tenant: str) -> int:
        """Return how many of the tenant's events its newest checkpoint signs."""
        return Checkpoint.parse(parse_note(self.checkpoint(tenant).read_bytes()).text).size

    def checkpoint(self, tenant: str) -> Path:
        """Return the tenant's newest checkpoint."""
        return self.proofs / tenant / "checkpoint"


def tail(tenant: str) -> int:
    """Return how many events come after a tenant's newest checkpoint."""
    return 7 if tenant == "sample" else 2


def build(folder: Path) -> Sample:
    """Make the sample in *folder*."""
    folder.mkdir(parents=True)
    noon = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
    accept = Acceptance(folder, clock=lambda: noon)
    asked = 0

    async def ask(tenant: str, command: Command) -> Answer:
        nonlocal asked
        asked += 1
        for number in range(2 * asked, 2 * asked + 2):
            _other(accept, number - 2)
        return accept.ask(command, tenant)

    asyncio.run(load(ask, story(TODAY)))
    accept.close()
    with sqlite3.connect(folder / "journal.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    sample = Sample(folder)
    sample.signing.mkdir(mode=0o700)
    for tenant in ("sample", OTHER):
        documents = sample.documents(tenant)
        signed = len(documents) - tail(tenant)
        grow(sample.proofs / tenant, documents[:signed], [signed // 3, signed * 2 // 3, signed], signer(tenant))
        (sample.signing / f"{tenant}.1.vkey").write_text(f"{key(tenant)}\n")
    return sample


def _other(accept: Acceptance, number: int) -> None:
    if not number:
        accept.open_tenant(OTHER)
    accept.accepted(create(f"goal {number}"), OTHER)


def to_postgres(sample: Sample, url: str) -> None:
    """Copy the rows of *sample*'s journal into an empty PostgreSQL journal at *url*."""
    from milepost.journal import Journal

    Journal(url).close()
    columns = (
        "originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id, command, command_events,"
        " answer, {position}, state"
    )
    with sqlite3.connect(sample.journal) as source:
        rows = source.execute(f"SELECT {columns.format(position='rowid')} FROM stored_events").fetchall()
    source.close()
    marks = ", ".join(["%s"] * _COLUMNS)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        names = columns.format(position="notification_id")
        cursor.executemany(f"INSERT INTO stored_events ({names}) VALUES ({marks})", rows)
