"""The log in its process: checkpoints, verbs, cosignatures, a second process that waits, and the query `proof`."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost.journal import Journal, KeyStore
from milepost.logs import logger
from milepost.replay import ReplayService
from milepost.replay.tree import Bus, Carrying, Grower, Logs, Options, SigningKeys, TreeService
from milepost.replay.tree.admin import AdminError, TreeAdmin
from milepost.wiring import subscribing
from milepost_contracts.answers import Accepted, Answer, Failed, Problem, Refused
from milepost_contracts.commands.tenant import RecordSigningKey
from milepost_contracts.proofs.checkpoints import open_checkpoint
from milepost_contracts.proofs.merkle import leaf_hash, verify_consistency, verify_inclusion
from milepost_contracts.proofs.notes import Cosigner, Signature, Signer, VerifierKey, parse_note
from milepost_contracts.queries import Proof, ProofAnswer
from milepost_contracts.subjects import ADMIN
from tests.journal.wishes import run_sql
from tests.replay.tree.checking import checked
from tests.replay.tree.conftest import ORIGIN, Log
from tests.support.nats import Connect
from tests.support.waiting import until

WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.generate())
STRANGER = Cosigner("stranger.example/w2", Ed25519PrivateKey.generate())
ASKER = "service:cli"


class Running:
    """A log and its admin, as the stage runs them; *send* may be put in place of accept."""

    def __init__(self, log: Log, client: Client, cli: Client) -> None:
        """Take the journal with its folders, the connection of replay, and one of the command line."""
        self.log = log
        self.admin = TreeAdmin(cli)
        self.sent: list[RecordSigningKey] = []
        self.answer: Answer = Failed(errors=[Problem(code="no_answer", message="away")])
        self.journal = Journal(log.url, writes=False)
        keys = SigningKeys(log.signing, ORIGIN)
        self.grower = Grower(self.journal, log.proofs, keys, Options(1, 0.05), log=logger("replay"))
        self.logs = Logs(log.proofs, keys, lambda: self.grower.troubles)
        self.service = TreeService(
            client, self.grower, keys, [Carrying("bus", Bus(client), log.proofs, log=logger("replay"))],
            send=self.send, witnesses=[WITNESS.verifier], log=logger("replay"), poll_s=0.02,
        )  # fmt: skip

    async def send(self, tenant: str, command: RecordSigningKey) -> Answer:
        """Store what accept would, unless it is away."""
        self.sent.append(command)
        if isinstance(self.answer, Accepted):
            await asyncio.to_thread(self.log.record, tenant, f"tenant/{command.id}/{command.command_id}")
        return self.answer

    async def until_signed(self, size: int, tenant: str = "acme") -> str:
        """Return the newest note as soon as it covers *size* events."""
        notes: list[str] = []

        async def signed() -> bool:
            try:
                shown = await self.admin.checkpoint(tenant)
            except AdminError:
                return False
            notes.append(shown.note)
            return shown.size >= size

        await until(signed)
        return notes[-1]


@asynccontextmanager
async def running(log: Log, connect: Connect) -> AsyncIterator[Running]:
    """Run the log while this lasts."""
    run = Running(log, await connect("replay"), await connect("cli"))
    task = run.service.start()
    try:
        yield run
    finally:
        await run.service.stop()
        run.journal.close()
        task.result()


async def test_the_log_follows_the_journal(log: Log, connect: Connect) -> None:
    """What is stored is signed within a moment, listed newest first, and signed once more at the end."""
    log.write(3)
    async with running(log, connect) as run:
        await run.until_signed(3)
        log.write(4)
        note = await run.until_signed(7)
        keys = await run.admin.keys("acme")
        assert open_checkpoint(note, [VerifierKey.parse(line) for line in keys.keys]).size == 7
        page = await run.admin.checkpoints("acme", limit=1)
        assert [line.size for line in page.checkpoints] == [7]
        assert page.more
        rest = await run.admin.checkpoints("acme", below=7)
        assert [line.size for line in rest.checkpoints] == [3]
        assert not rest.more
        log.write(2)
    found = checked(log.proofs, log.keys(), "acme", log.documents())
    assert [one.size for one in found][-1] == 9


async def test_a_witness_cosigns(log: Log, connect: Connect) -> None:
    """A known witness's line is checked and kept, a stranger's kept unchecked; forged and foreign ones are refused."""
    log.write(3)
    async with running(log, connect) as run:
        note = parse_note(await run.until_signed(3))
        line = WITNESS.sign(note.text, 1679315147)
        shown = await run.admin.cosign("acme", str(note.with_signatures([Signature.parse(line)])))
        assert [(one.name, one.known, one.time) for one in shown.cosigned] == [("witness.example/w1", True, 1679315147)]
        again = note.with_signatures([Signature.parse(STRANGER.sign(note.text, 5)), Signature.parse(line)])
        shown = await run.admin.cosign("acme", str(again))
        assert [(one.name, one.known) for one in shown.cosigned] == [
            ("witness.example/w1", True),
            ("stranger.example/w2", False),
        ]
        assert (log.proofs / "acme" / "checkpoint").read_text() == shown.note
        assert (log.proofs / "acme" / "checkpoints" / f"{3:016d}").read_text() == str(note)
        assert (await run.admin.checkpoints("acme")).checkpoints[0].cosigned == 2
        good = Signature.parse(WITNESS.sign(note.text, 7))
        forged = Signature(good.name, good.key_id, (8).to_bytes(8) + good.signature[8:])
        other = Signer("other.example/log", Ed25519PrivateKey.generate())
        foreign = note.text.replace("\n3\n", "\n4\n")
        for wrong, code in (
            (str(note.with_signatures([forged])), "signature_invalid"),
            (str(note), "signature_missing"),
            (f"{foreign}\n{other.sign(foreign)}\n", "checkpoint_unknown"),
            ("nonsense", "note_malformed"),
            ("nonsense\n\n" + other.sign("nonsense\n") + "\n", "checkpoint_malformed"),
        ):
            with pytest.raises(AdminError) as refused:
                await run.admin.cosign("acme", wrong)
            assert refused.value.code == code
        log.write(2)
        newer = await run.until_signed(5)
        assert "witness.example" not in newer
        assert "witness.example/w1" in (await run.admin.checkpoint("acme", 3)).note


async def test_a_rotation_is_told_and_signed(log: Log, connect: Connect) -> None:
    """The new key's event is asked for until accept has taken it; then a checkpoint is signed by both keys."""
    log.write(3)
    async with running(log, connect) as run:
        await run.until_signed(3)
        rotated = await run.admin.rotate("acme")
        await until(lambda: len(run.sent) > 1)
        assert {(command.old, command.new) for command in run.sent} == {(rotated.old, rotated.new)}
        assert len({command.command_id for command in run.sent}) == 1
        assert (await run.admin.keys("acme")).recorded is False
        run.answer = Accepted(id=run.sent[0].id, version=1, sequence=f"{4:016d}", events=[])
        note = await run.until_signed(4)
        for line in (rotated.old, rotated.new):
            assert open_checkpoint(note, [VerifierKey.parse(line)]).size == 4
        answer = await run.admin.keys("acme")
        assert answer.keys == [rotated.old, rotated.new]
        assert answer.recorded
        with pytest.raises(AdminError) as unknown:
            await run.admin.rotate("nobody")
        assert unknown.value.code == "tenant_unknown"


async def test_one_grows_and_another_waits(log: Log, connect: Connect) -> None:
    """Of two processes on one folder one grows the trees; the other takes over when that one ends."""
    log.write(3)
    async with running(log, connect) as first:
        await first.until_signed(3)
        async with running(log, connect) as second:
            log.write(2)
            await first.until_signed(5)
            assert not second.grower.is_open
            await first.service.stop()
            log.write(2)
            await second.until_signed(7)
    checked(log.proofs, log.keys(), "acme", log.documents())


async def test_verbs_take_only_what_they_are_for(log: Log, connect: Connect) -> None:
    """Another verb's body, and what is none, are answered by code; so is what was never signed."""
    log.write(1)
    async with running(log, connect) as run:
        await run.until_signed(1)
        cli = await connect("cli")
        for verb, body in (("keys", b'{"verb":"rotate","tenant":"acme"}'), ("rotate", b"{}"), ("rotate", b"\xff")):
            reply = msgspec.json.decode((await cli.request(f"{ADMIN}.replay.{verb}", body, timeout=5)).data)
            assert reply["code"] == "invalid_request"
        with pytest.raises(AdminError) as unknown:
            await run.admin.checkpoint("acme", 999)
        assert unknown.value.code == "checkpoint_unknown"
    with pytest.raises(AdminError) as nobody:
        await TreeAdmin(await connect("cli")).keys("acme")
    assert nobody.value.code == "replay_unreachable"


@pytest.fixture
async def ask(log: Log, broker: EmbeddedBroker, connect: Connect, tmp_path: Path) -> AsyncIterator[Any]:
    """Give (the running log, what asks it on the bus as the command line does)."""
    async with running(log, connect) as run:
        keys = KeyStore(f"sqlite:///{tmp_path / 'keys.db'}", tmp_path / "wrapping")
        service = ReplayService(
            subscribing(broker.options("replay")),
            run.journal,
            keys,
            gateways=frozenset({"cli"}),
            log=logger("replay"),
            logs=run.logs,
        )
        await service.start()
        asker = Asker(await connect("cli"), "cli", patience_s=0)

        async def asked(**members: Any) -> Any:
            return await asker.query("acme", Proof(actor=ASKER, **members))

        yield run, asked
        await service.stop()
        keys.close()


async def test_an_event_is_proved(log: Log, ask: Any) -> None:
    """The answer's checkpoint, path and consistency verify with the contracts alone, by sequence and by event id."""
    run, asked = ask
    assert (await asked()).errors[0].code == "checkpoint_unknown"
    log.write(300)
    await run.until_signed(300)
    stored = run.journal.at("acme", 77)
    public = VerifierKey.parse((await run.admin.keys("acme")).keys[0])
    for named in ({"sequence": 77}, {"event": stored.event_id}):
        answer = await asked(**named, first=120)
        assert isinstance(answer, ProofAnswer)
        checkpoint = open_checkpoint(answer.checkpoint, [public])
        assert (checkpoint.size, answer.size, answer.sequence) == (300, 300, f"{300:016d}")
        assert answer.inclusion is not None
        path = [b64decode(one) for one in answer.inclusion.path]
        verify_inclusion(leaf_hash(stored.document), 76, 300, path, checkpoint.root)
        assert (answer.inclusion.index, answer.inclusion.event) == (76, stored.event_id)
        assert answer.consistency is not None
        path = [b64decode(one) for one in answer.consistency.path]
        verify_consistency(120, 300, path, b64decode(answer.consistency.first_root), checkpoint.root)
    log.write(5)
    await run.until_signed(305)
    assert (await asked(sequence=77, size=300)).size == 300


async def test_what_cannot_be_proved_is_refused(log: Log, ask: Any) -> None:
    """What is not there, not named, or not covered is refused by its code."""
    run, asked = ask
    log.write(3)
    await run.until_signed(3)
    log.write(1)
    await run.until_signed(4)
    event = run.journal.at("acme", 1).event_id
    for members, code in (
        ({"sequence": 99}, "event_unknown"),
        ({"event": "0199c0de-0000-7000-8000-0000000000aa"}, "event_unknown"),
        ({"sequence": 1, "event": event}, "event_not_named"),
        ({"size": 2}, "checkpoint_unknown"),
        ({"sequence": 4, "size": 3}, "not_proven_yet"),
        ({"first": 4, "size": 3}, "first_unknown"),
    ):
        answer = await asked(**members)
        assert isinstance(answer, Refused)
        assert [problem.code for problem in answer.errors] == [code]


async def test_a_changed_event_is_not_proved(log: Log, ask: Any) -> None:
    """Who asks for the proof of an event that was changed is told that the journal is not what was signed."""
    run, asked = ask
    log.write(5)
    await run.until_signed(5)
    text = "CAST(replace(CAST(state AS TEXT), '\"jwt\"', '\"sso\"') AS BLOB)"
    if log.url.startswith("postgresql:"):
        text = "convert_to(replace(convert_from(state, 'UTF8'), '\"jwt\"', '\"sso\"'), 'UTF8')"
    run_sql(log.url, f"UPDATE stored_events SET state = {text} WHERE tenant = 'acme' AND sequence = 2")
    answer = await asked(sequence=2)
    assert isinstance(answer, Failed)
    assert (answer.errors[0].code, answer.retry) == ("tree_diverged", False)
    assert isinstance(await asked(sequence=3), ProofAnswer)


async def test_a_diverged_log_says_so_everywhere(log: Log, ask: Any) -> None:
    """A log that is not signed any more is named to `/readyz` and to every question; its process goes on."""
    run, asked = ask
    log.write(5)
    await run.until_signed(5)
    with run.grower._using:  # while it may not look
        log.write(5)
        run_sql(log.url, "DELETE FROM stored_events WHERE tenant = 'acme' AND sequence = 8")
    await until(lambda: run.service.troubles() == ["tree_diverged: acme"])
    assert (await asked(sequence=1)).errors[0].code == "tree_diverged"
    with pytest.raises(AdminError) as refused:
        await run.admin.rotate("acme")
    assert refused.value.code == "tree_diverged"
    assert "tree_diverged" in (await run.admin.checkpoint("acme")).troubles[0]
    log.write(2, "globex")
    await run.until_signed(2, "globex")
