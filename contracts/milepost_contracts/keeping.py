"""What becomes of a turn: rows to store, effects to do or to list, facts to publish; the same for every host.

Nothing here depends on when or how often an event is delivered, except `time` of a fact, which is set when the turn is
kept: once.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import msgspec

from milepost_contracts import envelope
from milepost_contracts.context import FACT_NAME, FactWanted, Turn
from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope
from milepost_contracts.plugin import Delivered, Effect, Grant, Manifest, Mode, PluginError, Question, Replay, stable_id
from milepost_contracts.subjects import fact as fact_subject
from milepost_contracts.subjects import tenant_id

Kind = Literal["effect", "command"]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn was about: an event, a timer, an attempt, a request; `id` is the same on every delivery."""

    id: str
    tenant: str
    subject: str  # `goal/UUID`: what facts are about
    correlation: str = ""
    document: bytes | None = None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done outside. key: of plugin, event and effect; `suppressed`: only to be listed."""

    key: str
    kind: Kind
    name: str
    tenant: str
    arguments: dict[str, Any]
    cause: str  # the event's id
    document: bytes | None  # the event, sealed as it came
    due: dt.datetime
    suppressed: bool


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact for GOALS_PLUGIN: its id, subject and exact document; `suppressed`: only to be listed."""

    id: str
    subject: str
    document: bytes
    suppressed: bool


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """All that a turn came to, ready to be stored in one transaction; one that is stored already (by key, id) stays."""

    tenant: str
    writes: dict[str, bytes | None]
    timers: dict[str, dt.datetime | None]
    grants: list[Grant]  # new ones, and those that are revoked now
    outgoing: list[Outgoing]
    facts: list[Fact]
    replays: list[Replay]


def of_event(event: Delivered) -> Cause:
    """Return the cause that *event* is."""
    correlation = event.envelope.correlationid
    return Cause(
        id=event.id, tenant=event.tenant, subject=event.envelope.subject, correlation=correlation,
        document=event.document,
    )  # fmt: skip


def of_timer(manifest: Manifest, tenant: str, key: str, at: dt.datetime) -> Cause:
    """Return the cause that the timer *key* is at *at*."""
    id_ = stable_id("timer", manifest.id, tenant, key, at.isoformat())
    return Cause(id=id_, tenant=tenant, subject=f"tenant/{tenant_id(tenant)}")


def of_outcome(manifest: Manifest, effect: Effect) -> Cause:
    """Return the cause that an attempt at *effect* is."""
    id_ = stable_id("performed", manifest.id, effect.key, str(effect.attempt))
    if effect.event is None:
        return Cause(id=id_, tenant=effect.tenant, subject=f"tenant/{tenant_id(effect.tenant)}")
    return msgspec.structs.replace(of_event(effect.event), id=id_)


def of_request(manifest: Manifest, request: Question) -> Cause:
    """Return the cause that an administrator's *request* is."""
    id_ = stable_id("act", manifest.id, request.tenant, request.id)
    return Cause(id=id_, tenant=request.tenant, subject=f"tenant/{tenant_id(request.tenant)}")


def of_replay(manifest: Manifest, replay: Replay, event: Delivered) -> Cause:
    """Return the cause that *event* is when it comes again in *replay*: its effects are others than the first time."""
    return msgspec.structs.replace(of_event(event), id=stable_id("replayed", manifest.id, replay.id, event.id))


def keep(
    manifest: Manifest, cause: Cause, turn: Turn, *, mode: Mode, now: dt.datetime, position: int | None = None
) -> Kept:
    """Return what *turn* comes to; raises PluginError `bad_name`. *now* is aware.

    *position*: the newest sequence of the tenant that the plugin has had, where replays are asked for.
    """
    quiet = mode != "live"
    outgoing: list[Outgoing] = []

    def add(kind: Kind, name: str, arguments: dict[str, Any], delay_s: float = 0) -> None:
        due = now.astimezone(dt.UTC) + dt.timedelta(seconds=delay_s)
        key = f"{manifest.id}/{cause.id}/{name}"
        outgoing.append(
            Outgoing(
                key=key, kind=kind, name=name, tenant=cause.tenant, arguments=arguments, cause=cause.id,
                document=cause.document, due=due, suppressed=quiet,
            )
        )  # fmt: skip

    for effect in turn.effects:
        add("effect", effect.name, effect.arguments, effect.delay_s)
    for place, command in enumerate(turn.commands):
        name = f"command:{command.aggregate}.{command.name}:{place}"
        id_ = stable_id("command", manifest.id, cause.id, str(place))
        add("command", name, command.fields | {"command_id": id_, "actor": manifest.actor})
    facts = [*turn.facts]
    facts += [FactWanted("reward_granted", _told(one)) for one in turn.granted]
    facts += [FactWanted("reward_revoked", _told(one)) for one in turn.revoked]
    counted: dict[str, int] = {}
    made: list[Fact] = []
    for wanted in facts:
        place = counted[wanted.name] = counted.get(wanted.name, -1) + 1
        made.append(_fact(manifest, cause, wanted, place, now, suppressed=mode == "dry_run"))
    return Kept(
        tenant=cause.tenant,
        writes=dict(turn.writes),
        timers=dict(turn.timers),
        grants=[*turn.granted, *turn.revoked],
        outgoing=outgoing,
        facts=made,
        replays=_replays(manifest, cause, turn, position or 0),
    )


def _replays(manifest: Manifest, cause: Cause, turn: Turn, position: int) -> list[Replay]:
    """Return what is to come again: never what has not come for the first time."""
    made = [
        Replay(
            id=stable_id("replay", manifest.id, cause.id, str(place)),
            first=wanted.first,
            last=position if wanted.last is None else min(wanted.last, position),
            arguments=wanted.arguments,
        )
        for place, wanted in enumerate(turn.replays)
    ]
    return [replay for replay in made if replay.first <= replay.last]


def _told(grant: Grant) -> dict[str, Any]:
    """Return what everybody may know of a grant: not the code of a voucher."""
    reward = grant.reward
    told: dict[str, Any] = {
        "grant": grant.id, "to": reward.to, "kind": reward.kind, "title": reward.title, "points": reward.points,
        "rule": reward.rule, "once": reward.once, "aggregate": grant.aggregate, "id": grant.aggregate_id,
        "cause": grant.cause, "at": msgspec.to_builtins(grant.at),
    }  # fmt: skip
    return told | ({"revoked_by": grant.revoked_by} if grant.revoked_by else {})


def _fact(
    manifest: Manifest, cause: Cause, wanted: FactWanted, place: int, now: dt.datetime, *, suppressed: bool
) -> Fact:
    name = wanted.name
    if not FACT_NAME(name):
        raise PluginError("bad_name", f"{name!r} is no name of a fact: a-z, 0-9 and _, a letter first")
    of = ("once", name, wanted.once) if wanted.once else (cause.id, name, str(place))
    id_ = stable_id("fact", manifest.id, cause.tenant, *of)
    tag = f"{manifest.id}.{name}.v1"
    document = envelope.encode(
        Envelope(
            specversion="1.0",
            id=id_,
            source=f"/milepost/{cause.tenant}/plugin/{manifest.id}",
            type=tag,
            subject=cause.subject,
            time=now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            datacontenttype="application/json",
            dataschema=f"{SCHEMA_PREFIX}{tag}",
            tenant=cause.tenant,
            actor=manifest.actor,
            correlationid=cause.correlation,
            causationid=cause.id,
            data=msgspec.Raw(msgspec.json.encode(wanted.data)),
        )
    )
    return Fact(id=id_, subject=fact_subject(cause.tenant, manifest.id, name), document=document, suppressed=suppressed)
