"""Signed notes, checkpoints and cosignatures: published vectors, and everything that must not be believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.notes import (
    COSIGNATURE,
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Cosigner,
    NoteError,
    Signature,
    Signer,
    VerifierKey,
    parse_note,
    signed_note,
)

# Keys, text and signatures of Go's golang.org/x/mod/sumdb/note (note_test.go).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
# Key and note of C2SP's signed-note.md.
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# Note of C2SP's tlog-cosignature.md.
SOFA_TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_NOTE = (
    f"{SOFA_TEXT}\n— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe"
    "+mbIUBkBIfZ+qnA==\n"
)
ORIGIN = "milepost.local/acme"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
NEXT = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
CHECKPOINT = Checkpoint(ORIGIN, 1234, bytes(32))


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(NoteError) as caught:
        call(*arguments)  # type: ignore[operator]  # each caller brings what can be called
    return caught.value.code


def test_published_notes_verify() -> None:
    """Notes of Go's tests and of the specification hold under their keys, one signature or two."""
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    note = parse_note(f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}")
    assert note.text == TEXT
    assert note.signed_by([peter]) == [peter]
    assert note.signed_by([enoch, peter]) == [peter, enoch]
    assert note.signed_by([]) == []
    assert str(note) == f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}"
    foo = VerifierKey.parse(FOO)
    assert parse_note(FOO_NOTE.encode()).signed_by([foo]) == [foo]


def test_published_keys_are_read_and_written() -> None:
    """A vkey line comes out as it went in; its hash is computed, not believed."""
    for line in (PETER, ENOCH, FOO):
        assert str(VerifierKey.parse(line)) == line
    assert VerifierKey.parse(PETER).key_id == 0xC74F20A3
    # Wrong length and unknown algorithm, each with its hash adjusted (note_test.go).
    assert code_of(VerifierKey.parse, "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==")
    assert code_of(VerifierKey.parse, "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")


def test_no_mangled_key_is_taken() -> None:
    """No part of a vkey line and no line with one byte changed is a key (as note_test.go has it)."""
    for start in range(len(PETER)):
        for end in range(start + 1, len(PETER) + 1):
            if (start, end) != (0, len(PETER)):
                assert code_of(VerifierKey.parse, PETER[start:end]) == "key_malformed"
    for place in range(len(PETER)):
        changed = PETER[:place] + chr(ord(PETER[place]) + 1) + PETER[place + 1 :]
        assert code_of(VerifierKey.parse, changed) == "key_malformed"


def test_a_published_checkpoint_is_read() -> None:
    """The specification's checkpoint has its origin, size and root, and the cosignature's lines come out again."""
    note = parse_note(SOFA_NOTE)
    assert str(note) == SOFA_NOTE
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text() == SOFA_TEXT
    assert int.from_bytes(note.signatures[1].signature[:8]) == 1679315147  # the time in the specification


def test_go_tree_heads_are_read() -> None:
    """What Go's tlog takes for a tree head is read, what it refuses is refused (tlog/note_test.go)."""
    head = "go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"
    assert Checkpoint.parse(head).size == 123456789012
    assert Checkpoint.parse(head + "JOE\n" * 1000).extensions == ("JOE",) * 1000
    for wrong in (
        head.replace("123456789012", "0xabcdef"),
        head.replace("wBb0=", "wBTOOBIG="),
        head.replace("1234", "01234"),
        head.replace("1234", "+1234"),
        head.replace("123456789012", "9223372036854775808"),
        head.replace("wBb0=", "wBb1="),
        head + "JOE",
        head + "\n",
        "\n" + head,
        head[: head.index("T")],
    ):
        assert code_of(Checkpoint.parse, wrong) == "checkpoint_malformed"


def test_a_checkpoint_is_signed_and_opened() -> None:
    """What the log signs is opened with its key line alone, through both encodings."""
    note = str(signed_note(CHECKPOINT.text(), [SIGNER]))
    key = VerifierKey.parse(str(SIGNER.verifier))
    assert open_checkpoint(note, [key]) == open_checkpoint(note.encode(), [key]) == CHECKPOINT
    assert code_of(open_checkpoint, note, [NEXT.verifier]) == "signature_missing"


def test_a_rotation_is_followed_with_either_key() -> None:
    """A checkpoint that both keys signed is opened with the old one and with the new one."""
    note = signed_note(CHECKPOINT.text(), [SIGNER, NEXT])
    assert open_checkpoint(note, [SIGNER.verifier]) == open_checkpoint(note, [NEXT.verifier]) == CHECKPOINT


def test_witnesses_cosign() -> None:
    """A witness's line tells when it saw the checkpoint; alone it opens none, and forged it spoils all."""
    note = signed_note(CHECKPOINT.text(), [SIGNER])
    line = WITNESS.sign(note.text, 1679315147)
    seen = note.with_signatures([Signature.parse(line)])
    assert WITNESS.verifier.type == COSIGNATURE
    assert VerifierKey.parse(str(WITNESS.verifier)) == WITNESS.verifier
    assert [(one.key, one.timestamp) for one in seen.verified([WITNESS.verifier])] == [(WITNESS.verifier, 1679315147)]
    assert open_checkpoint(seen, [SIGNER.verifier, WITNESS.verifier]) == CHECKPOINT
    assert code_of(open_checkpoint, seen, [WITNESS.verifier]) == "signature_missing"
    assert seen.with_signatures([Signature.parse(WITNESS.sign(note.text, 1))]) == seen
    good = Signature.parse(line)
    later = Signature(good.name, good.key_id, (1679315148).to_bytes(8) + good.signature[8:])
    never = Signature(good.name, good.key_id, (2**63).to_bytes(8) + good.signature[8:])
    for forged in (later, never, Signature(good.name, good.key_id, b"short")):
        spoiled = note.with_signatures([forged])
        assert code_of(open_checkpoint, spoiled, [SIGNER.verifier, WITNESS.verifier]) == "signature_invalid"
        assert open_checkpoint(spoiled, [SIGNER.verifier]) == CHECKPOINT


def test_another_log_with_the_same_text_is_refused() -> None:
    """A key that signs under one name opens no checkpoint of another origin."""
    other = Signer("milepost.local/other", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    note = signed_note(CHECKPOINT.text(), [other])
    assert code_of(open_checkpoint, note, [other.verifier]) == "origin_mismatch"


@given(st.data())
def test_no_changed_note_is_believed(data: st.DataObject) -> None:
    """A note with any byte changed is malformed, unsigned, or tells the same checkpoint."""
    note = str(signed_note(CHECKPOINT.text(), [SIGNER])).encode()
    place = data.draw(st.integers(0, len(note) - 1))
    changed = note[:place] + bytes([data.draw(st.integers(0, 255))]) + note[place + 1 :]
    if changed == note:
        return
    assert code_of(open_checkpoint, changed, [SIGNER.verifier]) in {
        "note_malformed", "signature_invalid", "signature_missing", "checkpoint_malformed",
    }  # fmt: skip


def test_malformed_notes_are_refused() -> None:
    """What Go's note refuses is refused here (note_test.go), and what is too large."""
    bad_name = PETER_LINE.replace("PeterNeumann", "Bad Name")
    for message in (
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n{PETER_LINE[:-1]}",
        f"\x01{TEXT}\n{PETER_LINE}",
        b"\xff" + f"{TEXT}\n{PETER_LINE}".encode(),
        f"{TEXT}\n{bad_name}",
        f"{TEXT}\n{PETER_LINE}Unexpected line.\n",
        f"{TEXT}\n— PeterNeumann x08g\n",
        f"{TEXT}\n— PeterNeumann not-base64\n",
        f"{TEXT}\n{PETER_LINE}".replace("\n", "\r\n"),
    ):
        assert code_of(parse_note, message) == "note_malformed"
    assert code_of(parse_note, f"{TEXT}\n{PETER_LINE * (SIGNATURES_MAX + 1)}") == "note_too_large"
    assert code_of(parse_note, "x" * (NOTE_BYTES_MAX + 1)) == "note_too_large"
    assert len(parse_note(f"{TEXT}\n{PETER_LINE * SIGNATURES_MAX}").signatures) == SIGNATURES_MAX


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    """A known key's line that does not hold refuses all, an unknown key's is passed over."""
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    broken = Signature(peter.name, peter.key_id, bytes(64))
    note = parse_note(f"{TEXT}\n{ENOCH_LINE}{broken}\n")
    assert note.signed_by([enoch]) == [enoch]
    assert code_of(note.signed_by, [enoch, peter]) == "signature_invalid"
    twin = VerifierKey(peter.name, peter.key_id, bytes(32))
    assert code_of(note.signed_by, [peter, twin]) == "key_ambiguous"
    assert parse_note(f"{TEXT}\n{PETER_LINE * 2}").signed_by([peter, peter]) == [peter]


def test_nothing_malformed_is_signed() -> None:
    """Neither a text without its newline, nor one with control characters, nor a line that hides another."""
    for text in ("no newline", "tab\t\n", "null\0\n"):
        assert code_of(SIGNER.sign, text) == "note_malformed"
    for wrong in (
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 1, bytes(32), ("",)),
    ):
        assert code_of(wrong.text) == "checkpoint_malformed"
    for name in ("", "with space", "plus+plus", "new\nline", "x" * 256, "non\u00a0breaking"):
        assert code_of(VerifierKey.of, name, bytes(32)) == "key_malformed"
    assert code_of(VerifierKey.of, "short", bytes(31)) == "key_malformed"
