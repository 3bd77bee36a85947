"""Trees and proofs: published vectors, every size from 1 to 300, other implementations, and everything forged."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from milepost_contracts.proofs.merkle import (
    EMPTY_ROOT,
    SIZE_MAX,
    Frontier,
    ProofError,
    consistency_proof,
    full_root,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.contracts.proofs.trees import hashes_of, leaves_of, mth, path, proof
from tests.support.node import node

MOST = 300
LEAVES = leaves_of(MOST)
HASHES = hashes_of(LEAVES)
ROOTS = [root_of(LEAVES[:size]) for size in range(MOST + 1)]

# Leaves and roots of the reference tree of Certificate Transparency (google/certificate-transparency, merkletree tests;
# the same in transparency-dev/merkle, testonly/constants.go).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
PUBLISHED = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (index, size) -> audit path, and (first, second) -> consistency proof, of the same tests.
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
PROOFS = {
    (1, 1): [],
    (1, 8): PATHS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}

JAVASCRIPT = """
const {createHash} = require("node:crypto");
const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const leaf = (document) => sha(Buffer.from([0]), document), pair = (a, b) => sha(Buffer.from([1]), a, b);
function split(n) { let k = 1; while (2 * k < n) k *= 2; return k; }
function mth(d) {
  return d.length === 1 ? d[0] : pair(mth(d.slice(0, split(d.length))), mth(d.slice(split(d.length))));
}
function path(m, d) {
  if (d.length === 1) return [];
  const k = split(d.length);
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}
const out = {};
for (const [index, size] of JSON.parse(process.argv[1])) {
  const d = Array.from({length: size}, (_, n) => leaf(Buffer.from(`document ${n}`)));
  out[`${index} ${size}`] = [mth(d), ...path(index, d)].map((hash) => hash.toString("hex"));
}
console.log(JSON.stringify(out));
"""


def refused(code: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(ProofError) as caught:
        call(*arguments)
    assert caught.value.code == code


def test_hashes_are_the_published_ones() -> None:
    """Leaf and node hashes carry the prefixes of RFC 6962 (vectors of google/trillian, rfc6962_test.go)."""
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    assert EMPTY_ROOT.hex() == PUBLISHED[0]


def test_roots_are_the_published_ones() -> None:
    """Every root of the reference tree comes out of root_of and out of a frontier that grows."""
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
    frontier = Frontier()
    assert frontier.root().hex() == PUBLISHED[0]
    assert [full_root(leaves[:size]).hex() for size in (1, 2, 4, 8)] == [PUBLISHED[size] for size in (1, 2, 4, 8)]
    for size, leaf in enumerate(leaves, 1):
        frontier.append(leaf)
        assert frontier.root().hex() == root_of(leaves[:size]).hex() == PUBLISHED[size]


def test_proofs_are_the_published_ones() -> None:
    """Audit paths and consistency proofs of the reference tree come out byte for byte, and verify."""
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
    roots = [bytes.fromhex(root) for root in PUBLISHED]
    for (index, size), wanted in PATHS.items():
        made = inclusion_proof(index, size, hashes_of(leaves))
        assert [one.hex() for one in made] == wanted
        verify_inclusion(leaves[index], index, size, made, roots[size])
    for (first, second), wanted in PROOFS.items():
        made = consistency_proof(first, second, hashes_of(leaves))
        assert [one.hex() for one in made] == wanted
        verify_consistency(first, second, made, roots[first], roots[second])


def test_every_leaf_of_every_size_is_proved() -> None:
    """Each of the 45,150 leaves in the trees of 1 to 300 is proved at its index, and not at the next one."""
    for size in range(1, MOST + 1):
        for index in range(size):
            made = inclusion_proof(index, size, HASHES)
            verify_inclusion(LEAVES[index], index, size, made, ROOTS[size])
            if size > 1:
                with pytest.raises(ProofError):
                    verify_inclusion(LEAVES[index], (index + 1) % size, size, made, ROOTS[size])


def test_every_pair_of_sizes_is_proved() -> None:
    """Each pair of sizes from 0 to 300 is consistent, and a proof of one pair is none of the next."""
    for second in range(1, MOST + 1):
        for first in range(second + 1):
            made = consistency_proof(first, second, HASHES)
            verify_consistency(first, second, made, ROOTS[first], ROOTS[second])
            if 0 < first < second:
                with pytest.raises(ProofError):
                    verify_consistency(first, second, made, ROOTS[first - 1], ROOTS[second])
                with pytest.raises(ProofError):
                    verify_consistency(first, second, made, ROOTS[first], ROOTS[second - 1])


def test_proofs_follow_the_definitions() -> None:
    """Proofs equal those of the RFC's recursive definitions for sizes around powers of two."""
    for size in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129):
        assert ROOTS[size] == mth(LEAVES[:size])
        for index in range(size):
            assert inclusion_proof(index, size, HASHES) == path(index, LEAVES[:size])
            assert consistency_proof(index + 1, size, HASHES) == proof(index + 1, LEAVES[:size])


def test_another_implementation_agrees() -> None:
    """Pymerkle's tree has our roots and audit paths, and finds the same sizes consistent."""
    tree = InmemoryTree(algorithm="sha256")
    for number in range(130):
        tree.append_entry(b"document %d" % number)
    for size in range(1, 131):
        root = tree.get_root(size)
        assert root == ROOTS[size]
        for index in range(0, size, 7):
            theirs = tree.prove_inclusion(index + 1, size)
            assert theirs.compute_root() == root
            assert hashes_in(theirs.path, LEAVES[index]) == inclusion_proof(index, size, HASHES)
            pymerkle.verify_inclusion(LEAVES[index], root, theirs)
        for first in range(1, size + 1, 7):
            # Their consistency proofs have another form than the RFC's: each side verifies its own on shared roots.
            pymerkle.verify_consistency(ROOTS[first], root, tree.prove_consistency(first, size))
            verify_consistency(first, size, consistency_proof(first, size, HASHES), tree.get_root(first), root)


def hashes_in(given: list[bytes], leaf: bytes) -> list[bytes]:
    """Return pymerkle's path as the RFC writes it: without the leaf, lowest first."""
    return [one for one in given if one != leaf]


def test_javascript_agrees() -> None:
    """Node, with the definitions and its own SHA-256, has our roots and audit paths."""
    pairs = [(index, size) for size in (1, 2, 3, 6, 7, 64, 65, 200) for index in {0, size // 2, size - 1}]
    run = subprocess.run(
        [node(), "-e", JAVASCRIPT, json.dumps(pairs)], check=True, capture_output=True, text=True, timeout=60
    )
    for place, (root, *theirs) in json.loads(run.stdout).items():
        index, size = map(int, place.split())
        assert root == ROOTS[size].hex()
        assert theirs == [one.hex() for one in inclusion_proof(index, size, HASHES)]


@given(st.data())
def test_no_flipped_bit_is_proved(data: st.DataObject) -> None:
    """Whatever bit of leaf, proof or roots is flipped, nothing is proved any more."""
    size = data.draw(st.integers(2, MOST))
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size - 1))
    included, consistent = inclusion_proof(index, size, HASHES), consistency_proof(first, size, HASHES)
    bit = data.draw(st.integers(0, 255))

    def flipped(parts: list[bytes]) -> list[bytes]:
        place = data.draw(st.integers(0, len(parts) - 1))
        changed = int.from_bytes(parts[place]) ^ 1 << bit
        return [*parts[:place], changed.to_bytes(32), *parts[place + 1 :]]

    leaf, root, *rest = flipped([LEAVES[index], ROOTS[size], *included])
    refused("root_mismatch", verify_inclusion, leaf, index, size, rest, root)
    old, new, *rest = flipped([ROOTS[first], ROOTS[size], *consistent])
    refused("root_mismatch", verify_consistency, first, size, rest, old, new)


@given(st.data())
def test_no_other_place_is_proved(data: st.DataObject) -> None:
    """A proof holds for its own index and sizes alone, and with all its hashes."""
    size = data.draw(st.integers(2, MOST))
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    made = inclusion_proof(index, size, HASHES)
    with pytest.raises(ProofError):
        verify_inclusion(LEAVES[index], other, size, made, ROOTS[size])
    refused("proof_malformed", verify_inclusion, LEAVES[index], index, size, made[:-1], ROOTS[size])
    refused("proof_malformed", verify_inclusion, LEAVES[index], index, size, [*made, made[0]], ROOTS[size])
    first = data.draw(st.integers(1, size - 1))
    between = consistency_proof(first, size, HASHES)
    for broken in ([], between[:-1], [*between, between[0]]):
        refused("proof_malformed", verify_consistency, first, size, broken, ROOTS[first], ROOTS[size])


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_a_frontier_goes_on_where_it_was(steps: list[int]) -> None:
    """A frontier taken up again from size and peaks grows to the same root as one that never stopped."""
    frontier = Frontier()
    for step in steps:
        frontier = Frontier(frontier.size, frontier.peaks)
        frontier.extend(LEAVES[frontier.size : frontier.size + step])
        assert frontier.root() == ROOTS[frontier.size]
        assert Frontier.of(frontier.size, HASHES).peaks == frontier.peaks


def test_what_cannot_be_is_refused_by_code() -> None:
    """Sizes, indexes and hashes that cannot be have their codes, whoever asks."""
    refused("index_out_of_range", inclusion_proof, 3, 3, HASHES)
    refused("index_out_of_range", inclusion_proof, -1, 3, HASHES)
    refused("index_out_of_range", verify_inclusion, LEAVES[0], 0, 0, [], EMPTY_ROOT)
    refused("size_out_of_range", inclusion_proof, 0, SIZE_MAX + 1, HASHES)
    refused("size_out_of_range", consistency_proof, 4, 3, HASHES)
    refused("size_out_of_range", consistency_proof, -1, 3, HASHES)
    refused("proof_malformed", verify_inclusion, LEAVES[0][:31], 0, 1, [], ROOTS[1])
    refused("proof_malformed", verify_inclusion, LEAVES[0], 0, 2, [b"short"], ROOTS[2])
    refused("proof_malformed", verify_consistency, 0, 2, [LEAVES[0]], EMPTY_ROOT, ROOTS[2])
    refused("proof_malformed", verify_consistency, 3, 5, [], ROOTS[3], ROOTS[5])
    refused("root_mismatch", verify_consistency, 2, 2, [], ROOTS[2], ROOTS[1])
    refused("root_mismatch", verify_consistency, 0, 2, [], ROOTS[1], ROOTS[2])
    refused("root_mismatch", verify_consistency, 0, 0, [], EMPTY_ROOT, ROOTS[1])
    refused("proof_malformed", Frontier, 3, [LEAVES[0]])
    refused("proof_malformed", Frontier, 1, [b"short"])
    refused("size_out_of_range", Frontier, -1)
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
