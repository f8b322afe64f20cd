"""The tree of RFC 6962: its published vectors, and its promises on trees of every shape."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danji_verify import merkle
from danji_verify.errors import ProofError
from danji_verify.merkle import leaf_hash, node_hash

# The entries and hashes of the test vectors that implementations of RFC 6962 share.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def naive_root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


def some_leaves(count):
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize(
    ("size", "begins", "ends"),
    [
        (1, "6e340b9c", "afa01d"),
        (2, "fac54203", "e3c125"),
        (3, "aeb6bcfe", "29e06e77"),
        (5, "4e3bbb1f", "6264d4"),
        (7, "ddb89be4", "a74c8c"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", ""),
    ],
)
def test_roots_are_those_of_the_shared_vectors(size, begins, ends):
    found = merkle.root(LEAVES[:size]).hex()
    assert found.startswith(begins)
    assert found.endswith(ends)


def test_the_empty_tree_has_the_hash_of_nothing():
    assert merkle.root([]) == merkle.EMPTY_ROOT
    assert merkle.EMPTY_ROOT.hex().startswith("e3b0c442")


def test_proofs_are_those_of_the_shared_vectors():
    path = [item.hex()[:8] for item in merkle.inclusion_path(LEAVES, 5)]
    assert path == ["bc1a0643", "ca854ea1", "d37ee418"]
    consistency = [item.hex()[:8] for item in merkle.consistency_path(LEAVES, 6)]
    assert consistency == ["0ebc5d34", "ca854ea1", "d37ee418"]


@settings(deadline=None)
@given(st.integers(1, 300), st.data())
def test_every_leaf_is_proven_and_no_other(size, data):
    leaves = some_leaves(size)
    index = data.draw(st.integers(0, size - 1))
    root = naive_root(leaves)
    path = merkle.inclusion_path(leaves, index)
    merkle.verify_inclusion(index, size, leaves[index], path, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, leaf_hash(b"other"), path, root)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(index, size, leaves[index], [*path, root], root)
    if path:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(index, size, leaves[index], path[:-1], root)
    for other in {index - 1, index + 1, size}:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(other, size, leaves[index], path, root)


@settings(deadline=None)
@given(st.integers(0, 300), st.data())
def test_a_tree_is_shown_to_have_grown_and_nothing_else(new, data):
    leaves = some_leaves(new)
    old = data.draw(st.integers(0, new))
    before, after = naive_root(leaves[:old]), naive_root(leaves)
    proof = merkle.consistency_path(leaves, old)
    merkle.verify_consistency(old, new, proof, before, after)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, new, [*proof, after], before, after)
    if old:
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, proof, leaf_hash(b"other"), after)
    if proof:
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, proof[:-1], before, after)
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, new, proof, before, leaf_hash(b"other"))


def test_a_tree_never_shrinks():
    with pytest.raises(ProofError):
        merkle.verify_consistency(3, 2, [], LEAVES[0], LEAVES[1])
    with pytest.raises(ProofError):
        merkle.consistency_path(LEAVES[:2], 3)


def test_hashes_of_another_length_are_refused():
    with pytest.raises(ProofError):
        merkle.verify_inclusion(0, 2, LEAVES[0], [b"short"], merkle.root(LEAVES[:2]))
