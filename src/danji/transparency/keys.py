"""The keys of a log: which sign its heads today, and by which it is known.

A key that is changed for another goes on signing beside it for a while, so that whoever knows only
the old one notices nothing before being told. What it signed alone stays provable: its public half
is listed for ever, behind the newer one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from danji.base.keys import has_key, keep_key, key_path, log_signer, make_log_key
from danji.complexes.models import Complex
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.models import Log, LogKey
from danji_verify.canonical import b64decode
from danji_verify.checkpoint import log_key as public_key
from danji_verify.commitment import commit
from danji_verify.entry import Entry
from danji_verify.errors import NoteError
from danji_verify.note import SigningKey, VerifierKey

BOTH_SIGN = timedelta(days=90)  # time for everybody who knows a log's key to learn the new one


def enter_known_key(
    complex_: Complex, number: int, name: str, key: VerifierKey, *, at: datetime
) -> None:
    """Know a key of a log by its public half only: it signs nothing here."""
    LogKey.objects.create(
        complex=complex_,
        log_number=number,
        name=name,
        vkey=str(key),
        since=at,
        until=day_in_seoul(at) - timedelta(1),
    )


def origin_of(code: str, number: int) -> str:
    """The name a log is known by, which every head of it begins with."""
    return f"{settings.DOMAIN}/apt/{code}/{number}"


def key_name(number: int, version: int = 1) -> str:
    """What a key of a log is kept under: `log-1`, and `log-1-2` for the one that followed it."""
    return f"log-{number}" if version == 1 else f"log-{number}-{version}"


def enter_log_key(complex_: Complex, number: int, origin: str, name: str, at: datetime) -> LogKey:
    """Let a log be signed with the key of that name, which is made where there is none.

    Raises: Refusal when the key cannot be had.
    """
    if not has_key(complex_.code, name):
        make_log_key(complex_.code, name)
    signer = log_signer(complex_.code, name)
    entered: LogKey = LogKey.objects.create(
        complex=complex_,
        log_number=number,
        name=name,
        vkey=str(public_key(origin, signer)),
        since=at,
    )
    return entered


class DamagedKey(Refusal):
    """The row of a log's key cannot be read: neither what it signed nor what it signs is known."""

    def __init__(self, complex_: Complex, name: str) -> None:
        super().__init__(
            f"단지 {complex_.code}의 열쇠({name})가 적힌 행이 상했습니다.",
            next_step="운영자에게 알려, 백업과 견주어 그 행을 되돌려 놓게 해 주세요.",
        )


def know_first_key(complex_: Complex, log: Log, at: datetime) -> None:
    """Enter the key of a log that an earlier version opened, which kept no row of it.

    Raises: Refusal when the key is not there; a new one is not made for a log that has one.
    """
    if LogKey.objects.within(complex_.id).filter(log_number=log.number).exists():
        return
    name = key_name(log.number)
    log_signer(complex_.code, name)
    enter_log_key(complex_, log.number, log.origin, name, at)


@dataclass(frozen=True)
class Change:
    """A log key changed for another: `until` is the last day on which both sign."""

    old: LogKey
    new: LogKey
    until: date


def change_log_key(complex_: Complex, at: datetime) -> Change:
    """Give the log that goes on a new key. The one it had signs beside it for 90 days more.

    Raises: Refusal when a key cannot be had.
    """
    log = Log.objects.within(complex_.id).latest("number")
    know_first_key(complex_, log, at)
    keys = list(_keys_of(complex_, log.number))
    old, until = keys[0], day_in_seoul(at) + BOTH_SIGN
    name = key_name(log.number, len(keys) + 1)
    new = enter_log_key(complex_, log.number, log.origin, name, at)
    LogKey.objects.within(complex_.id).filter(id=old.id).update(until=until)
    return Change(old, new, until)


def later_keys(complex_: Complex, log: Log) -> dict[str, VerifierKey]:
    """The keys of a log that are kept and that an older database does not know yet, the newest
    first.
    """
    found: dict[str, VerifierKey] = {}
    version = _keys_of(complex_, log.number).count() + 1
    while has_key(complex_.code, name := key_name(log.number, version)):
        found = {name: public_key(log.origin, log_signer(complex_.code, name))} | found
        version += 1
    return found


def take_up_later_keys(
    complex_: Complex, log: Log, later: Mapping[str, VerifierKey], at: datetime
) -> None:
    """Sign with the keys again that were in use when the database was lost; until when the ones
    before them were to sign is lost as well, and begins anew. An old one that was removed since,
    as it may be after its time, signs no more.

    Args: `later` are those keys, the newest first.
    """
    for name in reversed(list(later)):
        newest = _keys_of(complex_, log.number).first()
        if newest is not None:
            days = BOTH_SIGN if has_key(complex_.code, newest.name) else -timedelta(1)
            until = day_in_seoul(at) + days
            LogKey.objects.within(complex_.id).filter(id=newest.id).update(until=until)
        enter_log_key(complex_, log.number, log.origin, name, at)


def keep_opening(code: str, leaf_hash: bytes, fields: Mapping[str, Mapping[str, str]]) -> None:
    """Keep beside the keys what opens a change of one of them, which names no person."""
    keep_key(code, _opening_name(leaf_hash), json.dumps(fields).encode())


def kept_opening(code: str, leaf_hash: bytes, entry: Entry) -> dict[str, Any] | None:
    """What opens a change of a key, as it was kept; None where nothing opens it."""
    try:
        fields: dict[str, Any] = json.loads(key_path(code, _opening_name(leaf_hash)).read_bytes())
        made = {
            name: commit(name, b64decode(one["salt"]), sha256(b64decode(one["value"])).digest())
            for name, one in fields.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return fields if made == dict(entry.commitments) else None


def _opening_name(leaf_hash: bytes) -> str:
    return f"rotated-{leaf_hash.hex()}.json"


def all_log_keys(complex_: Complex) -> list[LogKey]:
    """Every key of the complex's logs, in the order in which they came."""
    return list(LogKey.objects.within(complex_.id))


def log_signers(complex_: Complex, number: int, at: datetime) -> list[SigningKey]:
    """The keys that sign a head of the log on that day, the newest first.

    Raises: Refusal when one cannot be had, or is not the one by which the log is known.
    """
    today = day_in_seoul(at)
    keys = _keys_of(complex_, number).filter(Q(until=None) | Q(until__gte=today))
    return [_signer(complex_, key) for key in keys]


def _signer(complex_: Complex, key: LogKey) -> SigningKey:
    signer = log_signer(complex_.code, key.name)
    if str(public_key(_public(complex_, key).name, signer)) != key.vkey:
        raise Refusal(
            f"단지 {complex_.code}의 열쇠({key.name})가 장부에 적힌 열쇠가 아닙니다. "
            "그 열쇠로는 서명하지 않습니다.",
            next_step="운영자에게 알려, 보관해 둔 원래 열쇠를 제자리에 돌려놓게 해 주세요.",
        )
    return signer


def log_keys(complex_: Complex, log: Log) -> tuple[VerifierKey, ...]:
    """The keys by which a log is known, the newest first; the others are listed for what they
    signed before.

    Raises: Refusal when they are not known yet, for a moment after an upgrade; DamagedKey.
    """
    keys = tuple(_public(complex_, key) for key in _keys_of(complex_, log.number))
    if not keys:
        raise Refusal(
            f"{complex_.name} 장부의 열쇠를 아직 읽지 못했습니다.",
            next_step="봉인 처리기가 켜진 뒤 다시 해 주세요. 계속 이러면 운영자에게 알려 주세요.",
        )
    return keys


def _public(complex_: Complex, key: LogKey) -> VerifierKey:
    try:
        return VerifierKey.parse(key.vkey)
    except NoteError:
        raise DamagedKey(complex_, key.name) from None


def _keys_of(complex_: Complex, number: int) -> QuerySet[LogKey]:
    found: QuerySet[LogKey] = LogKey.objects.within(complex_.id).filter(log_number=number)
    return found.order_by("-since", "-id")
