"""What proves an event to be in the log: its place, the signed checkpoint, and the hashes that lead there."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.types import Id, Value


class Inclusion(Value, frozen=True, kw_only=True):
    """Where an event is: its sequence, the leaf's index and hash, and the RFC 6962 audit path; hashes in base64."""

    event: Id
    event_sequence: int
    index: int
    leaf_hash: str
    path: list[str]


class Consistency(Value, frozen=True, kw_only=True):
    """That the tree of `first` leaves with root `first_root` is the beginning of the checkpoint's; hashes in base64."""

    first: int
    first_root: str
    path: list[str]


class ProofAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """A signed checkpoint (C2SP note, with its witnesses' lines) and what was asked to be proved in it.

    `keys`: the log's public lines, oldest first. Compare them with those that you hold: who could forge a checkpoint
    could forge them too.
    """

    checkpoint: str
    size: int
    keys: list[str] = []
    inclusion: Inclusion | None = None
    consistency: Consistency | None = None


class Proof(Query, frozen=True, kw_only=True):
    """Prove that an event, named by `event` or by `sequence`, is in the log; that it only grew since `first` events.

    `size`: in the checkpoint of this size (absent: the newest). Without an event, the checkpoint and what else is
    asked for is answered.
    """

    ANSWER: ClassVar[type[Answer]] = ProofAnswer

    event: Id | None = None
    sequence: Annotated[int, Meta(ge=1)] | None = None
    first: Annotated[int, Meta(ge=1)] | None = None
    size: Annotated[int, Meta(ge=1)] | None = None
