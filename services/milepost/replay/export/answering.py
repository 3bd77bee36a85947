"""Who may export gets the documents of a scope, page by page, with the proofs that lead to one signed checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from milepost.decide import Ref
from milepost.replay.desk import Desk, Told
from milepost.replay.export.scoping import Found, Searches, documents_at
from milepost.replay.tree.folder import ProofFolder
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.proofs.bundle import Prefix, Scope, encoded
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.merkle import Frontier, Hashes, ProofError, consistency_proof, inclusion_proof
from milepost_contracts.proofs.notes import NoteError, VerifierKey
from milepost_contracts.queries.export import Export, ExportAnswer

# Of one answer: the broker's largest message is 1 MiB, and the answer's own members need room beside the events.
ANSWER_BYTES_MAX = 900_000
HASH_CHARS = 47  # of a proof: 44 of base64, quotes and a comma
EVERYTHING = Scope(kind="everything")


class Exports:
    """Answers exports: *folder_of* gives a tenant's tree and checkpoints, *keys_of* the public keys of its log."""

    def __init__(
        self, folder_of: Callable[[str], ProofFolder], keys_of: Callable[[str], Iterable[VerifierKey]]
    ) -> None:
        """Take where proofs are; nothing is read yet."""
        self._folder_of = folder_of
        self._keys_of = keys_of
        self._searches = Searches()

    def __call__(self, desk: Desk, tenant: str, query: Export, reader: str) -> Told:
        """Answer *query*; refused for what the reader may not export, and for what no checkpoint covers yet."""
        scope = query.scope
        details: dict[str, Any] = {"scope": scope.kind, "id": scope.id, "after": query.after, "scan": query.scan}
        if (scope.kind == "everything") != (scope.id is None):
            message = "A goal, a person or a programme has an id; everything has none."
            return Refused(errors=[Problem(code="scope_invalid", field="scope", message=message)]), details
        if not may_export(desk, tenant, query, reader):
            return desk.unknown(scope.kind), details
        folder = self._folder_of(tenant)
        try:
            begun = begin(desk, folder, tenant, query)
            if not isinstance(begun, ExportAnswer):
                return begun, details
            begun = msgspec.structs.replace(begun, keys=[str(key) for key in self._keys_of(tenant)])
            wanted = EVERYTHING if query.scan else scope
            found = self._searches.of(desk.journal, tenant, wanted, begun.until).go_on()
            if not isinstance(found, Found):
                return msgspec.structs.replace(begun, looked=found, more=True), details
            return page(desk, folder.tiles.hashes(begun.size), tenant, query, begun, found), details
        except (ProofError, NoteError) as error:
            # The tree on disk is not what its checkpoint says: nothing can be proven until that is mended.
            return Failed(errors=[Problem(code=error.code, message=f"{error}.")], retry=False), details


def may_export(desk: Desk, tenant: str, query: Export, reader: str) -> bool:
    """Whether *reader* may take the scope away: a goal's readers, the person, the programme's admins, the auditors.

    What everybody did, all at once, is for the tenant's auditors and administrators.
    """
    scope = query.scope
    if desk.entitlement.reads_all(tenant, reader):
        return True
    if query.scan or scope.kind == "everything" or scope.id is None:
        return False
    if scope.kind == "person":
        return reader == f"user:{scope.id}"
    if scope.kind == "programme":
        programme = desk.histories.newest(tenant, ("programme", scope.id))
        return programme is not None and reader in programme.admins
    return desk.may_read(tenant, reader, (scope.kind, scope.id))


def begin(desk: Desk, folder: ProofFolder, tenant: str, query: Export) -> ExportAnswer | Refused:
    """Return what every page says: up to where it goes, and the checkpoint that its proofs lead to.

    Raises NoteError.
    """
    note = folder.newest() if query.size is None else folder.note(query.size)
    if note is None:
        message = "No checkpoint of this log was signed yet." if query.size is None else "No checkpoint has this size."
        return Refused(errors=[Problem(code="checkpoint_unknown", field="size", message=message)])
    size, until = Checkpoint.parse(note.text).size, query.until
    if until is None:
        ref: Ref | None = (query.scope.kind, query.scope.id) if query.scope.id else None
        moment = desk.then(tenant, ref, query.at or f"s{size}")
        if isinstance(moment, Refused):
            return moment
        until = moment.sequence
    if until > size:
        message = f"The newest checkpoint covers the events up to {size}; {until} is not covered yet."
        details = {"size": size, "sequence": until}
        return Refused(errors=[Problem(code="not_proven_yet", field="at", message=message, details=details)])
    last = desk.journal.at(tenant, until)
    return ExportAnswer(
        sequence=f"{desk.newest(tenant):016d}", until=until, time=last.time if last else None,
        size=size, checkpoint=str(note),
    )  # fmt: skip


def page(desk: Desk, hashes: Hashes, tenant: str, query: Export, begun: ExportAnswer, found: Found) -> ExportAnswer:
    """Return *begun* with the events after the query's sequence, and what proves them; raises ProofError."""
    whole = query.scan or query.scope.kind == "everything"
    wanted = found.after(query.after, query.limit)
    events: list[msgspec.Raw] = []
    proofs: list[list[str]] = []
    room = ANSWER_BYTES_MAX
    for stored in documents_at(desk.journal, tenant, wanted):
        proof = [] if whole else inclusion_proof(stored.sequence - 1, begun.size, hashes)
        room -= len(stored.document) + len(proof) * HASH_CHARS
        if events and room < 0:
            break
        events.append(msgspec.Raw(stored.document))
        if not whole:
            proofs.append([encoded(one) for one in proof])
    prefix = None
    if whole and 0 < begun.until < begun.size:
        root = encoded(Frontier.of(begun.until, hashes).root())
        proof = consistency_proof(begun.until, begun.size, hashes)
        prefix = Prefix(size=begun.until, root=root, proof=[encoded(one) for one in proof])
    more = len(events) < len(wanted) or bool(events and found.sequences[-1] > wanted[-1])
    return msgspec.structs.replace(begun, total=found.total, events=events, proofs=proofs, prefix=prefix, more=more)
