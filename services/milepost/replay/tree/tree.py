"""One tenant's tree: grown from the journal, checked against it, and signed only while both agree."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from milepost.journal import Bare, Journal
from milepost.replay.tree.durable import DiffersError
from milepost.replay.tree.edge import Edge
from milepost.replay.tree.folder import ProofFolder
from milepost.replay.tree.signing import SigningKeys
from milepost_contracts.proofs.checkpoints import Checkpoint, open_checkpoint
from milepost_contracts.proofs.merkle import ProofError, leaf_hash
from milepost_contracts.proofs.notes import Note, NoteError, Signer, VerifierKey, signed_note
from milepost_contracts.proofs.tiles import TILE_WIDTH
from milepost_contracts.subjects import tenant_id

FaultPoint = Callable[[str], None]
_COMMANDS = uuid.UUID("0a7c6f1e-8f0e-5d6b-9c55-3f4f2f1c7f10")


class TreeDiverged(Exception):  # noqa: N818  named as the journal's own
    """Journal and tree tell two stories, so nothing of this tenant is signed any more; `code` is `tree_diverged`."""

    code = "tree_diverged"


def command_id(tenant: str, key: VerifierKey) -> str:
    """Return the id of the command that records *key*: sent twice, it is one command."""
    return str(uuid.uuid5(_COMMANDS, f"{tenant}\0{key}"))


class Tree:
    """A tree that is open for growing. One thread at a time; the folder's lock is held by whoever opens it.

    `size`: leaves so far, of which `signed` are covered by the newest checkpoint.
    """

    def __init__(self, tenant: str, journal: Journal, folder: ProofFolder, keys: SigningKeys, at: FaultPoint) -> None:
        """Take up the tree where its newest checkpoint left it.

        Raises TreeDiverged, SigningKeyError, JournalUnavailable, OSError.
        """
        self.tenant = tenant
        self._journal = journal
        self._folder = folder
        self._keys = keys
        self._at = at
        self._edge = Edge()
        self._signers: set[int] = set()  # generations that signed the newest checkpoint
        self._recorded: dict[int, int] = {1: 0}  # generation -> sequence of the event that tells of it
        self.signed = 0
        self._looked = 0
        if sizes := folder.sizes():
            self._take_up(sizes[-1])
        elif keys.generations(tenant) and (folder.path / "checkpoint").exists():
            raise TreeDiverged(f"{folder.path}/checkpoints is empty, but a checkpoint was signed")

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._edge.size

    def take(self, rows: Sequence[Bare]) -> None:
        """Add documents that follow each other and the tree; raises TreeDiverged where they do not."""
        expected = range(self.size + 1, self.size + 1 + len(rows))
        for row, sequence in zip(rows, expected, strict=True):
            if row.sequence != sequence:
                raise TreeDiverged(f"after sequence {sequence - 1} the journal goes on with {row.sequence}")
        self._edge.add([leaf_hash(row.document) for row in rows])

    def sign(self) -> Note:
        """Make the tiles durable, sign the tree as it is, and keep the checkpoint.

        Raises TreeDiverged, SigningKeyError, OSError; what is not written is written the next time.
        """
        signers, generations = self._to_sign()
        checkpoint = Checkpoint(self._keys.name(self.tenant), self.size, self._edge.root())
        self._at("replay.before_tiles")
        try:
            self._folder.keep_tiles(self._edge.tiles())
            self._at("replay.after_tiles")
            note = signed_note(checkpoint.text(), signers)
            self._at("replay.before_checkpoint")
            self._folder.keep(self.size, note)
        except DiffersError as error:
            raise TreeDiverged(f"the journal gives another hash than before: {error}") from error
        self._at("replay.after_checkpoint")
        self._folder.show(self.size)
        self.signed, self._signers = self.size, generations
        for level, index, _ in self._edge.kept():
            self._folder.drop_partial(level, index)
        return note

    def look_again(self, count: int) -> None:
        """Hash the next *count* signed documents again, and begin anew after the last; raises TreeDiverged."""
        end = min(self._looked + count, self.signed)
        self._compare(self._looked, end)
        self._looked = 0 if end == self.signed else end

    def rotate(self) -> tuple[VerifierKey, VerifierKey]:
        """Make the next key, unless one is made already that does not sign yet; return the old one and it.

        It signs from the first checkpoint on that covers the event which tells of it. Raises SigningKeyError, OSError.
        """
        if pending := self.unrecorded():
            return pending
        newest = self._keys.generations(self.tenant)[-1]
        old = self._keys.verifier(self.tenant, newest)
        return old, self._keys.make(self.tenant, newest + 1).verifier

    def unrecorded(self) -> tuple[VerifierKey, VerifierKey] | None:
        """Return the key that still signs and the one whose event is not in the journal yet; None: there is none."""
        generations = self._keys.generations(self.tenant)
        if not generations or generations[-1] in self._recorded or self._recorded_at(generations[-1]):
            return None
        old, new = generations[-2:]
        return self._keys.verifier(self.tenant, old), self._keys.verifier(self.tenant, new)

    @property
    def rotation_due(self) -> bool:
        """Whether the tree covers the event of a new key that has not signed yet."""
        return self.signed > 0 and self._active() not in self._signers

    def _active(self) -> int:
        """Return the generation that signs the tree as it is."""
        for generation in reversed(self._keys.generations(self.tenant)):
            sequence = self._recorded_at(generation)
            if generation == 1 or 0 < sequence <= self.size:
                return generation
        return 1

    def _to_sign(self) -> tuple[list[Signer], set[int]]:
        """Return who signs now, and the generations that go on signing: at a rotation the old key signs once more."""
        if not self._keys.generations(self.tenant):
            self._keys.make(self.tenant, 1)
        active = self._active()
        generations = {active}
        if self._signers and active not in self._signers:
            generations.add(max(self._signers))
        return [self._keys.signer(self.tenant, generation) for generation in sorted(generations)], {active}

    def _recorded_at(self, generation: int) -> int:
        """Return the sequence of the event that tells of the key of *generation*; 0: the journal has none."""
        if generation not in self._recorded:
            key = self._keys.verifier(self.tenant, generation)
            known = self._journal.by_command(
                self.tenant, f"tenant/{tenant_id(self.tenant)}/{command_id(self.tenant, key)}"
            )
            if known is None or not known.events:
                return 0
            self._recorded[generation] = known.events[0].sequence
        return self._recorded[generation]

    def _take_up(self, size: int) -> None:
        """Go on from the newest checkpoint: believed only where our key signed it and tiles and journal agree."""
        try:
            note = self._folder.note(size)
            keys = self._keys.verifiers(self.tenant)
            if note is None or not keys:
                raise TreeDiverged(f"no public key of {self.tenant} is left to check the checkpoint of {size} with")
            checkpoint = open_checkpoint(note, keys)
            self._edge = Edge.read(self._folder.tiles, size)
        except (NoteError, ProofError) as error:
            raise TreeDiverged(f"the checkpoint of {size}: {error.code}: {error}") from error
        if checkpoint.size != size or self._edge.root() != checkpoint.root:
            raise TreeDiverged(f"the tiles do not have the root that was signed for {size}")
        signed_by = set(note.signed_by(keys))
        generations = self._keys.generations(self.tenant)
        self._signers = {one for one, key in zip(generations, keys, strict=True) if key in signed_by}
        self.signed = size
        self._compare(max(0, size - TILE_WIDTH), size)
        self._folder.show(size)

    def _compare(self, start: int, end: int) -> None:
        rows = self._journal.bare_of(self.tenant, start, end - start)
        if len(rows) < end - start:
            last = rows[-1].sequence if rows else start
            raise TreeDiverged(f"the journal ends at {last}, but {self.signed or end} events were signed")
        try:
            for row, leaf in zip(rows, self._folder.tiles.leaves(start, end), strict=True):
                if leaf_hash(row.document) != leaf:
                    raise TreeDiverged(f"the event with sequence {row.sequence} is not the one that was signed")
        except ProofError as error:
            raise TreeDiverged(f"{error.code}: {error}") from error
