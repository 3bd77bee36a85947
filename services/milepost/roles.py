"""Who may connect to the bus: a folder of keys, and the broker's settings made from them and from the permissions.

It holds `keys/NAME.nk` (the seed, readable by its owner alone), `roles.json` (plugins and consumers) and `users.conf`,
which `nats-server.conf` includes and which names public keys only.
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

from milepost.permissions import PLUGINS, ROLES, Consumer, Role, RoleError, consumer_role, inbox
from milepost_contracts.types import NAME_PATTERN


class ConnectOptions(TypedDict):
    """What nats.connect and FastStream's NatsBroker take, by the same names."""

    servers: list[str]
    name: str
    nkeys_seed: str
    inbox_prefix: str
    max_reconnect_attempts: int


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


def prepare(folder: Path, plugins: Iterable[str] | None = None) -> None:
    """Make the key of every role that has none in *folder* and write `users.conf` anew.

    No consumer may be called like a plugin: one of ours, or of *plugins* (None: those of the last time). Keys and
    consumers stay. A running broker takes the new file on SIGHUP. Raises RoleError.
    """
    with _locked(folder):
        kept = _kept(folder)
        if plugins is not None:
            kept = msgspec.structs.replace(kept, plugins=tuple(_free_name(plugin) for plugin in plugins))
            if taken := [entry.name for entry in kept.consumers if entry.name in kept.plugins]:
                raise RoleError("invalid_consumer", f"{taken[0]!r} is a consumer, which could speak as the plugin")
            _keep(folder, kept)
        users = [(public_key(_seed(folder, name)), name, role) for name, role in ROLES.items()]
        users += [(entry.nkey, entry.name, consumer_role(entry)) for entry in kept.consumers]
        if twice := [
            name for place, (nkey, name, _) in enumerate(users) if nkey in {user[0] for user in users[:place]}
        ]:
            raise RoleError("invalid_key", f"{twice[0]!r} has the key of another")
        _write(folder / "users.conf", _users_conf(users))


def add_consumer(folder: Path, name: str, tenant: str, *, nkey: str | None = None, commands: bool = False) -> Consumer:
    """Keep a consumer in *folder*, instead of one of the same name; `prepare` then lets it in. Return it.

    *nkey* is its public key where it made its own; else a seed is made in `keys/NAME.nk`. Raises RoleError.
    """
    _free_name(name)
    with _locked(folder):
        kept = _kept(folder)
        if name in (*PLUGINS, *kept.plugins):
            raise RoleError("invalid_consumer", f"{name!r} is a plugin: a consumer of that name could speak as it")
        entry = Consumer(name=name, tenant=tenant, nkey=nkey or public_key(_seed(folder, name)), commands=commands)
        others = [other for other in kept.consumers if other.name != name]
        _keep(folder, msgspec.structs.replace(kept, consumers=[*others, entry]))
    return entry


def remove_consumer(folder: Path, name: str) -> None:
    """Forget consumer *name* and its seed; `prepare` then shuts it out. Raises RoleError `invalid_consumer`."""
    with _locked(folder):
        kept = _kept(folder)
        others = [other for other in kept.consumers if other.name != name]
        if len(others) == len(kept.consumers):
            raise RoleError("invalid_consumer", f"there is no consumer {name!r}")
        _keep(folder, msgspec.structs.replace(kept, consumers=others))
        seed_path(folder, name).unlink(missing_ok=True)


class _Kept(msgspec.Struct, frozen=True):
    """`roles.json`: consumers, and the names that they may not have."""

    plugins: tuple[str, ...] = ()  # beside those that come with Milepost
    consumers: list[Consumer] = []


def _kept(folder: Path) -> _Kept:
    try:
        return msgspec.json.decode((folder / "roles.json").read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()


def _keep(folder: Path, kept: _Kept) -> None:
    _write(folder / "roles.json", msgspec.json.format(msgspec.json.encode(kept)))


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


def _free_name(name: str) -> str:
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
@click.option("--plugin", "plugins", multiple=True, help="a name that no consumer may take; the last time's without it")
@click.pass_obj
def _prepare(folder: Path, plugins: tuple[str, ...]) -> None:
    """Make missing keys and write users.conf anew."""
    try:
        prepare(folder, plugins or None)
    except RoleError as error:
        raise click.ClickException(f"{error.code}: {error}") from error


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
