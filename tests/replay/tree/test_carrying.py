"""Checkpoints reach a folder, a bucket with locks and the bus: each one, once, in order, and again after a failure."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio
from minio.error import S3Error

from milepost.broker import EmbeddedBroker
from milepost.logs import logger
from milepost.replay.tree import Bus, Carrying, ProofFolder, TargetError, target_of
from milepost_contracts.subjects import STREAM_CHECKPOINTS
from tests.replay.tree.conftest import Log
from tests.support.nats import Connect

NOTE, OTHER = b"a note\n", b"another\n"
ACCESS, SECRET = "testing", "testing-secret"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Give the address of moto's S3 server, an S3 over HTTP in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr
    try:
        for line in process.stderr:
            if found := re.search(r"http://(127\.0\.0\.1:[0-9]+)", line):
                break
        else:
            raise AssertionError("moto's server did not start")
        yield found[1]
    finally:
        process.terminate()
        process.stderr.close()
        process.wait()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Minio:
    """Give a client of a bucket `log-...` with object lock, and the credentials as every S3 client takes them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    client = Minio(s3, ACCESS, SECRET, secure=False)
    if not client.bucket_exists("checkpoints"):
        client.make_bucket("checkpoints", object_lock=True)
    return client


def code_of(error: pytest.ExceptionInfo[TargetError]) -> str:
    return error.value.code


async def test_a_file_is_written_once(tmp_path: Path) -> None:
    """A checkpoint is readable and never writable; the same again does nothing, another of its size is refused."""
    target = target_of(f"file://{tmp_path}/out%20side")
    assert target is not None
    await target.put("acme", 7, NOTE)
    await target.put("acme", 7, NOTE)
    path = tmp_path / "out side" / "acme" / "0000000000000007"
    assert path.read_bytes() == NOTE
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    with pytest.raises(TargetError) as differs:
        await target.put("acme", 7, OTHER)
    assert code_of(differs) == "target_differs"
    assert path.read_bytes() == NOTE


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is none is a failure that may pass."""
    (tmp_path / "file").write_text("in the way")
    target = target_of(f"file://{tmp_path}/file")
    assert target is not None
    with pytest.raises(TargetError) as failed:
        await target.put("acme", 7, NOTE)
    assert code_of(failed) == "target_failed"


async def test_an_object_is_locked(s3: str, bucket: Minio) -> None:
    """An object is put once under a lock that its version is kept by; another of its size is refused."""
    target = target_of(f"s3://{s3}/checkpoints/milepost?tls=no&days=30&region=us-east-1&mode=COMPLIANCE")
    assert target is not None
    await target.put("acme", 7, NOTE)
    await target.put("acme", 7, NOTE)
    name = "milepost/acme/0000000000000007"
    versions = list(bucket.list_objects("checkpoints", name, include_version=True))
    assert len(versions) == 1
    held = bucket.stat_object("checkpoints", name).metadata
    assert held is not None
    assert held["x-amz-object-lock-mode"] == "COMPLIANCE"
    until = dt.datetime.fromisoformat(held["x-amz-object-lock-retain-until-date"])
    assert dt.timedelta(days=29) < until - dt.datetime.now(dt.UTC) <= dt.timedelta(days=30)
    with pytest.raises(S3Error):
        bucket.remove_object("checkpoints", name, versions[0].version_id)
    with pytest.raises(TargetError) as differs:
        await target.put("acme", 7, OTHER)
    assert code_of(differs) == "target_differs"


@pytest.mark.usefixtures("bucket")
async def test_a_bucket_that_is_not_there_is_told(s3: str) -> None:
    """A bucket or server that does not answer is a failure that may pass."""
    for address in (f"s3://{s3}/nowhere?tls=no&region=us-east-1", "s3://127.0.0.1:1/nowhere?tls=no&region=us-east-1"):
        target = target_of(address)
        assert target is not None
        with pytest.raises(TargetError) as failed:
            await target.put("acme", 7, NOTE)
        assert code_of(failed) == "target_failed"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://somewhere/else",
        "file://host/folder",
        "file:relative",
        "file:///folder?mode=1",
        "s3://host",
        "s3:///bucket",
        "s3://host/bucket?days=0",
        "s3://host/bucket?days=ten",
        "s3://host/bucket?mode=LOOSE",
        "s3://host/bucket?tls=perhaps",
        "s3://host/bucket?lock=no",
        "s3://user@host/bucket",
        "s3://ho st/bucket",
    ],
)
def test_what_is_no_target_is_refused(url: str) -> None:
    """An address that cannot be meant is refused at once, by its code."""
    with pytest.raises(TargetError) as refused:
        target_of(url)
    assert code_of(refused) == "target_invalid"


def test_no_target_is_none() -> None:
    """Nothing is carried outside where nothing is set."""
    assert target_of("") is None


class Failing:
    """An outlet that takes so many checkpoints and then breaks, until it is mended."""

    def __init__(self, left: int) -> None:
        """Take how many it takes."""
        self.left = left
        self.taken: list[tuple[str, int, bytes]] = []

    async def put(self, tenant: str, size: int, note: bytes) -> None:
        """Take a checkpoint, or break."""
        if not self.left:
            raise TargetError("target_failed", "broken")
        self.left -= 1
        self.taken.append((tenant, size, note))


async def test_what_was_not_carried_is_carried_later(log: Log) -> None:
    """A failure is told and tried again after a while; what was carried is not again, not even after a restart."""
    grower = log.grower(events=1)
    for _ in range(4):
        log.write(2)
        log.now += 1
        grower.step()
    outlet = Failing(2)

    def carrying() -> Carrying:
        made = Carrying("outside", outlet, log.proofs, log=logger("replay"), clock=lambda: log.now)
        made.begin()
        return made

    first = carrying()
    await first.carry()
    assert [size for _, size, _ in outlet.taken] == [2, 4]
    assert first.trouble == "target_failed: broken"
    outlet.left = 10
    await first.carry()
    assert len(outlet.taken) == 2
    log.now += 1
    await first.carry()
    assert [size for _, size, _ in outlet.taken] == [2, 4, 6, 8]
    assert first.trouble == ""
    log.write(2)
    log.now += 1
    grower.step()
    await carrying().carry()
    assert [size for _, size, _ in outlet.taken] == [2, 4, 6, 8, 10]
    folder = ProofFolder(log.proofs, "acme")
    assert [note for _, _, note in outlet.taken] == [folder.signed(size) for size in (2, 4, 6, 8, 10)]


async def test_one_tenants_trouble_is_not_anothers(log: Log, tmp_path: Path) -> None:
    """Where another checkpoint lies in one tenant's place, the other tenants' are carried all the same."""
    grower = log.grower(events=1)
    log.write(2, "acme")
    log.write(3, "globex")
    grower.step()
    target = target_of(f"file://{tmp_path}/outside")
    assert target is not None
    await target.put("acme", 2, OTHER)
    carrying = Carrying("outside", target, log.proofs, log=logger("replay"), clock=lambda: log.now)
    carrying.begin()
    await carrying.carry()
    assert carrying.trouble.startswith("target_differs")
    assert ProofFolder(log.proofs, "globex").delivered("outside") == 3
    assert ProofFolder(log.proofs, "acme").delivered("outside") == 0


async def test_the_bus_keeps_each_checkpoint(connect: Connect) -> None:
    """A checkpoint is one message on its tenant's subject, and is kept; put twice it is there once."""
    client = await connect("replay")
    bus = Bus(client)
    for size, note in ((7, NOTE), (9, OTHER), (9, OTHER)):
        await bus.put("acme", size, note)
    await bus.put("globex", 7, NOTE)
    cli = await connect("cli")
    reader = await cli.jetstream().subscribe(
        "goals.checkpoint.v1.acme", stream=STREAM_CHECKPOINTS, ordered_consumer=True
    )
    assert [(await reader.next_msg(timeout=5)).data for _ in range(2)] == [NOTE, OTHER]
    with pytest.raises(asyncio.TimeoutError):
        await reader.next_msg(timeout=0.2)


async def test_a_broker_that_is_gone_is_waited_for(broker: EmbeddedBroker, connect: Connect, log: Log) -> None:
    """While the broker is away checkpoints wait on disk; each arrives when it is back."""
    grower = log.grower(events=1)
    carrying = Carrying("bus", Bus(await connect("replay")), log.proofs, log=logger("replay"), clock=lambda: log.now)
    await broker.kill()
    for _ in range(2):
        log.write(1)
        log.now += 1
        grower.step()
    for tenant, size in grower.signed():
        carrying.add(tenant, size)
    await carrying.carry()
    assert carrying.trouble
    await broker.start()
    cli = await connect("cli")
    while carrying.trouble:
        log.now += 100
        await carrying.carry()
    info = await cli.jetstream().stream_info(STREAM_CHECKPOINTS)
    assert info.state.messages == 2
    assert ProofFolder(log.proofs, "acme").delivered("bus") == 2
