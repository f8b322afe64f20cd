"""What every page knows: whose desk it is, and whether this is the demonstration."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from danji.accounts.models import Officeholder
from danji.web.demo import Player, players
from danji.web.desk.access import SEVERAL, office_of


@dataclass(frozen=True)
class Who:
    """The officer who is at the desk, as the head of the page says it."""

    complex_name: str
    complex_code: str
    name: str
    office: str


def site(request: HttpRequest) -> dict[str, Any]:
    """The context of every page. Asks the database only on the library's pages."""
    officeholder = _at_desk(request)
    return {
        "who": who(officeholder) if officeholder else None,
        "has_several_offices": officeholder is not None and SEVERAL in request.session,
        "demo": settings.DEMO,
        "demo_people": _demo_people(request),
    }


def who(officeholder: Officeholder) -> Who:
    return Who(
        complex_name=officeholder.complex.name,
        complex_code=officeholder.complex.code,
        name=officeholder.person.name,
        office=officeholder.get_office_display(),
    )


def _at_desk(request: HttpRequest) -> Officeholder | None:
    if _page(request).startswith("mfa_"):
        return office_of(request)
    return getattr(request, "officeholder", None)


def _demo_people(request: HttpRequest) -> list[Player]:
    return players() if settings.DEMO and _page(request) == "account_login" else []


def _page(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name if match else None) or ""
