"""Events leave the journal in a bundle that others can read and check; what is asked is answered, what comes is kept.

On the journal's side `answering` gives pages of documents and proofs, of what `scoping` finds. At who exports,
`bundling` asks for them and `collecting` verifies and keeps them; `telling` opens words (`opening`), folds histories
(`folding`) and shows them (`report`, `tables`).
"""

from milepost.replay.export.bundling import Bundled, Sources, make, prepared
from milepost.replay.export.plan import ExportError, Plan

__all__ = ["Bundled", "ExportError", "Plan", "Sources", "make", "prepared"]
