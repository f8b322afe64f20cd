"""Entering witnesses (확인 기관) and ending them, as the log of each complex says."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from danji.accounts.models import Officeholder
from danji.accounts.queries import actor_value
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.rules.text import particle
from danji.transparency.actions import append_event, chain_of, grow_alone
from danji.transparency.collection import collection_origin
from danji.transparency.models import (
    Log,
    Party,
    TroubleKind,
    Witness,
)
from danji.transparency.named import named_of, speaks_here
from danji.transparency.queries import (
    BOTH,
    NEEDED,
    log_of,
    policy,
    policy_of,
    readable,
    witnesses_of,
)
from danji.transparency.troubles import end_trouble, tell_in_charge
from danji.transparency.witnessing import watched_collection
from danji_verify.canonical import b64decode, canonical
from danji_verify.entry import Event
from danji_verify.errors import NoteError, WeakKey
from danji_verify.note import COSIGNATURE, VerifierKey
from danji_verify.policy import Policy

OPERATOR = canonical({"operator": "witness"})  # whoever runs the server, by command
RESERVED = frozenset({NEEDED, "none", *Party.values})  # words of a policy


@transaction.atomic
def register_witness(
    *,
    label: str,
    party: Party,
    vkey: str,
    url: str,
    complex_: Complex | None,
    officer: Officeholder | None = None,
    at: datetime,
) -> Witness:
    """Let somebody follow a complex's log, or without one every log here, and count from now on.

    The log of each complex concerned says so, and those in charge there are told.

    Args: `url` is where it is asked; without one it asks us. `officer` confirmed it for the
    complex; nobody did for all of them, and where there was nobody yet.
    Raises: Refusal when the key cannot be used, was used before, or the address is none.
    """
    key = usable_key(vkey, party=party, url=url, complex_=complex_)
    entered: Witness = Witness.objects.create(
        name=key.name, label=label, party=party, vkey=str(key), url=url, complex=complex_, since=at
    )
    watcher = f"{party.label} 쪽 확인 기관 ‘{label}’"
    what = f"{watcher}{particle(label, '이')} 봉인 장부를 확인하기 시작합니다."
    for each in _concerned(complex_):
        _change_policy(
            each, "확인 기관이 더해졌습니다", what, at=at, entered=entered, officer=officer
        )
    return entered


def usable_key(vkey: str, *, party: Party, url: str, complex_: Complex | None) -> VerifierKey:
    """The key of a witness that can be registered now.

    Raises: Refusal as `register_witness`.
    """
    key = _unused_key(vkey)
    if party is Party.COMPLEX and complex_ is None:
        raise Refusal(
            "단지 쪽 확인 기관은 어느 단지의 것인지 있어야 합니다.",
            next_step="--code에 단지코드를 적어 다시 실행해 주세요.",
        )
    _demand_address(url)
    for each in _concerned(complex_):
        with tenancy.within(each.id):
            _demand_no_log_key(key, policy(each))
    if (collection := watched_collection()) is not None:
        _demand_no_log_key(key, collection.policy)
    return key


def _concerned(complex_: Complex | None) -> list[Complex]:
    """Whose log it is, or everybody's."""
    return [complex_] if complex_ else list(Complex.objects.all())


@transaction.atomic
def end_witness(name: str, *, at: datetime) -> Witness:
    """Let a witness count no more, by the name of its key. What it signed stays.

    Raises: Refusal when there is none, or it was ended before.
    """
    found = Witness.objects.select_for_update(of=["self"]).filter(name=name).first()
    if found is None:
        raise Refusal(
            f"이름이 {name}인 확인 기관이 없습니다.",
            next_step="witness --list로 이름을 확인해 주세요.",
        )
    if found.until is not None:
        raise Refusal(
            f"{found.label}의 확인은 이미 끝났습니다.",
            next_step="witness --list로 지금의 확인 기관을 확인해 주세요.",
        )
    found.until = at
    found.save(update_fields=["until"])
    for each in _concerned(found.complex):
        what = (
            f"확인 기관 ‘{found.label}’{particle(found.label, '이')} 봉인 장부의 확인을 그만둡니다."
        )
        origin = _change_policy(each, "확인 기관이 줄었습니다", what, at=at)
        for kind in (TroubleKind.SILENT, TroubleKind.DISAGREES):
            end_trouble(origin, kind, name, at)
    for kind in (TroubleKind.SILENT, TroubleKind.DISAGREES):
        end_trouble(collection_origin(), kind, name, at)
    return found


def _change_policy(
    complex_: Complex,
    subject: str,
    what: str,
    *,
    at: datetime,
    entered: Witness | None = None,
    officer: Officeholder | None = None,
) -> str:
    """Say in the complex's log whom to believe from now on. Returns: the log's name."""
    with tenancy.within(complex_.id):
        grow_alone(complex_)
        log = log_of(complex_.id)
        # Whoever was put among the rows otherwise is not made true by the next change.
        before = named_of(witnesses_of(complex_), _said_before(complex_, log))
        following = [one for one in witnesses_of(complex_) if one in before or one == entered]
        agreed = policy_of(policy(complex_).logs, following, BOTH)
        append_event(
            complex_,
            complex_.id,
            Event.POLICY_CHANGED,
            {
                "policy": agreed.format(),
                "proposer": OPERATOR,
                "officer": actor_value(officer) if officer else canonical(None),
            },
            at=at,
        )
        tell_in_charge(
            complex_.id,
            subject,
            f"{what} {_by(officer)} 모르는 일이면 바로 알아봐 주세요.",
            at=at,
        )
        return log.origin


def _by(officer: Officeholder | None) -> str:
    if officer is None:
        return "운영자가 명령으로 등록한 일이고, 확인한 임직원은 없습니다."
    return f"운영자가 등록하고 {officer} 님이 확인한 일입니다."


def _said_before(complex_: Complex, log: Log) -> Policy | None:
    """The policy that was named last, whether it has its place yet or waits for it."""
    for event in reversed(chain_of(complex_.id, complex_.id)):
        if event.name == Event.POLICY_CHANGED and "policy" in event.fields:
            said = Policy.parse(b64decode(event.fields["policy"]["value"]))
            if speaks_here(said, log.origin):
                return said
    return None


def _unused_key(vkey: str) -> VerifierKey:
    again = "확인 기관에서 받은 열쇠(vkey)를 그대로 붙여 넣어 주세요."
    try:
        key = VerifierKey.parse(vkey)
    except WeakKey:
        raise Refusal(
            "누구나 대신 서명할 수 있는 약한 열쇠입니다.",
            next_step="확인 기관에서 열쇠를 새로 만들어 받은 뒤 다시 등록해 주세요.",
        ) from None
    except NoteError:
        raise Refusal("확인 기관의 열쇠(vkey)를 읽을 수 없습니다.", next_step=again) from None
    if key.type != COSIGNATURE:
        raise Refusal("확인 기관의 열쇠가 아닙니다.", next_step=again)
    if key.name in RESERVED or len(key.name) > 200:
        raise Refusal(
            f"확인 기관의 이름으로 쓸 수 없는 말입니다: {key.name}",
            next_step="확인 기관에서 다른 이름으로 열쇠를 새로 만들어 주세요.",
        )
    used = list(Witness.objects.all())
    keys = readable(used)
    for known in used:
        if known.name == key.name or (known in keys and keys[known].public == key.public):
            raise Refusal(
                f"이미 등록했던 이름이나 열쇠입니다: {known.label}({known.name})",
                next_step="끝난 열쇠는 다시 쓰지 않습니다. 새 이름으로 새 열쇠를 만들어 주세요.",
            )
    return key


def _demand_no_log_key(key: VerifierKey, agreed: Policy) -> None:
    if any(log.key.public == key.public for log in agreed.logs):
        raise Refusal(
            "장부 자신의 열쇠로는 장부를 확인할 수 없습니다.",
            next_step="확인 기관이 만든 열쇠를 적어 주세요.",
        )


def _demand_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = not url or (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and not re.search(r"\s", url)
            and len(url) <= 300
            and (parts.port or True)
        )
    except ValueError:
        usable = False
    if not usable:
        raise Refusal(
            f"확인 기관의 주소를 읽을 수 없습니다: {url}",
            next_step="https://witness.example.kr처럼 적거나, 주소 없이 등록해 주세요.",
        )
