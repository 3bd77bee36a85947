"""An event's document becomes a leaf of the tenant's Merkle tree, and proofs tell where it is (RFC 6962, RFC 9162)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
SIZE_MAX = 2**63 - 1  # what every implementation can count; one tenant at 10,000 events/s needs 29 million years
LEVEL_MAX = 62  # of a full subtree in a tree of SIZE_MAX leaves
EMPTY_ROOT = hashlib.sha256(b"").digest()

Hashes = Callable[[int, int], bytes]
"""(level, index) -> the hash of the full subtree of 2**level leaves at *index*, counted in such subtrees."""


class ProofError(ValueError):
    """A proof that proves nothing, or that cannot be made; `code` tells why.

    `size_out_of_range`, `index_out_of_range`: no such tree or leaf; `proof_malformed`: wrong number or length of
    hashes; `root_mismatch`: it leads to another root; `tile_missing`, `tile_malformed`, `tile_name`: see tiles.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


def leaf_hash(document: bytes) -> bytes:
    """Return the 32-byte hash of a leaf: SHA-256(0x00 || document)."""
    return hashlib.sha256(b"\x00" + document).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: all that it takes to add leaves and to tell the root. 32 bytes for each bit of size."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Take the number of leaves and the roots of its full subtrees, largest first; raises ProofError."""
        kept = list(peaks)
        _check_size(size)
        if len(kept) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in kept):
            raise ProofError("proof_malformed", f"a tree of {size} has {size.bit_count()} peaks of {HASH_BYTES} bytes")
        self.size = size
        self._peaks = kept

    @classmethod
    def of(cls, size: int, hashes: Hashes) -> Frontier:
        """Return the frontier of the first *size* leaves of the tree that *hashes* knows."""
        _check_size(size)
        return cls(size, (hashes(level, index) for level, index in _subtrees(0, size)))

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the full subtrees, largest (leftmost) first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add the leaf with this leaf hash."""
        size, peaks = self.size, self._peaks
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes, in order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _folded(self._peaks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes, in order."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def full_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes: `root_of`, in half the time."""
    sha256 = hashlib.sha256
    while len(leaves) > 1:
        pairs = iter(leaves)
        leaves = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
    return leaves[0]


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """Return the proof that leaf *index* is in the tree of *size*, lowest hash first; raises ProofError."""
    _check_index(index, size)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_of(end - start)
        if index < middle:
            proof.append(_range_hash(middle, end, hashes))
            end = middle
        else:
            proof.append(_range_hash(start, middle, hashes))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, hashes: Hashes) -> list[bytes]:
    """Return the proof that the tree of *first* leaves is the beginning of that of *second*; raises ProofError.

    Empty for 0 and for equal sizes: there is nothing to prove.
    """
    _check_sizes(first, second)
    proof: list[bytes] = []
    start, end = 0, second
    while 0 < first < end:
        middle = start + _left_of(end - start)
        if first <= middle:
            proof.append(_range_hash(middle, end, hashes))
            end = middle
        else:
            proof.append(_range_hash(start, middle, hashes))
            start = middle
    if start:
        proof.append(_range_hash(start, end, hashes))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with hash *leaf* is at *index* in the tree of *size* with *root* (RFC 9162 2.1.3.2).

    Raises ProofError.
    """
    _check_index(index, size)
    _check_hashes([leaf, root, *proof])
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if not last:
            raise ProofError("proof_malformed", f"{len(proof)} hashes are too many for leaf {index} of {size}")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("proof_malformed", f"{len(proof)} hashes are too few for leaf {index} of {size}")
    _check_root(computed, root, f"the leaf is not at {index} of the tree of {size} with this root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Check that the tree of *first* leaves is the beginning of that of *second* (RFC 9162 2.1.4.2).

    Raises ProofError.
    """
    _check_sizes(first, second)
    _check_hashes([first_root, second_root, *proof])
    if first in (0, second):
        _verify_unproved(first, second, proof, first_root, second_root)
        return
    # A first tree that is one full subtree is itself where the walk begins.
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise ProofError("proof_malformed", f"a proof from {first} to {second} has hashes")
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            raise ProofError("proof_malformed", f"{len(proof)} hashes are too many from {first} to {second}")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last:
        raise ProofError("proof_malformed", f"{len(proof)} hashes are too few from {first} to {second}")
    _check_root(old, first_root, f"the proof does not lead to the root of {first}")
    _check_root(new, second_root, f"the proof does not lead to the root of {second}")


def _verify_unproved(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Check what needs no proof: a tree against itself, or against the empty tree."""
    if proof:
        raise ProofError("proof_malformed", f"from {first} to {second} nothing is proved by hashes")
    _check_root(first_root, second_root if first else EMPTY_ROOT, f"this is not the root of {first}")
    if not second:
        _check_root(second_root, EMPTY_ROOT, "an empty tree has one root alone")


def _left_of(size: int) -> int:
    """Return the largest power of two below *size*: the leaves of the left half."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtrees(start: int, end: int) -> Iterable[tuple[int, int]]:
    """Yield (level, index) of the full subtrees of leaves *start* to *end*, largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_hash(start: int, end: int, hashes: Hashes) -> bytes:
    """Return the root over leaves *start* to *end*; *start* is where a left half of that size may begin."""
    return _folded([hashes(level, index) for level, index in _subtrees(start, end)])


def _folded(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def _check_size(size: int) -> None:
    if not 0 <= size <= SIZE_MAX:
        raise ProofError("size_out_of_range", f"a tree has 0 to {SIZE_MAX} leaves, not {size}")


def _check_sizes(first: int, second: int) -> None:
    _check_size(second)
    if not 0 <= first <= second:
        raise ProofError("size_out_of_range", f"a tree of {first} is no beginning of one of {second}")


def _check_index(index: int, size: int) -> None:
    _check_size(size)
    if not 0 <= index < size:
        raise ProofError("index_out_of_range", f"a tree of {size} has no leaf {index}")


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError("proof_malformed", f"every hash has {HASH_BYTES} bytes")


def _check_root(computed: bytes, root: bytes, message: str) -> None:
    if not hmac.compare_digest(computed, root):
        raise ProofError("root_mismatch", message)
