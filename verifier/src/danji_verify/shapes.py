"""Reading parsed JSON whose shape nobody has promised."""

from collections.abc import Mapping
from dataclasses import dataclass

from danji_verify.canonical import parse_object
from danji_verify.errors import FormatError


@dataclass(frozen=True)
class Fields:
    """A JSON object; each reader raises FormatError where the value is missing or another type."""

    data: Mapping[str, object]

    @classmethod
    def parse(cls, data: bytes) -> "Fields":
        """The object in canonical JSON bytes."""
        return cls(parse_object(data))

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str):
            raise FormatError(f"{key} is not text")
        return value

    def maybe_text(self, key: str) -> str | None:
        return None if self.data.get(key) is None else self.text(key)

    def integer(self, key: str) -> int:
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FormatError(f"{key} is not an integer")
        return value

    def fields(self, key: str) -> "Fields":
        return self._fields(self.data.get(key), key)

    def items(self, key: str) -> "list[Fields]":
        value = self.data.get(key)
        if not isinstance(value, list):
            raise FormatError(f"{key} is not a list")
        return [self._fields(item, key) for item in value]

    def version(self, *known: int) -> int:
        """The version, one of those known. Raises: FormatError."""
        version = self.integer("v")
        if version not in known:
            raise FormatError("an unknown version")
        return version

    @classmethod
    def _fields(cls, value: object, key: str) -> "Fields":
        if not isinstance(value, Mapping):
            raise FormatError(f"{key} is not an object")
        return cls(value)
