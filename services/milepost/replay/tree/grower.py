"""All tenants' trees are grown from one reading of the journal, and signed when it is time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from milepost.journal import Bare, Journal
from milepost.replay.tree.folder import ProofFolder, TreeLock, tenants_in
from milepost.replay.tree.signing import SigningKeyError, SigningKeys
from milepost.replay.tree.tree import FaultPoint, Tree, TreeDiverged
from milepost_contracts.proofs.notes import VerifierKey

READ_EVENTS = 2_000  # at once: 2 MB of usual documents, and a few milliseconds of the interpreter
SIGN_EVENTS_MAX = 100_000  # while catching up: 3 MB of hashes wait for their tiles to be written
SPACING_S = 1.0  # between two checkpoints of a tenant: each takes some ten syncs, and nobody verifies more often
AGAIN_S = 10.0  # before a key or folder that could not be used is tried again
LOOK_EVENTS = 1_024  # hashed again where nothing is new, every LOOK_S: a million events in three hours, at 100 kB/s
LOOK_S = 10.0


class Options(NamedTuple):
    """When a checkpoint is signed: after so many events, or so many seconds after the first new one."""

    events: int = 1_000
    seconds: float = 60.0


class Trouble(NamedTuple):
    """Why a tenant's tree is not signed: `tree_diverged` (for good), `signing_key_unusable` or `tree_unwritable`."""

    code: str
    message: str


def nowhere(_: str) -> None:
    """Pass a fault point."""


class Grower:
    """Grows the trees below a folder. Calls block; threads may share it. `troubles`: tenants that are not signed."""

    def __init__(
        self,
        journal: Journal,
        proofs: Path,
        keys: SigningKeys,
        options: Options,
        *,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.monotonic,
        at: FaultPoint = nowhere,
    ) -> None:
        """Take the ends; nothing is read before `open`."""
        self.proofs = proofs
        self.troubles: dict[str, Trouble] = {}
        self._journal = journal
        self._keys = keys
        self._options = options
        self._log = log
        self._clock = clock
        self._at = at
        self._using = threading.Lock()
        self._lock: TreeLock | None = None
        self._position = 0
        self._trees: dict[str, Tree] = {}
        self._since: dict[str, float] = {}  # when the first leaf came that is not signed
        self._signed_at: dict[str, float] = {}
        self._try_at: dict[str, float] = {}
        self._rotating: set[str] = set()
        self._wished: set[str] = set()
        self._looked_at = clock()
        self._looking: list[str] = []
        self._new: list[tuple[str, int]] = []

    @property
    def is_open(self) -> bool:
        """Whether this process grows the trees."""
        return self._lock is not None

    def open(self) -> None:
        """Become the one who grows them; raises TreeInUse, JournalUnavailable, OSError."""
        with self._using:
            lock = TreeLock(self.proofs)
            try:
                # Taken first: what is committed from here on comes after it, what was before each tree catches up on.
                self._position = self._journal.last_position()
                for tenant in sorted({*self._journal.heads(), *tenants_in(self.proofs)}):
                    self._open(tenant)
            except BaseException:
                lock.release()
                raise
            self._lock = lock

    def close(self) -> None:
        """Sign what is not signed yet, as far as possible, and let another process grow the trees."""
        with self._using:
            if self._lock is not None:
                self._sign_due(closing=True)
                self._lock.release()
                self._lock = None

    def step(self) -> int:
        """Take all that is new in the journal and sign what is due; return how many events there were.

        Raises JournalUnavailable; the next step then goes on where this one ended.
        """
        with self._using:
            taken = 0
            while rows := self._journal.bare_after(self._position, READ_EVENTS):
                for tenant, group in groupby(sorted(rows, key=attrgetter("tenant")), key=attrgetter("tenant")):
                    self._take(tenant, list(group))
                self._position = rows[-1].position
                taken += len(rows)
                self._sign_due()
                if len(rows) < READ_EVENTS:
                    break
            for tenant in [tenant for tenant in self.troubles if tenant not in self._trees]:
                self._open(tenant)
            self._sign_due()
            if not taken:
                self._look_again()
            return taken

    def wish(self, tenant: str) -> None:
        """Have a checkpoint signed with the next step: somebody asks for a proof of what is not signed yet."""
        self._wished.add(tenant)

    def signed(self) -> list[tuple[str, int]]:
        """Return (tenant, size) of the checkpoints that were signed since this was asked last."""
        with self._using:
            new, self._new = self._new, []
            return new

    def rotate(self, tenant: str) -> tuple[VerifierKey, VerifierKey]:
        """Make the tenant's next signing key; return the old one and it. Raises KeyError, SigningKeyError, OSError."""
        with self._using:
            pair = self._trees[tenant].rotate()
            self._rotating.add(tenant)
            return pair

    def unrecorded(self) -> list[tuple[str, VerifierKey, VerifierKey]]:
        """Return (tenant, old key, new key) of the rotations that the journal does not tell of yet."""
        with self._using:
            rotating = [self._trees[tenant] for tenant in sorted(self._rotating) if tenant in self._trees]
            return [(tree.tenant, *pair) for tree in rotating if (pair := tree.unrecorded())]

    def _open(self, tenant: str) -> Tree | None:
        """Return the tree of *tenant*, taken up and caught up; None where that cannot be now."""
        if tenant in self._trees:
            return self._trees[tenant]
        if self._is_diverged(tenant) or self._clock() < self._try_at.get(tenant, 0):
            return None
        try:
            tree = Tree(tenant, self._journal, ProofFolder(self.proofs, tenant), self._keys, self._at)
            while rows := self._journal.bare_of(tenant, tree.size, READ_EVENTS):
                self._grow(tree, rows)
                if tree.size - tree.signed >= SIGN_EVENTS_MAX:
                    self._sign(tree)
            if tree.unrecorded() or tree.rotation_due:
                self._rotating.add(tenant)
        except (TreeDiverged, SigningKeyError, OSError) as error:
            self._trouble(tenant, error)
            return None
        self._trees[tenant] = tree
        self.troubles.pop(tenant, None)
        return tree

    def _take(self, tenant: str, rows: Sequence[Bare]) -> None:
        if (tree := self._open(tenant)) is None or self._is_diverged(tenant):
            return
        try:
            self._grow(tree, [row for row in rows if row.sequence > tree.size])
        except TreeDiverged as error:
            self._trouble(tenant, error)

    def _grow(self, tree: Tree, rows: Sequence[Bare]) -> None:
        if rows:
            tree.take(rows)
            self._since.setdefault(tree.tenant, self._clock())

    def _sign_due(self, *, closing: bool = False) -> None:
        now = self._clock()
        for tenant in list(self._since):
            tree = self._trees.get(tenant)
            if tree is None or self._is_diverged(tenant) or (now < self._try_at.get(tenant, 0) and not closing):
                continue
            spaced = now - self._signed_at.get(tenant, now - SPACING_S) >= SPACING_S
            # The first one comes at once: whoever looks for a new tenant's log finds it.
            many = tree.size - tree.signed >= self._options.events or tenant in self._rotating or not tree.signed
            if closing or (many and spaced) or now - self._since[tenant] >= self._options.seconds:
                try:
                    self._sign(tree)
                except (TreeDiverged, SigningKeyError, OSError) as error:
                    self._trouble(tenant, error)

    def _sign(self, tree: Tree) -> None:
        tree.sign()
        self._since.pop(tree.tenant, None)
        self._wished.discard(tree.tenant)
        self._signed_at[tree.tenant] = self._clock()
        self._new.append((tree.tenant, tree.size))
        self.troubles.pop(tree.tenant, None)
        if tree.tenant in self._rotating and not tree.unrecorded() and not tree.rotation_due:
            self._rotating.discard(tree.tenant)

    def _look_again(self) -> None:
        """Where nothing is new, some of what was signed is read and hashed again, tenant by tenant."""
        if self._clock() - self._looked_at < LOOK_S:
            return
        self._looked_at = self._clock()
        self._looking = self._looking or list(self._trees)
        while self._looking:
            tenant = self._looking.pop()
            if not self._is_diverged(tenant):
                try:
                    self._trees[tenant].look_again(LOOK_EVENTS)
                except (TreeDiverged, OSError) as error:
                    self._trouble(tenant, error)
                return

    def _is_diverged(self, tenant: str) -> bool:
        return tenant in self.troubles and self.troubles[tenant].code == TreeDiverged.code

    def _trouble(self, tenant: str, error: TreeDiverged | SigningKeyError | OSError) -> None:
        trouble = Trouble(getattr(error, "code", "tree_unwritable"), str(error))
        self._try_at[tenant] = self._clock() + AGAIN_S
        if self.troubles.get(tenant) != trouble:
            self.troubles[tenant] = trouble
            self._log.error(trouble.code, tenant=tenant, why=trouble.message)
