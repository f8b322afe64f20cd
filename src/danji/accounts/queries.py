"""Who holds which office now."""

from datetime import date
from uuid import UUID

from danji.accounts.models import Officeholder, Residency
from danji.base import tenancy


def offices_of(person_id: UUID, *, on: date) -> list[Officeholder]:
    """The offices a person holds on a day, in every complex, the newest first."""
    with tenancy.as_person(person_id):
        return list(
            Officeholder.objects.filter(person_id=person_id)
            .in_office(on)
            .select_related("complex", "person")
            .order_by("-since", "id")
        )


def residencies_of(person_id: UUID, *, on: date) -> list[Residency]:
    """The complexes a person lives in on a day."""
    with tenancy.as_person(person_id):
        return [
            residency
            for residency in Residency.objects.filter(
                person_id=person_id, since__lte=on
            ).select_related("complex")
            if residency.until is None or residency.until >= on
        ]


def holder_of(complex_id: UUID, office: str, *, on: date) -> Officeholder | None:
    """Who holds an office on a day; of several, the one longest in it."""
    return (
        Officeholder.objects.within(complex_id)
        .in_office(on)
        .filter(office=office)
        .select_related("person")
        .order_by("since", "id")
        .first()
    )
