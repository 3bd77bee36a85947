"""Deaths and lost connections: what was acknowledged is there, what is there is whole, and doubt is told as doubt."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from milepost.journal import (
    Append,
    BadURL,
    Committed,
    Dropped,
    Journal,
    JournalCorrupt,
    JournalInUse,
    JournalUnavailable,
    JournalUnsafe,
    KeyStore,
    KeysUnavailable,
    OutcomeUnknown,
    Reader,
    postgres,
)
from milepost.journal.urls import shown
from tests.journal.processes import Worker
from tests.journal.wishes import append, goal, run_sql
from tests.support.postgres import database


@pytest.mark.parametrize(("point", "stored"), [("journal.before_commit:3", 2), ("journal.after_commit:3", 3)])
def test_a_killed_writer_leaves_exactly_what_was_committed(url: str, point: str, stored: int) -> None:
    """Killed before the commit its last command is not there, killed after it it is; the next writer goes on."""
    refs = [goal(), goal()]
    worker = Worker(url, 10, refs, point=point)
    worker.wait_ready()
    worker.go()
    status, told, _ = worker.told()
    assert status == -signal.SIGKILL
    assert len(told) == 2
    with Journal(url) as journal:
        events = journal.after(0, 10)
        assert [event.sequence for event in events] == list(range(1, stored + 1))
        for command, sequence in told:
            known = journal.by_command("acme", command)
            assert known is not None
            assert known.events[0].sequence == sequence
        ref = refs[0]
        outcome = journal.append([append({ref: journal.head("acme", ref)})])[0]
        assert isinstance(outcome, Committed)
        assert outcome.events[0].sequence == stored + 1


def test_a_second_sqlite_writer_is_refused(tmp_path: Path) -> None:
    """In this process or another, and says who writes; readers may come; the writer's death lets the next one in."""
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    worker = Worker(url, 1, [goal()])
    worker.wait_ready()
    with pytest.raises(JournalInUse, match=f"process {worker.pid}"):
        Journal(url)
    second = Worker(url, 1, [goal()])
    status, _, complaints = second.told()
    assert status == 1
    assert "one writing process" in complaints
    with Journal(url, writes=False) as reader:
        worker.go()
        command, sequence = worker.next_told().split()
        known = reader.by_command("acme", command)
        assert known is not None
        assert sequence == "1"
        worker.kill()
        with Journal(url) as journal:
            with pytest.raises(JournalInUse, match=f"process {os.getpid()}"):
                Journal(url)
            journal.append([append({goal(): 0})])
            assert reader.last_position() == journal.last_position()


class Cutting:
    """A TCP proxy before PostgreSQL that loses the connection at COMMIT: before it reaches the server, or after."""

    def __init__(self, url: str, when: str) -> None:
        """Listen on a free port; *when* is `before` or `after`."""
        parameters = conninfo_to_dict(url)
        self._server = (str(parameters["host"]), int(str(parameters["port"])))
        self._when = when
        self.armed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = url.replace(f":{parameters['port']}/", f":{self._listener.getsockname()[1]}/")
        self._sockets: list[socket.socket] = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            lost = threading.Event()
            for source, target, up in ((client, server, True), (server, client, False)):
                self._threads.append(threading.Thread(target=self._pump, args=(source, target, lost, up)))
                self._threads[-1].start()

    def _pump(self, source: socket.socket, target: socket.socket, lost: threading.Event, up: bool) -> None:  # noqa: FBT001  two directions
        try:
            while block := source.recv(65536):
                if up and self.armed.is_set() and b"COMMIT" in block:
                    lost.set()
                    if self._when == "after":
                        target.sendall(block)
                        continue
                    break
                if lost.is_set():  # the server has answered the COMMIT; the client never hears of it
                    break
                target.sendall(block)
        except OSError:
            pass  # the other direction has cut both
        for end in (source, target):
            self._cut(end)

    @staticmethod
    def _cut(end: socket.socket) -> None:
        with suppress(OSError):  # cut already
            end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Cut everything and wait for the threads."""
        for end in self._sockets:
            self._cut(end)
        for thread in self._threads:
            thread.join()
        for end in self._sockets:
            end.close()


@pytest.fixture(params=["before", "after"])
def cutting(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Cutting]:
    """Put a proxy before the test's database."""
    proxy = Cutting(postgres_url, request.param)
    yield proxy
    proxy.close()


def test_an_unknown_commit_is_told_and_found_out(cutting: Cutting) -> None:
    """With the connection cut in COMMIT the outcome is unknown; looking for the command tells which it was."""
    ref = goal()
    with Journal(cutting.url) as journal:
        journal.append([append({ref: 0})])
        cutting.armed.set()
        wish = append({ref: 1}, answer=b"first")
        above = append({ref: 2}, built_on=[wish])
        with pytest.raises(OutcomeUnknown):
            journal.append([wish])
        cutting.armed.clear()
        known = journal.by_command("acme", wish.command)
        written = known is not None
        assert written == (cutting._when == "after")
        assert not wish.kept
        # Sent again as it was: never twice.
        again = journal.append([append({ref: 1}, command=wish.command), above])
        assert isinstance(again[0], Dropped) == written
        assert isinstance(again[1], Dropped)
        assert journal.head("acme", ref) == 2
        assert journal.append([append({goal(): 0}, command=wish.command)])[0] == Dropped([], known=True)


def end_connections(url: str) -> None:
    """End every connection to the database at *url*, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_restarted_server_is_met_with_new_connections(postgres_url: str, tmp_path: Path) -> None:
    """After every connection was ended by the server, the next append, read and key succeed."""
    ref = goal()
    with Journal(postgres_url) as journal, KeyStore(postgres_url, tmp_path / "wrapping") as keys:
        for version in range(2):
            end_connections(postgres_url)
            assert isinstance(journal.append([append({ref: version})])[0], Committed)
            end_connections(postgres_url)
            assert journal.head("acme", ref) == version + 1
            end_connections(postgres_url)
            assert keys.person_key("acme", f"user:{version}").key_id
        assert [event.version for event in journal.load("acme", ref)] == [1, 2]


def test_a_search_path_of_the_server_s_own_changes_nothing(postgres_url: str) -> None:
    """Where the role's search path begins with another schema, tables are made, written and read in one place."""
    run_sql(postgres_url, "CREATE SCHEMA milepost")
    run_sql(postgres_url, "ALTER ROLE milepost SET search_path = milepost, public")
    ref = goal()
    try:
        with Journal(f"{postgres_url}?application_name=accept&options=-c%20work_mem%3D8MB") as journal:
            journal.append([append({ref: 0})])
            assert (journal.head("acme", ref), len(journal.load("acme", ref)), journal.last_position()) == (1, 1, 1)
            assert journal._store.recorder.query("SELECT current_setting('work_mem') AS given")[0]["given"] == "8MB"
    finally:
        run_sql(postgres_url, "ALTER ROLE milepost RESET search_path")


def test_few_rights_are_enough(postgres_url: str) -> None:
    """With tables made by another role, a writer and a reader work with exactly the rights that are documented."""
    Journal(postgres_url).close()
    suffix = str(conninfo_to_dict(postgres_url)["dbname"])
    writer, reader = f"writer_{suffix}", f"reader_{suffix}"
    run_sql(postgres_url, f"CREATE ROLE {writer} LOGIN; CREATE ROLE {reader} LOGIN")
    run_sql(postgres_url, f"GRANT SELECT, INSERT ON stored_events TO {writer}; GRANT UPDATE ON append_lock TO {writer}")
    run_sql(postgres_url, f"GRANT SELECT ON stored_events TO {reader}")
    try:
        with (
            Journal(postgres_url.replace("milepost@", f"{writer}@"), create=False) as writing,
            Journal(postgres_url.replace("milepost@", f"{reader}@"), writes=False) as reading,
        ):
            assert isinstance(writing.append([append({goal(): 0})])[0], Committed)
            assert len(reading.after(0, 10)) == 1
    finally:
        run_sql(postgres_url, f"DROP OWNED BY {writer}, {reader}; DROP ROLE {writer}, {reader}")


def test_a_restart_does_not_wait_for_vacuum(postgres_url: str) -> None:
    """A process that finds the tables made asks for no lock that a writer or vacuum holds."""
    Journal(postgres_url).close()
    with psycopg.connect(postgres_url) as vacuum:
        vacuum.execute("LOCK TABLE stored_events IN SHARE UPDATE EXCLUSIVE MODE")
        Journal(f"{postgres_url}?options=-c%20lock_timeout%3D100ms").close()


def test_an_append_waits_only_so_long(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a writer that hangs in the lock an append gives up, having written nothing, and later goes through."""
    monkeypatch.setattr(postgres, "_LOCK", postgres._LOCK.replace("'10s'", "'50ms'"))
    wish = append({goal(): 0})
    with Journal(postgres_url) as journal, psycopg.connect(postgres_url) as hanging:
        hanging.execute("LOCK TABLE append_lock IN EXCLUSIVE MODE")
        with pytest.raises(JournalUnavailable, match="append lock"):
            journal.append([wish])
        hanging.rollback()
        assert isinstance(journal.append([wish])[0], Committed)


def test_connections_that_are_lost_again_and_again_are_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no connection lives long enough to take the lock, nothing was written and that is said."""
    monkeypatch.setattr(postgres, "_OPENING_TRIES", 1)
    with Journal(postgres_url) as journal:
        end_connections(postgres_url)
        with pytest.raises(JournalUnavailable, match="no connection stayed open"):
            journal.append([append({goal(): 0})])


def test_a_commit_refused_in_words_wrote_nothing(postgres_url: str) -> None:
    """A COMMIT that the server answers with an error is no doubt: nothing was written."""
    wish = append({goal(): 0})
    with Journal(postgres_url) as journal:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';"
                "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON stored_events DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION no()"
            )
            with pytest.raises(JournalUnavailable, match="refused"):
                journal.append([wish])
            other.execute("DROP TRIGGER no ON stored_events")
        assert isinstance(journal.append([wish])[0], Committed)


def test_a_sqlite_commit_that_fails_is_told(tmp_path: Path) -> None:
    """A COMMIT that leaves the transaction open wrote nothing; one that ends it in an error leaves doubt."""
    ref = goal()
    with Journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        journal.append([append({ref: 0})])
        writer = journal._store._writer  # type: ignore[union-attr]  # this is SQLite's
        assert isinstance(writer, sqlite3.Connection)

        def deny(action: int, name: str | None, *_: object) -> int:
            denied = action == sqlite3.SQLITE_TRANSACTION and name == "COMMIT"
            return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

        writer.set_authorizer(deny)
        with pytest.raises(JournalUnavailable, match="refused"):
            journal.append([append({ref: 1})])
        writer.set_authorizer(None)
        wish = append({ref: 1})
        with file_size_limit((tmp_path / "journal.db-wal").stat().st_size), pytest.raises(OutcomeUnknown):
            journal.append([wish])
        assert journal.by_command("acme", wish.command) is None
        assert isinstance(journal.append([wish])[0], Committed)


@contextmanager
def file_size_limit(octets: int) -> Iterator[None]:
    """Let no file of this process grow beyond *octets*, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_foreign_constraint_is_told(journal: Journal, url: str) -> None:
    """A row that the database goes on refusing is no known command: the batch is undone and the journal says why."""
    ref = goal()
    run_sql(url, "CREATE UNIQUE INDEX foreign_index ON stored_events (tenant, topic)")
    with pytest.raises(JournalCorrupt, match="foreign"):
        journal.append([append({ref: 0}, ref, ref)])
    assert journal.last_position() == 0


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    """Neither a journal nor a key store opens a file that holds something else."""
    (tmp_path / "other.txt").write_text("not a database" * 100)
    url = f"sqlite:///{tmp_path / 'other.txt'}"
    for writes in (True, False):
        with pytest.raises(JournalUnavailable, match="other"):
            Journal(url, writes=writes)
    with pytest.raises(KeysUnavailable, match="other"):
        KeyStore(url, tmp_path / "wrapping")


def test_a_key_store_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that cannot be made durable is not given out."""
    monkeypatch.setattr("milepost.journal.key_database._WAIT_S", 0.5)
    with database() as gone:
        keys = KeyStore(gone, tmp_path / "wrapping")
    with pytest.raises(KeysUnavailable):
        keys.person_key("acme", "user:x")
    keys.close()


def test_a_connection_lost_inside_the_lock_wrote_nothing(postgres_url: str) -> None:
    """Ended before COMMIT was sent, the append is surely not there, says so, and can be sent again as it is."""

    def cut(_: Reader) -> Append:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
                " WHERE relname = 'append_lock' AND granted"
            )
        return append({ref: 0}, command=wish.command)

    ref = goal()
    wish = append({ref: 7}, redecide=cut)
    first = append({goal(): 0})
    with Journal(postgres_url) as journal:
        with pytest.raises(JournalUnavailable):
            journal.append([first, wish])
        assert journal.last_position() == 0
        assert isinstance(journal.append([first])[0], Committed)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """A SQLite journal that cannot grow refuses the append, keeps what it had, and goes on when there is room."""
    ref = goal()
    with Journal(f"sqlite:///{tmp_path / 'journal.db'}") as journal:
        journal.append([append({ref: 0})])
        writer = journal._store._writer  # type: ignore[union-attr]  # this is SQLite's
        assert isinstance(writer, sqlite3.Connection)
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(JournalUnavailable, match="full"):
            journal.append([append({ref: 1}, *[ref] * 100)])
        writer.execute("PRAGMA max_page_count=1000000")
        assert journal.head("acme", ref) == 1
        assert isinstance(journal.append([append({ref: 1})])[0], Committed)


def test_a_server_that_would_lose_commits_is_refused(postgres_url: str, tmp_path: Path) -> None:
    """Where PostgreSQL acknowledges before the disk has it, neither a journal nor a key store is opened."""
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(f"ALTER DATABASE {conninfo_to_dict(postgres_url)['dbname']} SET synchronous_commit = off")
    with pytest.raises(JournalUnsafe):
        Journal(postgres_url)
    with pytest.raises(JournalUnsafe):
        KeyStore(postgres_url, tmp_path / "wrapping")


def test_no_journal_to_read_yet(url: str) -> None:
    """A reader, or a writer that may not create, says that there is no journal; after the first writer there is."""
    with pytest.raises(JournalUnavailable):
        Journal(url, writes=False)
    with pytest.raises(JournalUnavailable):
        Journal(url, create=False)
    Journal(url).close()
    Journal(url, writes=False).close()
    Journal(url, create=False).close()


def test_an_unreachable_server_is_told(postgres_url: str) -> None:
    """No server: the journal says so, without the password."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(JournalUnavailable) as told:
        Journal(f"postgresql://milepost:hunter2@127.0.0.1:{port}/x")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "journal.db",
        "sqlite:journal.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://x",
        "postgresql://[",
        "postgresql://h/db?nonsense=1",
    ],
)
def test_a_bad_url_is_told(url: str, tmp_path: Path) -> None:
    """What is no URL of ours is refused before anything is made, by the journal and by the key store."""
    with pytest.raises(BadURL):
        Journal(url)
    with pytest.raises(BadURL):
        KeyStore(url, tmp_path / "wrapping")


def test_passwords_are_not_shown() -> None:
    """A URL is shown without its password and its parameters."""
    assert shown("postgresql://me:hunter2@db:5432/x?sslpassword=y") == "postgresql://me:***@db:5432/x"


def test_any_file_name_will_do(tmp_path: Path) -> None:
    """Spaces, question marks, hashes and percent signs in a path are a file's name and nothing else."""
    Journal(f"sqlite:///{tmp_path / 'a b?#%.db'}").close()
    assert (tmp_path / "a b?#%.db").stat().st_size


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """A journal in a folder that is not there is unavailable, with the path in the message."""
    with pytest.raises(JournalUnavailable, match="nowhere"):
        Journal(f"sqlite:///{tmp_path / 'nowhere' / 'journal.db'}")
