"""A stretch of stored rows is read once: each document against its columns and neighbours, hashed, its names noted."""

from __future__ import annotations

import re
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from milepost.journal.errors import JournalUnavailable
from milepost.replay.verify.commands import Group
from milepost.replay.verify.findings import Finding, joined
from milepost.replay.verify.naming import Names, Naming
from milepost.replay.verify.oddities import differences, finding, octets, sequence_of, tenant_of
from milepost.replay.verify.rows import RawRow, Rows
from milepost.replay.verify.stored import StoredTiles, folded
from milepost_contracts.proofs.tiles import TILE_WIDTH
from milepost_contracts.types import NAME_PATTERN

_INSIDE = TILE_WIDTH - 1
_MICROSECONDS = 6  # digits
_CAUSE = b'"causationid":"'
_ID_CHARS = 36
_TIMES_MAX = 10_000  # seconds whose text is kept; rows of one second come together
_UNSTARTED = -1


class Stretch(msgspec.Struct, frozen=True):
    """What is to be scanned: every command whose first row is after position `after` and up to `upto`.

    `begins`: it is the first, and takes the rows before any command too. `proofs`: the folder with a folder for each
    tenant's tiles; empty: none.
    """

    number: int
    after: int
    upto: int
    begins: bool
    proofs: str = ""


class Run(msgspec.Struct):
    """What a stretch holds of one tenant: leaf hashes by index, whole tiles as their hash, and how it begins and ends.

    `tiles`: tile -> hash of its 256 leaves. `loose`: (first index, leaf hashes joined) of tiles that the stretch does
    not hold whole. `odd`: tile -> its leaf hashes, where the stored tile is another or is not there.
    """

    tenant: str
    first: int
    first_us: int
    last: int = 0
    last_us: int = 0
    tiles: dict[int, bytes] = {}
    loose: list[tuple[int, bytes]] = []
    odd: dict[int, bytes] = {}


class Scanned(msgspec.Struct):
    """What came of a stretch. `versions`: originator -> (first version here, its sequence, last version here).

    `answers`: commands whose warnings are kept beside their first event, which are no part of any document. `unknown`:
    tags that these contracts do not know -> events.
    """

    number: int
    rows: int
    runs: list[Run]
    versions: dict[str, tuple[int, int, int]]
    findings: list[Finding]
    names: Names
    answers: int
    unknown: dict[str, int]


class _Lane:
    """One tenant's rows as they come by: leaf hashes gathered, and the sequence and time to go on from."""

    def __init__(self, tenant: str, tiles: StoredTiles | None) -> None:
        self.run = Run(tenant, 0, 0)
        self.next = _UNSTARTED
        self.last_us = 0
        self.leaves: list[bytes] = []
        self.contexts: set[bytes] = set()
        self._tiles = tiles

    def close(self, sequence: int) -> list[bytes]:
        """Put what was gathered up to *sequence* where it belongs; return the list to gather in next."""
        leaves, self.leaves = self.leaves, []
        if leaves:
            content = b"".join(leaves)
            start = sequence - len(leaves)
            if len(leaves) < TILE_WIDTH or start & _INSIDE:
                self.run.loose.append((start, content))
            else:
                number = start // TILE_WIDTH
                self.run.tiles[number] = folded(leaves)
                if self._tiles is not None and self._tiles.leaves(number) != content:
                    self.run.odd[number] = content
        return self.leaves


def scan(rows: Rows, stretch: Stretch) -> Scanned:
    """Return what came of *stretch*; raises JournalUnavailable where its rows cannot be read at all."""
    errors: tuple[type[Exception], ...] = (JournalUnavailable, *rows.errors)
    try:
        return Scan(rows, stretch).run()
    except errors:
        rows.lenient()  # text that is no text: read again, so that it can be named
    try:
        return Scan(rows, stretch).run()
    except rows.errors as error:
        raise JournalUnavailable(str(error)) from error


class Scan:
    """Scans one stretch, once."""

    def __init__(self, rows: Rows, stretch: Stretch) -> None:
        """Take where rows come from."""
        self._rows = rows
        self._stretch = stretch
        self._lanes: dict[str, _Lane] = {}
        self._versions: dict[str, int] = {}
        self._firsts: dict[str, tuple[int, int]] = {}
        self._naming = Naming(self._versions)
        self._findings: list[Finding] = []
        self._group = Group(self._findings)
        self._times: dict[str, str] = {}

    def run(self) -> Scanned:
        """Read the stretch; raises JournalUnavailable."""
        count = self._read()
        self._group.end()
        for lane in self._lanes.values():
            lane.close(lane.next - 1)
            lane.run.last, lane.run.last_us = lane.next - 1, lane.last_us
        return Scanned(
            number=self._stretch.number,
            rows=count,
            runs=[lane.run for lane in self._lanes.values()],
            versions={key: (*first, self._versions[key]) for key, first in self._firsts.items()},
            findings=joined(self._findings),
            names=self._naming.names,
            answers=self._group.answers,
            unknown=self._naming.unknown,
        )

    def _read(self) -> int:  # noqa: C901, PLR0912, PLR0915  a row costs 4 us: a call for each step would double that
        upto, beginning = self._stretch.upto, not self._stretch.begins
        versions, firsts, readers, note = self._versions, self._firsts, self._naming.readers, self._naming.note
        group, times = self._group, self._times
        count, next_, last_us = 0, 0, 0
        current: Any = None
        cut, second_before, told, prefix = 1, "", "", ""
        lane: _Lane = _Lane("", None)
        add, contexts = lane.leaves.append, lane.contexts
        for row in self._rows.after(self._stretch.after):
            (position, originator, version, topic, tenant, sequence, recorded_us, event_id, command, command_events,
             answer, state) = row  # fmt: skip
            if command is not None:
                if position > upto:
                    break
                beginning = False
            elif beginning:
                continue  # of the command that the stretch before ends with
            count += 1
            if tenant != current:
                lane.next, lane.last_us = next_, last_us
                lane = self._lane(row)
                current, next_, last_us = tenant, lane.next, lane.last_us
                add, contexts = lane.leaves.append, lane.contexts
                prefix = f"{tenant}/"
                cut = len(prefix)
            if type(state) is not bytes:
                row = self._retyped(row)  # noqa: PLW2901  the same row, its document as bytes
                state = row[-1]
            try:
                leaf = sha256(b"\x00" + state).digest()
                micros = str(recorded_us)
                second = micros[:-_MICROSECONDS]
                if second != second_before:
                    told, second_before = times.get(second) or self._time(second), second
                subject = originator[cut:]
                head = (
                    f'{{"specversion":"1.0","id":"{event_id}","source":"/milepost/{tenant}","type":"{topic}","subject":'
                    f'"{subject}","time":"{told}.{micros[-_MICROSECONDS:]}Z","datacontenttype":"application/json",'
                    f'"dataschema":"urn:milepost:schema:{topic}","tenant":"{tenant}","version":{version},'
                    f'"sequence":"{sequence:016d}",'
                ).encode()
                if not state.startswith(head) or not originator.startswith(prefix):
                    self._findings += differences(row)
                known = versions.get(originator)
                if known is None:
                    firsts[originator] = (version, sequence)
                elif version != known + 1:
                    self._jump(row, known)
                versions[originator] = version
                if recorded_us < last_us:
                    self._backward(row)
                else:
                    last_us = recorded_us
                if command_events != 1 or command is None or group.left or answer is not None:
                    group.row(row)
                else:
                    cause = state.find(_CAUSE, len(head)) + len(_CAUSE)
                    if state[cause : cause + _ID_CHARS] != command[:_ID_CHARS].encode() or (
                        command[_ID_CHARS + 1 :] != subject
                    ):
                        group.row(row)
                reader = readers.get(topic)
                if reader is None:
                    self._unknown(topic)
                else:
                    members = reader.decode(state).data
                    if reader.context:
                        context = bytes(members.context)
                        if context not in contexts:
                            contexts.add(context)
                            self._naming.context(context, originator, tenant, sequence)
                    if not reader.names_nothing:
                        note(reader, members, originator, tenant, sequence, event_id)
            except _ODD:
                leaf = self._odd(row)
            if sequence == next_:
                add(leaf)
                next_ += 1
                if not sequence & _INSIDE:
                    add = lane.close(sequence).append
            else:
                next_ = self._elsewhere(lane, row, leaf, next_)
                add = lane.leaves.append
        lane.next, lane.last_us = next_, last_us
        return count

    def _lane(self, row: RawRow) -> _Lane:
        tenant = tenant_of(row)
        if (lane := self._lanes.get(tenant)) is None:
            folder = Path(self._stretch.proofs) / tenant if self._stretch.proofs and _is_name(tenant) else None
            tiles = StoredTiles(folder) if folder is not None and folder.is_dir() else None
            lane = self._lanes[tenant] = _Lane(tenant, tiles)
            lane.run.first = lane.next = sequence_of(row) or 1
            lane.run.first_us = row[6] if isinstance(row[6], int) else 0
        return lane

    def _time(self, second: str) -> str:
        if len(self._times) > _TIMES_MAX:
            self._times.clear()
        told = self._times[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(second or 0)))
        return told

    def _retyped(self, row: RawRow) -> RawRow:
        self._findings.append(finding("column_type", "The document is stored as something else than bytes.", row))
        return (*row[:-1], octets(row[-1]))

    def _odd(self, row: RawRow) -> bytes:
        """Name what is wrong with a row that the quick way cannot read; return its leaf hash."""
        found = [one for one in differences(row) if one.code != "document_form"]
        self._findings += found or [finding("document_unreadable", "Its data cannot be read as its type's.", row)]
        if isinstance(row[1], str) and isinstance(row[2], int):
            self._firsts.setdefault(row[1], (row[2], sequence_of(row)))
            self._versions[row[1]] = row[2]
        return sha256(b"\x00" + octets(row[11])).digest()

    def _elsewhere(self, lane: _Lane, row: RawRow, leaf: bytes, next_: int) -> int:
        """Go on at a sequence that does not follow the last one; return the one that should come then."""
        sequence = sequence_of(row)
        lane.close(next_ - 1)
        if not sequence:
            self._findings.append(finding("sequence_invalid", f"{row[5]!r} is no place in a tenant's log.", row))
            return next_
        if sequence < next_:
            message = f"Sequence {sequence} was stored after {next_ - 1}: rows lie in another order than they came."
            self._findings.append(finding("out_of_order", message, row))
        lane.leaves.append(leaf)
        if not sequence & _INSIDE:
            lane.close(sequence)
        return sequence + 1

    def _jump(self, row: RawRow, known: int) -> None:
        message = f"Version {row[2]} of {row[1]} follows version {known}."
        self._findings.append(finding("version_jumps", message, row))

    def _backward(self, row: RawRow) -> None:
        self._findings.append(finding("time_backward", "It was recorded before the event in front of it.", row))

    def _unknown(self, topic: str) -> None:
        self._naming.unknown[topic] = self._naming.unknown.get(topic, 0) + 1


# What reading a row's columns as what they should be meets where they are something else.
_ODD = (TypeError, AttributeError, ValueError, OverflowError, OSError, msgspec.MsgspecError, RecursionError)


def _is_name(tenant: str) -> bool:
    return re.match(NAME_PATTERN, tenant) is not None
