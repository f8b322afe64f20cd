"""The fonts that the official PDF embeds: which letters they have, and how wide each one is.

Only the tables that are asked here are read: `cmap` and `hmtx` of an OpenType file.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "fonts"
REGULAR: Final = FOLDER / "PretendardGOV-Regular.otf"
BOLD: Final = FOLDER / "PretendardGOV-Bold.otf"

SYMBOLS: Final = FOLDER / "NotoSansKR-Symbols.ttf"

_TABULAR: Final = 0.64  # ems of a digit when all digits are equally wide


@cache
def covered() -> frozenset[int]:
    """The code points that can be printed in either weight."""
    return (frozenset(_advances(REGULAR)) & frozenset(_advances(BOLD))) | frozenset(
        _advances(SYMBOLS)
    )


@cache
def width(letter: str) -> float:
    """Advance of one letter in the bold weight, in ems; a letter without a glyph is six digits."""
    if letter.isascii() and letter.isdigit():
        return _TABULAR
    point = ord(letter)
    return _advances(BOLD).get(point) or _advances(SYMBOLS).get(point, 6 * _TABULAR)


@cache
def _advances(path: Path) -> dict[int, float]:
    """Code point to advance in ems, from the widest Unicode subtable (format 12)."""
    data = path.read_bytes()
    count = struct.unpack_from(">H", data, 4)[0]
    tables: dict[bytes, int] = {}
    for entry in range(count):
        tag, _checksum, offset, _length = struct.unpack_from(">4sIII", data, 12 + 16 * entry)
        tables[tag] = offset

    units = struct.unpack_from(">H", data, tables[b"head"] + 18)[0]
    metrics = struct.unpack_from(">H", data, tables[b"hhea"] + 34)[0]
    cmap = tables[b"cmap"]
    subtables = struct.unpack_from(">H", data, cmap + 2)[0]
    for entry in range(subtables):
        offset = cmap + struct.unpack_from(">I", data, cmap + 4 + 8 * entry + 4)[0]
        if struct.unpack_from(">H", data, offset)[0] == 12:
            break
    else:
        raise ValueError(f"{path.name} has no cmap of format 12")

    advances: dict[int, float] = {}
    groups = struct.unpack_from(">I", data, offset + 12)[0]
    for group in range(groups):
        first, last, glyph = struct.unpack_from(">III", data, offset + 16 + 12 * group)
        for point in range(first, last + 1):
            place = min(glyph + point - first, metrics - 1)
            advance = struct.unpack_from(">H", data, tables[b"hmtx"] + 4 * place)[0]
            advances[point] = advance / units
    return advances
