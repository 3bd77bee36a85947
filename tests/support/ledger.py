"""A checker that knows every acknowledged command, and holds journal, stream and view against it and each other."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

from nats.aio.client import Client

from milepost.journal import Journal, Stored
from milepost.view.applying import Applying, Position
from milepost.view.sets import Sets
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import Command
from milepost_contracts.subjects import STREAM

# Where the reader is and how it got there; everything else in a view follows from the events alone.
BOOKKEEPING = {"checkpoint", "sqlite_stat1", "sqlite_stat4", "sqlite_sequence"}


class Ledger:
    """Every command that was accepted, with its answer."""

    def __init__(self) -> None:
        """Begin empty."""
        self.accepted: dict[str, tuple[Command, Accepted]] = {}

    def note(self, command: Command, answer: Accepted) -> None:
        """Keep the first answer; another one to the same command is an error."""
        known = self.accepted.setdefault(command.command_id, (command, answer))
        assert known[1] == answer, f"{command.NAME} was answered {known[1]} and then {answer}"

    def check_journal(self, stored: list[Stored]) -> None:
        """Each acknowledged event is there once; sequences, versions and times are what they must be."""
        by_id = {one.event_id: one for one in stored}
        assert len(by_id) == len(stored)
        for command, answer in self.accepted.values():
            for event in answer.events:
                assert by_id[event.id].tag == event.type
                assert by_id[event.id].envelope.causationid == command.command_id
        causes = Counter(one.envelope.causationid for one in stored)
        for command, answer in self.accepted.values():
            assert causes[command.command_id] == len(answer.events), command
        last: dict[str, tuple[int, str]] = {}
        versions: dict[tuple[str, tuple[str, str]], int] = {}
        for one in stored:
            sequence, time = last.get(one.tenant, (0, ""))
            assert one.sequence == sequence + 1
            assert one.envelope.time >= time
            last[one.tenant] = (one.sequence, one.envelope.time)
            assert one.version == versions.get((one.tenant, one.ref), 0) + 1
            versions[one.tenant, one.ref] = one.version
            assert one.envelope.number == one.sequence
            assert one.envelope.version == one.version


async def stream_documents(client: Client) -> list[tuple[str, str, bytes]]:
    """Return (subject, message id, document) of everything in GOALS, in stream order."""
    stream = client.jetstream()
    info = await stream.stream_info(STREAM)
    found: list[tuple[str, str, bytes]] = []
    for sequence in range(max(info.state.first_seq, 1), info.state.last_seq + 1):
        message = await stream.get_msg(STREAM, sequence)
        assert message.subject
        assert message.data is not None
        found.append((message.subject, (message.headers or {}).get("Nats-Msg-Id", ""), message.data))
    return found


def check_stream(stored: list[Stored], found: list[tuple[str, str, bytes]]) -> None:
    """Hold the stream against the journal: its events, each once, in order, byte for byte."""
    assert [document for _, _, document in found] == [one.document for one in stored]
    for one, (subject, message_id, _) in zip(stored, found, strict=True):
        kind, aggregate_id = one.ref
        assert subject == f"goals.event.v1.{one.tenant}.{kind}.{aggregate_id}.{one.tag.split('.')[1]}"
        assert message_id == one.event_id


def everything(journal_url: str) -> list[Stored]:
    """Return every event of the journal, in its order."""
    with Journal(journal_url, writes=False) as journal:
        found: list[Stored] = []
        while page := journal.after(found[-1].position if found else 0, 1000):
            found += page
        return found


def check_view(view_url: str, stored: list[Stored], folder: Path) -> int:
    """Compare the view with one folded anew from *stored*, row by row; returns how many rows there are."""
    live = Sets(view_url)
    live_rows = _rows(live.file(live.current()))
    live.close()
    sets = Sets(f"sqlite:///{folder / 'anew.sqlite'}")
    sets.open()
    applying = Applying(sets)
    applying.load()
    documents = [one.document for one in stored]
    for start in range(0, len(documents), 1000):
        page = documents[start : start + 1000]
        applying.apply(page, Position(0, start + len(page)))
    applying.close()
    anew = _rows(sets.file(sets.current()))
    sets.close()
    assert live_rows.keys() == anew.keys()
    for table, rows in live_rows.items():
        assert rows == anew[table], table
    return sum(len(rows) for rows in live_rows.values())


def _rows(path: Path) -> dict[str, list[str]]:
    connection = sqlite3.connect(path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {
        table: sorted(repr(row) for row in connection.execute(f"SELECT * FROM {table}"))
        for table in tables
        if table not in BOOKKEEPING
    }
    connection.close()
    return rows
