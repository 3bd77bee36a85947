"""Trees for the tests: leaves, all hashes of full subtrees in memory, and the definitions of RFC 6962 word by word."""

from __future__ import annotations

from collections.abc import Sequence

from milepost_contracts.proofs.merkle import EMPTY_ROOT, Hashes, leaf_hash, node_hash


def leaves_of(count: int) -> list[bytes]:
    """Return the hashes of *count* different leaves."""
    return [leaf_hash(b"document %d" % number) for number in range(count)]


def hashes_of(leaves: Sequence[bytes]) -> Hashes:
    """Return what knows every full subtree over *leaves*."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        if (level, index) not in kept:
            kept[level, index] = node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
        return kept[level, index]

    return read


def mth(leaves: Sequence[bytes]) -> bytes:
    """Return MTH as RFC 6962 2.1 defines it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PATH as RFC 6962 2.1.1 defines it."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PROOF as RFC 6962 2.1.2 defines it."""
    return _subproof(m, leaves, whole=True)


def _subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def split(size: int) -> int:
    """Return the largest power of two below *size*."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k
