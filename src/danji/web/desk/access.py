"""Who is at the desk: the office is looked up anew for every page, in the page's transaction."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django_htmx.middleware import HtmxDetails

from danji.accounts.models import Officeholder, Person
from danji.accounts.queries import office_held, offices_of, residencies_of
from danji.approvals.models import Document, Draft, Recurring
from danji.base import tenancy
from danji.disposal.models import Disposal
from danji.integration.models import ApiToken, Webhook
from danji.records.models import Record
from danji.renditions.models import Rendition
from danji.routing.models import RoutingRevision
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.models import WitnessProposal
from danji.web.faults import wants_part

COMPLEX, OFFICEHOLDER = "complex", "officeholder"  # in the session: the office the person chose
SEVERAL = "several_offices"  # in the session: there was a choice
# What a reader may ask for and not find. Anything else that is missing is a mistake of ours.
MISSING = (
    Draft.DoesNotExist,
    Document.DoesNotExist,
    Recurring.DoesNotExist,
    Record.DoesNotExist,
    Rendition.DoesNotExist,
    RoutingRevision.DoesNotExist,
    ApiToken.DoesNotExist,
    Webhook.DoesNotExist,
    Disposal.DoesNotExist,
    WitnessProposal.DoesNotExist,
)


class DeskRequest(HttpRequest):
    """A request by an officer in office today."""

    htmx: HtmxDetails
    user: Person
    officeholder: Officeholder


View = Callable[..., HttpResponse]


def officer_required(view: View) -> View:
    """Run a view in one transaction of the complex in which the person holds an office today.

    What another complex has does not exist here: it answers 404.
    """

    @wraps(view)
    def at_the_desk(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        answer = _run(view, request, **kwargs)
        if answer is not None:
            return answer
        person = person_of(request)
        if person is None:
            return to_log_in(request)
        offices = offices_of(person.id, on=_today())
        if not offices:
            return _without_office(request, person)
        if len(offices) > 1:
            request.session[SEVERAL] = True
            here = urlencode({"next": request.get_full_path()})
            return redirect(f"{reverse('desk:offices')}?{here}")
        take_office(request, offices[0])
        return _run(view, request, **kwargs) or _without_office(request, person)

    return at_the_desk


def posted(back: str) -> Callable[[View], View]:
    """Let a view answer a POST only; whoever comes otherwise, as after logging in, goes to `back`.

    Args: `back` names the address of the page that has the button; it takes the same arguments.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if request.method != "POST":
                return redirect(reverse(back, kwargs=kwargs))
            return view(request, **kwargs)

        return answer

    return decorate


def take_office(request: HttpRequest, officeholder: Officeholder) -> None:
    """Remember the office the person works in from now on."""
    request.session[COMPLEX] = str(officeholder.complex_id)
    request.session[OFFICEHOLDER] = str(officeholder.id)


def person_of(request: HttpRequest) -> Person | None:
    """Who signed in, if anybody did."""
    return request.user if isinstance(request.user, Person) else None


def is_signed_in(request: HttpRequest, person: Person) -> bool:
    """Whether it is this very person who signed in at the browser."""
    return request.session.get(SESSION_KEY) == str(person.id) and _is_theirs(request, person)


def to_log_in(request: HttpRequest) -> HttpResponse:
    """The way to the log-in page and back.

    Raises: Refusal for a part of a page: what was typed there stays in sight.
    """
    if wants_part(request):
        raise Refusal(
            "로그인이 풀려서 저장하지 못했습니다.",
            next_step="쓰신 글이 있으면 복사해 둔 뒤, 화면을 새로 열어 로그인해 주세요.",
        )
    return redirect_to_login(request.get_full_path(), resolve_url("account_login"))


def office_of(request: HttpRequest) -> Officeholder | None:
    """The office the person works in, on pages that are not of the desk."""
    with ExitStack() as transaction:
        return _enter_office(request, transaction)


def _run(view: View, request: HttpRequest, **kwargs: Any) -> HttpResponse | None:
    """The view's answer; None when the office of the session is not the person's today."""
    try:
        with ExitStack() as transaction:
            officeholder = _enter_office(request, transaction)
            if officeholder is None:
                return None
            request.officeholder = officeholder  # type: ignore[attr-defined]
            request.user = officeholder.person  # or it would be asked for once more
            return view(request, **kwargs)
    except MISSING as missing:
        raise Http404(str(missing)) from missing


def _enter_office(request: HttpRequest, transaction: ExitStack) -> Officeholder | None:
    """The office the session names, if who signed in holds it today; its complex is entered."""
    said = [request.session.get(key) for key in (SESSION_KEY, COMPLEX, OFFICEHOLDER)]
    if None in said:
        return None
    person_id, complex_id, officeholder_id = (UUID(str(value)) for value in said)
    transaction.enter_context(tenancy.within(complex_id))
    officeholder = office_held(complex_id, officeholder_id, person_id=person_id, on=_today())
    if officeholder is None or not _is_theirs(request, officeholder.person):
        return None
    return officeholder


def _is_theirs(request: HttpRequest, person: Person) -> bool:
    """Whether the session is still good for the person, as Django checks it for `request.user`."""
    kept = request.session.get(HASH_SESSION_KEY, "")
    return constant_time_compare(kept, person.get_session_auth_hash())


def _without_office(request: HttpRequest, person: Person) -> HttpResponse:
    if wants_part(request):
        raise Refusal(
            f"{person.name} 님은 지금 맡고 계신 직책이 없어 처리하지 못했습니다.",
            next_step="임기가 아직 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )
    if residencies_of(person.id, on=_today()):
        return redirect("residents:home")
    return render(request, "desk/no_office.html", {"person": person}, status=403)


def _today() -> date:
    return day_in_seoul(timezone.now())
