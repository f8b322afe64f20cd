"""Log-in to the demonstration: choosing who to be, without mail or passkey."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.auth import login as sign_in
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import path
from django.utils import timezone

from danji.accounts.models import Officeholder, Person
from danji.accounts.queries import demonstration_parts
from danji.rules.periods import day_in_seoul
from danji.web.account import remember_sign_in
from danji.web.addresses import own_address

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
    return [
        Player(
            id=part.person_id,
            name=part.person.name,
            office=part.get_office_display() if isinstance(part, Officeholder) else "입주자",
            complex_name=part.complex.name,
        )
        for part in demonstration_parts(on=day_in_seoul(timezone.now()))
    ]


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
    home = resolve_url(settings.LOGIN_REDIRECT_URL)
    return HttpResponseRedirect(own_address(request, request.POST.get("next", ""), otherwise=home))


urlpatterns = [path("login/", login, name="login")]
