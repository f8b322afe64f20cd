"""Changing keys (열쇠 바꾸기): of a complex's log, and of its seal.

By command of whoever runs the server, who alone has the keys; the log says so, and those in charge
are told.
"""

import json
from datetime import date, datetime
from hashlib import sha256

from django.db import transaction

from danji.base import tenancy
from danji.base.keys import read_key
from danji.complexes.models import Complex
from danji.config.founding import seal_of
from danji.rules.periods import day_in_seoul, format_date
from danji.transparency.actions import append_event, chain_of, grow_alone
from danji.transparency.keys import all_log_keys, change_log_key, keep_opening
from danji.transparency.models import LogKey
from danji.transparency.troubles import tell_in_charge
from danji_verify.canonical import b64decode, b64encode, canonical
from danji_verify.entry import Event

BY_OPERATOR = {"proposer": canonical({"operator": "rotate"}), "officer": canonical(None)}


@transaction.atomic
def rotate_log(complex_: Complex, *, at: datetime) -> str:
    """Give the complex's log a new key. Returns: what to do next, for the screen.

    Raises: Refusal when a key cannot be had.
    """
    with tenancy.within(complex_.id):
        grow_alone(complex_)
        change = change_log_key(complex_, at)
        key = {
            "v": 1,
            "use": "log",
            "old": change.old.vkey,
            "new": change.new.vkey,
            "until": change.until.isoformat(),
        }
        _enter(complex_, key, at)
        last = format_date(change.until)
        tell_in_charge(
            complex_.id,
            "봉인 장부의 열쇠가 바뀌었습니다",
            f"운영자가 {complex_.name} 봉인 장부의 열쇠를 바꾸었습니다. {last}까지는 옛 열쇠와 새 "
            "열쇠가 함께 서명합니다. 지금까지 나간 증명은 그대로 쓸 수 있습니다.\n"
            "모르는 일이면 운영자에게 바로 물어봐 주세요.",
            at=at,
        )
    return (
        f"{complex_.name} 봉인 장부의 열쇠를 바꾸었습니다.\n"
        f"새 열쇠: {change.new.vkey}\n"
        f"{last}까지 두 열쇠가 함께 서명하고, 그다음 날부터 새 열쇠만 서명합니다.\n"
        "그때까지 확인 기관마다 위의 새 열쇠를 알려 주세요. 옛 열쇠를 도둑맞아 바꾸는 것이면, "
        "오늘 곧바로 알려 옛 열쇠를 지우게 해 주세요.\n"
        f"옛 열쇠({change.old.name})는 {last}까지 지우지 마세요."
    )


@transaction.atomic
def rotate_seal(complex_: Complex, *, at: datetime) -> str:
    """Give the complex a new seal for its PDFs. Returns: a sentence for the screen.

    Raises: Refusal when a key cannot be had.
    """
    with tenancy.within(complex_.id):
        grow_alone(complex_)
        changes = _seal_changes(complex_)
        before = f"seal-{changes + 1}" if changes else "seal"
        name = f"seal-{changes + 2}"
        old = read_key(complex_.code, f"{before}.crt")
        key = {
            "v": 1,
            "use": "seal",
            "old": sha256(old).hexdigest(),
            "new": b64encode(seal_of(complex_, at=at, name=name)),
            "until": "",
        }
        _enter(complex_, key, at)
        tell_in_charge(
            complex_.id,
            "문서의 봉인 열쇠가 바뀌었습니다",
            f"운영자가 {complex_.name}의 문서(PDF)를 봉인하는 열쇠를 바꾸었습니다. 앞으로 만드는 "
            "PDF는 새 열쇠로 봉인합니다. 지금까지 나간 PDF는 그대로 쓸 수 있습니다.\n"
            "모르는 일이면 운영자에게 바로 물어봐 주세요.",
            at=at,
        )
    return (
        f"{complex_.name}의 봉인 열쇠를 바꾸었습니다. 이 일이 봉인 장부에 적히면, 그다음에 만드는 "
        "PDF부터 새 열쇠로 봉인합니다.\n"
        f"옛 열쇠({before})로는 더 봉인하지 않습니다. 오늘 만들던 PDF가 모두 나온 뒤에 지워도 "
        "됩니다."
    )


def keys_now(complex_: Complex, *, at: datetime) -> str:
    """The log keys of a complex for the screen: which sign, and which may be removed."""
    with tenancy.within(complex_.id):
        keys = all_log_keys(complex_)
    newest = max((key.log_number for key in keys), default=0)
    return "\n".join(f"{key.name}: {_state(key, newest, day_in_seoul(at))}" for key in keys)


def _state(key: LogKey, newest: int, today: date) -> str:
    if key.log_number < newest:
        return "끝난 장부의 열쇠입니다. 서명에 쓰지 않으며, 지워도 됩니다."
    if key.until is None:
        return "지금 서명하는 열쇠입니다."
    last = format_date(key.until)
    if key.until >= today:
        return f"{last}까지 새 열쇠와 함께 서명합니다. 그때까지 지우지 마세요."
    return f"{last}에 끝났습니다. 지워도 됩니다."


def _enter(complex_: Complex, key: dict[str, object], at: datetime) -> None:
    leaf_hash = append_event(
        complex_,
        complex_.id,
        Event.KEY_ROTATED,
        {"key": canonical(key), **BY_OPERATOR},
        at=at,
    )
    # Beside the keys: with an older database it would be lost which of them is to be used.
    keep_opening(complex_.code, leaf_hash, chain_of(complex_.id, complex_.id)[-1].fields)


def _seal_changes(complex_: Complex) -> int:
    """How often the seal was changed, also where that has no place in the log yet."""
    return sum(
        json.loads(b64decode(event.fields["key"]["value"]))["use"] == "seal"
        for event in chain_of(complex_.id, complex_.id)
        if event.name == Event.KEY_ROTATED and "key" in event.fields
    )
