"""Tiles: their names and sizes, growing a tree, and proofs from nothing but files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danji_verify import merkle
from danji_verify.errors import FormatError, ProofError
from danji_verify.merkle import leaf_hash
from danji_verify.tiles import (
    Edge,
    Prover,
    Tile,
    audit,
    changed_tiles,
    consistency_proof,
    decode_bundle,
    encode_bundle,
    entries_path,
    grow,
    inclusion_proof,
    load_edge,
    read_entry,
    roots,
    tile_path,
    tiles_of,
    tree_root,
)


def entry(number):
    return b"entry %d" % number


def entries(start, end):
    return [entry(number) for number in range(start, end)]


@pytest.fixture(scope="module")
def big():
    """A tree of 70,000 entries and its files."""
    growth = grow(Edge(), entries(0, 70_000))
    return growth, [leaf_hash(item) for item in entries(0, 70_000)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tile_path(0, 1234, 5), "tile/0/x001/234.p/5"),
        (tile_path(2, 0, 1), "tile/2/000.p/1"),
        (tile_path(1, 999), "tile/1/999"),
        (entries_path(1000), "tile/entries/x001/000"),
        (entries_path(273, 112), "tile/entries/273.p/112"),
    ],
)
def test_tiles_are_named_as_the_specification_says(path, expected):
    assert path == expected


def test_a_tree_of_70000_has_the_tiles_of_the_specification():
    tiles = list(tiles_of(70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile for tile in tiles if tile.width < 256] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]


def test_a_tree_of_256_has_one_full_tile_and_the_first_of_the_next_level():
    assert list(tiles_of(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=5))
def test_a_tree_grown_in_steps_is_the_tree_grown_at_once(steps):
    edge, files, size = Edge(), {}, 0
    for step in steps:
        growth = grow(edge, entries(size, size + step))
        assert {tile.path for tile in changed_tiles(size, size + step)} == {
            path for path in growth.files if not path.startswith("tile/entries/")
        }
        files |= growth.files
        size += step
        assert load_edge(size, files.__getitem__) == growth.edge
        edge = growth.edge
    leaves = [leaf_hash(item) for item in entries(0, size)]
    assert edge.root == merkle.root(leaves)
    assert tree_root(size, files.__getitem__, check=True) == edge.root
    assert audit(size, files.__getitem__) == edge.root
    assert grow(Edge(), entries(0, size)).edge == edge


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_proofs_come_from_tiles(big, data):
    growth, leaves = big
    size = data.draw(st.integers(1, 70_000))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))

    # Only the tiles of the final size are there, so older sizes fall back on full tiles.
    reader = Truncated(growth.files)
    root = tree_root(size, reader)
    path = inclusion_proof(index, size, reader)
    merkle.verify_inclusion(index, size, leaves[index], path, root)
    proof = consistency_proof(old, size, reader)
    merkle.verify_consistency(old, size, proof, tree_root(old, reader), root)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 700), st.integers(0, 699)), min_size=1, max_size=8))
def test_proofs_from_kept_tiles_are_the_same(asked):
    files = {}
    growth = grow(Edge(), [])
    for size in range(1, 701):
        growth = grow(growth.edge, [entry(size - 1)])
        files |= growth.files
    prover = Prover(files.__getitem__, tiles=2)
    for size, index in asked:
        reader = files.__getitem__
        assert prover.root(size) == tree_root(size, reader)
        assert prover.root_at(min(index, size), size) == tree_root(min(index, size), reader)
        if index < size:
            assert prover.inclusion_proof(index, size) == inclusion_proof(index, size, reader)
            assert prover.consistency_proof(index, size) == consistency_proof(index, size, reader)


def test_a_tile_is_read_once_while_it_is_kept(big):
    growth, _leaves = big
    asked = []

    def reader(path):
        asked.append(path)
        return growth.files[path]

    prover = Prover(reader, tiles=10)
    first = prover.inclusion_proof(69_999, 70_000)
    assert prover.inclusion_proof(69_999, 70_000) == first
    assert len(asked) == len(set(asked))


def test_the_roots_of_older_sizes_come_from_entries_alone(big):
    growth, leaves = big
    entries_only = {
        path: data for path, data in growth.files.items() if path.startswith("tile/entries/")
    }
    sizes = (0, 1, 255, 256, 257, 69_999, 70_000)
    found = roots(sizes, 70_000, entries_only.__getitem__)
    assert found == {size: merkle.root(leaves[:size]) for size in sizes}
    with pytest.raises(ProofError):
        roots([70_001], 70_000, entries_only.__getitem__)


def test_an_audit_shows_every_entry_once():
    growth = grow(Edge(), entries(0, 600))
    shown = {}
    audit(600, growth.files.__getitem__, lambda first, some: shown.update(enumerate(some, first)))
    assert [shown[index] for index in range(600)] == entries(0, 600)


class Truncated:
    """Answers for full tiles from whatever there is, padded, as a later tree would have it."""

    def __init__(self, files):
        self.files = files

    def __call__(self, path):
        if path in self.files:
            return self.files[path]
        if ".p/" in path:
            raise KeyError(path)
        partial = next(data for name, data in self.files.items() if name.startswith(path + ".p/"))
        return partial.ljust(256 * 32, b"\0")


def test_a_missing_partial_tile_is_read_from_the_full_one():
    first = grow(Edge(), entries(0, 100))
    second = grow(first.edge, entries(100, 300))
    assert tree_root(100, second.files.__getitem__) == first.root
    assert read_entry(99, 100, second.files.__getitem__) == entry(99)


def test_a_tile_that_is_nowhere_is_an_error():
    with pytest.raises(KeyError):
        tree_root(10, {}.__getitem__)


def test_an_entry_beyond_the_tree_is_refused():
    files = grow(Edge(), entries(0, 3)).files
    with pytest.raises(ProofError):
        read_entry(3, 3, files.__getitem__)
    with pytest.raises(ProofError):
        inclusion_proof(3, 3, files.__getitem__)


def test_a_tree_that_does_not_grow_has_no_new_files():
    growth = grow(Edge(), entries(0, 5))
    assert grow(growth.edge, []).files == {}
    assert grow(Edge(), []).root == merkle.EMPTY_ROOT
    assert tree_root(0, {}.__getitem__) == merkle.EMPTY_ROOT


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_an_audit_finds_any_changed_byte(data):
    growth = grow(Edge(), entries(0, 600))
    path = data.draw(st.sampled_from(sorted(growth.files)))
    damaged = bytearray(growth.files[path])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    files = growth.files | {path: bytes(damaged)}
    try:
        root = audit(600, files.__getitem__)
    except (FormatError, ProofError):
        return
    assert root != growth.root


def test_the_right_edge_is_checked_against_the_level_below():
    growth = grow(Edge(), entries(0, 600))
    files = growth.files | {"tile/1/000.p/2": bytes(64)}
    with pytest.raises(ProofError):
        tree_root(600, files.__getitem__, check=True)


def test_an_edge_whose_entries_were_exchanged_is_refused():
    growth = grow(Edge(), entries(0, 3))
    files = growth.files | {"tile/entries/000.p/3": encode_bundle(entries(1, 4))}
    with pytest.raises(ProofError):
        load_edge(3, files.__getitem__)


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_bundles_are_read_back(items):
    assert decode_bundle(encode_bundle(items), len(items)) == items


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x02a", b"", b"\x00\x01a\x00\x01b"])
def test_a_bundle_that_is_not_exact_is_refused(data):
    with pytest.raises(FormatError):
        decode_bundle(data, 1)


def test_an_entry_too_long_for_a_bundle_is_refused():
    with pytest.raises(FormatError):
        encode_bundle([bytes(65_536)])
