"""The question an auditor asks of one event: who, why, who had agreed to what then, and was anything removed."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.queries.history import FieldChange, HistoryEntry, PastAnswer
from milepost_contracts.queries.shown import Shown, Words
from milepost_contracts.types import ActorRef, Aggregate, Day, DecimalText, Id, Instant, OwnerRef, Party, PersonRef


def _known(*values: str) -> Meta:
    return Meta(extra_json_schema={"x-known": list(values)})


WhyEnded: TypeAlias = Annotated[str, _known("voided", "withdrawn", "declined", "left")]
How: TypeAlias = Annotated[
    str,
    _known(
        "corrects", "strikes", "retracts", "voids", "withdraws", "amends", "revises", "retires", "acknowledges",
        "resolves", "reschedules", "completes", "drops", "reopens", "is_about", "answers", "declines", "begins",
        "ends", "causes",
    ),
]  # fmt: skip
Finding: TypeAlias = Annotated[str, _known("nothing_missing", "missing", "out_of_order")]
ProofStatus: TypeAlias = Annotated[str, _known("proven", "not_yet", "broken", "unavailable")]


class EventPlace(Shown, frozen=True, kw_only=True):
    """An event by where it stands: its aggregate and version, the tenant's sequence, when it was recorded, by whom.

    `occurred`: when it happened as was claimed, where something was.
    """

    id: Id
    type: str
    aggregate: Aggregate
    aggregate_id: Id
    version: int
    sequence: int
    recorded: Instant
    occurred: Instant | None = None
    actor: ActorRef


class FieldThen(FieldChange, frozen=True, kw_only=True):
    """A member that the event changed; `now`: what it is now, `changed_by`: the first later event that changed it."""

    now: Any = None
    changed_by: EventPlace | None = None


class MeasureThen(Shown, frozen=True, kw_only=True):
    """A measure among the terms."""

    measure: Id
    name: Words = None
    kind: str
    direction: str
    unit: str
    baseline: DecimalText | None = None
    target: DecimalText


class TermsThen(Shown, frozen=True, kw_only=True):
    """A goal's terms as the event left them; `revision_before`: what they were before it, 0 where there were none."""

    revision: int
    revision_before: int = 0
    terms_hash: str = ""
    title: Words = None
    description: Words = None
    kind: str
    owner: OwnerRef
    accountable: PersonRef | None = None
    parties: list[Party] = []
    deadline: Day | None = None
    measures: list[MeasureThen] = []


class Yes(Shown, frozen=True, kw_only=True):
    """A party's yes that holds for `revision`; given to `given_to` by the event `given`, and carried on since.

    `on`: the day that an import tells.
    """

    party: PersonRef
    revision: int
    given_to: int
    given: EventPlace
    on: Day | None = None


class YesEnded(Shown, frozen=True, kw_only=True):
    """A yes that held until the event `ended`; `again`: the event by which this party said yes anew, if any did."""

    party: PersonRef
    revision: int
    given: EventPlace
    ended: EventPlace
    why: WhyEnded
    again: EventPlace | None = None


class AgreementsThen(Shown, frozen=True, kw_only=True):
    """Who had agreed when the event came, and after it.

    `ended`: whose yes this event ended; `ended_before`: people of the goal whose yes did not hold when it came, and
    what had ended it. `quorum` is the rule then; `complete`: by it, all whose yes was needed had agreed.
    """

    quorum: str
    revision_before: int
    before: list[Yes] = []
    complete_before: bool = False
    ended: list[YesEnded] = []
    ended_before: list[YesEnded] = []
    after: list[Yes] = []
    complete: bool = False
    waiting_for: list[PersonRef] = []


class StandsNow(Shown, frozen=True, kw_only=True):
    """The aggregate as it is now; members that it does not have are null. `agreed`: whose yes holds."""

    version: int
    sequence: int
    recorded: Instant
    state: str | None = None
    revision: int | None = None
    deadline: Day | None = None
    agreed: list[Yes] = []


class Linked(Shown, frozen=True, kw_only=True):
    """Another event, and what the later one of the two does to the earlier."""

    how: How
    event: EventPlace


class CommandTold(Shown, frozen=True, kw_only=True):
    """The command: its id, keyed hash and correlation; `together`: all that it caused, this event included.

    `events`: how many it wrote as the journal noted then; null where no note is found.
    """

    id: str
    hash: str
    correlation: str
    trace: str | None = None
    events: int | None = None
    together: list[EventPlace] = []
    more: int = 0


class PluginTold(Shown, frozen=True, kw_only=True):
    """The plugin that asked, and the event that it was answering.

    `cause` null: none of the `sought` events before this one; it answered a timer, an outcome or an administrator.
    """

    name: str
    version: str
    cause: EventPlace | None = None
    sought: int = 0


class CausesTold(Shown, frozen=True, kw_only=True):
    """The chain: command, plugin, what this event is about (`earlier`), what came of it (`later`, `more` not shown)."""

    command: CommandTold
    plugin: PluginTold | None = None
    earlier: list[Linked] = []
    later: list[Linked] = []
    more: int = 0


class Density(Shown, frozen=True, kw_only=True):
    """Numbers that were looked through: from `first` to `last` there are `found`, and these are `missing` (or some)."""

    first: int
    last: int
    found: int
    missing: list[int] = []


class RemovedTold(Shown, frozen=True, kw_only=True):
    """Was anything removed? The numbers around the event, its neighbours, and what took it back.

    `finding` is of what was looked through here; nothing is proven by it: see `proof`, and `milepost verify`.
    """

    finding: Finding
    sequences: Density
    versions: Density
    times_in_order: bool = True
    before: EventPlace | None = None
    after: EventPlace | None = None
    version_before: EventPlace | None = None
    version_after: EventPlace | None = None
    taken_back_by: list[Linked] = []


class ProofTold(Shown, frozen=True, kw_only=True):
    """Inclusion in the newest checkpoint: hashes in base64, `path` from the leaf up; `note` is the signed checkpoint.

    `keys` are the public keys that the log was ever signed with: compare them with what you were given elsewhere.
    `not_yet`: the newest checkpoint ends before the event, at sequence `size` (0: there is none).
    """

    status: ProofStatus
    leaf: int
    leaf_hash: str
    origin: str | None = None
    size: int = 0
    root: str | None = None
    path: list[str] = []
    note: str | None = None
    keys: list[str] = []
    message: str = ""


class ExplainAnswer(PastAnswer, frozen=True, kw_only=True, omit_defaults=False, tag="answered"):
    """Everything about one event; what it changed is told in `changes`, with what became of it since.

    `terms` and `agreements` are null where the aggregate is no goal.
    """

    event: HistoryEntry
    changes: list[FieldThen] = []
    terms: TermsThen | None = None
    agreements: AgreementsThen | None = None
    now: StandsNow
    causes: CausesTold
    removed: RemovedTold
    proof: ProofTold


class Explain(Query, frozen=True, kw_only=True):
    """One event explained: named by `event` (its id), by `sequence`, or by `aggregate`, `id` and `version`."""

    ANSWER: ClassVar[type[Answer]] = ExplainAnswer

    event: Id | None = None
    sequence: Annotated[int, Meta(ge=1)] | None = None
    aggregate: Aggregate = "goal"
    id: Id | None = None
    version: Annotated[int, Meta(ge=1)] | None = None
