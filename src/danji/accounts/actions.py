"""Putting people into office."""

from datetime import date

from django.db import transaction

from danji.accounts.models import Office, Officeholder, Person, Residency
from danji.complexes.models import Complex, Unit


@transaction.atomic
def register_person(*, name: str, email: str) -> Person:
    """A person who signs in at this mail address; the same person when the address is known."""
    person = Person.objects.filter(email__iexact=email).first()
    return person or Person.objects.create_user(email, name)


@transaction.atomic
def appoint(
    person: Person, office: Office, complex_: Complex, *, since: date, until: date | None = None
) -> Officeholder:
    """Put a person into an office of a complex for a term; both days count."""
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
