"""Entering a real complex and its officers, as whoever runs the server does once.

What is typed at a command line comes in as text, and one sentence for the screen goes out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import OperationalError, transaction

from danji.accounts.actions import change_phone
from danji.accounts.models import Office
from danji.accounts.queries import offices_of
from danji.authority.actions import enter_officeholder as enter
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.config.founding import found_complex
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line


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
        complex_ = _complex(code)
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


def _complex(code: str) -> Complex:
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
