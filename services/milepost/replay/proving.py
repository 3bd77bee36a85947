"""An event is proved to be in its tenant's log, and the log to have only grown; what does not hold is not answered."""

from __future__ import annotations

from base64 import b64encode

from milepost.journal import Stored
from milepost.replay.desk import Desk, Told
from milepost.replay.explaining_which import by_id
from milepost.replay.tree.logs import Logs
from milepost.replay.tree.signing import SigningKeyError
from milepost.replay.tree.tree import TreeDiverged
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.merkle import (
    Frontier,
    ProofError,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from milepost_contracts.proofs.notes import Note, NoteError
from milepost_contracts.queries.proofs import Consistency, Inclusion, Proof, ProofAnswer


def proof(desk: Desk, tenant: str, query: Proof, _reader: str) -> Told:
    """Answer *query*: hashes tell no words, so whoever may ask in the tenant is answered."""
    details = {"named": query.event, "at": query.sequence, "first": query.first, "size": query.size}
    if desk.logs is None:
        message = "No log is kept where this is answered."
        return Failed(errors=[Problem(code="log_unavailable", message=message)], retry=False), details
    try:
        return _answer(desk, desk.logs, tenant, query), details
    except TreeDiverged as error:
        return diverged(str(error)), details
    except SigningKeyError as error:
        return Failed(errors=[Problem(code=error.code, message=str(error))]), details


def diverged(why: str) -> Failed:
    """Return what is said where journal and tree tell two stories: asking again does not help."""
    message = f"The journal is not what was signed: {why}. `milepost verify` names every difference."
    return Failed(errors=[Problem(code=TreeDiverged.code, message=message)], retry=False)


def checkpoint_of(logs: Logs, tenant: str, size: int | None = None) -> tuple[Note, Checkpoint] | None:
    """Return the checkpoint of *size* (None: the newest), signed by a key of ours; None: there is none.

    Raises TreeDiverged for one that we did not sign, SigningKeyError.
    """
    folder = logs.folder(tenant)
    try:
        note = folder.newest() if size is None else folder.note(size)
        return None if note is None else (note, open_checkpoint(note, logs.keys(tenant)))
    except NoteError as error:
        raise TreeDiverged(f"a checkpoint of {tenant}: {error.code}: {error}") from error


def included(logs: Logs, tenant: str, checkpoint: Checkpoint, stored: Stored) -> Inclusion:
    """Return the proof that *stored* is in *checkpoint*, which covers it; raises TreeDiverged where it is not."""
    index, leaf = stored.sequence - 1, leaf_hash(stored.document)
    try:
        path = inclusion_proof(index, checkpoint.size, logs.folder(tenant).tiles.hashes(checkpoint.size))
        verify_inclusion(leaf, index, checkpoint.size, path, checkpoint.root)
    except ProofError as error:
        why = f"the event with sequence {stored.sequence} is not in the checkpoint of {checkpoint.size} ({error.code})"
        raise TreeDiverged(why) from error
    return Inclusion(
        event=stored.event_id, event_sequence=stored.sequence, index=index, leaf_hash=_text(leaf),
        path=[_text(one) for one in path],
    )  # fmt: skip


def grown(logs: Logs, tenant: str, checkpoint: Checkpoint, first: int) -> Consistency:
    """Return the proof that the log of *first* events is the beginning of *checkpoint*; raises TreeDiverged."""
    hashes = logs.folder(tenant).tiles.hashes(checkpoint.size)
    try:
        root = Frontier.of(first, hashes).root()
        path = consistency_proof(first, checkpoint.size, hashes)
        verify_consistency(first, checkpoint.size, path, root, checkpoint.root)
    except ProofError as error:
        raise TreeDiverged(f"the tiles do not lead to the checkpoint of {checkpoint.size} ({error.code})") from error
    earlier = checkpoint_of(logs, tenant, first)
    if earlier is not None and earlier[1].root != root:
        raise TreeDiverged(f"another root was signed for {first} events")
    return Consistency(first=first, first_root=_text(root), path=[_text(one) for one in path])


def _answer(desk: Desk, logs: Logs, tenant: str, query: Proof) -> ProofAnswer | Refused | Failed:
    if query.event is not None and query.sequence is not None:
        return _refused("event_not_named", "Name the event by `event` or by `sequence`, not by both.", "event")
    newest = desk.newest(tenant)
    stored = None
    if query.event is not None:
        stored = by_id(desk.journal, tenant, query.event, newest)
    elif query.sequence is not None:
        stored = desk.journal.at(tenant, query.sequence)
    if stored is None and (query.event is not None or query.sequence is not None):
        return _refused("event_unknown", "This tenant has no such event.", "event" if query.event else "sequence")
    if (trouble := logs.trouble(tenant)) and trouble.code == TreeDiverged.code:
        return diverged(trouble.message)
    signed = checkpoint_of(logs, tenant, query.size)
    if signed is None:
        message = "No checkpoint of this size was signed." if query.size else "No checkpoint was signed yet."
        return _refused("checkpoint_unknown", message, "size")
    note, checkpoint = signed
    if stored is not None and stored.sequence > checkpoint.size:
        logs.wish(tenant)
        message = f"The checkpoint covers {checkpoint.size} events; event {stored.sequence} is not proven yet."
        return _refused("not_proven_yet", message, "sequence")
    if query.first is not None and query.first > checkpoint.size:
        return _refused("first_unknown", f"The checkpoint covers {checkpoint.size} events.", "first")
    return ProofAnswer(
        sequence=f"{newest:016d}",
        checkpoint=str(note),
        size=checkpoint.size,
        keys=[str(key) for key in logs.keys(tenant)],
        inclusion=included(logs, tenant, checkpoint, stored) if stored is not None else None,
        consistency=grown(logs, tenant, checkpoint, query.first) if query.first is not None else None,
    )


def _refused(code: str, message: str, field: str) -> Refused:
    return Refused(errors=[Problem(code=code, message=message, field=field)])


def _text(digest: bytes) -> str:
    return b64encode(digest).decode()
