"""Who holds which office now, and who lives where."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from danji.accounts.models import Officeholder, Person, Residency
from danji.base import tenancy
from danji.base.prepared import Prepared
from danji.complexes.models import Complex
from danji.rules.offices import Officer
from danji_verify.canonical import canonical

_held: Prepared[Officeholder] = Prepared(
    lambda complex_id, officeholder_id, person_id, on: (
        Officeholder.objects.within(complex_id)
        .in_office(on)
        .filter(id=officeholder_id, person_id=person_id, person__is_active=True)
        .select_related("complex", "person")
    ),
    UUID,
    UUID,
    UUID,
    date,
)
_holder: Prepared[Officeholder] = Prepared(
    lambda complex_id, office, on: (
        Officeholder.objects.within(complex_id)
        .in_office(on)
        .filter(office=office)
        .select_related("person")
        .order_by("since", "id")[:1]
    ),
    UUID,
    str,
    date,
)


def office_held(
    complex_id: UUID, officeholder_id: UUID, *, person_id: UUID, on: date
) -> Officeholder | None:
    """An office, if the person holds it on a day and may sign in. Asked with every request."""
    return next(iter(_held(complex_id, officeholder_id, person_id, on)), None)


def actor_fields(officeholder: Officeholder) -> dict[str, str | None]:
    """Who acted, in which office and term."""
    return {
        "officeholder": officeholder.id.hex,
        "office": officeholder.get_office_display(),
        "name": officeholder.person.name,
        "from": officeholder.since.isoformat(),
        "until": officeholder.until.isoformat() if officeholder.until else None,
    }


def actor_value(officeholder: Officeholder) -> bytes:
    """The same in canonical JSON, as the log commits to it."""
    return canonical(actor_fields(officeholder))


def as_officer(officeholder: Officeholder) -> Officer:
    """An officeholder as the rules see one."""
    return Officer(
        person=officeholder.person_id,
        office=officeholder.office,
        name=str(officeholder),
        since=officeholder.since,
        until=officeholder.until,
    )


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
    """Where a person lives on a day, in every complex, the newest first."""
    with tenancy.as_person(person_id):
        return list(
            _lasting(Residency.objects.filter(person_id=person_id), on)
            .select_related("complex")
            .order_by("-since", "id")
        )


def demonstration_parts(*, on: date) -> list[Officeholder | Residency]:
    """What each person of the demonstration complexes is there on a day, officers first.

    Anybody may sign in as these. So whoever is, was or will be somebody in a real complex is not
    among them.
    """
    found: dict[UUID, Officeholder | Residency] = {}
    for complex_ in Complex.objects.filter(demonstration=True):
        with tenancy.within(complex_.id):
            offices = Officeholder.objects.within(complex_.id).in_office(on)
            residencies = _lasting(Residency.objects.within(complex_.id), on)
            for parts in (offices, residencies):
                for part in parts.select_related("complex", "person").order_by("since", "id"):
                    found.setdefault(part.person_id, part)
    return [part for person_id, part in found.items() if _only_demonstrates(person_id)]


def _only_demonstrates(person_id: UUID) -> bool:
    """Whether a person has nothing to do with a real complex."""
    real = {"person_id": person_id, "complex__demonstration": False}
    with tenancy.as_person(person_id):
        return not (
            Officeholder.objects.filter(**real).exists()
            or Residency.objects.filter(**real).exists()
        )


def _lasting(residencies: "QuerySet[Residency]", on: date) -> "QuerySet[Residency]":
    return residencies.filter(Q(until=None) | Q(until__gte=on), since__lte=on)


def holder_of(complex_id: UUID, office: str, *, on: date) -> Officeholder | None:
    """Who holds an office on a day; of several, the one longest in it."""
    return next(iter(_holder(complex_id, office, on)), None)


def holders(complex_id: UUID, *, office: str = "") -> QuerySet[Officeholder]:
    """Everybody who holds, held or will hold an office of the complex, or one office of it."""
    found: QuerySet[Officeholder] = (
        Officeholder.objects.within(complex_id)
        .select_related("person", "complex")
        .order_by("since", "id")
    )
    return found.filter(office=office) if office else found


def others_in(
    complex_id: UUID, offices: Collection[str], *, besides: UUID, on: date
) -> list[Officeholder]:
    """Who holds one of these offices on a day, each person once, the longest in office first.

    Args: `besides` is the person who asks, and is left out.
    """
    found = (
        Officeholder.objects.within(complex_id)
        .in_office(on)
        .filter(office__in=offices)
        .exclude(person_id=besides)
        .select_related("person")
        .order_by("since", "id")
    )
    return list({holder.person_id: holder for holder in found}.values())


def person_at(email: str) -> Person | None:
    """Who signs in at a mail address, if anybody does, in whichever complex."""
    return Person.objects.filter(email__iexact=email).first()


def has_part_elsewhere(person_id: UUID, complex_id: UUID, *, on: date) -> bool:
    """Whether a person holds an office or lives in another complex, on a day or later."""
    parts = Q(person_id=person_id) & (Q(until=None) | Q(until__gte=on)) & ~Q(complex_id=complex_id)
    with tenancy.as_person(person_id):
        return (
            Officeholder.objects.filter(parts).exists() or Residency.objects.filter(parts).exists()
        )


def officer_on(complex_id: UUID, officeholder_id: UUID, *, on: date) -> Officeholder | None:
    """An office of somebody who may sign in, if it is held on a day."""
    found: Officeholder | None = (
        Officeholder.objects.within(complex_id)
        .in_office(on)
        .filter(id=officeholder_id, person__is_active=True)
        .select_related("complex", "person")
        .first()
    )
    return found
