"""The one-decision screen: opened by the link in a message, without logging in.

Who holds the link may read that document. Deciding takes the officer's own key, or the code that
is sent to the officer; and to accept, before the first time, that it binds, the officer logs in.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from danji.accounts.models import Officeholder
from danji.accounts.queries import officer_on
from danji.approvals.links import Link, link_token, read_link
from danji.approvals.models import Document
from danji.approvals.queries import document_for, next_waiting, waiting_for
from danji.base import files, tenancy
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing.actions import accept_method
from danji.signing.evidence import Signer
from danji.web.api.problems import problem
from danji.web.desk.access import is_signed_in
from danji.web.downloads import download
from danji.web.previews import picture_of
from danji.web.sign import ceremony, pages
from danji.web.sign.ceremony import CodeAsked, Pressed

logger = logging.getLogger(__name__)

LAYOUT = "sign/base.html"


class LinkRequest(HttpRequest):
    """A request by whoever holds the link; the officer and the document are those it names."""

    officer: Officeholder
    document: Document
    token: str
    tried: Signer | Refusal | None  # what came of the code that was typed


View = Callable[..., HttpResponse]


def by_link(view: View) -> View:
    """Run a view in one transaction of the link's complex, with its officer as in office today."""

    @wraps(view)
    def opened(request: LinkRequest, token: str, **kwargs: Any) -> HttpResponse:
        try:
            link = read_link(token)
            request.token = token
            request.tried = _try_code(request, link)
            with tenancy.within(link.complex_id):
                request.officer = _officer(link)
                request.document = _document(link, request.officer)
                response = view(request, **kwargs)
        except Refusal as refusal:
            logger.warning("a link was refused: %s", refusal.fact)
            response = _refused(request, refusal)
        # The address is all that is needed to read the document, so it goes no further. Less than
        # `same-origin` would keep the browser from saying that our own forms are ours.
        response["Referrer-Policy"] = "same-origin"
        response["X-Robots-Tag"] = "noindex"
        patch_cache_control(response, private=True, no_store=True)
        return response

    return opened


def posted(view: View) -> View:
    """Let a view answer a POST only; whoever comes otherwise sees the document."""

    @wraps(view)
    def answer(request: LinkRequest, token: str, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return redirect("sign:document", token=token)
        return view(request, token=token, **kwargs)

    return answer


@require_safe
@by_link
def document(request: LinkRequest) -> HttpResponse:
    """Who asks, what, how much, the document, and the decision; afterwards, what was decided."""
    return _page(request)


@posted
@by_link
def agreement(request: LinkRequest) -> HttpResponse:
    """Accept that what is signed here binds, as the officer who has logged in."""
    log_in = _log_in(request)
    if log_in is None:
        accept_method(actor=request.officer, at=timezone.now())
        return redirect("sign:document", token=request.token)
    if SESSION_KEY in request.session:
        return _page(request, _somebody_else())
    messages.info(request, log_in["said"])
    return HttpResponseRedirect(log_in["url"])


@posted
@by_link
def statement(request: LinkRequest) -> HttpResponse:
    """What the device is to sign, for the script of the page."""
    try:
        pressed = _pressed(request)
        return JsonResponse(ceremony.offer(pressed, request.officer, at=timezone.now()))
    except Refusal as refusal:
        return problem(refusal, 409)


@posted
@by_link
def decision(request: LinkRequest) -> HttpResponse:
    """Decide, once the device has signed or the code was typed; before that, send the code."""
    try:
        answer = ceremony.perform(
            request.POST,
            _pressed(request),
            request.officer,
            session=None,
            tried=request.tried,
            at=timezone.now(),
        )
    except Refusal as refusal:
        return _page(request, refusal)
    if isinstance(answer, CodeAsked):
        return _code(request, answer)
    if answer.refused:
        return _page(request, answer.refused[0].refusal)
    return _done(request)


@require_safe
@by_link
def attachment(request: LinkRequest, position: int) -> HttpResponse:
    """A file attached to the document."""
    attached = request.document.parsed_content()["attachments"]
    if not 1 <= position <= len(attached):
        raise Http404
    file = attached[position - 1]
    return download(files.get(file["sha256"]), file["name"], file["media_type"])


@require_safe
@by_link
def preview(request: LinkRequest, position: int, page: int) -> HttpResponse:
    """A page of an attached file, drawn anew."""
    content = request.document.parsed_content()
    return picture_of(content, request.document.complex_id, position, page)


def _pressed(request: LinkRequest) -> Pressed:
    """What was pressed. A link is for one document. Raises: Refusal."""
    pressed = Pressed.read(request.POST)
    if [item.document_id for item in pressed.items] != [request.document.id]:
        raise Refusal(
            "이 주소의 문서가 아닙니다. 결재하지 않았습니다.",
            next_step="메시지의 주소를 다시 눌러 주세요.",
        )
    return pressed


def _page(request: LinkRequest, refusal: Refusal | None = None) -> HttpResponse:
    """The decision, or what became of it; after a refusal with what was typed."""
    on = day_in_seoul(timezone.now())
    context = pages.by_link(
        request.document,
        request.officer,
        request.token,
        on=on,
        log_in=_log_in(request),
        typed=request.POST.dict() if refusal else None,
        refusal=refusal,
    )
    status = 409 if refusal else 200
    if context:
        return render(request, "sign/document.html", context, status=status)
    following = _following(request)
    context = pages.outcome(request.document, request.officer, following=following)
    return render(request, "sign/outcome.html", context | {"refusal": refusal}, status=status)


def _log_in(request: LinkRequest) -> dict[str, str] | None:
    """Where the officer logs in and comes back, and by which words; None when they are logged in.

    Whoever else is logged in at this browser logs out on the way.
    """
    if is_signed_in(request, request.officer.person):
        return None
    back = urlencode({"next": reverse("sign:document", args=[request.token])})
    url = f"{reverse('account_login')}?{back}"
    if SESSION_KEY not in request.session:
        return {
            "said": "처음 한 번은 로그인해서 동의해 주세요.",
            "word": "로그인해서 동의하기",
            "url": url,
        }
    return {
        "said": f"지금 다른 분으로 로그인되어 있습니다. {request.officer} 님이 로그인해 주세요.",
        "word": "로그아웃하고 다시 로그인하기",
        "url": f"{reverse('account_logout')}?{urlencode({'next': url})}",
    }


def _somebody_else() -> Refusal:
    return Refusal(
        "지금 다른 분으로 로그인되어 있어 동의를 받지 않았습니다.",
        next_step="로그아웃한 뒤, 메시지를 받으신 분이 로그인해서 동의해 주세요.",
    )


def _code(request: LinkRequest, asked: CodeAsked) -> HttpResponse:
    here = reverse("sign:decision", args=[request.token])
    back = reverse("sign:document", args=[request.token])
    context = pages.code(asked, request.POST, layout=LAYOUT, action=here, back=back)
    context |= {"reader": str(request.officer), "complex_name": request.officer.complex.name}
    return render(request, "sign/code.html", context, status=422 if asked.refusal else 200)


def _done(request: LinkRequest) -> HttpResponse:
    """The same address, which now says what was decided; with the next document, if one waits.

    Only who has just signed is handed a link to another document.
    """
    here = reverse("sign:document", args=[request.token])
    on = day_in_seoul(timezone.now())
    if following := next_waiting(request.officer, request.document.id, on=on):
        token = link_token(request.officer, following)
        here += f"?{urlencode({'next': token})}"
    return HttpResponseRedirect(here, status=303)


def _following(request: LinkRequest) -> UUID | None:
    """The next document, when the address names one for the same officer that still waits."""
    try:
        link = read_link(request.GET.get("next", ""))
    except Refusal:
        return None
    officer = request.officer
    if (link.complex_id, link.officeholder_id) != (officer.complex_id, officer.id):
        return None
    on = day_in_seoul(timezone.now())
    waits = waiting_for(officer, on=on).filter(document_id=link.document_id).exists()
    return link.document_id if waits else None


def _try_code(request: LinkRequest, link: Link) -> Signer | Refusal | None:
    if request.method != "POST" or "code" not in request.POST:
        return None
    with tenancy.within(link.complex_id):
        officer = _officer(link)
    return ceremony.try_code(request.POST, officer, at=timezone.now())


def _officer(link: Link) -> Officeholder:
    on = day_in_seoul(timezone.now())
    officer = officer_on(link.complex_id, link.officeholder_id, on=on)
    if officer is None:
        raise Refusal(
            "이 주소를 받으신 분은 지금 그 직을 맡고 있지 않아 결재하실 수 없습니다.",
            next_step="임기가 아직 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )
    return officer


def _document(link: Link, officer: Officeholder) -> Document:
    try:
        return document_for(officer, link.document_id, on=day_in_seoul(timezone.now()))
    except Document.DoesNotExist:
        raise Refusal(
            "지금은 이 문서를 보실 수 없습니다. 대신 결재하실 기간이 끝났을 수 있습니다.",
            next_step="결재하셔야 하는 문서라면 관리사무소에 확인해 주세요.",
        ) from None


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    if request.headers.get("Accept") == "application/json":
        return problem(refusal, 404)
    return render(request, "sign/refusal.html", {"refusal": refusal}, status=404)
