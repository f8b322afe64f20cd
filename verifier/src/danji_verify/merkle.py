"""The Merkle tree of RFC 6962 and RFC 9162 §2.1 with SHA-256.

Hashes and roots are 32 bytes; a proof is a sequence of hashes in the order of the RFC.
"""

from collections.abc import Sequence
from hashlib import sha256

from danji_verify.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, in order; EMPTY_ROOT over none."""
    stack: list[bytes] = []
    for size, leaf in enumerate(leaf_hashes, start=1):
        node = leaf
        complete = size
        while complete % 2 == 0:
            node = node_hash(stack.pop(), node)
            complete //= 2
        stack.append(node)
    if not stack:
        return EMPTY_ROOT
    node = stack.pop()
    while stack:
        node = node_hash(stack.pop(), node)
    return node


def inclusion_path(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from leaf `index` (from 0) up to the root. Raises: ProofError."""
    ranges = inclusion_ranges(index, len(leaf_hashes))
    return [root(leaf_hashes[start:end]) for start, end in ranges]


def consistency_path(leaf_hashes: Sequence[bytes], old: int) -> list[bytes]:
    """The proof that the first `old` leaves are a beginning of all. Raises: ProofError."""
    ranges = consistency_ranges(old, len(leaf_hashes))
    return [root(leaf_hashes[start:end]) for start, end in ranges]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaf ranges [start, end) whose roots are the inclusion proof, leaf's sibling first."""
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[tuple[int, int]]:
    """The leaf ranges [start, end) whose roots are the consistency proof."""
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {old} cannot be the beginning of one of {new}")
    if old in (0, new):
        return []
    ranges = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return ranges[::-1]


def verify_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], expected_root: bytes
) -> None:
    """Check that `leaf` (a leaf hash) is number `index` in the tree of that size and root.

    Raises: ProofError. Source: RFC 9162 §2.1.3.2.
    """
    if root_of_inclusion(index, size, leaf, path) != expected_root:
        raise ProofError("the inclusion proof leads to another root")


def root_of_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root an inclusion proof leads to. Raises: ProofError when its length is wrong."""
    if not 0 <= index < size:
        raise ProofError(f"no leaf {index} in a tree of {size}")
    _check_hashes([leaf, *path])
    fn, sn, node = index, size - 1, leaf
    for sibling in path:
        if sn == 0:
            raise ProofError("the inclusion proof is too long")
        if fn % 2 or fn == sn:
            node = node_hash(sibling, node)
            while fn % 2 == 0 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofError("the inclusion proof is too short")
    return node


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Check that the tree of size `new` begins with the tree of size `old`.

    Raises: ProofError. Source: RFC 9162 §2.1.4.2.
    """
    if not 0 <= old <= new:
        raise ProofError(f"a tree of {old} cannot be the beginning of one of {new}")
    _check_hashes([old_root, new_root, *proof])
    if (old == 0 and old_root != EMPTY_ROOT) or (old == new and old_root != new_root):
        raise ProofError("another root for the same size")
    if old in (0, new):
        if proof:
            raise ProofError("the consistency proof is too long")
        return
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    if not hashes:
        raise ProofError("the consistency proof is too short")
    if _roots_of_consistency(old, new, hashes[0], hashes[1:]) != (old_root, new_root):
        raise ProofError("the consistency proof leads to other roots")


def _roots_of_consistency(
    old: int, new: int, first: bytes, rest: Sequence[bytes]
) -> tuple[bytes, bytes]:
    fn, sn = old - 1, new - 1
    while fn % 2:
        fn, sn = fn >> 1, sn >> 1
    old_node = new_node = first
    for sibling in rest:
        if sn == 0:
            raise ProofError("the consistency proof is too long")
        if fn % 2 or fn == sn:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while fn % 2 == 0 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new_node = node_hash(new_node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise ProofError("the consistency proof is too short")
    return old_node, new_node


def _split(size: int) -> int:
    """The largest power of two below `size` (which is at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(item) != HASH_SIZE for item in hashes):
        raise ProofError("a hash is not 32 bytes long")
