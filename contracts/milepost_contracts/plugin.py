"""What a plugin is given and what it gives back: manifest, events, rewards, mappings, effects, questions."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from milepost_contracts.envelope import Envelope, convert_members, decode, decode_members
from milepost_contracts.events import Context as GoalContext
from milepost_contracts.events import Event
from milepost_contracts.sealing import PREFIX
from milepost_contracts.types import ActorRef, Id, Name, PersonRef, WordsPattern

API = 1  # of the hooks as they are here
API_MIN = 1  # the oldest that this version still serves

_PATTERN = r"^(\*|[a-z_]+\.(\*|[a-z0-9_]+))(?!\n)$"
Subscription = Annotated[str, Meta(pattern=_PATTERN, description="goal.milestone_hit, goal.* or *")]
Mode = Literal["live", "replay", "dry_run"]


# Ids of grants, facts and commands are made of what they are for: the same ones come out of every delivery.
_IDS = uuid.UUID("0c4b7a52-58a0-5f39-8d0d-6f2f1c1d7b10")


def stable_id(*parts: str) -> str:
    """Return the id (a UUID of version 5) that *parts* always have."""
    return str(uuid.uuid5(_IDS, "\0".join(parts)))


class PluginError(Exception):
    """A plugin does what it may not, or is not what it has to be; `code` is stable, the message says what to do."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        """Keep the stable *code* and, for programs, *details* beside the message."""
        super().__init__(message)
        self.code = code
        self.details = details


class GiveUp(Exception):  # noqa: N818  an order to the host
    """Raised by `perform`: this effect can never succeed, do not try again; `code` is shown in its place."""

    def __init__(self, code: str, message: str = "") -> None:
        """Say why in a short *code*; *message* must hold no words of people."""
        super().__init__(message or code)
        self.code = code


class Later(Exception):  # noqa: N818  an order to the host
    """Raised by `perform` or a handler: try again, at the earliest in `seconds`.

    An effect is tried as long as `perform` says later: who says it gives up, too. With `tried` False nothing was
    tried: `Effect.attempt` stays as it is, and `on_performed` is not called.
    """

    def __init__(self, seconds: float, code: str = "later", *, tried: bool = True) -> None:
        """Say when, and why in a short *code*."""
        super().__init__(code)
        self.seconds = seconds
        self.code = code
        self.tried = tried


class _Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an author writes: a member that is misspelt is an error."""


class Permissions(_Plain, frozen=True, kw_only=True):
    """What a plugin may beyond seeing events with their words sealed; nothing by default.

    words: sealed members that are opened for it. commands: which it may send (`goal.post_comment`, `goal.*`).
    reviews: which commands it is asked about before they count. history: it may ask for a goal as it was.
    """

    words: tuple[WordsPattern, ...] = ()
    commands: tuple[Subscription, ...] = ()
    reviews: tuple[Subscription, ...] = ()
    history: bool = False


class Manifest(_Plain, frozen=True, kw_only=True):
    """Who a plugin is and what it wants.

    start: `beginning` (all history, in replay), `now`, or the first sequence of each tenant that it wants to see.
    stores: it keeps state, so it has to say what happens when a person is erased. timeout_s: of one handler, in
    seconds; effect_timeout_s: of one `perform`.
    """

    id: Name
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{1,40}(?!\n)$")]
    summary: Annotated[str, Meta(min_length=1, max_length=200)]
    api: int = API
    subscriptions: tuple[Subscription, ...] = ()
    start: Literal["beginning", "now"] | Annotated[int, Meta(ge=1)] = "now"
    stores: bool = False
    permissions: Permissions = Permissions()
    timeout_s: Annotated[float, Meta(ge=0.05, le=60)] = 5.0
    effect_timeout_s: Annotated[float, Meta(ge=0.05, le=300)] = 20.0

    @property
    def actor(self) -> str:
        """`plugin:ID@VERSION`, as which its facts and commands are signed."""
        return f"plugin:{self.id}@{self.version}"


@functools.lru_cache(maxsize=4096)
def matches(pattern: str, name: str) -> bool:
    """Whether *name* (`goal.milestone_hit`) is meant by *pattern* (`goal.milestone_hit`, `goal.*` or `*`)."""
    if pattern == "*":
        return True
    aggregate, _, rest = pattern.partition(".")
    return name == pattern or (rest == "*" and name.startswith(f"{aggregate}."))


def may_open(permissions: Permissions, name: str, member: str) -> bool:
    """Whether the member *member* (the first step of its place in `data`) of event *name* is opened for a plugin."""
    for pattern in permissions.words:
        events, _, wanted = pattern.partition("/")
        if matches(events, name) and (wanted in ("", "*", member)):
            return True
    return False


def readable(words: str | None) -> str | None:
    """Return *words*, None where they are still sealed: not permitted, or their person was erased."""
    return None if words is None or words.startswith(PREFIX) else words


_set = object.__setattr__


class Delivered:
    """An event as a plugin sees it: `data` is its Struct, with the words opened that the manifest asks for."""

    __slots__ = ("_data", "_envelope", "_opened", "document", "name", "tag", "tenant")

    document: bytes
    tag: str
    """With its version, e.g. `goal.milestone_hit.v1`."""
    name: str
    """Without its version, e.g. `goal.milestone_hit`: what subscriptions name."""
    tenant: str
    """Whose event it is."""
    _envelope: Envelope | None
    _opened: Mapping[str, Any] | None
    _data: Event | None

    def __init__(
        self, document: bytes, opened: Mapping[str, Any] | None = None, *, known: tuple[str, str] | None = None
    ) -> None:
        """Take the exact *document*, and its `data` with words opened; raises EnvelopeError for what is no event.

        *known*: its tag and tenant, where they have been read from it already; the rest is read when it is wanted.
        """
        envelope = decode(document) if known is None else None
        tag, tenant = known or (envelope.type, envelope.tenant)  # type: ignore[union-attr]  # one of them is there
        _set(self, "document", document)
        _set(self, "tag", tag)
        _set(self, "name", tag.rpartition(".")[0])
        _set(self, "tenant", tenant)
        _set(self, "_envelope", envelope)
        _set(self, "_opened", opened)
        _set(self, "_data", None)

    @property
    def envelope(self) -> Envelope:
        """All that stands around `data`; raises EnvelopeError for what is no event."""
        if self._envelope is None:
            _set(self, "_envelope", decode(self.document))
        return self._envelope  # type: ignore[return-value]  # it is there now

    def __setattr__(self, name: str, _: object) -> None:
        # What is granted and told goes by the event's id: a handler that puts another in its place breaks nothing.
        raise AttributeError(f"an event cannot be changed: {name}")

    def __repr__(self) -> str:
        return f"<{self.name} {self.tenant} #{self.sequence} {self.id}>"

    @property
    def id(self) -> str:
        """The event's id: the same on every delivery."""
        return self.envelope.id

    @property
    def aggregate(self) -> str:
        """`goal`, `mentorship`, `programme`, `person` or `tenant`."""
        return self.envelope.aggregate

    @property
    def aggregate_id(self) -> str:
        """The id of the goal, mentorship ..."""
        return self.envelope.aggregate_id

    @property
    def version(self) -> int:
        """Dense per aggregate, from 1."""
        return self.envelope.version

    @property
    def sequence(self) -> int:
        """Dense per tenant, from 1."""
        return self.envelope.number

    @property
    def recorded(self) -> dt.datetime:
        """When it was recorded (server, UTC)."""
        return dt.datetime.fromisoformat(self.envelope.time)

    @property
    def occurred(self) -> dt.datetime:
        """When it happened as its author claims, else when it was recorded: what conditions go by."""
        return dt.datetime.fromisoformat(self.envelope.occurredat or self.envelope.time)

    @property
    def actor(self) -> str:
        """Who did it: `user:`, `service:` or `plugin:NAME@VERSION`."""
        return self.envelope.actor

    @property
    def data(self) -> Any:
        """The event's Struct in its newest form; raises EnvelopeError `unknown_event` for a tag of a later release."""
        if self._data is None:
            opened = self._opened
            data = self.envelope.event() if opened is None else convert_members(self.envelope.type, dict(opened))
            _set(self, "_data", data)
        return self._data

    @property
    def members(self) -> dict[str, Any]:
        """`data` as it was stored, in the form of its tag, with permitted words opened; also of unknown tags."""
        return decode_members(self.envelope.data) if self._opened is None else dict(self._opened)

    @property
    def context(self) -> GoalContext | None:
        """A goal's owner, parties, mentorship, programme and cycle after the event; None for other aggregates."""
        return getattr(self.data, "context", None)


RewardKind = Literal["recognition", "badge", "points", "voucher"]


class Reward(_Plain, frozen=True, kw_only=True):
    """What `decide_reward` gives: to whom and what. Texts are the plugin's own, never people's words.

    rule: which rule gives it. once: what it is given for where that is more than this one event (`goal/ID/first`):
    as long as it stands, the rule gives the person nothing else for it. code: of a voucher; kept with the grant,
    never in a fact or a log.
    """

    to: PersonRef
    kind: RewardKind = "recognition"
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    points: int = 0
    rule: Annotated[str, Meta(max_length=100)] = ""
    once: Annotated[str, Meta(max_length=200)] = ""
    code: str | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A reward that was given: `cause` is the id of the event it was given for; `revoked_by` the one that took it."""

    id: Id
    reward: Reward
    aggregate: str
    aggregate_id: Id
    cause: Id
    at: dt.datetime
    revoked_by: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it was not revoked."""
        return self.revoked_by is None


def is_of(grant: Grant, goal: str | None, person: str | None) -> bool:
    """Whether *grant* is of *goal* and to *person*; None: whichever."""
    return (goal is None or grant.aggregate_id == goal) and (person is None or grant.reward.to == person)


class ObjectiveMapping(_Plain, frozen=True, kw_only=True):
    """What `map_objectives` gives: this goal counts for the objective or key result *to*, with this weight."""

    to: Annotated[str, Meta(min_length=1, max_length=200)]
    weight: Annotated[float, Meta(gt=0, le=1)] = 1.0


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done outside. `key` (plugin, event, name) is the same however often it is tried.

    Receivers that honour the key see it once; others may see it twice: after a crash nobody knows whether the first
    try arrived. event: what caused it, with words opened as permitted; None for one that a timer caused.
    """

    key: str
    name: str
    tenant: str
    arguments: dict[str, Any] = {}
    attempt: int = 1
    event: Any = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt at an effect: done, or why not; `final`: it is not tried again.

    retry_s: in how many seconds it is, where `perform` said so by `Later`.
    """

    ok: bool
    final: bool
    code: str = ""
    retry_s: float | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Past events that come again because `context.redeliver` asked: sequences *first* to *last*, both included.

    id: made of the request, the same on every delivery. arguments: what was asked with.
    """

    id: Id
    first: int
    last: int
    arguments: dict[str, Any] = {}


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """A command that a plugin is asked about: `fields` as they were sent, words left out unless permitted."""

    name: str  # e.g. goal.activate_goal
    tenant: str
    id: str
    version: int
    actor: ActorRef
    fields: dict[str, Any] = {}


class Refusal(_Plain, frozen=True, kw_only=True):
    """What `review` gives against a command: a stable code, and a sentence that a person can act on."""

    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}(?!\n)$")]
    message: Annotated[str, Meta(min_length=1, max_length=400)]
    field: str | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know of a plugin, or wants it to do. roles: those that the tenant gives the asker.

    id: of a request to `act`; whoever sends it again uses the same one.
    """

    name: str
    tenant: str
    actor: ActorRef
    roles: tuple[str, ...] = ()
    arguments: dict[str, Any] = {}
    id: str = ""


# What is taken back, by the event that does it: (name of what is taken back, the member that tells which). Of the
# first, the member is the event's id; of the others it is the thing (of its goal), whose events the runner has noted.
_NAMED = {
    "goal.milestone_hit_retracted": ("goal.milestone_hit", "hit_event"),
    "goal.feedback_retracted": ("goal.feedback_given", "feedback_event"),
    "goal.progress_corrected": ("goal.progress_recorded", "corrects"),
}
_NOTED = {
    "goal.check_in_voided": ("goal.check_in_held", "check_in"),
    "goal.action_reopened": ("goal.action_completed", "action"),
    "goal.reopened": ("goal.closed", ""),
}
RETRACTIONS = {name: what for name, (what, _) in (_NAMED | _NOTED).items()}
"""Events that take something back, and what: `goal.milestone_hit_retracted` takes back `goal.milestone_hit`."""
# What comes of these holds no longer than what they put right.
_AMENDS = {"goal.progress_corrected": _NAMED["goal.progress_corrected"], "goal.closure_amended": ("goal.closed", "")}
_BEGINS = dict(_NOTED.values())
ERASED, DESTROYED = "person.erased", "person.keys_destroyed"


def noted_as(event: Delivered) -> tuple[str, bool] | None:
    """Return the key under which a runner notes *event*, to be found when it is taken back; None: no need.

    With it: whether *event* begins something there (a check-in) or puts right what was begun (a correction).
    """
    if (member := _BEGINS.get(event.name)) is not None:
        return _noted(event.name, event, member), True
    if (amended := _AMENDS.get(event.name)) is not None:
        return _noted(amended[0], event, amended[1]), False
    return None


def taken_back(event: Delivered) -> tuple[str | None, str]:
    """Return what the retraction *event* takes back: the event's id where it is named, the key of what is noted."""
    if (named := _NAMED.get(event.name)) is not None:
        return getattr(event.data, named[1]), _noted(named[0], event, named[1])
    name, member = _NOTED[event.name]
    return None, _noted(name, event, member)


def _noted(name: str, event: Delivered, member: str) -> str:
    return f"{name}/{event.aggregate_id}/{getattr(event.data, member) if member else ''}"


class Health(_Plain, frozen=True, kw_only=True):
    """What `health` gives: well or not, and why in words that hold no words of people."""

    ok: bool = True
    message: str = ""


def strings(node: Any) -> Iterator[str]:
    """Yield every string in JSON *node*."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            yield from strings(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from strings(value)
