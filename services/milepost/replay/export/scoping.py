"""The events of a scope are found in the log: their sequences are kept, so that pages of them can be asked for."""

from __future__ import annotations

import threading
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from itertools import compress, count
from typing import NamedTuple

from milepost.journal import Journal
from milepost.journal.journal import Bare
from milepost_contracts.proofs.bundle import Scope
from milepost_contracts.proofs.selecting import Selection
from milepost_contracts.queries.export import Looked

LOOK_S = 1.5  # of one answer: a question waits 5 s, and others want the thread too
PAGE = 1_000  # events read at once: a megabyte
KEPT_MAX = 16  # searches: each holds 8 bytes for every event found, so that a million take 8 MB


class Found(NamedTuple):
    """Every sequence of a scope, in order."""

    sequences: Sequence[int]

    def after(self, sequence: int, limit: int) -> list[int]:
        """Return at most *limit* of them after *sequence*."""
        start = bisect_right(self.sequences, sequence)
        return list(self.sequences[start : start + limit])

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.sequences)


class Search:
    """Looks for the events of *scope* among the tenant's first *until*, a while at a time.

    What it finds never changes: events up to a sequence are what they are.
    """

    def __init__(self, journal: Journal, tenant: str, scope: Scope, until: int) -> None:
        """Begin; nothing is read yet."""
        self._journal = journal
        self._tenant = tenant
        self._until = until
        self._selection = Selection(scope)
        self._looked = 0 if self._selection.looks else until
        self._found: Found | None = Found(range(1, until + 1)) if scope.kind == "everything" else None
        self._marks = bytearray(until + 1 if self._found is None else 0)  # by sequence: whether it belongs
        self._lock = threading.Lock()

    def go_on(self, seconds: float = LOOK_S) -> Found | Looked:
        """Look on for *seconds*; returns what was found when all was looked at, else how far it is."""
        with self._lock:
            ends = time.monotonic() + seconds
            while self._found is None:
                if time.monotonic() > ends:
                    return Looked(done=self._looked, total=self._until)
                self._step()
            return self._found

    def _step(self) -> None:
        """Look at a page of the log; after that gather one record's events; at last put all in order."""
        if self._looked < self._until:
            self._look()
        elif self._selection.refs:
            aggregate, _, id_ = self._selection.refs.pop().partition("/")
            for stored in self._journal.load(self._tenant, (aggregate, id_)):
                if stored.sequence <= self._until:
                    self._marks[stored.sequence] = 1
        else:
            self._found = Found(array("Q", compress(count(), self._marks)))
            self._marks = bytearray()

    def _look(self) -> None:
        page = self._journal.bare_of(self._tenant, self._looked, min(PAGE, self._until - self._looked))
        for bare in page:
            self._selection.look(bare.document)
            if self._selection.holds("", bare.document):
                self._marks[bare.sequence] = 1
        self._looked = page[-1].sequence if page else self._until


class Searches:
    """The searches that are under way or were made a while ago."""

    def __init__(self, journal: Journal) -> None:
        """Take what is looked through; begin with none."""
        self._journal = journal
        self._kept: OrderedDict[tuple[str, Scope, int], Search] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, tenant: str, scope: Scope, until: int) -> Search:
        """Return the search for the events of *scope* up to sequence *until*."""
        with self._lock:
            search = self._kept.pop((tenant, scope, until), None) or Search(self._journal, tenant, scope, until)
            self._kept[tenant, scope, until] = search
            if len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return search


def documents_at(journal: Journal, tenant: str, sequences: Sequence[int]) -> list[Bare]:
    """Return the documents with these *sequences* (in order), reading each run of neighbours at once."""
    found: list[Bare] = []
    start = 0
    for place in range(1, len(sequences) + 1):
        if place == len(sequences) or sequences[place] != sequences[place - 1] + 1:
            found += journal.bare_of(tenant, sequences[start] - 1, place - start)
            start = place
    return found
