"""Putting people into office."""

from datetime import date

from django.db import transaction
from django.db.models import Q

from danji.accounts.models import Office, Officeholder, Person, Residency
from danji.complexes.models import Complex, Unit
from danji.rules.refusal import Refusal


@transaction.atomic
def register_person(*, name: str, email: str) -> Person:
    """A person who signs in at this mail address; the same person when the address is known.

    Raises: Refusal when the address is somebody else's.
    """
    person = Person.objects.filter(email__iexact=email).first()
    if person is not None and person.name != name:
        raise Refusal(
            f"메일 주소 {email}은(는) 이미 {person.name} 님의 것으로 등록되어 있습니다.",
            next_step="이름을 똑같이 적거나, 다른 메일 주소를 적어 주세요.",
        )
    return person or Person.objects.create_user(email, name)


@transaction.atomic
def appoint(
    person: Person, office: Office, complex_: Complex, *, since: date, until: date | None = None
) -> Officeholder:
    """Put a person into an office of a complex for a term; both days count.

    Raises: Refusal when the term ends before it begins, or the person is in that office already on
    one of its days.
    """
    if until is not None and until < since:
        raise Refusal(
            f"임기가 {since}에 시작해서 그보다 앞선 {until}에 끝납니다.",
            next_step="시작하는 날과 끝나는 날을 다시 적어 주세요.",
        )
    # Locked, so that the same command given twice at once appoints once.
    Person.objects.select_for_update().get(id=person.id)
    held = Officeholder.objects.within(complex_.id).filter(person_id=person.id, office=office)
    overlapping = held.filter(Q(until=None) | Q(until__gte=since))
    if until is not None:
        overlapping = overlapping.filter(since__lte=until)
    if earlier := overlapping.first():
        raise Refusal(
            f"{person.name} 님은 그 기간에 이미 {earlier.get_office_display()} 직을 맡고 있습니다"
            f"({earlier.since}부터 {earlier.until or '계속'}).",
            next_step="기간이 겹치지 않게 다시 적어 주세요.",
        )
    return Officeholder.objects.create(
        complex=complex_, person=person, office=office, since=since, until=until
    )


@transaction.atomic
def move_in(person: Person, unit: Unit, *, since: date) -> Residency:
    """Note that a person lives in a unit."""
    residency: Residency = Residency.objects.create(
        complex_id=unit.complex_id, person=person, unit=unit, since=since
    )
    return residency
