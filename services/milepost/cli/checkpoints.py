"""`checkpoint`, and the log's part of `keys`: what was signed is shown and cosigned; a new key is made to sign."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from milepost.cli.errors import REFUSED, failed, misused
from milepost.cli.out import Out
from milepost.cli.session import connection
from milepost.cli.verbs import Entry, Group, Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from milepost.replay.tree.admin import Shown, TreeAdmin

NOTE_BYTES_MAX = 500_000  # what the log takes


def _on_log(where: Where, work: Callable[[TreeAdmin], Awaitable[Any]]) -> Any:
    from milepost.replay.tree.admin import AdminError, TreeAdmin

    async def asked() -> Any:
        async with connection(where) as nc:
            try:
                return await work(TreeAdmin(nc))
            except AdminError as error:
                raise failed(error.code, str(error)) from error

    return asyncio.run(asked())


def _show(where: Where, out: Out, *, size: int | None) -> int:
    """Show a signed checkpoint, the newest one unless SIZE is given: the note itself, as verifiers take it.

    What keeps the log from being signed or carried outside is told on standard error; the exit status is 1 then.
    """
    tenant = where.tenant
    shown: Shown = _on_log(where, lambda admin: admin.checkpoint(tenant, size))
    if out.as_json:
        out.document(shown)
    else:
        out.text(shown.note)
    return _told(out, shown)


def _told(out: Out, shown: Shown) -> int:
    for one in shown.cosigned:
        out.note(
            f"{one.name}+{one.key_id}: " + (f"saw it at {_utc(one.time)}" if one.known else "not known, unchecked")
        )
    for trouble in shown.troubles:
        out.note(trouble)
    return REFUSED if shown.troubles else 0


def _utc(seconds: int | None) -> str:
    import datetime as dt

    try:
        return dt.datetime.fromtimestamp(seconds or 0, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):  # whoever signed it meant no day of ours
        return f"{seconds} s"


def _list(where: Where, out: Out, *, below: int | None, limit: int) -> None:
    """List signed checkpoints, newest first: how many events each covers, its root, and how many witnesses signed."""
    tenant = where.tenant
    page = _on_log(where, lambda admin: admin.checkpoints(tenant, below, limit))
    if out.as_json:
        out.document(page)
        return
    rows = [(str(line.size), line.root, str(line.cosigned)) for line in page.checkpoints]
    out.table(("events", "root", "witnesses"), rows, empty="No checkpoint was signed yet.")
    if page.more:
        out.note(f"Older ones: --below {page.checkpoints[-1].size}")


def _cosign(where: Where, out: Out, *, note: str) -> int:
    """Keep the lines that witnesses added to a checkpoint; NOTE is a file with the note and their lines, - for stdin.

    A line of a witness that MILEPOST_WITNESSES names is checked, others are kept unchecked.
    """
    try:
        content = sys.stdin.buffer.read(NOTE_BYTES_MAX + 1) if note == "-" else Path(note).read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise misused("note_unreadable", f"{note}: {error}", "note") from error
    if len(content) > NOTE_BYTES_MAX:
        raise misused("note_too_large", f"A note has at most {NOTE_BYTES_MAX} bytes.", "note")
    tenant = where.tenant
    shown: Shown = _on_log(where, lambda admin: admin.cosign(tenant, text))
    if out.as_json:
        out.document(shown)
    else:
        out.line(f"The checkpoint of {shown.size} events has {len(shown.cosigned)} cosignatures.")
    return _told(out, shown)


def _prove(where: Where, out: Out, *, sequence: int, first: int | None, save: str | None) -> None:
    """Prove that the event with this SEQUENCE is in the newest checkpoint, or say that it is not covered yet.

    The hashes, in base64, lead from the event's leaf to the root in the checkpoint (RFC 6962). --first N: also that
    the log only grew since it had N events. --save FILE: the event itself, byte for byte as it was hashed.
    """
    from milepost.cli.session import session
    from milepost_contracts.queries import EventsAfter, EventsAfterAnswer, Proof, ProofAnswer

    async def asked() -> tuple[ProofAnswer, bytes | None]:
        async with session(where) as connected:
            proof = await connected.ask(Proof, ProofAnswer, sequence=sequence, first=first)
            if save is None:
                return proof, None
            found = await connected.ask(EventsAfter, EventsAfterAnswer, sequence=sequence - 1, limit=1)
            return proof, bytes(found.events[0])

    proof, document = asyncio.run(asked())
    if save is not None and document is not None:
        try:
            Path(save).write_bytes(document)
        except OSError as error:
            raise misused("not_written", f"{save}: {error}", "save") from error
    if out.as_json:
        out.document(proof)
        return
    assert proof.inclusion is not None  # noqa: S101  an event was asked for
    out.pairs(
        [("index", str(proof.inclusion.index)), ("size", str(proof.size)), ("leaf hash", proof.inclusion.leaf_hash)]
    )
    for one in proof.inclusion.path:
        out.pairs([("path", one)])
    if proof.consistency is not None:
        out.pairs([("first root", proof.consistency.first_root)])
        for one in proof.consistency.path:
            out.pairs([("consistency", one)])


def _public(where: Where, out: Out, *, every: bool) -> None:
    """Print the public key of the log in one line (a vkey): give it to whoever verifies, by a way that they trust.

    With --all every key that the log was ever signed with, oldest first.
    """
    tenant = where.tenant
    answer = _on_log(where, lambda admin: admin.keys(tenant))
    if not answer.keys:
        raise failed("signing_key_unknown", "This tenant's log has no key yet: its first event makes one.")
    if out.as_json:
        out.document(answer)
        return
    signing = answer.keys if answer.recorded or len(answer.keys) == 1 else answer.keys[:-1]
    for line in answer.keys if every else signing[-1:]:
        out.text(f"{line}\n")
    if not answer.recorded:
        out.note("The newest key is made; it signs when its event is in the journal.")


def _rotate(where: Where, out: Out) -> None:
    """Make the next signing key: the next checkpoint is signed by both, later ones by the new key alone.

    Checkpoints of the old key stay verifiable. Asked again before the new key signs, it is the same one.
    """
    tenant = where.tenant
    rotated = _on_log(where, lambda admin: admin.rotate(tenant))
    if out.as_json:
        out.document(rotated)
        return
    out.pairs([("old", rotated.old), ("new", rotated.new)])


def checkpoint() -> Group:
    """Return `checkpoint`."""
    size = click.Option(["--size"], type=click.IntRange(1), help="the one that covers so many events")
    below = click.Option(["--below"], type=click.IntRange(1), help="only those that cover fewer events")
    limit = click.Option(["--limit"], type=click.IntRange(1, 500), default=20, help="how many [20]")
    note = click.Argument(["note"], metavar="NOTE")
    sequence = click.Argument(["sequence"], metavar="SEQUENCE", type=click.IntRange(1))
    first = click.Option(["--first"], type=click.IntRange(1), help="also that it only grew since so many events")
    save = click.Option(["--save"], metavar="FILE", help="write the event as it was hashed")
    entries = {
        "show": Entry(
            "the newest signed checkpoint, or another",
            "Verbs",
            lambda: Verb("show", _show, [size], examples=["milepost checkpoint show"]),
        ),
        "list": Entry(
            "those that were signed, newest first",
            "Verbs",
            lambda: Verb("list", _list, [below, limit], examples=["milepost checkpoint list --limit 5"]),
        ),
        "prove": Entry(
            "that an event is in it, that the log only grew",
            "Verbs",
            lambda: Verb("prove", _prove, [sequence, first, save], examples=["milepost checkpoint prove 1 --first 1"]),
        ),
        "cosign": Entry(
            "keep the lines of witnesses",
            "Verbs",
            lambda: Verb("cosign", _cosign, [note], examples=["milepost checkpoint cosign cosigned.txt"]),
        ),
    }
    return Group("checkpoint", entries, text="What the log has committed itself to, signed.")


def log_keys() -> dict[str, Entry]:
    """Return the verbs of `keys` that are the log's."""
    every = click.Option(["--all", "every"], is_flag=True, help="every key that ever signed, oldest first")
    return {
        "public": Entry(
            "the line that checkpoints are verified with",
            "The log",
            lambda: Verb("public", _public, [every], examples=["milepost keys public"]),
        ),
        "rotate-signing": Entry(
            "a new key for checkpoints",
            "The log",
            lambda: Verb("rotate-signing", _rotate, examples=["milepost keys rotate-signing"]),
        ),
    }
