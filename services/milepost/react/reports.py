"""What an administrator is told of plugins: how each is, what waits, what failed."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import msgspec

Verb = Literal[
    "list", "show", "enable", "disable", "pause", "resume", "replay", "dead", "retry", "effects", "timers", "act"
]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verb; it stands in the body too, so that no other document on the subject is ever taken for it.

    plugin: empty for `list`. events: of `retry`, ids of parked events or keys of effects; empty: all of them. state: of
    `effects`. after: the cursor of lists. start: of `replay`, the first sequence of each tenant (1: all history).
    """

    verb: Verb
    plugin: str = ""
    events: list[str] = []
    state: Literal["", "waiting", "sent", "suppressed", "dead"] = ""
    after: int = 0
    limit: int = 50
    dry_run: bool = False
    tenant: str = ""
    actor: str = ""
    name: str = ""
    id: str = ""
    arguments: dict[str, Any] = {}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a plugin is.

    state: starting, running, retrying, paused, disabled, not_loaded, waiting (another host has it), no_database,
    not_allowed, not_installed. mode: live, replay or dry_run. lag: events of the stream not taken yet. Times in ms.
    """

    plugin: str
    state: str
    why: str = ""
    distribution: str = ""
    version: str = ""
    summary: str = ""
    mode: str = ""
    lag: int | None = None
    handled: int = 0
    failed: int = 0
    ms_mean: float | None = None
    ms_max: float | None = None
    parked: int = 0
    effects_waiting: int = 0
    effects_sent: int = 0
    effects_suppressed: int = 0
    effects_dead: int = 0
    effects_changed: int = 0
    facts_published: int = 0
    facts_waiting: int = 0
    facts_suppressed: int = 0
    timers: int = 0
    timers_listed: int = 0
    state_keys: int = 0
    grants: int = 0
    replays: int = 0  # ranges of past events that are still coming again
    attempts: dict[str, int] = {}
    subscriptions: list[str] = []
    permissions: dict[str, Any] = {}
    hooks: list[str] = []
    healthy: bool | None = None
    health: str = ""
    asked_in_vain: str = ""  # how a question to it failed last, and where, since the host started


class ParkedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was put aside, and why."""

    number: int
    event_id: str
    tenant: str
    sequence: int
    subject: str
    type: str
    code: str
    hook: str
    error: str
    place: str
    attempts: int
    since: dt.datetime
    tried: dt.datetime


class EffectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An effect or command, as it stands; its arguments hold no words of people."""

    number: int
    key: str
    state: str
    kind: str
    name: str
    tenant: str
    cause: str
    due: dt.datetime
    at: dt.datetime
    attempts: int
    last_code: str
    changed: int
    arguments: dict[str, Any] | None


class TimerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A timer that stands, or that was listed instead of fired."""

    tenant: str
    key: str
    at: dt.datetime
    listed: bool


class Dry(msgspec.Struct, frozen=True, kw_only=True):
    """What a run over all history would do: how many events it took, and by name how often what would go out."""

    events: int
    failed: list[str]
    effects: dict[str, int]
    commands: dict[str, int]
    facts: dict[str, int]
    timers_listed: int
    first: list[EffectEntry]


class Told(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="told"):
    """The answer to a verb; each fills its own member."""

    plugins: list[Report] = []
    parked: list[ParkedEvent] = []
    effects: list[EffectEntry] = []
    timers: list[TimerEntry] = []
    count: int = 0
    result: Any = None
    dry: Dry | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="failed"):
    """Why not; `code` is one of these, or a plugin's own.

    `not_installed`, `not_allowed`, `not_running`, `not_ready`, `held_elsewhere` (another host may do it),
    `invalid_request`, `nothing_to_retry`, `request_unknown`, `answer_too_large`.
    """

    code: str
    message: str
