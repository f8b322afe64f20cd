"""Tiles (c2sp.org/tlog-tiles): a log as immutable files of 256 hashes or 256 entries.

A `Reader` gives the bytes of a path below the log's prefix, and raises KeyError or
FileNotFoundError where there is no such file. Sizes, indexes and widths count leaves, tiles
and hashes; a tile of level L holds the roots of full tiles of level L − 1.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from danji_verify.errors import FormatError, ProofError
from danji_verify.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
)

WIDTH = 256  # hashes in a full tile, entries in a full bundle
MAX_ENTRY = 2**16 - 1  # bytes

Reader = Callable[[str], bytes]


@dataclass(frozen=True)
class Tile:
    """One hash tile; `width` is 256 when it is full."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        return tile_path(self.level, self.index, self.width)


@dataclass(frozen=True)
class Edge:
    """The right edge of a tree: all that is needed to let it grow.

    `levels[L]` are the hashes of the partial tile of level L, `bundle` the encoded entries of
    the partial bundle.
    """

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()
    bundle: bytes = b""

    @property
    def root(self) -> bytes:
        node: bytes | None = None
        for hashes in self.levels:
            for start, end in reversed(list(_full_ranges(0, len(hashes)))):
                part = _fold(hashes[start:end])
                node = part if node is None else node_hash(part, node)
        return EMPTY_ROOT if node is None else node


@dataclass(frozen=True)
class Growth:
    """What became of a tree: its new edge, and every file that is new, by path."""

    edge: Edge
    files: dict[str, bytes]

    @property
    def size(self) -> int:
        return self.edge.size

    @property
    def root(self) -> bytes:
        return self.edge.root


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    return f"tile/entries/{_index_path(index, width)}"


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Raises: FormatError when an entry is longer than 65,535 bytes."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise FormatError("an entry that is too long")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle, which must be all there is. Raises: FormatError."""
    entries = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data) or start > len(data):
            raise FormatError("an entry bundle that is cut off")
        entries.append(data[start:position])
    if len(entries) != width:
        raise FormatError(f"an entry bundle of {len(entries)} where {width} belong")
    return entries


def decode_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    if len(data) != width * HASH_SIZE:
        raise FormatError(f"a tile of {len(data)} bytes where {width * HASH_SIZE} belong")
    return tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every hash tile of a tree of that size, level by level."""
    return changed_tiles(0, size)


def changed_tiles(old: int, new: int) -> Iterator[Tile]:
    """The hash tiles of size `new` that size `old` did not have, level by level."""
    level = 0
    while new > old:
        for index in range(old // WIDTH, -(-new // WIDTH)):
            yield Tile(level, index, min(WIDTH, new - index * WIDTH))
        level, old, new = level + 1, old // WIDTH, new // WIDTH


def changed_bundles(old: int, new: int) -> Iterator[tuple[int, int]]:
    """(index, width) of the entry bundles of size `new` that size `old` did not have."""
    return ((tile.index, tile.width) for tile in changed_tiles(old, new) if tile.level == 0)


def read_tile(level: int, index: int, width: int, reader: Reader) -> tuple[bytes, ...]:
    """The first `width` hashes of a tile, from the full one where the partial is gone.

    Raises: FormatError; what the reader raises when neither is there.
    """
    if width < WIDTH:
        try:
            return decode_tile(reader(tile_path(level, index, width)), width)
        except (KeyError, FileNotFoundError):
            pass
    return decode_tile(reader(tile_path(level, index)), WIDTH)[:width]


def read_bundle(index: int, width: int, reader: Reader) -> list[bytes]:
    """The first `width` entries of a bundle, from the full one where the partial is gone."""
    if width < WIDTH:
        try:
            return decode_bundle(reader(entries_path(index, width)), width)
        except (KeyError, FileNotFoundError):
            pass
    return decode_bundle(reader(entries_path(index)), WIDTH)[:width]


def read_entry(index: int, size: int, reader: Reader) -> bytes:
    """Raises: ProofError when the tree of that size has no such entry."""
    if not 0 <= index < size:
        raise ProofError(f"no entry {index} in a tree of {size}")
    bundle, place = divmod(index, WIDTH)
    return read_bundle(bundle, min(WIDTH, size - bundle * WIDTH), reader)[place]


def tree_root(size: int, reader: Reader, *, check: bool = False) -> bytes:
    """The root of the tree of that size, computed from the tiles of its right edge.

    Args: `check` also demands, on the right edge, that each upper tile agrees with the tile it
    was made of.
    Raises: FormatError; ProofError when tiles disagree; what the reader raises.
    """
    prover = Prover(reader)
    if check:
        prover.check_edge(size)
    return prover.root(size)


def inclusion_proof(index: int, size: int, reader: Reader) -> list[bytes]:
    """Raises: ProofError when there is no such leaf; FormatError; what the reader raises."""
    return Prover(reader).inclusion_proof(index, size)


def consistency_proof(old: int, new: int, reader: Reader) -> list[bytes]:
    """Raises: ProofError when `old` is larger; FormatError; what the reader raises."""
    return Prover(reader).consistency_proof(old, new)


class Prover:
    """Many proofs from the tiles of one log.

    The last `tiles` tiles are kept with all nodes between their hashes and their root, 16 kB each:
    a tile never changes once it is written, be it full or of a published size. Safe for threads.
    Every method raises FormatError, and what the reader raises.
    """

    def __init__(self, reader: Reader, tiles: int = 1024) -> None:
        def read(level: int, index: int, width: int) -> tuple[bytes, ...]:
            return _layers(read_tile(level, index, width, reader))

        self._layers = lru_cache(tiles)(read)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The leaf's sibling first. Raises: ProofError when there is no such leaf."""
        return [self._range(start, end, size) for start, end in inclusion_ranges(index, size)]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Raises: ProofError when `old` is larger."""
        return [self._range(start, end, new) for start, end in consistency_ranges(old, new)]

    def root(self, size: int) -> bytes:
        """The root of the tree of that size, from the tiles of its right edge."""
        return self._range(0, size, size) if size else EMPTY_ROOT

    def root_at(self, old: int, size: int) -> bytes:
        """The root the tree of that size had when it held `old` leaves.

        It is what the tiles say, which only an audit holds against the entries.
        """
        if not 0 <= old <= size:
            raise ProofError(f"no tree of {old} in one of {size}")
        return self._range(0, old, size) if old else EMPTY_ROOT

    def check_edge(self, size: int) -> None:
        """Raises: ProofError when an upper tile disagrees with the one it was made of."""
        level = 1
        while count := size >> 8 * level:
            made_of = self._tile(level - 1, count - 1, size)[8]
            upper = self._tile(level, (count - 1) // WIDTH, size)[0]
            place = (count - 1) % WIDTH * HASH_SIZE
            if upper[place : place + HASH_SIZE] != made_of:
                raise ProofError(f"a tile of level {level} does not fit the level below")
            level += 1

    def _tile(self, level: int, index: int, size: int) -> tuple[bytes, ...]:
        width = (size >> 8 * level) - index * WIDTH
        return self._layers(level, index, width if width < WIDTH else WIDTH)

    def _range(self, start: int, end: int, size: int) -> bytes:
        """The root over leaves [start, end), a range the tree itself splits off."""
        length = end - start
        if length & (length - 1) == 0:
            return self._full(start, length, size)
        node: bytes | None = None
        for left, right in reversed(list(_full_ranges(start, end))):
            part = self._full(left, right - left, size)
            node = part if node is None else node_hash(part, node)
        if node is None:
            raise ProofError("an empty range")
        return node

    def _full(self, start: int, length: int, size: int) -> bytes:
        level, rest = divmod(length.bit_length() - 1, 8)
        index, place = divmod(start >> 8 * level, WIDTH)
        at = (place >> rest) * HASH_SIZE
        return self._tile(level, index, size)[rest][at : at + HASH_SIZE]


def load_edge(size: int, reader: Reader) -> Edge:
    """The right edge of a tree of that size, its entries checked against its leaf hashes.

    Raises: FormatError; ProofError when they disagree; what the reader raises.
    """
    levels = []
    count, level = size, 0
    while count:
        width = count % WIDTH
        levels.append(read_tile(level, count // WIDTH, width, reader) if width else ())
        count, level = count // WIDTH, level + 1
    if not size % WIDTH:
        return Edge(size, tuple(levels))
    entries = read_bundle(size // WIDTH, size % WIDTH, reader)
    if tuple(map(leaf_hash, entries)) != levels[0]:
        raise ProofError("the last entries do not have the hashes of their tile")
    return Edge(size, tuple(levels), encode_bundle(entries))


def grow(
    edge: Edge, entries: Sequence[bytes], leaf_hashes: Sequence[bytes] | None = None
) -> Growth:
    """Append entries: every new file of every level, and the new edge with its root.

    Partial tiles come only for the size reached at the end, so append what one checkpoint adds
    in one call.

    Args: `leaf_hashes` are those of `entries`, where they are already known.
    Raises: FormatError when an entry is too long; ValueError when the two differ in number.
    """
    if not entries:
        return Growth(edge, {})
    files: dict[str, bytes] = {}
    bundle = _grow_bundles(edge, entries, files)
    fresh = [leaf_hash(entry) for entry in entries] if leaf_hashes is None else list(leaf_hashes)
    if len(fresh) != len(entries):
        raise ValueError("as many leaf hashes as entries are needed")
    levels: list[tuple[bytes, ...]] = []
    while fresh or len(levels) < len(edge.levels):
        level = len(levels)
        held = edge.levels[level] if level < len(edge.levels) else ()
        hashes = [*held, *fresh]
        first = (edge.size >> 8 * level) // WIDTH
        changed, fresh = bool(fresh), []
        full = len(hashes) // WIDTH * WIDTH
        for start in range(0, full, WIDTH):
            tile = b"".join(hashes[start : start + WIDTH])
            files[tile_path(level, first + start // WIDTH)] = tile
            fresh.append(_fold_bytes(tile))
        rest = tuple(hashes[full:])
        if rest and changed:
            files[tile_path(level, first + full // WIDTH, len(rest))] = b"".join(rest)
        levels.append(rest)
    return Growth(Edge(edge.size + len(entries), tuple(levels), bundle), files)


Seen = Callable[[int, list[bytes]], None]


def audit(size: int, reader: Reader, seen: Seen | None = None) -> bytes:
    """Read a whole log again: every entry, every tile of every level. Returns: its root.

    Args: `seen` is told the index of the first entry of each bundle, and the entries.
    Raises: FormatError; ProofError naming the first file that disagrees; what the reader raises.
    """
    edge = Edge()
    for index, width in changed_bundles(0, size):
        entries = read_bundle(index, width, reader)
        growth = grow(edge, entries)
        if seen is not None:
            seen(index * WIDTH, entries)
        for path, expected in growth.files.items():
            # Partial tiles on the way were never published; those of this size follow below.
            if not path.startswith("tile/entries/") and ".p/" not in path:
                _demand(reader(path) == expected, path)
        edge = growth.edge
    for level, hashes in enumerate(edge.levels):
        if hashes:
            index = (size >> 8 * level) // WIDTH
            tile = Tile(level, index, len(hashes))
            _demand(read_tile(level, index, len(hashes), reader) == hashes, tile.path)
    return edge.root


def roots(
    sizes: Iterable[int], size: int, reader: Reader, seen: Seen | None = None
) -> dict[int, bytes]:
    """The roots the log had at those sizes, computed from nothing but its entries.

    Args: `size` is that of the tree whose bundles there are; no other may be larger. `seen` is
    told what was read, as in `audit`.
    Raises: ProofError when one is; FormatError; what the reader raises.
    """
    wanted = sorted(set(sizes), reverse=True)
    if wanted and not 0 <= wanted[-1] <= wanted[0] <= size:
        raise ProofError(f"no tree of {wanted[0]} in one of {size}")
    found: dict[int, bytes] = {}
    edge = Edge()
    for index, width in changed_bundles(0, size):
        while wanted and wanted[-1] <= edge.size:
            found[wanted.pop()] = edge.root
        if not wanted:
            break
        entries = read_bundle(index, width, reader)
        if seen is not None:
            seen(index * WIDTH, entries)
        while wanted and wanted[-1] < edge.size + width:
            reached = wanted.pop()
            found[reached] = grow(edge, entries[: reached - edge.size]).root
        edge = grow(edge, entries).edge
    return found | dict.fromkeys(wanted, edge.root)


def _demand(holds: bool, path: str) -> None:
    if not holds:
        raise ProofError(f"{path} does not hold what the entries say")


def _layers(hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """All complete nodes above the hashes of one tile: layer n holds roots over 2^n of them."""
    layers = [b"".join(hashes)]
    while len(below := layers[-1]) >= 2 * HASH_SIZE:
        pairs = range(0, len(below) - HASH_SIZE, 2 * HASH_SIZE)
        layers.append(b"".join([sha256(b"\x01" + below[at : at + 64]).digest() for at in pairs]))
    return tuple(layers)


def _index_path(index: int, width: int) -> str:
    if index < 0 or not 1 <= width <= WIDTH:
        raise ValueError("no such tile")
    *groups, last = _thousands(index)
    path = "".join(f"x{group:03d}/" for group in groups) + f"{last:03d}"
    return path if width == WIDTH else f"{path}.p/{width}"


def _thousands(index: int) -> list[int]:
    groups = [index % 1000]
    while index := index // 1000:
        groups.append(index % 1000)
    return groups[::-1]


def _full_ranges(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Split [start, end) into full subtrees, largest first. `start` is aligned to the first."""
    while start < end:
        length = 1 << (end - start).bit_length() - 1
        yield start, start + length
        start += length


def _fold(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    return hashes[0] if len(hashes) == 1 else _fold_bytes(b"".join(hashes))


def _fold_bytes(data: bytes) -> bytes:
    while len(data) > HASH_SIZE:
        data = b"".join(
            [sha256(b"\x01" + data[at : at + 64]).digest() for at in range(0, len(data), 64)]
        )
    return data


def _grow_bundles(edge: Edge, entries: Sequence[bytes], files: dict[str, bytes]) -> bytes:
    """Add the new entry bundles to `files`; returns the new partial bundle."""
    index, held = divmod(edge.size, WIDTH)
    bundle, position = edge.bundle, 0
    while position < len(entries):
        taken = entries[position : position + WIDTH - held]
        position += len(taken)
        bundle += encode_bundle(taken)
        files[entries_path(index, held + len(taken))] = bundle
        if held + len(taken) == WIDTH:
            index, held, bundle = index + 1, 0, b""
    return bundle
