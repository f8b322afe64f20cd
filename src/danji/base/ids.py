"""Identifiers that sort by the time they were made."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID


def uuid7() -> UUID:
    """A new UUID version 7 (RFC 9562 §6.2, method 3: the time goes on below the millisecond).

    The standard library has one from Python 3.14.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds << 80) | ((rest << 12) // 1_000_000 << 64)
    value |= int.from_bytes(os.urandom(8), "big") & ~(0x3 << 62)
    return UUID(int=value | 0x7 << 76 | 0x2 << 62)


def first_at(at: datetime) -> UUID:
    """The smallest UUID version 7 of a moment: what was made earlier is below it."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x2 << 62)


def made_at(identifier: UUID) -> datetime:
    """The moment (UTC, to the millisecond) at which a UUID version 7 was made."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
