"""Where messages travel: the subjects of events, commands, queries and dead letters."""

from __future__ import annotations

import datetime as dt
import functools
import re
import uuid

from milepost_contracts.types import ID_PATTERN, NAME_PATTERN

AGGREGATES = ("goal", "mentorship", "programme", "person", "tenant", "access")
STREAM, STREAM_PLUGIN, STREAM_DEAD = "GOALS", "GOALS_PLUGIN", "GOALS_DEAD"
STREAM_CHECKPOINTS = "GOALS_CHECKPOINTS"
EVENTS = "goals.event.v1.>"
PLUGIN_FACTS = "goals.plugin.v1.>"
DEAD_LETTERS = "goals.dead.v1.>"
CHECKPOINTS = "goals.checkpoint.v1.*"
# Between our own processes: "a commit happened" (an empty message that may be lost), and the relay's verbs.
HINT = "goals.hint.v1"
ADMIN = "goals.admin.v1"

_NAME = re.compile(NAME_PATTERN)
_ID = re.compile(ID_PATTERN)
# Makes a tenant's aggregate id out of its name, so that nobody has to look it up.
_TENANTS = uuid.UUID("6d1f9c52-2f6c-5a57-9a0e-5ac1b2b0a7c4")
# Makes the id of an access log out of tenant, reader and day.
_ACCESSES = uuid.UUID("0f0b3f53-6a5e-5d0e-9c3e-1f6f3a3c9b8d")


class SubjectError(ValueError):
    """A token that must not become part of a subject; `code` is `invalid_subject`."""

    code = "invalid_subject"


@functools.lru_cache(maxsize=1024)
def tenant_id(tenant: str) -> str:
    """Return the id of the aggregate of *tenant* (a UUID of version 5)."""
    return str(uuid.uuid5(_TENANTS, _name(tenant)))


@functools.lru_cache(maxsize=1024)
def access_id(tenant: str, reader: str, day: dt.date) -> str:
    """Return the id of the access log of *reader* on *day* (a UUID of version 5); a plugin's whatever its version."""
    holder = reader.partition("@")[0] if reader.startswith("plugin:") else reader
    return str(uuid.uuid5(_ACCESSES, f"{_name(tenant)}/{holder}/{day.isoformat()}"))


def event(tenant: str, aggregate: str, aggregate_id: str, name: str) -> str:
    """Return the subject of an event, e.g. `goals.event.v1.acme.goal.0199...c2.milestone_hit`."""
    return f"goals.event.v1.{_name(tenant)}.{_aggregate(aggregate)}.{_id(aggregate_id)}.{_name(name)}"


def command(tenant: str, caller: str, aggregate: str, name: str) -> str:
    """Return the subject of a command, e.g. `goals.command.v1.acme.web.goal.shift_deadline`."""
    return f"goals.command.v1.{_name(tenant)}.{_name(caller)}.{_aggregate(aggregate)}.{_name(name)}"


def query(tenant: str, caller: str, name: str) -> str:
    """Return the subject of a query, e.g. `goals.query.v1.acme.web.inbox`."""
    return f"goals.query.v1.{_name(tenant)}.{_name(caller)}.{_name(name)}"


def dead(tenant: str, consumer: str) -> str:
    """Return the subject of dead letters, e.g. `goals.dead.v1.acme.rewards`."""
    return f"goals.dead.v1.{_name(tenant)}.{_name(consumer)}"


def dead_of(consumer: str) -> str:
    """Return the filter of a consumer's dead letters in every tenant, e.g. `goals.dead.v1.*.rewards`."""
    return f"goals.dead.v1.*.{_name(consumer)}"


def checkpoint(tenant: str) -> str:
    """Return the subject of the signed checkpoints of a tenant's log, e.g. `goals.checkpoint.v1.acme`."""
    return f"goals.checkpoint.v1.{_name(tenant)}"


def review(tenant: str, plugin: str) -> str:
    """Return the subject of a plugin's review of a command, e.g. `goals.review.v1.acme.okr`."""
    return f"goals.review.v1.{_name(tenant)}.{_name(plugin)}"


def fact(tenant: str, plugin: str, name: str) -> str:
    """Return the subject of a plugin's fact, e.g. `goals.plugin.v1.acme.rewards.badge_given`."""
    return f"goals.plugin.v1.{_name(tenant)}.{_name(plugin)}.{_name(name)}"


def _name(token: str) -> str:
    if not _NAME.match(token):
        raise SubjectError(f"{token!r} is no name: one to 63 of a-z, 0-9, _ and -, a letter or digit first")
    return token


def _aggregate(token: str) -> str:
    if token not in AGGREGATES:
        raise SubjectError(f"{token!r} is none of {', '.join(AGGREGATES)}")
    return token


def _id(token: str) -> str:
    if not _ID.match(token):
        raise SubjectError(f"{token!r} is no id: a UUID in lower case with hyphens")
    return token
