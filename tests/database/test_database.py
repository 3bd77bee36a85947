"""Both databases do the same for the same calls, and say in the same words what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

import pytest

from milepost.database import (
    Connection,
    DatabaseError,
    PostgresConnection,
    SQLiteConnection,
    Table,
    exclusive,
    sqlite_path,
)
from tests.support.postgres import postgres_url  # noqa: F401  fixture

THING = Table("thing", (("kind", "text"), ("id", "text"), ("size", "int"), ("body", "bytes")), 2, (("kind", "size"),))
LINK = Table("link", (("one", "text"), ("other", "text")), 2)
ROWS = [("a", "1", 1, b"x"), ("a", "2", None, b""), ("B", "1", 2**40, b"\x00\xff"), ("ä", "1", 0, None)]


@pytest.fixture(params=["sqlite", "postgres"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connection]:
    """Give a connection with both tables."""
    made: Connection
    if request.param == "sqlite":
        made = SQLiteConnection(tmp_path / "some.sqlite")
    else:
        made = PostgresConnection(request.getfixturevalue("postgres_url"), "things")
    made.create([THING, LINK])
    made.create([THING, LINK])
    yield made
    made.close()


def test_rows_in_bulk(connection: Connection) -> None:
    """Rows are inserted, replaced, fetched and deleted by key; order is by bytes; what is missing is left out."""
    connection.upsert(THING, ROWS)
    connection.upsert(THING, [("a", "1", 7, b"y")])
    connection.upsert(THING, [])
    with connection.reading():
        assert list(connection.scan(THING)) == [ROWS[2], ("a", "1", 7, b"y"), ROWS[1], ROWS[3]]
    assert sorted(connection.fetch(THING, [("a", "2"), ("none", "1"), ("ä", "1")])) == sorted([ROWS[1], ROWS[3]])
    assert connection.fetch(THING, []) == []
    connection.delete(THING, [("a", "1"), ("none", "1")])
    connection.delete(THING, [])
    assert connection.query("SELECT COUNT(*) FROM thing WHERE kind = ?", ("a",)) == [(1,)]
    assert connection.execute("UPDATE thing SET size = ? WHERE kind = ?", (3, "a")) == 1


def test_a_table_of_keys(connection: Connection) -> None:
    """A row that is nothing but its key may come again."""
    connection.upsert(LINK, [("a", "b")])
    connection.upsert(LINK, [("a", "b"), ("a", "c")])
    assert connection.query("SELECT * FROM link ORDER BY other") == [("a", "b"), ("a", "c")]


def test_transactions(connection: Connection) -> None:
    """What raises is rolled back whole, and the connection goes on; what was committed can be made durable."""
    with pytest.raises(DatabaseError), connection.writing():
        write_and_fail(connection)
    assert connection.query("SELECT * FROM thing") == []
    with connection.writing():
        connection.upsert(THING, ROWS[:1])
    connection.settle()
    assert len(connection.query("SELECT * FROM thing")) == 1


def write_and_fail(connection: Connection) -> None:
    """Write rows, then do what cannot be done."""
    connection.upsert(THING, ROWS)
    connection.execute("DELETE FROM nowhere")


def test_errors(connection: Connection) -> None:
    """A missing table is told apart from everything else, which is `unavailable`."""
    nowhere = Table("nowhere", (("id", "text"),), 1)
    for call, code in (
        (lambda: connection.query("SELECT * FROM nowhere"), "missing"),
        (lambda: connection.execute("DELETE FROM nowhere"), "missing"),
        (lambda: connection.upsert(nowhere, [("x",)]), "missing"),
        (lambda: connection.query("SELECT FROM WHERE"), "unavailable"),
    ):
        with pytest.raises(DatabaseError) as error:
            call()
        assert error.value.code == code


def test_a_connection_that_ended(connection: Connection) -> None:
    """A closed connection is unavailable, whatever is asked of it."""
    connection.close()
    with pytest.raises(DatabaseError) as error, connection.writing():
        raise AssertionError("began")
    assert error.value.code == "unavailable"


def test_urls(tmp_path: Path) -> None:
    """A URL is of SQLite, of PostgreSQL, or bad."""
    assert sqlite_path("sqlite:////var/lib/my%20view.sqlite") == Path("/var/lib/my view.sqlite")
    assert sqlite_path("postgresql://me@here/db") is None
    for url in ("sqlite:///", "sqlite://view", "mysql://x", ""):
        with pytest.raises(DatabaseError) as error:
            sqlite_path(url)
        assert error.value.code == "bad_url"
    with pytest.raises(DatabaseError) as error:
        SQLiteConnection(tmp_path / "none.sqlite", must_exist=True)
    assert error.value.code == "missing"
    with pytest.raises(DatabaseError) as error:
        PostgresConnection("postgresql://127.0.0.1:1/none", "things")
    assert error.value.code == "unavailable"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_exclusive(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A lock is held by one, and free again afterwards."""
    url = f"sqlite:///{tmp_path / 'x.sqlite'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    for _ in range(2):
        with exclusive(url, "lock"):
            with pytest.raises(DatabaseError) as error, exclusive(url, "lock"):
                raise AssertionError("held twice")
            assert error.value.code == "in_use"
            with exclusive(url, "another"):
                pass


def test_several_processes_open_a_fresh_file_at_once(tmp_path: Path) -> None:
    """Whoever comes first makes the file, and nobody is turned away meanwhile: they wait for one another."""
    files, root = 60, Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.database.opener", str(tmp_path), str(files)]
    with ExitStack() as stack:
        openers = [
            stack.enter_context(subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=root))
            for _ in range(4)
        ]
        assert [_said(opener) for opener in openers] == ["ready"] * 4
        for _ in range(files):
            for opener in openers:
                assert opener.stdin is not None
                opener.stdin.write("\n")
                opener.stdin.flush()
            assert [_said(opener) for opener in openers] == ["made"] * 4


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
