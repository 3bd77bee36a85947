"""Turns for the tests of a plugin's store, made by the kit as the host makes them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from milepost.react.store import Position, ToPark
from milepost_contracts.context import CommandWanted, EffectWanted, FactWanted, ReplayWanted, Turn
from milepost_contracts.keeping import Cause, Kept, keep
from milepost_contracts.plugin import Grant, Manifest, Mode, Reward

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
BEGIN = Position(1, 0)
MANIFEST = Manifest(id="rewards", version="1.0.0", summary="Gives things")
TENANT = "acme"
PERSON = f"user:{uuid.UUID(int=7)}"


def event_id(number: int) -> str:
    """Return the id of the event *number*."""
    return str(uuid.UUID(int=number))


def grant(number: int, *, person: str = PERSON, title: str = "Well done", revoked_by: str | None = None) -> Grant:
    """Return the reward that the event *number* caused."""
    return Grant(
        id=str(uuid.UUID(int=1000 + number)),
        reward=Reward(to=person, title=title, code=f"CODE-{number}"),
        aggregate="goal",
        aggregate_id=str(uuid.UUID(int=2000 + number)),
        cause=event_id(number),
        at=NOW,
        revoked_by=revoked_by,
    )


def kept(  # noqa: PLR0913  each by its name
    number: int = 1,
    *,
    tenant: str = TENANT,
    mode: Mode = "live",
    now: dt.datetime = NOW,
    manifest: Manifest = MANIFEST,
    position: int | None = None,
    writes: Mapping[str, bytes | None] | None = None,
    timers: Mapping[str, dt.datetime | None] | None = None,
    effects: Mapping[str, dict[str, Any]] | None = None,
    commands: Mapping[str, dict[str, Any]] | None = None,
    facts: Mapping[str, dict[str, Any]] | None = None,
    granted: tuple[Grant, ...] = (),
    revoked: tuple[Grant, ...] = (),
    replays: tuple[ReplayWanted, ...] = (),
    delay_s: float = 0,
) -> Kept:
    """Return what a turn about the event *number* comes to."""
    turn = Turn(
        writes=dict(writes or {}),
        timers=dict(timers or {}),
        effects=[EffectWanted(name, arguments, delay_s) for name, arguments in (effects or {}).items()],
        commands=[CommandWanted("goal", name, fields) for name, fields in (commands or {}).items()],
        facts=[FactWanted(name, fields) for name, fields in (facts or {}).items()],
        granted=list(granted),
        revoked=list(revoked),
        replays=list(replays),
    )
    cause = Cause(
        id=event_id(number), tenant=tenant, subject=f"goal/{uuid.UUID(int=2000 + number)}", document=b'{"sealed":1}'
    )
    return keep(manifest, cause, turn, mode=mode, now=now, position=position)


def key(number: int, name: str) -> str:
    """Return the key of the effect *name* of the event *number*."""
    return f"{MANIFEST.id}/{event_id(number)}/{name}"


def to_park(number: int, **changes: object) -> ToPark:
    """Return the event *number*, to be put aside."""
    one = ToPark(
        tenant=TENANT, sequence=number, event_id=event_id(number), aggregate="goal",
        aggregate_id=event_id(2000 + number), document=b"{}", code="raised", hook="on_event", error="ValueError",
        place="here.py:1", attempts=5,
    )  # fmt: skip
    return msgspec.structs.replace(one, **changes)
