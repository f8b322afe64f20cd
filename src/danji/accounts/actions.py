"""Putting people into office, and where they are reached."""

from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction

from danji.accounts.models import Office, Officeholder, Person, Residency
from danji.accounts.queries import as_officer, holders, person_at
from danji.complexes.models import Complex, Unit
from danji.rules.appointment import Change, Planned, check_free
from danji.rules.periods import format_date
from danji.rules.phone import clean_mobile
from danji.rules.refusal import Refusal
from danji.rules.text import particle


@transaction.atomic
def register_person(*, name: str, email: str, phone: str = "") -> Person:
    """A person who signs in at this mail address; the same person when the address is known.

    Args: `phone` is a mobile number in whatever way it was written. Codes that sign go there, so
    the number of somebody who is known already is not changed by being entered once more.
    Raises: Refusal when the address is somebody else's, and when the number is none or not theirs.
    """
    number = mobile_number(phone)
    person = person_at(email)
    if person is None:
        return Person.objects.create_user(email, name, phone=number)
    if person.name != name:
        raise _taken(email, "이름을 똑같이 적거나, 다른 메일 주소를 적어 새로 해 주세요.")
    if number not in {"", person.phone}:
        raise Refusal(
            f"{person.name} 님은 이미 등록되어 있어, 휴대전화 번호를 여기서 바꿀 수 없습니다.",
            next_step="번호를 비워 두고 등록한 뒤, ‘사람과 임기’에서 연락처를 바꾸어 주세요.",
        )
    return person


def mobile_number(phone: str) -> str:
    """A mobile number as it is kept; nothing stays nothing. Raises: Refusal when it is none."""
    return clean_mobile(phone) if phone.strip() else ""


@transaction.atomic
def change_phone(email: str, phone: str) -> Person:
    """Enter, change or take away a person's mobile number, as whoever runs the server does.

    Raises: Refusal when nobody has the address, or the number is none.
    """
    number = mobile_number(phone)
    person = Person.objects.select_for_update().filter(email__iexact=email).first()
    if person is None:
        raise Refusal(
            f"메일 주소가 {email}인 분이 없습니다.", next_step="메일 주소를 확인해 주세요."
        )
    person.phone = number
    person.save(update_fields=["phone"])
    return person


@transaction.atomic
def change_contact(person: Person, *, email: str, phone: str) -> Person:
    """Let a person be reached, and sign in, at another mail address or mobile number (연락처).

    Where the address changes, whoever is signed in as them has to sign in anew.

    Args: `email` was checked for its shape; `phone` is as it is kept, or empty.
    Raises: Refusal when the address is somebody else's.
    """
    person = Person.objects.select_for_update().get(id=person.id)
    if email != person.email:
        person.email = Person.objects.normalize_email(email)
        person.set_unusable_password()  # a new one, on which every session of theirs depends
    person.phone = phone
    taken = _taken(email, "주소를 확인해 새로 제안해 주세요.")
    if person_at(email) not in {None, person}:
        raise taken
    try:
        with transaction.atomic():
            person.save(update_fields=["email", "phone", "password"])
    except IntegrityError:  # somebody else's since a moment ago
        raise taken from None
    return person


def _taken(email: str, next_step: str) -> Refusal:
    """Nobody is named: they may be strangers here."""
    return Refusal(
        f"메일 주소 {email}{particle(email, '은')} 이미 다른 분의 것으로 등록되어 있습니다.",
        next_step=next_step,
    )


@transaction.atomic
def appoint(
    person: Person, office: Office, complex_: Complex, *, since: date, until: date | None = None
) -> Officeholder:
    """Put a person into an office of a complex for a term; both days count.

    Raises: Refusal when the term ends before it begins, the person is in that office already on
    one of its days or in one that does not go with it, or somebody else is in an office for one.
    """
    if until is not None and until < since:
        raise Refusal(
            f"임기가 {format_date(since)}에 시작해서 그보다 앞선 {format_date(until)}에 끝납니다.",
            next_step="시작하는 날과 끝나는 날을 다시 적어 주세요.",
        )
    lock_offices(complex_.id)
    check_free(
        Planned(Change.TAKE, office, person.id, since, until),
        [as_officer(holder) for holder in holders(complex_.id)],
    )
    return Officeholder.objects.create(
        complex=complex_, person=person, office=office, since=since, until=until
    )


def lock_offices(complex_id: UUID) -> None:
    """Let one at a time change who may act in a complex, until the transaction ends."""
    Complex.objects.select_for_update(no_key=True).get(id=complex_id)


@transaction.atomic
def move_in(person: Person, unit: Unit, *, since: date) -> Residency:
    """Note that a person lives in a unit."""
    residency: Residency = Residency.objects.create(
        complex_id=unit.complex_id, person=person, unit=unit, since=since
    )
    return residency
