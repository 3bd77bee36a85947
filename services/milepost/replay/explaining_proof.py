"""An event's place in the tenant's log is proven up to the newest checkpoint, or it is said why it is not."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from milepost.journal import Stored
from milepost.replay.desk import Desk
from milepost.replay.proving import checkpoint_of, included
from milepost.replay.tree.logs import Logs
from milepost.replay.tree.signing import SigningKeyError
from milepost.replay.tree.tree import TreeDiverged
from milepost_contracts.proofs.merkle import leaf_hash
from milepost_contracts.queries.explain import ProofTold


def proof(desk: Desk, tenant: str, chosen: Stored) -> ProofTold:
    """Return the proof that *chosen* is in the newest checkpoint of *tenant*; what does not hold is told as broken."""
    leaf: dict[str, Any] = {
        "leaf": chosen.sequence - 1, "leaf_hash": b64encode(leaf_hash(chosen.document)).decode(),
    }  # fmt: skip
    if desk.logs is None:
        return ProofTold(status="unavailable", message="No log is kept where this is answered.", **leaf)
    try:
        return _proven(desk.logs, tenant, chosen, leaf)
    except TreeDiverged as error:
        message = f"The journal is not what was signed: {error}. `milepost verify` names every difference."
        return ProofTold(status="broken", message=message, **leaf)
    except SigningKeyError as error:
        return ProofTold(status="unavailable", message=str(error), **leaf)


def _proven(logs: Logs, tenant: str, chosen: Stored, leaf: dict[str, Any]) -> ProofTold:
    signed = checkpoint_of(logs, tenant)
    if signed is None:
        return ProofTold(status="not_yet", message="Not yet proven: no checkpoint was signed so far.", **leaf)
    note, checkpoint = signed
    told: dict[str, Any] = leaf | {
        "origin": checkpoint.origin, "size": checkpoint.size, "root": b64encode(checkpoint.root).decode(),
        "note": str(note), "keys": [str(key) for key in logs.keys(tenant)],
    }  # fmt: skip
    if chosen.sequence > checkpoint.size:
        message = f"Not yet proven: the newest checkpoint ends at s{checkpoint.size}."
        return ProofTold(status="not_yet", message=message, **told)
    if (trouble := logs.trouble(tenant)) is not None and trouble.code == TreeDiverged.code:
        # What is below still holds for this event; that the log as a whole is not signed any more has to be known.
        told["message"] = f"The log is not signed any more: {trouble.message}"
    return ProofTold(status="proven", path=included(logs, tenant, checkpoint, chosen).path, **told)
