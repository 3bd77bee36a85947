"""Who may say what on the bus: what each stage, gateway, plugin and consumer may publish and hear."""

from __future__ import annotations

import re

import msgspec

from milepost_contracts.subjects import (
    ADMIN,
    CHECKPOINTS,
    EVENTS,
    HINT,
    STREAM,
    STREAM_CHECKPOINTS,
    STREAM_DEAD,
    STREAM_PLUGIN,
)
from milepost_contracts.types import NAME_PATTERN

# The plugins that come with Milepost: no consumer has a name of theirs, as which it could speak. Further ones are named
# when the folder is prepared.
PLUGINS = ("nudges", "okr", "rewards", "webhooks", "webhooks-words")
EVERY_TENANT = "*"
# Questions that the journal's side answers; the others are the view's.
PLUGIN_QUERIES = ("ask_plugin",)  # answered by plugins, through their host
JOURNAL_QUERIES = (
    "access", "as_of", "certificate", "diff", "due_for_erasure", "erasure", "events_after",
    "evolution", "explain", "export", "history", "keys", "proof",
)  # fmt: skip

_API = "$JS.API"
_PUBLIC_KEY = re.compile(r"U[A-Z2-7]{55}(?!\n)$")


class RoleError(ValueError):
    """A role, name or key that cannot be used; `code` is `unknown_role`, `invalid_consumer` or `invalid_key`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """What a role may publish and subscribe; its inbox comes on top. `answers`: it may reply to what it receives."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    answers: bool = False


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody outside: reads one tenant's events and facts (`*`: every tenant's).

    `commands`: may also ask, as caller *name*.
    """

    name: str
    tenant: str
    nkey: str
    commands: bool = False

    def __post_init__(self) -> None:
        """Refuse what must not become part of a subject."""
        if not re.match(NAME_PATTERN, self.name) or self.name in ROLES:
            raise RoleError("invalid_consumer", f"{self.name!r} is no free name: a-z, 0-9, _ and -, no role of ours")
        if self.tenant != EVERY_TENANT and not re.match(NAME_PATTERN, self.tenant):
            raise RoleError("invalid_consumer", f"{self.tenant!r} is no tenant: a-z, 0-9, _ and -, or * for all")
        if not _PUBLIC_KEY.match(self.nkey):
            raise RoleError("invalid_key", f"{self.nkey!r} is no public user nkey: U and 55 letters and digits")


def _reads(*streams: str) -> tuple[str, ...]:
    """Return the subjects with which a stage of ours reads whole *streams* through consumers of its own."""
    return tuple(
        subject
        for stream in streams
        for subject in (
            f"{_API}.STREAM.INFO.{stream}",
            f"{_API}.STREAM.MSG.GET.{stream}",
            f"{_API}.CONSUMER.CREATE.{stream}",
            f"{_API}.CONSUMER.CREATE.{stream}.>",
            f"{_API}.CONSUMER.INFO.{stream}.*",
            f"{_API}.CONSUMER.DELETE.{stream}.*",
            f"{_API}.CONSUMER.MSG.NEXT.{stream}.*",
            f"$JS.FC.{stream}.>",
        )
    )


def _declares(*streams: str) -> tuple[str, ...]:
    verbs = ("CREATE", "UPDATE", "PURGE")
    return tuple(f"{_API}.STREAM.{verb}.{stream}" for stream in streams for verb in verbs)


def asks(caller: str, tenant: str = EVERY_TENANT) -> tuple[str, ...]:
    """Return the subjects on which *caller* sends commands and queries."""
    return (f"goals.command.v1.{tenant}.{caller}.>", f"goals.query.v1.{tenant}.{caller}.*")


ROLES: dict[str, Role] = {
    "accept": Role(
        subscribe=("goals.command.v1.>",),
        publish=(HINT, "goals.review.v1.*.*"),
        answers=True,
    ),
    # The only one that may publish events; it alone makes and purges the streams.
    "publish": Role(
        subscribe=(HINT, f"{ADMIN}.publish.>"),
        publish=(
            EVENTS,
            "goals.command.v1.*.publish.tenant.record_refill",
            *_declares(STREAM, STREAM_PLUGIN, STREAM_DEAD, STREAM_CHECKPOINTS),
            *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD, STREAM_CHECKPOINTS),
        ),
        answers=True,
    ),
    "react": Role(
        subscribe=("goals.review.v1.>", f"{ADMIN}.react.>", "goals.query.v1.*.*.ask_plugin"),
        publish=(
            "goals.command.v1.*.react.>",  # of plugins, each as itself
            "goals.plugin.v1.>",
            "goals.dead.v1.>",
            f"{_API}.STREAM.MSG.DELETE.{STREAM_DEAD}",  # of what has been dealt with
            "goals.query.v1.*.react.*",
            *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD),
        ),
        answers=True,
    ),
    "replay": Role(
        subscribe=(*(f"goals.query.v1.*.*.{name}" for name in JOURNAL_QUERIES), f"{ADMIN}.replay.>"),
        publish=(
            "goals.command.v1.*.replay.access.record",  # who reads what
            "goals.command.v1.*.replay.tenant.record_signing_key",
            CHECKPOINTS,
        ),
        answers=True,
    ),
    "view": Role(
        subscribe=("goals.query.v1.>",),
        never=tuple(f"goals.query.v1.*.*.{name}" for name in (*JOURNAL_QUERIES, *PLUGIN_QUERIES)),
        publish=("goals.query.v1.*.view.*", *_reads(STREAM, STREAM_PLUGIN)),
        answers=True,
    ),
    # The gateways: trusted to name the person who asks.
    "web": Role(publish=(*asks("web"), *_reads(STREAM, STREAM_PLUGIN))),
    "cli": Role(publish=(*asks("cli"), f"{ADMIN}.>", *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD, STREAM_CHECKPOINTS))),
}


def consumer_role(consumer: Consumer) -> Role:
    """Return what *consumer* may: a JetStream consumer of its own name on events, plugins' facts and checkpoints each.

    The filter of either is pinned to the tenant.

    The server does not pin where a push consumer delivers: whoever may make one can have the tenant's own events sent
    to any subject that somebody listens on. That is why all of ours take strictly what they are for.
    """
    filters = {
        STREAM: f"goals.event.v1.{consumer.tenant}.>",
        STREAM_PLUGIN: f"goals.plugin.v1.{consumer.tenant}.>",
        STREAM_CHECKPOINTS: f"goals.checkpoint.v1.{consumer.tenant}",
    }
    reads = tuple(
        subject
        for stream, filtered in filters.items()
        for own in [f"{stream}.{consumer.name}"]
        for subject in (
            f"{_API}.CONSUMER.CREATE.{own}.{filtered}",
            f"{_API}.CONSUMER.INFO.{own}",
            f"{_API}.CONSUMER.DELETE.{own}",
            f"{_API}.CONSUMER.MSG.NEXT.{own}",
        )
    )
    return Role(publish=reads + (asks(consumer.name, consumer.tenant) if consumer.commands else ()))


def inbox(name: str) -> str:
    """Return the prefix of the inboxes of role or consumer *name*; nobody else may listen there."""
    return f"_INBOX.{name}"
