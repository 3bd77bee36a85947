"""A journal is verified against its checkpoint: how fast, and how much more than reading and hashing its rows costs.

python -m tests.benchmarks.verify [events]
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from milepost.journal import Journal
from milepost.journal.batch import instant
from milepost.replay.verify.checking import Evidence, check_journal
from milepost.replay.verify.held import Held
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, leaf_hash
from milepost_contracts.proofs.notes import Signer, signed_note
from milepost_contracts.proofs.tiles import TILE_WIDTH, tile_path
from tests.benchmarks.view import documents
from tests.support.postgres import server

COUNT = 1_000_000
WANTED = 0.5  # of the floor, from the issue
LIVES = 20  # events of a goal
BODIES = 20_000  # different ones, used again and again
SIGNED_EVERY = 1000  # events between two checkpoints, as the setting's default
BEGAN_US, STEP_US = 1_767_225_600_000_000, 1000
INSERTED = 20_000  # rows a statement
COLUMNS = (
    "originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id, command, command_events,"
    " answer, state"
)
Report = Callable[[str], None]
Row = tuple[Any, ...]


def rows(count: int) -> Iterator[Row]:
    """Yield *count* rows of one tenant as the journal holds them: goals in turn, 20 events each, some 1,200 bytes."""
    chance = random.Random(2026)  # noqa: S311  the same rows every time
    goals = max(1, count // LIVES)
    bodies = _bodies(min(count, BODIES), goals)
    versions: dict[str, int] = {}
    for number in range(1, count + 1):
        goal, tag, data = bodies[(number - 1) % len(bodies)]
        round_ = (number - 1) // len(bodies)
        goal = f"{round_ % (16**8):08x}{goal[8:]}"  # other goals each time round, with the same lives
        version = versions[goal] = versions.get(goal, 0) + 1
        event, command = (str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(2))
        recorded = BEGAN_US + number * STEP_US
        document = (
            f'{{"specversion":"1.0","id":"{event}","source":"/milepost/acme","type":"{tag}","subject":"goal/{goal}",'
            f'"time":"{instant(recorded)}","datacontenttype":"application/json",'
            f'"dataschema":"urn:milepost:schema:{tag}","tenant":"acme","version":{version},'
            f'"sequence":"{number:016d}","actor":"user:{goal}","authnby":"gateway:web","correlationid":"{command}",'
            f'"causationid":"{command}","commandhash":"{"x" * 43}","data":'
        ).encode() + data
        yield (
            f"acme/goal/{goal}", version, tag, "acme", number, recorded, event, f"{command}/goal/{goal}", 1, None,
            document + b"}",
        )  # fmt: skip


def _bodies(count: int, goals: int) -> list[tuple[str, str, bytes]]:
    """Return (goal, tag, data) of events that name nothing which is not there: placed nowhere."""
    found = []
    for document in documents(count, max(1, min(goals, count // LIVES))):
        event = msgspec.json.decode(document)
        data = event["data"]
        data["context"] |= {"mentorship": None, "programme": None, "cycle": None}
        if "after" in data and "mentorship" in data["after"]:
            data["after"] |= {"mentorship": None, "programme": None, "cycle": None}
        found.append((event["subject"].removeprefix("goal/"), event["type"], msgspec.json.encode(data)))
    return found


def fill(url: str, count: int) -> list[bytes]:
    """Write *count* rows into a new journal at *url*; return the leaf hashes."""
    Journal(url).close()
    leaves: list[bytes] = []
    waiting: list[Row] = []

    def counted() -> Iterator[Row]:
        for number, row in enumerate(rows(count), 1):
            leaves.append(leaf_hash(row[-1]))
            yield (number, *row)

    if url.startswith("sqlite:"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for row in counted():
                waiting.append(row)
                if len(waiting) == INSERTED:
                    _insert(connection, waiting)
            _insert(connection, waiting)
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    else:
        with psycopg.connect(url) as linked, linked.cursor() as cursor:
            with cursor.copy(f"COPY stored_events (notification_id, {COLUMNS}) FROM STDIN") as copy:
                for row in counted():
                    copy.write_row(row)
            linked.commit()
            linked.autocommit = True
            linked.execute("VACUUM ANALYZE stored_events")
    return leaves


def _insert(connection: sqlite3.Connection, waiting: list[Row]) -> None:
    connection.executemany(f"INSERT INTO stored_events (rowid, {COLUMNS}) VALUES ({', '.join('?' * 12)})", waiting)
    waiting.clear()


def grow(folder: Path, leaves: list[bytes], signer: Signer) -> Checkpoint:
    """Write the tiles over *leaves* and a checkpoint every thousand; return the newest."""
    frontier = Frontier()
    (folder / "checkpoints").mkdir(parents=True)
    checkpoint = Checkpoint(signer.verifier.name, 0, frontier.root())
    for start in range(0, len(leaves), SIGNED_EVERY):
        frontier.extend(leaves[start : start + SIGNED_EVERY])
        checkpoint = Checkpoint(signer.verifier.name, frontier.size, frontier.root())
        note = str(signed_note(checkpoint.text(), [signer]))
        (folder / "checkpoints" / f"{frontier.size:016d}").write_text(note)
    (folder / "checkpoint").write_text(note)
    level, hashes = 0, leaves
    while hashes:
        above = []
        for number in range(-(-len(hashes) // TILE_WIDTH)):
            tile = hashes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            path = folder / tile_path(level, number, len(tile))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(tile))
            if len(tile) == TILE_WIDTH:
                full = Frontier()
                full.extend(tile)
                above.append(full.root())
        level, hashes = level + 1, above
    return checkpoint


def floor(url: str, columns: str) -> float:
    """Return the seconds that a plain loop takes which reads *columns* of every row and hashes the document once."""
    sha256 = hashlib.sha256
    began = time.perf_counter()
    if url.startswith("sqlite:"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            for row in connection.execute(f"SELECT {columns} FROM stored_events ORDER BY rowid"):
                sha256(row[-1]).digest()
        connection.close()
    else:
        with psycopg.connect(url) as linked, linked.cursor("floor", binary=True) as cursor:
            cursor.itersize = 2000
            for row in cursor.execute(f"SELECT {columns} FROM stored_events ORDER BY notification_id"):
                sha256(row[-1]).digest()
    return time.perf_counter() - began


def ours(url: str, evidence: Evidence) -> tuple[float, float]:
    """Return the seconds that verifying takes, on all cores and on one."""
    took = []
    for cores in (0, 1):
        began = time.perf_counter()
        report = check_journal(url, evidence, cores=cores)
        took.append(time.perf_counter() - began)
        assert report.verified, report.findings[:3]
        assert any(check.name == "your checkpoint" and check.status == "passed" for check in report.checks)
    return took[0], took[1]


def run(report: Report, count: int = COUNT) -> None:
    """Print the table of verifying."""
    report(f"verify: {count:,} events, a checkpoint every {SIGNED_EVERY:,}; columns, order, references, tree, tiles")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        signer = Signer("milepost.bench/acme", Ed25519PrivateKey.generate())
        for database, url in (("SQLite", f"sqlite:///{folder / 'journal.sqlite'}"), ("PostgreSQL", _postgres())):
            leaves = fill(url, count)
            proofs = folder / database
            checkpoint = grow(proofs / "acme", leaves, signer)
            held = [Held("acme", checkpoint, "held", signed=True)]
            evidence = Evidence(checkpoints=held, keys=[signer.verifier], proofs=proofs)
            floor(url, COLUMNS)  # once, so that both read from memory
            whole, bare = floor(url, COLUMNS), floor(url, "state")
            took, alone = ours(url, evidence)
            report(
                f"  {database:<10} {count / took:>9,.0f} events/s: {whole / took:.2f} of reading the rows and hashing"
                f" each once ({count / whole:,.0f}/s; wanted {WANTED}), {bare / took:.2f} of the documents alone"
                f" ({count / bare:,.0f}/s); on one core {whole / alone:.2f}"
            )


def _postgres() -> str:
    running = server()
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS verify_bench WITH (FORCE)")
        connection.execute("CREATE DATABASE verify_bench")
    return running.url("verify_bench")


if __name__ == "__main__":
    run(print, *(int(argument) for argument in sys.argv[1:]))
