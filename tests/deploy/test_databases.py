"""Databases and their users as operators make them: each may do its own and nothing else."""

from __future__ import annotations

import os
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from milepost.journal import Journal, KeyStore
from milepost.react.store import Store
from milepost.react.where import schema_of
from milepost.roles import public_key
from tests.journal.wishes import append, goal
from tests.support.postgres import Server, server

DEPLOY = Path(__file__).parents[2] / "deploy"
USERS = ("journal", "journal_reader", "keys", "react", "view")
DATABASES = ("journal", "keys", "react", "view")


def prepare(folder: Path) -> dict[str, Any]:
    """Run deploy/prepare.py for *folder* and return its names."""
    script = runpy.run_path(str(DEPLOY / "prepare.py"))
    script["main"](folder)
    return script


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of secrets as deploy/prepare.py makes it."""
    folder = tmp_path_factory.mktemp("secrets")
    prepare(folder)
    return folder


@pytest.fixture(scope="module")
def databases(secrets: Path) -> Iterator[Server]:
    """Give a server on which psql has run deploy/databases.sql, as the container does on its first start."""
    running = server()
    psql = [str(running._install / "bin" / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", running.url("postgres")]
    environment = os.environ | {"SECRETS": str(secrets / "postgres")}
    subprocess.run([*psql, "-f", DEPLOY / "databases.sql"], check=True, env=environment)
    yield running
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        for database in DATABASES:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)".encode())
        for user in USERS:
            connection.execute(f"DROP ROLE {user}".encode())


def _url(databases: Server, user: str, database: str) -> str:
    return databases.url(database).replace("//milepost@", f"//{user}@")


def test_readers_of_the_journal_read_and_nothing_else(databases: Server) -> None:
    """Proves that publish and replay, on their own user, read what accept appends and cannot change a byte of it."""
    with (
        Journal(_url(databases, "journal", "journal")) as journal,
        Journal(_url(databases, "journal_reader", "journal"), writes=False) as reader,
    ):
        journal.append([append({goal(): 0})])
        assert [entry.document for entry in reader.after(0, 10)] == [entry.document for entry in journal.after(0, 10)]
    for forbidden in (
        "DELETE FROM stored_events",
        "LOCK TABLE append_lock",
        "CREATE TABLE mine (a int)",
    ):
        with (
            psycopg.connect(_url(databases, "journal_reader", "journal")) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(forbidden.encode())


def test_the_key_store_works_for_its_user(databases: Server, tmp_path: Path) -> None:
    """Proves that the user `keys` may make what the key store needs."""
    with KeyStore(_url(databases, "keys", "keys"), tmp_path / "wrapping") as keys:
        assert keys.person_key("acme", "user:0199c0de-0000-7000-8000-0000000000aa").secret


def test_plugins_have_a_schema_each_and_their_host_nothing_else(databases: Server) -> None:
    """Proves that the user `react` may make and write what each plugin keeps, and no table or database beside that."""
    url = _url(databases, "react", "react")
    for plugin in ("okr", "thank-you"):
        store = Store(url, plugin)
        store.open()
        with store.lease():
            store.set_paused("by_hand", plugin)
            assert store.status().why == plugin
        store.close()
    with psycopg.connect(url) as connection:
        made = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'milepost%' ORDER BY 1")
        assert made.fetchall() == [(schema_of("okr"),), (schema_of("thank-you"),)]
    for forbidden in (
        "CREATE TABLE public.mine (a int)",
        "CREATE DATABASE mine",
        "ALTER DATABASE react RENAME TO mine",
    ):
        with (
            psycopg.connect(url, autocommit=True) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(forbidden.encode())


@pytest.mark.parametrize("user", USERS)
def test_nobody_connects_to_what_is_not_theirs(databases: Server, user: str) -> None:
    """Proves that each user reaches its own database alone: events, keys and read models stay apart."""
    own = {"journal_reader": "journal"}.get(user, user)
    for database in DATABASES:
        if database == own:
            psycopg.connect(_url(databases, user, database)).close()
        else:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(_url(databases, user, database))


def test_passwords_are_those_of_the_secrets(databases: Server, secrets: Path) -> None:
    """Proves that the files which psql read are the ones that the stages' password files repeat."""
    for stage, logins in prepare(secrets)["LOGINS"].items():
        lines = (secrets / "pgpass" / stage).read_text().splitlines()
        expected = [f"postgres:5432:{db}:{user}:{(secrets / 'postgres' / user).read_text()}" for db, user in logins]
        assert lines == expected
    with psycopg.connect(databases.url("postgres")) as connection:
        rows = connection.execute("SELECT rolname, rolpassword, rolsuper FROM pg_authid").fetchall()
    kept = {name: (password, superuser) for name, password, superuser in rows if name in USERS}
    assert all(password.startswith("SCRAM-SHA-256$") and not superuser for password, superuser in kept.values())
    assert sorted(kept) == sorted(USERS)


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    """Proves that the secrets of a running system survive a second call, and that all are private."""
    prepare(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    prepare(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert {path.stat().st_mode & 0o077 for path in before} == {0}
    assert len({path.read_text() for path in (tmp_path / "postgres").iterdir()}) == len(USERS) + 1
    users = (tmp_path / "nats" / "users.conf").read_text()
    assert public_key((tmp_path / "nats" / "keys" / "accept.nk").read_bytes()) in users
