"""Who may say what on the bus: one nkey and one set of permissions for each stage, gateway, plugin and consumer.

A folder holds `keys/ROLE.nk` (the seed, readable by its owner alone), `consumers.json` and `users.conf`, the part of
the broker's settings that is made from them and names public keys only.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import click
import msgspec
import nkeys

from milepost_contracts.subjects import ADMIN, EVENTS, HINT, STREAM, STREAM_DEAD, STREAM_PLUGIN
from milepost_contracts.types import NAME_PATTERN

# Callers of the plugins that come with Milepost; a further one is named when the folder is prepared.
PLUGINS = ("nudges", "okr", "rewards", "webhooks")
EVERY_TENANT = "*"
# Questions that the journal's side answers; the others are the view's.
JOURNAL_QUERIES = ("as_of", "diff", "events_after", "export", "history", "keys", "proof")

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
    """Somebody outside: reads one tenant's events (`*`: every tenant's); `commands`: may also ask, as caller *name*."""

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


class ConnectOptions(TypedDict):
    """What nats.connect and FastStream's NatsBroker take, by the same names."""

    servers: list[str]
    name: str
    nkeys_seed: str
    inbox_prefix: str
    max_reconnect_attempts: int


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


def _asks(caller: str, tenant: str = EVERY_TENANT) -> tuple[str, ...]:
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
            *_declares(STREAM, STREAM_PLUGIN, STREAM_DEAD),
            *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD),
        ),
        answers=True,
    ),
    "react": Role(
        subscribe=("goals.review.v1.>",),
        publish=(
            "goals.plugin.v1.>",
            "goals.dead.v1.>",
            "goals.query.v1.*.react.*",
            *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD),
        ),
        answers=True,
    ),
    "replay": Role(subscribe=tuple(f"goals.query.v1.*.*.{name}" for name in JOURNAL_QUERIES), answers=True),
    "view": Role(
        subscribe=("goals.query.v1.>",),
        never=tuple(f"goals.query.v1.*.*.{name}" for name in JOURNAL_QUERIES),
        publish=("goals.query.v1.*.view.*", *_reads(STREAM, STREAM_PLUGIN)),
        answers=True,
    ),
    # The gateways: trusted to name the person who asks.
    "web": Role(publish=(*_asks("web"), *_reads(STREAM, STREAM_PLUGIN))),
    "cli": Role(publish=(*_asks("cli"), f"{ADMIN}.>", *_reads(STREAM, STREAM_PLUGIN, STREAM_DEAD))),
}


def consumer_role(consumer: Consumer) -> Role:
    """Return what *consumer* may: one JetStream consumer of its own name, its filter pinned to the tenant."""
    own = f"{STREAM}.{consumer.name}"
    reads = (
        f"{_API}.CONSUMER.CREATE.{own}.goals.event.v1.{consumer.tenant}.>",
        f"{_API}.CONSUMER.INFO.{own}",
        f"{_API}.CONSUMER.DELETE.{own}",
        f"{_API}.CONSUMER.MSG.NEXT.{own}",
    )
    return Role(publish=reads + (_asks(consumer.name, consumer.tenant) if consumer.commands else ()))


def inbox(name: str) -> str:
    """Return the prefix of the inboxes of role or consumer *name*; nobody else may listen there."""
    return f"_INBOX.{name}"


def connect_options(url: str, name: str, seed: Path) -> ConnectOptions:
    """Return how role or consumer *name* connects to *url* with the seed in the file *seed*, without ever giving up."""
    return {
        "servers": url.split(","),
        "name": f"milepost {name}",
        "nkeys_seed": str(seed),
        "inbox_prefix": inbox(name),
        "max_reconnect_attempts": -1,
    }


def seed_path(folder: Path, name: str) -> Path:
    """Return where the seed of role or consumer *name* lies in *folder*."""
    return folder / "keys" / f"{name}.nk"


def prepare(folder: Path, plugins: Iterable[str] = PLUGINS) -> None:
    """Make the key of every role that has none in *folder* and write `users.conf` anew; `react` speaks for *plugins*.

    Existing keys and consumers stay. A running broker takes the new file on SIGHUP.
    """
    callers = [subject for plugin in plugins for subject in _asks(_checked(plugin))]
    react = msgspec.structs.replace(ROLES["react"], publish=(*ROLES["react"].publish, *callers))
    with _locked(folder):
        users = [(public_key(_seed(folder, name)), name, role) for name, role in (ROLES | {"react": react}).items()]
        users += [(entry.nkey, entry.name, consumer_role(entry)) for entry in consumers(folder)]
        if twice := [
            name for place, (nkey, name, _) in enumerate(users) if nkey in {user[0] for user in users[:place]}
        ]:
            raise RoleError("invalid_key", f"{twice[0]!r} has the key of another")
        _write(folder / "users.conf", _users_conf(users))


def add_consumer(folder: Path, name: str, tenant: str, *, nkey: str | None = None, commands: bool = False) -> Consumer:
    """Keep a consumer in *folder*, instead of one of the same name; `prepare` then lets it in. Return it.

    *nkey* is its public key where it made its own; else a seed is made in `keys/NAME.nk`. Raises RoleError.
    """
    _checked(name)
    with _locked(folder):
        entry = Consumer(name=name, tenant=tenant, nkey=nkey or public_key(_seed(folder, name)), commands=commands)
        kept = [other for other in consumers(folder) if other.name != name]
        _write(folder / "consumers.json", msgspec.json.format(msgspec.json.encode([*kept, entry])))
    return entry


def remove_consumer(folder: Path, name: str) -> None:
    """Forget consumer *name* and its seed; `prepare` then shuts it out. Raises RoleError `invalid_consumer`."""
    with _locked(folder):
        kept = [other for other in consumers(folder) if other.name != name]
        if len(kept) == len(consumers(folder)):
            raise RoleError("invalid_consumer", f"there is no consumer {name!r}")
        _write(folder / "consumers.json", msgspec.json.format(msgspec.json.encode(kept)))
        seed_path(folder, name).unlink(missing_ok=True)


def consumers(folder: Path) -> list[Consumer]:
    """Return the consumers kept in *folder*."""
    try:
        return msgspec.json.decode((folder / "consumers.json").read_bytes(), type=list[Consumer])
    except FileNotFoundError:
        return []


def public_key(seed: bytes) -> str:
    """Return the public nkey of *seed*; raises RoleError `invalid_key`."""
    try:
        return str(nkeys.from_seed(bytearray(seed)).public_key.decode())
    except (nkeys.NkeysError, ValueError) as error:
        raise RoleError("invalid_key", "not the seed of a user nkey") from error


def _users_conf(users: Iterable[tuple[str, str, Role]]) -> bytes:
    lines = ["# Written by `python -m milepost.roles`; changes made here are lost.", "users: ["]
    for nkey, name, role in users:
        permissions: dict[str, object] = {
            # An empty list of allowed subjects would mean all of them: with nothing to publish, everything is denied.
            "publish": {"allow": role.publish} if role.publish else {"deny": [">"]},
            "subscribe": {"allow": [f"{inbox(name)}.>", *role.subscribe], "deny": role.never},
        }
        if role.answers:
            if not role.publish:
                del permissions["publish"]  # allow_responses alone already denies the rest
            # One reply to a request, within the longest time that a caller waits.
            permissions["allow_responses"] = {"max": 1, "expires": "2m"}
        entry = msgspec.json.encode({"nkey": nkey, "permissions": permissions}).decode()
        lines += [f"  # {name}", f"  {entry}"]
    return "\n".join([*lines, "]", ""]).encode()


def _checked(name: str) -> str:
    if name in ROLES:
        raise RoleError("invalid_consumer", f"{name!r} is a role of ours")
    if not re.match(NAME_PATTERN, name):
        raise RoleError("invalid_consumer", f"{name!r} is no name: a-z, 0-9, _ and -, a letter or digit first")
    return name


def _seed(folder: Path, name: str) -> bytes:
    path = seed_path(folder, name)
    if not path.exists():
        _write(path, bytes(nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)))
    return path.read_bytes().strip()


def _write(path: Path, content: bytes) -> None:
    """Replace *path* whole, readable by its owner alone from the first byte on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold *folder* against another process that prepares it at the same time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "roles.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@click.group(epilog="Example: python -m milepost.roles /etc/nats/milepost prepare")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def main(context: click.Context, folder: Path) -> None:
    """Write who may say what on the bus, and their keys, into FOLDER; the broker takes it on SIGHUP."""
    context.obj = folder


@main.command("prepare")
@click.option("--plugin", "plugins", multiple=True, default=PLUGINS, show_default=True, help="a caller of react")
@click.pass_obj
def _prepare(folder: Path, plugins: tuple[str, ...]) -> None:
    """Make missing keys and write users.conf anew."""
    prepare(folder, plugins)


@main.command("consumer")
@click.argument("name")
@click.option("--tenant", required=True, help="whose events it reads; * for every tenant's")
@click.option("--nkey", help="its public key, where it made its own; else a seed is made in keys/NAME.nk")
@click.option("--commands", is_flag=True, help="it may also send commands and queries, as caller NAME")
@click.option("--remove", is_flag=True, help="shut it out again")
@click.pass_context
def _consumer(context: click.Context, /, name: str, tenant: str, nkey: str | None, **flags: bool) -> None:
    """Let NAME in to read a tenant's events."""
    try:
        if flags["remove"]:
            remove_consumer(context.obj, name)
        else:
            add_consumer(context.obj, name, tenant, nkey=nkey, commands=flags["commands"])
        prepare(context.obj)
    except RoleError as error:
        raise click.ClickException(f"{error.code}: {error}") from error


if __name__ == "__main__":
    main()
