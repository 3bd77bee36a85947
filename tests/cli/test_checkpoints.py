"""The log on the command line: what was signed, its public line, witnesses' lines, and a new key."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Iterator

import pytest

from milepost_contracts.proofs.checkpoints import open_checkpoint
from milepost_contracts.proofs.merkle import leaf_hash, verify_inclusion
from milepost_contracts.proofs.notes import VerifierKey
from tests.support.serving import Served
from tests.support.shell import Shell, Typed
from tests.support.witnessing import WITNESS, cosigned

SIGNED_S_MAX = 30.0


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give a shell beside a Milepost that signs often and knows the witness."""
    folder = tmp_path_factory.mktemp("logged")
    flags = ("--checkpoint-s", "0.1", "--witnesses", str(WITNESS.verifier), "--origin", "log.example")
    with Served(folder / "data", "--sample", *flags) as served:
        variables = {"MILEPOST_NATS_URL": served.url, "MILEPOST_NATS_SEED": str(served.keys)}
        yield Shell(folder, MILEPOST_DATA_DIR=str(folder / "data"), MILEPOST_AS="maya", **variables)


def until_signed(shell: Shell, count: int = 1) -> Typed:
    """Return what `checkpoint show --json` prints as soon as *count* keys of the log have signed the newest."""
    deadline = time.monotonic() + SIGNED_S_MAX
    while time.monotonic() < deadline:
        typed = shell("checkpoint show --json")
        if typed.status == 0 and typed.document["note"].count("\n— log.example/sample ") == count:
            return typed
        time.sleep(0.05)
    raise TimeoutError(typed)


def test_what_was_signed_verifies_with_the_printed_line(shell: Shell) -> None:
    """The note that `show` prints is signed by the one line that `keys public` prints, and stands in the list."""
    until_signed(shell)
    line = shell.done("keys public").out
    assert line.startswith("log.example/sample+")
    assert line.count("\n") == 1
    shown = shell.done("checkpoint show").out
    checkpoint = open_checkpoint(shown, [VerifierKey.parse(line)])
    listed = shell.done("checkpoint list --json --limit 500").document["checkpoints"]
    assert checkpoint.size in [entry["size"] for entry in listed]
    assert shell.done(f"checkpoint show --size {checkpoint.size}").out == shown
    oldest = listed[-1]["size"]
    assert str(oldest) in shell.done("checkpoint list").out
    more = shell(f"checkpoint list --limit 1 --below {oldest + 1}")
    assert more.status == 0


def test_an_event_is_proved(shell: Shell) -> None:
    """The path that is printed leads from the saved document to the checkpoint; what is not there is refused."""
    note = until_signed(shell).document["note"]
    size = int(note.split("\n")[1])
    proof = shell.done(f"checkpoint prove 3 --first 2 --save {shell.folder}/event.json --json").document
    leaf = leaf_hash((shell.folder / "event.json").read_bytes())
    path = [b64decode(one) for one in proof["inclusion"]["path"]]
    root = b64decode(proof["checkpoint"].split("\n")[2])
    verify_inclusion(leaf, 2, proof["size"], path, root)
    assert proof["size"] >= size
    printed = shell.done("checkpoint prove 3 --first 2").out
    assert proof["inclusion"]["leaf_hash"] in printed
    assert proof["consistency"]["path"][-1] in printed
    assert "event_unknown" in shell("checkpoint prove 999999").err
    assert shell("checkpoint prove 3 --save /nowhere/at/all").status == 2


def test_what_was_not_signed_is_refused(shell: Shell) -> None:
    """A size that was never signed, and a tenant without a log, are refused by code, in text and in JSON."""
    for line, code in (
        ("checkpoint show --size 999999", "checkpoint_unknown"),
        ("checkpoint show --tenant nobody", "checkpoint_unknown"),
        ("keys public --tenant nobody", "signing_key_unknown"),
        ("keys rotate-signing --tenant nobody", "tenant_unknown"),
    ):
        typed = shell(line)
        assert typed.status == 1
        assert code in typed.err
    assert shell("checkpoint cosign no-such-file").status == 2
    assert shell("checkpoint show --size 0").status == 2


def test_a_witness_signs_too(shell: Shell) -> None:
    """A witness's line is taken from a file, told with its time, and refused where it was forged."""
    until_signed(shell)
    note = cosigned(shell.done("checkpoint show").out)
    (shell.folder / "cosigned.txt").write_text(note, encoding="utf-8")
    taken = shell.done("checkpoint cosign cosigned.txt")
    assert "1 cosignatures" in taken.out
    assert "witness.example/w1" in taken.err
    assert "saw it at 20" in taken.err
    head, _, line = note.rpartition("\n— witness")
    changed = line[:-10] + ("A" if line[-10] != "A" else "B") + line[-9:]
    (shell.folder / "cosigned.txt").write_text(f"{head}\n— witness{changed}", encoding="utf-8")
    assert "signature_invalid" in shell("checkpoint cosign cosigned.txt").err


def test_a_new_key_is_printed_and_signs(shell: Shell) -> None:
    """The new line is printed with the old one; both sign once, and `--all` prints both for old checkpoints."""
    until_signed(shell)
    old = shell.done("keys public").out.strip()
    rotated = shell.done("keys rotate-signing --json").document
    assert rotated["old"] == old
    note = until_signed(shell, 2).document["note"]
    for line in (rotated["old"], rotated["new"]):
        open_checkpoint(note, [VerifierKey.parse(line)])
    assert shell.done("keys public").out.strip() == rotated["new"]
    assert shell.done("keys public --all").out.split() == [rotated["old"], rotated["new"]]
