"""The made-up complex, its people and its units."""

from dataclasses import dataclass
from datetime import date, datetime

from danji.accounts.actions import move_in, register_person
from danji.accounts.models import Office, Officeholder
from danji.authority.actions import enter_officeholder
from danji.base import tenancy
from danji.complexes.models import Building, Complex, Household, Unit
from danji.config.founding import found_complex
from danji.rules.periods import day_in_seoul

CODE = "A10023456"
PEOPLE = (
    (Office.BOOKKEEPER, "김수진"),
    (Office.CLERK, "최은영"),
    (Office.CHIEF, "이민호"),
    (Office.MANAGER, "박정호"),
    (Office.CHAIR, "정순자"),
    (Office.AUDITOR, "한동철"),
)
RESIDENT = "오미경"
AREA_TYPES = ("27.07평형", "30.38평형", "33.60평형(A)", "33.60평형(B)")
BUILDINGS = ("101", "102", "103")
FLOORS = 15


@dataclass(frozen=True)
class Cast:
    """The demonstration's officers, by office."""

    complex: Complex
    officers: dict[str, Officeholder]


def find_demonstration() -> Cast | None:
    """The demonstration complex with its officers; None in an installation without one."""
    complex_ = Complex.objects.filter(code=CODE, demonstration=True).first()
    if complex_ is None:
        return None
    with tenancy.within(complex_.id):
        return _cast(complex_)


def _cast(complex_: Complex) -> Cast:
    holders = Officeholder.objects.within(complex_.id).select_related("person", "complex")
    return Cast(complex_, {holder.office: holder for holder in holders})


def make_demonstration(at: datetime) -> Cast:
    """Make the complex with 180 households, six officers and one resident."""
    complex_ = found_complex(
        code=CODE,
        name="들꽃마을아파트",
        address="서울특별시 가상구 들꽃로 12",
        phone="02-0000-0000",
        demonstration=True,
        at=at,
    )
    since = date(day_in_seoul(at).year, 1, 1)
    with tenancy.within(complex_.id):
        for number, (office, name) in enumerate(PEOPLE, 1):
            enter_officeholder(
                complex_,
                office,
                name=name,
                email=f"demo{number}@danji.localhost",
                since=since,
                until=date(since.year + 1, 12, 31),
                at=at,
            )
        units = _make_units(complex_, since)
        move_in(
            register_person(name=RESIDENT, email="resident@danji.localhost"), units[0], since=since
        )
        return _cast(complex_)


def _make_units(complex_: Complex, since: date) -> list[Unit]:
    units = []
    for name in BUILDINGS:
        building = Building.objects.create(complex=complex_, name=name)
        for floor in range(1, FLOORS + 1):
            for line, area_type in enumerate(AREA_TYPES, 1):
                units.append(
                    Unit(
                        complex=complex_,
                        building=building,
                        number=f"{floor}{line:02}",
                        area_type=area_type,
                    )
                )
    Unit.objects.bulk_create(units)
    Household.objects.bulk_create(
        Household(complex=complex_, unit=unit, moved_in=since) for unit in units
    )
    return units
