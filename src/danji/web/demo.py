"""Log-in to the demonstration: choosing who to be, without mail or passkey."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login as sign_in
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import path
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from danji.accounts.models import Officeholder, Person, Residency
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.periods import day_in_seoul
from danji.web.account import remember_sign_in

app_name = "demo"


@dataclass(frozen=True)
class Player:
    """Somebody of a demonstration complex, and what they are there."""

    id: UUID
    name: str
    office: str
    complex_name: str


def players() -> list[Player]:
    """The people of the demonstration complexes, officers first; nobody when there is none."""
    today = day_in_seoul(timezone.now())
    found: dict[UUID, Player] = {}
    for complex_ in Complex.objects.filter(demonstration=True):
        with tenancy.within(complex_.id):
            offices = (
                Officeholder.objects.within(complex_.id)
                .in_office(today)
                .select_related("person")
                .order_by("since", "id")
            )
            for held in offices:
                player = Player(
                    held.person_id, held.person.name, held.get_office_display(), complex_.name
                )
                found.setdefault(player.id, player)
            for lived in Residency.objects.within(complex_.id).select_related("person"):
                player = Player(lived.person_id, lived.person.name, "입주자", complex_.name)
                found.setdefault(player.id, player)
    return list(found.values())


def login(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demonstration's people. Does not exist anywhere else."""
    if not settings.DEMO:
        raise Http404
    if request.method != "POST":
        return redirect("account_login")
    chosen = request.POST.get("person", "")
    if chosen not in {str(player.id) for player in players()}:
        raise Http404
    person = Person.objects.get(id=chosen)
    sign_in(request, person, backend="django.contrib.auth.backends.ModelBackend")
    remember_sign_in(request, "demo", at=timezone.now())
    return HttpResponseRedirect(_destination(request))


def _destination(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


urlpatterns = [path("login/", login, name="login")]
