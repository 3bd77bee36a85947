"""A batch of documents becomes rows in one transaction, together with how far the reading is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from milepost.database import Connection, DatabaseError
from milepost.view import tables
from milepost.view.fold import At, open_envelope, open_event
from milepost.view.folding import Folding
from milepost.view.sets import RETIRED, OldModel, Sets
from milepost_contracts.events import EVENTS


class Position(NamedTuple):
    """Where reading resumes: the stream's generation and the sequence of its last message that was read."""

    generation: int
    stream_sequence: int


class Applied(NamedTuple):
    """What a batch brought: tenant -> its last sequence, how many events, tenants in which a person was erased."""

    numbers: dict[str, int]
    events: int
    erased: set[str]


class Gap(Exception):  # noqa: N818  no error: the missing events are to be asked for
    """A tenant's events after `after` and before `before` have not come; `place`: where in the batch they belong."""

    def __init__(self, tenant: str, after: int, before: int, place: int) -> None:
        """Name what is missing."""
        super().__init__(f"{tenant}: events {after + 1} to {before - 1} are missing")
        self.tenant = tenant
        self.after = after
        self.before = before
        self.place = place


class Moved(Exception):  # noqa: N818  no error: read the checkpoint again
    """Another copy wrote, or another set of tables is current: what this one had in memory is no longer true."""


def nothing(_: str) -> None:
    """Stand for a fault point that does not fault."""


class Applying:
    """The writer of the current set; for one thread at a time."""

    def __init__(self, sets: Sets, *, at: Callable[[str], None] = nothing) -> None:
        """Take the sets; *at(name)* is called at named points, for tests that fail or kill there."""
        self._sets = sets
        self._at = at
        self._folding = Folding()
        self._connection: Connection | None = None
        self._number = 0
        self.position = Position(0, 0)
        self.numbers: dict[str, int] = {}
        self.learned: list[str] = []  # tags that were unknown when their events were read, and are no longer

    def load(self) -> Position:
        """Read checkpoint and sequences of the current set; raises OldModel and DatabaseError."""
        self.close()
        self._number = self._sets.current()
        self._connection = self._sets.connect(self._number)
        with self._connection.reading():
            generation, stream_sequence, model = self._connection.query(
                "SELECT generation, stream_sequence, model FROM checkpoint WHERE name = 'view'"
            )[0]
            self.numbers = dict(self._connection.query("SELECT tenant, number FROM sequence"))
            unknown = self._connection.query("SELECT DISTINCT tag FROM unknown ORDER BY tag")
        if model == RETIRED:
            raise Moved  # between a switch and its end
        if model != tables.MODEL:
            raise OldModel(model)
        self.learned = [tag for (tag,) in unknown if tag in EVENTS]
        self.position = Position(generation, stream_sequence)
        return self.position

    def close(self) -> None:
        """End the connection and forget what is in memory."""
        self._folding.clear()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def apply(self, documents: Sequence[bytes], position: Position) -> Applied:
        """Write what *documents* say and that reading is at *position*; return what is new.

        Events that were seen before are passed over. Raises Gap, Moved, EnvelopeError, DatabaseError; then nothing of
        the batch is written, and after all but Gap `load` is to be called.
        """
        events, numbers, recorded, _ = fresh(documents, self.numbers)
        connection = self._connection
        if connection is None:
            raise Moved
        if self._sets.current() != self._number:
            raise Moved
        try:
            with connection.writing():
                moved = connection.execute(
                    "UPDATE checkpoint SET generation = ?, stream_sequence = ? "
                    "WHERE name = 'view' AND generation = ? AND stream_sequence = ? AND model = ?",
                    (*position, *self.position, tables.MODEL),
                )
                if moved != 1:
                    raise Moved  # noqa: TRY301  the transaction is to be rolled back
                self._folding.fold(connection, events)
                self._folding.write(connection)
                connection.upsert(
                    tables.SEQUENCE, [(tenant, number, recorded[tenant]) for tenant, number in numbers.items()]
                )
                self._at("view.in_transaction")
        except DatabaseError as error:
            self._folding.clear()
            if error.code == "missing":
                raise Moved from error  # the set was replaced and removed
            raise
        except BaseException:
            self._folding.clear()
            raise
        self._at("view.after_commit")
        self.position = position
        self.numbers |= numbers
        # Twice: keys that were asked for between the two events open words that nothing may open any more.
        ended = ("person.erased.", "person.keys_destroyed.")
        erased = {event.tenant for event in events if event.tag.startswith(ended)}
        return Applied(numbers, len(events), erased)


class Fresh(NamedTuple):
    """What is new in a batch: its events, by tenant their last sequence and recorded time, and what is to wait."""

    events: list[At]
    numbers: dict[str, int]
    recorded: dict[str, str]
    rest: list[bytes]


def fresh(documents: Sequence[bytes], known: dict[str, int], wanted: dict[str, int] | None = None) -> Fresh:
    """Return what in *documents* is beyond *known*, and not beyond *wanted* where that is given.

    Raises Gap where a tenant's sequence is not dense, EnvelopeError for what is no event.
    """
    found = Fresh([], {}, {}, [])
    for place, document in enumerate(documents):
        envelope = open_envelope(document)
        tenant, number = envelope.tenant, int(envelope.sequence)
        last = found.numbers.get(tenant)
        if last is None:
            last = known.get(tenant, 0)
        if number <= last:
            continue
        if wanted is not None and number > wanted.get(tenant, 0):
            found.rest.append(document)
            continue
        if number != last + 1:
            raise Gap(tenant, last, number, place)
        found.numbers[tenant] = number
        found.recorded[tenant] = envelope.time
        found.events.append(open_event(envelope))
    return found
