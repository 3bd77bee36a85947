"""A run of events is folded in memory, and every row that it touched is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from milepost.database import Connection, Row, Table
from milepost.view import rows, tables
from milepost.view.fold import ENTRIES, FOLDS, At, EntryKey, EntryRows, GoalRows, Key, applied
from milepost.view.rows import CardRow, DetailRow, Layer, MentorshipRow, ProgrammeRow, TenantRow
from milepost_contracts.events import GoalEvent

K = TypeVar("K", bound=tuple[str, ...])
V = TypeVar("V")

# Rows of one kind that stay in memory between two batches. A goal is some 10 kB there: at most 100 MB, and the
# goals that a large house works on in a day are all among them.
KEPT_MAX = 10_000


class Kept(Generic[K, V]):
    """Rows of one table in memory: read when wanted, written when changed, forgotten when long unused."""

    def __init__(
        self, table: Table, read: Callable[[Row], V], stored: Callable[[K, V], Row], empty: Callable[[], V] | None
    ) -> None:
        """Take how a row is read and stored; *empty* makes what is not stored yet, None: it stays absent."""
        self._table = table
        self._read = read
        self._stored = stored
        self._empty = empty
        self._found: dict[K, V] = {}
        self.changed: dict[K, V] = {}

    def load(self, connection: Connection, keys: Iterable[K]) -> None:
        """Have the rows of *keys* in memory, as the most recently used ones."""
        found, missing = self._found, []
        for key in keys:
            if key in found:
                found[key] = found.pop(key)
            else:
                missing.append(key)
        width = self._table.key
        for row in connection.fetch(self._table, missing):
            found[row[:width]] = self._read(row)  # type: ignore[index]  # a row's first columns are its key
        if self._empty is not None:
            for key in missing:
                if key not in found:
                    found[key] = self._empty()

    def get(self, key: K) -> V | None:
        """Return the row of *key*, which `load` was asked for; None where it is absent."""
        return self._found.get(key)

    def change(self, key: K) -> V:
        """Return the row of *key*, which is to be written."""
        value = self.changed[key] = self._found[key]
        return value

    def put(self, key: K, value: V) -> None:
        """Set the row of *key*, which is to be written."""
        self._found[key] = self.changed[key] = value

    def write(self, connection: Connection) -> None:
        """Write what was changed and forget what is too much."""
        if self.changed:
            connection.upsert(self._table, [self._stored(key, value) for key, value in self.changed.items()])
            self.changed = {}
        if len(self._found) > KEPT_MAX:
            for key in list(self._found)[: len(self._found) - KEPT_MAX]:
                del self._found[key]

    def clear(self) -> None:
        """Forget everything, what is not written included."""
        self._found.clear()
        self.changed = {}


class Folding:
    """Every row that events touch. One thread at a time; after an error it is to be cleared."""

    def __init__(self) -> None:
        """Begin with nothing in memory."""
        self._goals: Kept[Key, GoalRows] = Kept(tables.GOAL, _read_goal, _stored_goal, _new_goal)
        self._entries: Kept[EntryKey, EntryRows] = Kept(tables.ENTRY, _read_entry, _stored_entry, None)
        self._mentorships: Kept[Key, MentorshipRow] = Kept(
            tables.MENTORSHIP,
            lambda row: rows.decode_mentorship(row[3]),
            lambda key, value: (*key, value.programme, rows.encode(value)),
            MentorshipRow,
        )
        self._programmes: Kept[Key, ProgrammeRow] = Kept(
            tables.PROGRAMME,
            lambda row: rows.decode_programme(row[2]),
            lambda key, value: (*key, rows.encode(value)),
            ProgrammeRow,
        )
        self._tenants: Kept[tuple[str], TenantRow] = Kept(
            tables.TENANT,
            lambda row: rows.decode_tenant(row[1]),
            lambda key, value: (*key, rows.encode(value)),
            TenantRow,
        )
        self._members: dict[tuple[str, str, str], dict[str, str]] = {}
        self._unknown: list[Row] = []

    def clear(self) -> None:
        """Forget everything in memory."""
        for kept in (self._goals, self._entries, self._mentorships, self._programmes, self._tenants):
            kept.clear()
        self._members.clear()
        self._unknown.clear()

    @property
    def waiting(self) -> int:
        """How many rows are changed and not written."""
        kept = (self._goals, self._entries, self._mentorships, self._programmes, self._tenants)
        return sum(len(one.changed) for one in kept)

    def fold(self, connection: Connection, events: Sequence[At]) -> None:
        """Fold *events*, in order; nothing is written before `write`."""
        self._load(connection, events)
        for at in events:
            if at.kind == "goal":
                self._goal(at)
            elif at.kind == "mentorship":
                mentorship = self._mentorships.change(at.key)
                self._begin("mentorship", at.key, mentorship_members(mentorship))
                self._other(mentorship, at)
            elif at.kind == "programme":
                programme = self._programmes.change(at.key)
                self._begin("programme", at.key, programme_members(programme))
                self._other(programme, at)
            elif at.kind == "tenant":
                self._other(self._tenants.change((at.tenant,)), at)
            if at.event is None:
                self._unknown.append((at.tenant, at.number, at.tag))

    def write(self, connection: Connection) -> None:
        """Write every changed row, and who belongs to what."""
        self._write_refs(connection)
        self._write_members(connection)
        for kept in (self._goals, self._entries, self._mentorships, self._programmes, self._tenants):
            kept.write(connection)
        connection.upsert(tables.UNKNOWN, self._unknown)
        self._unknown.clear()

    def _load(self, connection: Connection, events: Sequence[At]) -> None:
        wanted: dict[str, dict[Key, None]] = {"goal": {}, "mentorship": {}, "programme": {}, "tenant": {}, "person": {}}
        entries: dict[EntryKey, None] = {}
        for at in events:
            wanted.setdefault(at.kind, {})[at.key] = None
            entry = ENTRIES.get(type(at.event)) if at.event is not None else None
            if entry is not None and not entry[2]:
                entries[(*at.key, entry[0], entry[1](at.event, at))] = None
        self._goals.load(connection, wanted["goal"])
        self._entries.load(connection, entries)
        self._mentorships.load(connection, wanted["mentorship"])
        self._programmes.load(connection, wanted["programme"])
        self._tenants.load(connection, {(tenant,): None for tenant, _ in wanted["tenant"]})

    def _goal(self, at: At) -> None:
        goal, event = self._goals.change(at.key), at.event
        if event is None:
            goal.card.version = at.envelope.version
            return
        assert isinstance(event, GoalEvent)  # noqa: S101  its kind says so
        applied(goal, event, at)
        FOLDS[type(event)](goal, event, at)
        if (entry := ENTRIES.get(type(event))) is None:
            return
        kind, id_of, opens = entry
        key = (*at.key, kind, id_of(event, at))
        if opens:
            self._entries.put(key, EntryRows(at.number, at.envelope.actor, [at.layer()]))
        elif self._entries.get(key) is not None:
            self._entries.change(key).layers.append(at.layer())

    def _other(self, row: MentorshipRow | ProgrammeRow | TenantRow, at: At) -> None:
        row.version = at.envelope.version
        if at.event is not None:
            FOLDS[type(at.event)](row, at.event, at)

    def _begin(self, kind: str, key: Key, members: dict[str, str]) -> None:
        self._members.setdefault((kind, *key), members)

    def _write_refs(self, connection: Connection) -> None:
        put: list[Row] = []
        gone: list[Row] = []
        for (tenant, goal_id), goal in self._goals.changed.items():
            refs = refs_of(goal.card)
            if refs == goal.refs:
                continue
            put += [(tenant, ref, goal_id, roles) for ref, roles in refs.items() if goal.refs.get(ref) != roles]
            gone += [(tenant, ref, goal_id) for ref in goal.refs if ref not in refs]
            goal.refs = refs
        connection.upsert(tables.GOAL_OF, put)
        connection.delete(tables.GOAL_OF, gone)

    def _write_members(self, connection: Connection) -> None:
        put: list[Row] = []
        gone: list[Row] = []
        for (kind, tenant, id_), before in self._members.items():
            if kind == "mentorship":
                after = mentorship_members(self._mentorships.changed[(tenant, id_)])
            else:
                after = programme_members(self._programmes.changed[(tenant, id_)])
            put += [(tenant, who, kind, id_, role) for who, role in after.items() if before.get(who) != role]
            gone += [(tenant, who, kind, id_) for who in before if who not in after]
        self._members.clear()
        connection.upsert(tables.MEMBER, put)
        connection.delete(tables.MEMBER, gone)


def refs_of(card: CardRow) -> dict[str, str]:
    """Return whose the goal is: reference -> roles, with commas between them."""
    refs: dict[str, str] = {}
    told = [(card.owner, "owner"), (card.accountable, "accountable")]
    told += [(ref, "party") for ref in card.parties]
    told += [(ref, "contributor") for ref in card.contributors]
    told += [(card.mentorship and f"mentorship:{card.mentorship}", "placed")]
    told += [(card.programme and f"programme:{card.programme}", "placed")]
    for ref, role in told:
        if ref:
            refs[ref] = f"{refs[ref]},{role}" if ref in refs else role
    return refs


def mentorship_members(row: MentorshipRow) -> dict[str, str]:
    """Return who belongs to the mentorship: person -> role."""
    return dict(row.parties)


def programme_members(row: ProgrammeRow) -> dict[str, str]:
    """Return who belongs to the programme: person -> roles, `admin` first."""
    members = {who: one.role for who, one in row.participants.items() if not one.withdrawn}
    for who in row.admins:
        role = members.get(who, "admin")
        members[who] = role if role == "admin" else f"admin,{role}"
    return members


def _new_goal() -> GoalRows:
    return GoalRows(CardRow(), DetailRow(), {})


def _read_goal(row: Row) -> GoalRows:
    card = rows.decode_card(row[6])
    return GoalRows(card, rows.decode_detail(row[7]), refs_of(card))


def _stored_goal(key: Key, goal: GoalRows) -> Row:
    card = goal.card
    deadline = card.deadline.isoformat() if card.deadline else tables.NO_DEADLINE
    state = "archived" if card.archived else card.state
    return (*key, state, deadline, card.visibility, card.programme, rows.encode(card), rows.encode(goal.detail))


def _read_entry(row: Row) -> EntryRows:
    layers: list[Layer] = rows.decode_layers(row[6])
    return EntryRows(row[4], row[5], layers)


def _stored_entry(key: EntryKey, entry: EntryRows) -> Row:
    return (*key, entry.number, entry.author, rows.encode(entry.layers))
