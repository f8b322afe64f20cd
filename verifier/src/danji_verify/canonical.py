"""One byte sequence for one value: JSON as RFC 8785 writes it, narrowed to what we use.

Strings are NFC, numbers are integers within ±(2^53 − 1), and nothing nests deeper than 32.
"""

import base64
import binascii
import json
import unicodedata
from typing import Any, NoReturn

import rfc8785

from danji_verify.errors import FormatError

MAX_DEPTH = 32
MAX_INT = 2**53 - 1

# Four times as fast as rfc8785, and the same bytes for what `_check` lets through.
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: object) -> bytes:
    """The canonical bytes of a value made of dict, list, str, int, bool and None.

    Raises: ValueError for floats, other types, strings that are not NFC, integers beyond
    ±(2^53 − 1), and nesting deeper than 32.
    """
    _check(value, MAX_DEPTH)
    checked: Any = value
    text = _write(checked)
    # Python sorts keys by code point and RFC 8785 by UTF-16; they differ only beyond U+FFFF.
    if not text.isascii() and max(text) > "\uffff":
        return rfc8785.dumps(checked)
    return text.encode()


def parse_canonical(data: bytes) -> object:
    """The value of canonical bytes; any other spelling of the same value is refused.

    Raises: FormatError.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        again = canonical(value)
    except FormatError:
        raise
    except (ValueError, RecursionError) as problem:
        raise FormatError(f"not canonical JSON: {problem}") from problem
    if again != data:
        raise FormatError("not canonical JSON: the same value is written differently")
    result: object = value
    return result


def parse_object(data: bytes) -> dict[str, object]:
    """Like `parse_canonical`, for bytes that must hold a JSON object."""
    value = parse_canonical(data)
    if not isinstance(value, dict):
        raise FormatError("not a JSON object")
    return value


def b64encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def b64decode(text: str, length: int | None = None) -> bytes:
    """Standard base64 with padding, in its only canonical spelling.

    Args: `length` is the exact number of bytes expected, when there is one.
    Raises: FormatError.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise FormatError("not base64") from problem
    if b64encode(data) != text:
        raise FormatError("base64 that is not canonical")
    if length is not None and len(data) != length:
        raise FormatError(f"{len(data)} bytes where {length} belong")
    return data


def _check(value: object, depth: int) -> None:
    match value:
        case None | bool():
            pass
        case str():
            if not unicodedata.is_normalized("NFC", value):
                raise ValueError("a string is not NFC")
        case int():
            if not -MAX_INT <= value <= MAX_INT:
                raise ValueError("an integer is beyond 2^53 - 1")
        case dict() | list() | tuple() if depth == 0:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        case dict():
            for key, inner in value.items():
                _check_key(key)
                _check(inner, depth - 1)
        case list() | tuple():
            for inner in value:
                _check(inner, depth - 1)
        case _:
            raise ValueError(f"{type(value).__name__} has no place in canonical JSON")


def _check_key(key: object) -> None:
    match key:
        case str():
            _check(key, 0)
        case _:
            raise ValueError("a key is not a string")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FormatError("a key occurs twice in one object")
    return result


def _refuse_number(text: str) -> NoReturn:
    raise FormatError(f"not an integer: {text[:40]}")
