"""Entering a real complex and its officers, as whoever runs the server does once.

What is typed at a command line comes in as text, and one sentence for the screen goes out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import OperationalError, transaction

from danji.accounts.actions import change_phone
from danji.accounts.models import Office
from danji.accounts.queries import offices_of
from danji.authority.actions import enter_officeholder as enter
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config.continuing import continue_complex
from danji.config.founding import found_complex
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line, particle
from danji.transparency import witnesses
from danji.transparency.models import Party, Trouble, Witness
from danji.transparency.proposing import confirming, open_proposals, propose_witness
from danji.transparency.queries import log_of
from danji.transparency.witnesses import register_witness


def enter_complex(*, code: str, name: str, address: str, phone: str, at: datetime) -> str:
    """Take in a complex (단지), with its keys and its log.

    Raises: Refusal when the code is none or is taken, or a text cannot be used.
    """
    if not re.fullmatch("[A-Z][0-9]{8}", code):
        raise Refusal(
            f"단지코드 {code}이(가) K-apt의 단지코드 모양이 아닙니다.",
            next_step="A10012345처럼 영문 대문자 하나와 숫자 여덟 개로 적어 주세요.",
        )
    with _database():
        complex_ = found_complex(
            code=code,
            name=_line(name, "단지 이름", limit=100),
            address=_line(address, "주소", limit=200),
            phone=clean_line(phone, "전화번호", limit=20),
            at=at,
        )
    return f"{complex_.name}({code})을(를) 등록했습니다. 이제 관리사무소장을 등록해 주세요."


def enter_continued(folder: Path, *, at: datetime) -> str:
    """Take in a complex that comes from another operator, with the folder exported there.

    Raises: Refusal when the folder cannot be used.
    """
    with _database():
        complex_ = continue_complex(folder, at=at)
        with tenancy.within(complex_.id):
            log = log_of(complex_.id)
    return (
        f"{complex_.name}({complex_.code})을(를) 이어받았습니다. 앞 장부의 마지막 머리를 첫 자리에 "
        f"적은 {log.number}번 장부를 엽니다.\n"
        "지난 문서는 폴더의 documents에 있습니다. 이제 관리사무소장을 등록해 주세요."
    )


def enter_officeholder(
    *, code: str, office: str, name: str, email: str, since: str, until: str, at: datetime
) -> str:
    """Put a person into an office (직책) of a complex; who is new is entered with the mail address.

    For the first officers, and for when nobody is left to decide; the log says that it was so.

    Args: `office` by its key or in Korean; `since` and `until` as YYYY-MM-DD. A term without a
    first day begins today, and one without a last day goes on.
    Raises: Refusal when something typed cannot be used, or the person is in that office already.
    """
    held = _office(office)
    email = _email(email)
    name = _line(name, "이름", limit=50)
    first = _day(since, "--since") or day_in_seoul(at)
    last = _day(until, "--until")
    with _database(), transaction.atomic():
        complex_ = complex_of(code)
        with tenancy.within(complex_.id):
            enter(complex_, held, name=name, email=email, since=first, until=last, at=at)
    term = f"{first}부터 {last}까지" if last else f"{first}부터"
    return f"{complex_.name} {held.label} {name} 님을 등록했습니다({term}). {email}로 로그인합니다."


def enter_phone(*, email: str, phone: str, at: datetime) -> str:
    """Enter, change or take away the mobile number to which a person's codes go.

    The person is told of it, by mail too: whoever gets hold of the number gets the codes.

    Raises: Refusal when nobody has the address, or the number is none.
    """
    with _database(), transaction.atomic():
        person = change_phone(email, phone)
        said = f"{person.phone}번으로 바뀌었습니다" if person.phone else "지워졌습니다"
        for officeholder in offices_of(person.id, on=day_in_seoul(at))[:1]:
            with tenancy.within(officeholder.complex_id):
                tell(
                    officeholder,
                    "휴대전화 번호가 바뀌었습니다",
                    f"운영자가 등록한 휴대전화 번호가 {said}.\n"
                    "본인이 부탁한 일이 아니면 관리사무소에 바로 알려 주세요.",
                    at=at,
                )
    return f"{person.name} 님의 휴대전화 번호가 {said}."


def enter_witness(*, code: str, party: str, label: str, key: str, url: str, at: datetime) -> str:
    """Let somebody watch the log of a complex, or without a code every log here.

    For a complex an officer of it has to confirm it first, where there is one who can.

    Args: `party` by its key or in Korean; `key` as a policy writes it; `url` where it is asked, if
    it is.
    Raises: Refusal when something typed cannot be used.
    """
    label, whose_side = _line(label, "확인 기관의 이름", limit=100), _party(party)
    with _database(), transaction.atomic():
        complex_ = complex_of(code) if code else None
        if complex_ is not None and (officers := _confirming(complex_, at)):
            with tenancy.within(complex_.id):
                propose_witness(
                    label=label, party=whose_side, vkey=key, url=url, complex_=complex_, at=at
                )
            return (
                f"확인 기관 {label}{particle(label, '을')} 올렸습니다. ‘봉인과 확인’ 화면에서 "
                f"{officers} 가운데 한 분이 확인하면 장부를 확인하기 시작합니다."
            )
        entered = register_witness(
            label=label, party=whose_side, vkey=key, url=url, complex_=complex_, at=at
        )
    whose = f"{complex_.name}의 장부" if complex_ else "이곳의 모든 장부"
    return (
        f"확인 기관 {label}({entered.name})이(가) {whose}를 확인합니다. 확인한 임직원은 없고, "
        "장부에도 그렇게 적었습니다."
    )


def _confirming(complex_: Complex, at: datetime) -> str:
    """Who of the complex can confirm a witness today; "" where nobody is in such an office."""
    with tenancy.within(complex_.id):
        officers = confirming(complex_.id, on=day_in_seoul(at))
    return ", ".join(f"{officer} 님" for officer in officers)


def end_witness(*, name: str, at: datetime) -> str:
    """Let a witness count no more. Raises: Refusal when there is none of that name."""
    with _database():
        ended = witnesses.end_witness(name, at=at)
    return f"확인 기관 {ended.label}({ended.name})의 확인을 끝냈습니다."


def listed_witnesses() -> Iterator[str]:
    """Who watches which log, who did, and who waits for an officer, a line for each."""
    with _database():
        for witness in Witness.objects.select_related("complex"):
            words = [
                witness.name,
                witness.label,
                Party(witness.party).label,
                witness.complex.code if witness.complex else "모든 장부",
                witness.url or "스스로 보냄",
                f"{format_date(day_in_seoul(witness.since))}부터",
            ]
            if witness.until:
                words.append(f"{format_date(day_in_seoul(witness.until))}까지")
            yield " · ".join(words)
        for complex_ in Complex.objects.all():
            with tenancy.within(complex_.id):
                waiting = open_proposals(complex_.id)
            for proposal in waiting:
                party, day = Party(proposal.party).label, day_in_seoul(proposal.proposed_at)
                yield (
                    f"{proposal.vkey.partition('+')[0]} · {proposal.label} · {party} · "
                    f"{complex_.code} · {format_date(day)}부터 단지의 확인을 기다림"
                )


def listed_troubles() -> Iterator[str]:
    """What is wrong with which log now, a line for each, by the number that ends it."""
    with _database():
        for trouble in Trouble.objects.filter(until=None):
            yield f"{trouble.id} · {trouble.origin} · {trouble.sentence}"


def end_trouble(*, trouble: str, at: datetime) -> str:
    """Say that a trouble was looked into and is over; one that is not comes back by itself.

    Raises: Refusal when there is none of that number.
    """
    with _database(), transaction.atomic():
        try:
            found = Trouble.objects.filter(until=None).get(id=UUID(trouble))
        except (ValueError, Trouble.DoesNotExist):
            raise Refusal(
                f"지금 있는 문제 가운데 {trouble}은(는) 없습니다.",
                next_step="troubles 명령으로 번호를 확인해 주세요.",
            ) from None
        found.until = at
        found.save(update_fields=["until"])
    return f"끝난 일로 적었습니다: {found.sentence}"


def _party(text: str) -> Party:
    for party in Party:
        if text in {party.value, party.label}:
            return party
    words = ", ".join(f"{party.label}({party.value})" for party in Party)
    raise Refusal(
        f"누구 쪽인지 읽을 수 없습니다: {text}", next_step=f"이 가운데 하나를 적어 주세요: {words}"
    )


def complex_of(code: str) -> Complex:
    """The complex with this K-apt code. Raises: Refusal when there is none, or no database."""
    with _database():
        complex_ = Complex.objects.filter(code=code).first()
    if complex_ is None:
        raise Refusal(
            f"단지코드 {code}인 단지가 없습니다.",
            next_step="단지코드를 확인하거나, found 명령으로 단지를 먼저 등록해 주세요.",
        )
    return complex_


def _office(text: str) -> Office:
    for office in Office:
        if text in {office.value, office.label}:
            return office
    words = ", ".join(f"{office.label}({office.value})" for office in Office)
    raise Refusal(f"없는 직책입니다: {text}", next_step=f"이 가운데 하나를 적어 주세요: {words}")


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise Refusal(
            f"메일 주소의 모양이 아닙니다: {text}",
            next_step="name@example.com처럼 적어 주세요.",
        ) from None
    return text


def _day(text: str, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Refusal(
            f"{option}에 적은 날짜를 읽을 수 없습니다: {text}",
            next_step="2026-01-31처럼 적어 주세요.",
        ) from None


def _line(text: str, label: str, *, limit: int) -> str:
    line = clean_line(text, label, limit=limit)
    if not line:
        raise Refusal(f"{label}이(가) 비어 있습니다.", next_step="적은 뒤 다시 실행해 주세요.")
    return line


@contextmanager
def _database() -> Iterator[None]:
    """Say plainly when the database is not there."""
    try:
        yield
    except OperationalError:
        raise Refusal(
            "데이터베이스에 연결하지 못했습니다.",
            next_step="bin/up을 켜 둔 채 다른 창에서 다시 실행해 주세요.",
        ) from None
