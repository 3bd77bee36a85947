"""What leaves the journal in a bundle: documents of a scope and their proofs, in pages; nothing is opened here."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from milepost_contracts.proofs.bundle import Prefix, Scope
from milepost_contracts.queries.base import PAGE_MAX, REASON_CHARS_MAX, Answer, Query
from milepost_contracts.queries.moments import Moment
from milepost_contracts.types import Text, Value


class Looked(Value, frozen=True, kw_only=True):
    """How far the log was looked through for what belongs to the scope: sequence `done` of `total`."""

    done: int
    total: int


class ExportAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """A page of an export; ask again after its last event while there is `more`.

    `until`: the last sequence that belongs to it, `time` when that was recorded. `checkpoint` is the signed note of the
    tree of `size` that `proofs` lead to, one for each of `events` (base64 hashes; none where `scan`, or where the scope
    is everything: the root is computed from the leaves then); `prefix` proves that the tree of the first `until` leaves
    is its beginning. `keys`: the log's vkey lines. `total`: how many events there are in all; null while the log is
    still `looked` through, which a page without events says.
    """

    until: int
    time: str | None = None
    size: int
    checkpoint: str
    keys: list[str] = []
    prefix: Prefix | None = None
    total: int | None = None
    looked: Looked | None = None
    events: list[msgspec.Raw] = []
    proofs: list[list[str]] = []
    more: bool = False


class Export(Query, frozen=True, kw_only=True):
    """The events of `scope` up to `at` (absent: up to the newest signed checkpoint), after sequence `after`, in order.

    The first answer says `until` and `size`; those that follow are asked for with both, so that all pages lead to one
    checkpoint. `scan`: every event of the tenant instead, for auditors and administrators. Asking is recorded.
    """

    ANSWER: ClassVar[type[Answer]] = ExportAnswer

    reason: Annotated[Text, Meta(min_length=1, max_length=REASON_CHARS_MAX)]
    scope: Scope
    at: Moment | None = None
    until: Annotated[int, Meta(ge=0)] | None = None
    size: Annotated[int, Meta(ge=0)] | None = None
    after: Annotated[int, Meta(ge=0)] = 0
    scan: bool = False
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX
