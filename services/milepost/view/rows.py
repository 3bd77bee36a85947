"""What the view keeps of each aggregate: small structures, people's words still sealed beside where they were said."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from milepost_contracts.types import Cadence, MeasureResult, Origin, RubricRef

# None of these can be part of a cycle, so the garbage collector need not look at them (gc=False): with it a rebuild
# takes a third longer.


class Words(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Words as they were said: the sealed string, its event and its place there, which its seal is bound to."""

    sealed: str
    event: str
    pointer: str


class CardRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What lists need of a goal. Order matters: it is stored as an array (see tables.MODEL)."""

    version: int = 0
    title: Words | None = None
    kind: str = "smart"
    state: str = "drafted"
    archived: bool = False
    visibility: str = "private"
    owner: str = ""
    accountable: str | None = None
    parties: dict[str, str] = {}  # person -> role
    contributors: dict[str, str] = {}  # person -> role
    mentorship: str | None = None
    programme: str | None = None
    cycle: str | None = None
    focus: str | None = None
    priority: int | None = None
    horizon: str | None = None
    external_ref: str | None = None
    time_zone: str = "UTC"
    start_on: dt.date | None = None
    deadline: dt.date | None = None
    cadence: Cadence | None = None
    progress_from: str = "measures"
    progress: str | None = None  # as the last event that told it
    # Progress is worked out anew when asked: runs end by themselves, and some events do not tell it.
    moving: bool = False
    created: str = ""  # when it happened
    created_on: dt.date | None = None
    changed: str = ""  # when the last event was recorded
    activated_on: dt.date | None = None
    pauses: list[tuple[dt.date, dt.date | None]] = []
    health: tuple[str, dt.date] | None = None  # set by a person, until
    revision: int = 0
    agreements: dict[str, int] = {}  # person -> revision
    agreed: bool = False  # the quorum's yes to the present revision is complete
    agreement_open: bool = False
    proposed: str = ""  # when first
    first_agreed: str = ""  # when first complete
    agreement_days: float | None = None  # from `created` to then; None for what came agreed from elsewhere
    last_held_on: dt.date | None = None
    next_on: dt.date | None = None  # what the last check-in settled
    check_ins: int = 0
    feedback: int = 0
    shifts: list[tuple[int, str]] = []  # (days, reason code) of each move of the deadline
    active: dict[str, str] = {}  # person -> day of the last thing done here
    parents: dict[str, str] = {}  # goal -> weight
    children: dict[str, str] = {}  # goal -> weight
    result: str | None = None
    score: str | None = None
    closed_on: dt.date | None = None

    @property
    def people(self) -> set[str]:
        """The owner or the accountable person, and the parties: who agrees."""
        mine = self.owner if self.owner.startswith("user:") else self.accountable
        return {*self.parties, mine} if mine else set(self.parties)

    @property
    def open(self) -> bool:
        """Not closed."""
        return self.state != "closed"


class MeasureRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A measure as defined; `terms` are its members without name."""

    name: Words | None
    terms: dict[str, Any]
    retired: bool = False
    readings: int = 0


class MilestoneRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A checkpoint."""

    title: Words | None
    due_on: dt.date
    hit_on: dt.date | None = None
    evidence: list[Words] = []
    dropped: bool = False


class ActionRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A task."""

    title: Words | None
    due_on: dt.date | None = None
    assignee: str | None = None
    completed_on: dt.date | None = None
    note: Words | None = None
    dropped: bool = False


class HeldRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A check-in as far as due dates, streaks and inboxes need it; what was said is an entry."""

    number: int
    held_on: dt.date
    by: str
    attendees: list[str] = []
    next_on: dt.date | None = None
    acknowledged: list[str] = []
    voided: bool = False


class EvaluationRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """The last evaluation."""

    rubric: RubricRef
    revision: int
    passed: bool
    by: str
    recorded: str
    criteria: list[tuple[str, bool, Words | None]] = []


class ClosureRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """How the goal ended."""

    result: str
    closed_on: dt.date
    score: str | None = None
    justification: Words | None = None
    retrospective: Words | None = None
    measures: list[MeasureResult] = []
    amended: bool = False


class ShiftRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A move of the deadline."""

    old: dt.date
    new: dt.date
    days: int
    reason_code: str
    reason: Words | None = None


class PauseRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A rest."""

    paused_on: dt.date
    resumed_on: dt.date | None = None
    until: dt.date | None = None
    reason: Words | None = None


class DetailRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What else a goal's page shows. Order matters: it is stored as an array (see tables.MODEL)."""

    description: Words | None = None
    # Labels taken off are sealed anew, so which they are is known only when both are opened.
    tags: list[tuple[bool, Words]] = []
    template: tuple[str, str, int] | None = None  # programme, id, version
    origin: Origin | None = None
    terms_hash: str = ""
    agreed_on: dict[str, str] = {}  # person -> when
    evaluation: EvaluationRow | None = None
    waivers: list[tuple[str, Words | None]] = []
    measures: dict[str, MeasureRow] = {}
    milestones: dict[str, MilestoneRow] = {}
    actions: dict[str, ActionRow] = {}
    held: dict[str, HeldRow] = {}
    health_by: str = ""
    health_reason: Words | None = None
    pauses: list[PauseRow] = []
    shifts: list[ShiftRow] = []
    closure: ClosureRow | None = None


class Layer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of an entry: its data as it was stored, so that its words can be opened where they stand."""

    tag: str
    event: str
    by: str
    recorded: str
    data: bytes


class SaidRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """What a party last wrote, or said yes to, as expectations; `person` is empty where that party has left.

    `stands`: it may be what was said last. False: other words came after it for certain, so it is nobody's yes.
    """

    person: str
    words: Words
    on: str  # the day
    stands: bool = True


class MentorshipRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A mentorship. Order matters: it is stored as an array (see tables.MODEL)."""

    version: int = 0
    state: str = "requested"
    requester: str = ""
    parties: dict[str, str] = {}
    accepted: list[str] = []
    format: str = "one_to_one"
    purpose: Words | None = None
    expectations: list[SaidRow] = []  # one a person, in the order they were said
    programme: str | None = None
    cadence: Cadence | None = None
    cap: int | None = None
    quorum: str = "all"
    goals: dict[str, str] = {}  # open goal -> owner
    key_areas: dict[str, str] = {}  # active goal -> owner
    sessions: dict[str, dt.date] = {}
    next_on: dt.date | None = None
    requested: str = ""
    started: str = ""
    ended_on: dt.date | None = None


class CycleRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A period of a programme."""

    title: Words | None
    starts_on: dt.date
    ends_on: dt.date
    state: str = "planned"


class TemplateRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """The newest version of a goal to start from."""

    version: int
    title: Words | None
    kind: str = "smart"
    focus: str | None = None
    horizon: str | None = None
    measures: int = 0
    retired: bool = False


class ParticipantRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """Who takes part, and from when to when."""

    role: str
    enrolled: str
    withdrawn: str = ""


class SurveyRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """The figures of a survey; scores are (question, mean, answers)."""

    title: Words | None
    held_on: dt.date
    cycle: str | None
    invited: int
    answered: int
    scores: list[tuple[str, str, int]] = []


class ProgrammeRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A programme. Order matters: it is stored as an array (see tables.MODEL)."""

    version: int = 0
    title: Words | None = None
    description: Words | None = None
    state: str = "open"
    admins: list[str] = []
    cap: int | None = None
    cadence: Cadence | None = None
    rubric: tuple[str, int, list[str]] | None = None
    cycles: dict[str, CycleRow] = {}
    templates: dict[str, TemplateRow] = {}
    participants: dict[str, ParticipantRow] = {}
    surveys: dict[str, SurveyRow] = {}
    costs: dict[str, tuple[str, str, dt.date]] = {}  # id -> amount, currency, on
    benefits: dict[str, tuple[str, str, dt.date]] = {}


class TenantRow(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """Who has roles across the tenant: reference (a plugin's without its version) -> roles."""

    version: int = 0
    state: str = "open"
    roles: dict[str, list[str]] = {}


_encoder = msgspec.msgpack.Encoder()
encode = _encoder.encode
decode_card = msgspec.msgpack.Decoder(CardRow).decode
decode_detail = msgspec.msgpack.Decoder(DetailRow).decode
decode_layers = msgspec.msgpack.Decoder(list[Layer]).decode
decode_mentorship = msgspec.msgpack.Decoder(MentorshipRow).decode
decode_programme = msgspec.msgpack.Decoder(ProgrammeRow).decode
decode_tenant = msgspec.msgpack.Decoder(TenantRow).decode
