"""Who may export gets the documents of a scope, page by page, with the proofs that lead to one signed checkpoint."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from milepost.decide import Ref
from milepost.replay.desk import Desk, Told
from milepost.replay.export.scoping import Found, documents_at
from milepost.replay.proving import checkpoint_of, diverged
from milepost.replay.tree.logs import Logs
from milepost.replay.tree.signing import SigningKeyError
from milepost.replay.tree.tree import TreeDiverged
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.proofs.bundle import Prefix, Scope, encoded
from milepost_contracts.proofs.merkle import Frontier, Hashes, ProofError, consistency_proof, inclusion_proof
from milepost_contracts.queries.export import Export, ExportAnswer

# Of one answer: the broker's largest message is 1 MiB, and the answer's own members need room beside the events.
ANSWER_BYTES_MAX = 900_000
HASH_CHARS = 47  # of a proof: 44 of base64, quotes and a comma
NODES_MAX = 16_384  # hashes of one page's proofs: 500 events with 30 each
EVERYTHING = Scope(kind="everything")


def export(desk: Desk, tenant: str, query: Export, reader: str) -> Told:
    """Answer *query*; refused for what the reader may not export, and for what no checkpoint covers yet."""
    scope = query.scope
    details: dict[str, Any] = {"scope": scope.kind, "id": scope.id, "after": query.after, "scan": query.scan}
    if (scope.kind == "everything") != (scope.id is None):
        message = "A goal, a person or a programme has an id; everything has none."
        return Refused(errors=[Problem(code="scope_invalid", field="scope", message=message)]), details
    if (query.scan or scope.id is None) and not desk.entitlement.reads_all(tenant, reader):
        message = "What everybody did is exported by the tenant's auditors and administrators."
        return Refused(errors=[Problem(code="not_allowed", field="scope", message=message)]), details
    if not may_export(desk, tenant, scope, reader):
        return desk.unknown(scope.kind), details
    if desk.logs is None or desk.searches is None:
        message = "No log is kept where this is answered."
        return Failed(errors=[Problem(code="log_unavailable", message=message)], retry=False), details
    try:
        begun = begin(desk, desk.logs, tenant, query)
        if not isinstance(begun, ExportAnswer):
            return begun, details
        wanted = EVERYTHING if query.scan else scope
        found = desk.searches.of(tenant, wanted, begun.until).go_on()
        if not isinstance(found, Found):
            return msgspec.structs.replace(begun, looked=found, more=True), details
        # Neighbours have most of their proofs in common, and a hash within a tile is worked out of its leaves.
        hashes = functools.lru_cache(NODES_MAX)(desk.logs.folder(tenant).tiles.hashes(begun.size))
        return page(desk, hashes, tenant, query, begun, found), details
    except (TreeDiverged, ProofError) as error:
        return diverged(str(error)), details
    except SigningKeyError as error:
        return Failed(errors=[Problem(code=error.code, message=str(error))]), details


def may_export(desk: Desk, tenant: str, scope: Scope, reader: str) -> bool:
    """Whether *reader* may take *scope* away: who may read a goal, the person, the programme's admins, the auditors."""
    if desk.entitlement.reads_all(tenant, reader):
        return True
    if scope.kind == "person":
        return reader == f"user:{scope.id}"
    if scope.kind == "programme":
        programme = desk.histories.newest(tenant, ("programme", str(scope.id)))
        return programme is not None and reader in programme.admins
    return desk.may_read(tenant, reader, (scope.kind, str(scope.id)))


def begin(desk: Desk, logs: Logs, tenant: str, query: Export) -> ExportAnswer | Refused:
    """Return what every page says: up to where it goes, and the checkpoint that its proofs lead to.

    Raises TreeDiverged, SigningKeyError.
    """
    if (trouble := logs.trouble(tenant)) and trouble.code == TreeDiverged.code:
        raise TreeDiverged(trouble.message)
    signed = checkpoint_of(logs, tenant, query.size)
    if signed is None:
        message = "No checkpoint of this log was signed yet." if query.size is None else "No checkpoint has this size."
        return Refused(errors=[Problem(code="checkpoint_unknown", field="size", message=message)])
    note, checkpoint = signed
    size, until = checkpoint.size, query.until
    if until is None:
        ref: Ref | None = (query.scope.kind, query.scope.id) if query.scope.id else None
        moment = desk.then(tenant, ref, query.at or f"s{size}")
        if isinstance(moment, Refused):
            return moment
        until = moment.sequence
    if until > size:
        logs.wish(tenant)
        message = f"The newest checkpoint covers the events up to {size}; {until} is not covered yet."
        details = {"size": size, "sequence": until}
        return Refused(errors=[Problem(code="not_proven_yet", field="at", message=message, details=details)])
    last = desk.journal.at(tenant, until)
    return ExportAnswer(
        sequence=f"{desk.newest(tenant):016d}", until=until, time=last.time if last else None,
        size=size, checkpoint=str(note), keys=[str(key) for key in logs.keys(tenant)],
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
