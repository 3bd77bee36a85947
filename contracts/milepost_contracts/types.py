"""The kinds of values that commands and events are made of; every limit here is a promise of the wire."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, UnsetType

# `(?!\n)` because Python's `$` also matches before a last newline; the same text is a valid ECMA pattern.
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_END = r"(?!\n)$"
# What is written in the clear must not look sealed, or every reader would try to open it.
_CLEAR = r"(?!enc:v1:)"

NAME_PATTERN = rf"^[a-z0-9][a-z0-9_-]{{0,62}}{_END}"
ID_PATTERN = rf"^{_UUID}{_END}"
KEY_ID_PATTERN = rf"^[0-9a-f]{{32}}{_END}"
PERSON_PATTERN = rf"^user:{_UUID}{_END}"
OWNER_PATTERN = rf"^(user|mentorship|programme):{_UUID}{_END}"
ACTOR_PATTERN = (
    rf"^(user:{_UUID}|service:[a-z0-9][a-z0-9_-]{{0,62}}"
    rf"|plugin:[a-z0-9][a-z0-9_-]{{0,62}}@[0-9A-Za-z.+-]{{1,40}}){_END}"
)
DECIMAL_PATTERN = rf"^-?[0-9]{{1,18}}(\.[0-9]{{1,9}})?{_END}"
ZONE_PATTERN = rf"^[A-Za-z0-9_+/-]{{1,64}}{_END}"
VERIFIER_PATTERN = rf"^[^+\s]{{1,255}}\+[0-9a-f]{{8}}\+[A-Za-z0-9+/]{{43,60}}={{0,2}}{_END}"
WORDS_PATTERN = rf"^(\*|[a-z_]+\.(\*|[a-z0-9_]+)/(\*|[a-z_]+)){_END}"
CODE_PATTERN = rf"^{_CLEAR}[A-Za-z0-9%][A-Za-z0-9 _.:/%-]{{0,63}}{_END}"

Name: TypeAlias = Annotated[str, Meta(pattern=NAME_PATTERN, description="tenant, caller or plugin name")]
Id: TypeAlias = Annotated[str, Meta(pattern=ID_PATTERN, description="UUID, lower case with hyphens")]
VerifierLine: TypeAlias = Annotated[
    str,
    Meta(pattern=VERIFIER_PATTERN, max_length=400, description="a public key as C2SP signed-note writes it"),
]
KeyId: TypeAlias = Annotated[str, Meta(pattern=KEY_ID_PATTERN, description="of a person's key; random")]
PersonRef: TypeAlias = Annotated[str, Meta(pattern=PERSON_PATTERN, description="user:UUID")]
OwnerRef: TypeAlias = Annotated[str, Meta(pattern=OWNER_PATTERN, description="user:, mentorship: or programme:UUID")]
ActorRef: TypeAlias = Annotated[
    str, Meta(pattern=ACTOR_PATTERN, description="user:UUID, service:NAME or plugin:NAME@VERSION")
]
DecimalText: TypeAlias = Annotated[
    str,
    Meta(
        pattern=DECIMAL_PATTERN,
        description="decimal number as text, at most 18 digits before and 9 after the point",
    ),
]
WordsPattern: TypeAlias = Annotated[str, Meta(pattern=WORDS_PATTERN, description="goal.created/title, goal.*/title")]
Code: TypeAlias = Annotated[str, Meta(pattern=CODE_PATTERN, description="a short code, in the clear")]
# A reference in another system or a rubric's criterion: printable, short, in the clear.
Key: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=rf"^{_CLEAR}")]
Zone: TypeAlias = Annotated[str, Meta(pattern=ZONE_PATTERN, description="IANA time zone")]
Day = dt.date
Instant: TypeAlias = Annotated[dt.datetime, Meta(tz=True)]

# People's words. Their length is limited by the receiver's settings (`line`: a title or a name, `text`: prose,
# `link`: an address), not here, because the sealed form of the same member is longer.
Line: TypeAlias = Annotated[str, Meta(extra_json_schema={"x-sealed": "parties", "x-words": "line"})]
Text: TypeAlias = Annotated[str, Meta(extra_json_schema={"x-sealed": "parties", "x-words": "text"})]
Link: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        description="http, https or mailto",
        extra_json_schema={"x-sealed": "parties", "x-words": "link"},
    ),
]
PrivateText: TypeAlias = Annotated[str, Meta(extra_json_schema={"x-sealed": "author", "x-words": "text"})]


def _known(*values: str) -> Meta:
    """Name the values of an enumeration: closed for commands (strict.py), open for those who read events."""
    return Meta(extra_json_schema={"x-known": list(values)})


GoalKind: TypeAlias = Annotated[str, _known("smart", "outcome", "exploratory")]
Focus: TypeAlias = Annotated[str, _known("skill", "knowledge", "network", "career", "confidence", "business", "other")]
Horizon: TypeAlias = Annotated[str, _known("short", "long")]
Visibility: TypeAlias = Annotated[str, _known("private", "programme", "tenant")]
GoalState: TypeAlias = Annotated[str, _known("drafted", "proposed", "active", "paused", "closed")]
PartyRole: TypeAlias = Annotated[str, _known("mentee", "mentor", "peer", "member")]
ContributorRole: TypeAlias = Annotated[str, _known("manager", "peer", "supporter", "sponsor", "reviewer")]
MeasureKind: TypeAlias = Annotated[str, _known("count", "average", "consecutive", "recurring", "delta", "binary")]
Direction: TypeAlias = Annotated[str, _known("increase", "decrease", "keep_above", "keep_below")]
Period: TypeAlias = Annotated[str, _known("day", "week", "month", "quarter", "year")]
DeltaMode: TypeAlias = Annotated[str, _known("percent", "points")]
Health: TypeAlias = Annotated[str, _known("on_track", "at_risk", "off_track", "unknown")]
Result: TypeAlias = Annotated[str, _known("achieved", "partially_achieved", "missed", "abandoned")]
Trigger: TypeAlias = Annotated[str, _known("new_information", "circumstances", "skill_acquired", "periodic", "other")]
ReasonCode: TypeAlias = Annotated[str, _known("scope", "resources", "illness", "dependency", "estimate", "other")]
Aggregate: TypeAlias = Annotated[str, _known("goal", "mentorship", "programme", "person", "tenant", "access")]
WaivableCheck: TypeAlias = Annotated[str, _known("deadline", "measures", "evaluation", "placeholder")]
ProgressFrom: TypeAlias = Annotated[str, _known("measures", "children")]
MentorshipFormat: TypeAlias = Annotated[str, _known("one_to_one", "reverse", "circle", "peer")]
Quorum: TypeAlias = Annotated[str, _known("all", "majority", "owner_plus_one")]
ResourceKind: TypeAlias = Annotated[str, _known("book", "course", "tool", "article", "video", "other")]
Rhythm: TypeAlias = Annotated[str, _known("weekly", "bi_weekly", "monthly", "days")]
Disposition: TypeAlias = Annotated[str, _known("keep", "pause", "close", "place")]
ParticipantRole: TypeAlias = Annotated[str, _known("mentee", "mentor", "peer", "member", "admin")]
TenantRole: TypeAlias = Annotated[str, _known("admin", "importer", "auditor")]
AccessKind: TypeAlias = Annotated[
    str,
    _known(
        "keys", "history", "as_of", "diff", "explain", "evolution", "proof", "export", "access", "verify", "erasure",
        "due_for_erasure", "certificate",
    ),
]  # fmt: skip

# Dates of commands outside these years are typing errors (strict.py), and arithmetic on them would leave what a date
# can hold.
YEAR_MIN, YEAR_MAX = 1900, 2999


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of commands and events; unknown members are ignored, members are only ever added."""


class Party(Value, frozen=True, kw_only=True):
    """A person who agrees and checks in; `role`: mentee, mentor, peer or member."""

    ref: PersonRef
    role: PartyRole


class Contributor(Value, frozen=True, kw_only=True):
    """A person who may give feedback; `role`: manager, peer, supporter, sponsor or reviewer."""

    ref: PersonRef
    role: ContributorRole


class Cadence(Value, frozen=True, kw_only=True):
    """The rhythm of check-ins: `rhythm` weekly, bi_weekly, monthly or days (then every `days` days)."""

    rhythm: Rhythm
    anchor: Day
    days: Annotated[int, Meta(ge=1, le=366)] | None = None


class Measure(Value, frozen=True, kw_only=True):
    """One quantified piece of evidence; `period`: day, week, month, quarter, year; `weight` above 0."""

    measure: Id
    name: Line
    kind: MeasureKind
    direction: Direction
    unit: Code
    target: DecimalText
    baseline: DecimalText | None = None
    weight: DecimalText = "1"
    period: Period | None = None
    periods_required: Annotated[int, Meta(ge=1, le=1000)] | None = None
    samples_min: Annotated[int, Meta(ge=1, le=1000)] | None = None
    delta_mode: DeltaMode | None = None
    scale: list[Code] | None = None
    sources: list[PersonRef] = []


class Waiver(Value, frozen=True, kw_only=True):
    """A check that is set aside, with its reason; `check`: deadline, measures, evaluation or placeholder."""

    check: WaivableCheck
    reason: Text


class Criterion(Value, frozen=True, kw_only=True):
    """One line of a rubric as evaluated: met or not, and a note."""

    criterion: Key
    met: bool
    note: Text | None = None


class RubricRef(Value, frozen=True, kw_only=True):
    """A rubric by id and version."""

    id: Key
    version: Annotated[int, Meta(ge=1)]


class Rubric(Value, frozen=True, kw_only=True):
    """A versioned SMART checklist: its criteria in order."""

    id: Key
    version: Annotated[int, Meta(ge=1)]
    criteria: list[Key]


class TemplateRef(Value, frozen=True, kw_only=True):
    """The template that a goal was created from, and the values for its placeholders."""

    programme: Id
    id: Id
    version: Annotated[int, Meta(ge=1)]
    values: dict[Key, Line] = {}


class Warned(Value, frozen=True, kw_only=True):
    """A warning that went with an accepted command; `field` names what it is about."""

    code: Code
    field: str | None = None


class SeenAt(Value, frozen=True, kw_only=True):
    """The version of an aggregate at which a decision read it; 0 where it did not exist."""

    aggregate: Aggregate
    id: Id
    version: int


class Scope(Value, frozen=True, kw_only=True):
    """What a reading was about: a goal, a person's or a programme's whole ..., by its aggregate."""

    aggregate: Aggregate
    id: Id


class Reading(Value, frozen=True, kw_only=True):
    """A measure's value: exactly one of `reading` (decimal text or boolean) and `step` (a word of the scale)."""

    reading: DecimalText | bool | None = None
    step: Code | None = None
    on: Day | None = None


class TermsChange(Value, frozen=True, kw_only=True):
    """The members of a refinement: those that are present are changed, null empties one."""

    title: Line | UnsetType = msgspec.UNSET
    description: Text | None | UnsetType = msgspec.UNSET
    kind: GoalKind | UnsetType = msgspec.UNSET
    focus: Focus | None | UnsetType = msgspec.UNSET
    priority: Annotated[int, Meta(ge=1, le=5)] | None | UnsetType = msgspec.UNSET
    horizon: Horizon | None | UnsetType = msgspec.UNSET
    progress_from: ProgressFrom | UnsetType = msgspec.UNSET


class Schedule(Value, frozen=True, kw_only=True):
    """When a goal's clock runs: its start, its time zone and the cadence of its check-ins."""

    time_zone: Zone = "UTC"
    start_on: Day | None = None
    cadence: Cadence | None = None


class Placing(Value, frozen=True, kw_only=True):
    """Where a goal belongs and who its parties are there."""

    mentorship: Id | None = None
    programme: Id | None = None
    cycle: Id | None = None
    parties: list[Party] = []


class Terms(Value, frozen=True, kw_only=True):
    """A goal's terms as imported, with what else describes it."""

    title: Line
    owner: OwnerRef
    accountable: PersonRef | None = None
    description: Text | None = None
    kind: GoalKind = "smart"
    focus: Focus | None = None
    parties: list[Party] = []
    deadline: Day | None = None
    start_on: Day | None = None
    time_zone: Zone = "UTC"
    measures: list[Measure] = []
    priority: Annotated[int, Meta(ge=1, le=5)] | None = None
    horizon: Horizon | None = None
    visibility: Visibility = "private"
    tags: list[Line] = []
    external_ref: Key | None = None


class Origin(Value, frozen=True, kw_only=True):
    """Where an imported goal comes from."""

    system: Code
    ref: Key | None = None
    tenant: Name | None = None


class Agreement(Value, frozen=True, kw_only=True):
    """A party's yes to a revision, and the day it was given."""

    party: PersonRef
    on: Day | None = None


class MeasureResult(Value, frozen=True, kw_only=True):
    """A measure at closing: its last value, progress 0 to 1, and whether it was met."""

    measure: Id
    current: DecimalText | bool | None = None
    progress: DecimalText | None = None
    met: bool = False


class GoalDisposition(Value, frozen=True, kw_only=True):
    """What becomes of one open goal when a party leaves: keep, pause, close, or place in `mentorship`."""

    goal: Id
    disposition: Disposition
    mentorship: Id | None = None


class Account(Value, frozen=True, kw_only=True):
    """A person's account in another system, e.g. an identity provider's subject."""

    system: Code
    account: Line


class SurveyScore(Value, frozen=True, kw_only=True):
    """One question of a survey: the mean of its answers and how many answered."""

    question: Key
    mean: DecimalText
    answers: Annotated[int, Meta(ge=0)]


def words_paths(struct: type[msgspec.Struct]) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """Return (path, audience, words) of every member of *struct* that holds people's words.

    A path's parts are member names, `[]` for each item of a list and `{}` for each value of a map; audience is
    `parties` or `author`; words is `line`, `text` or `link` and names the limit on its length.
    """
    found: list[tuple[tuple[str, ...], str, str]] = []
    _collect(msgspec.inspect.type_info(struct), (), found)
    return tuple(found)


def _collect(node: Any, path: tuple[str, ...], found: list[tuple[tuple[str, ...], str, str]]) -> None:
    kind = msgspec.inspect
    if isinstance(node, kind.Metadata):
        extra = node.extra_json_schema or {}
        if "x-sealed" in extra:
            found.append((path, extra["x-sealed"], extra["x-words"]))
        else:
            _collect(node.type, path, found)
    elif isinstance(node, kind.StructType):
        for field in node.fields:
            _collect(field.type, (*path, field.encode_name), found)
    elif isinstance(node, kind.ListType):
        _collect(node.item_type, (*path, "[]"), found)
    elif isinstance(node, kind.DictType):
        _collect(node.value_type, (*path, "{}"), found)
    elif isinstance(node, kind.UnionType):
        for member in node.types:
            _collect(member, path, found)
