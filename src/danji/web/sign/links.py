"""The one-decision screen: opened by the link in a message, without logging in.

Who holds the link may read that document. Deciding takes the officer's own key, or the code that
is sent to the officer. To accept, before the first time, that it binds, and to sign with a
certificate, of which nothing but the name is known, the officer logs in.
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
from danji.web.api.problems import problem
from danji.web.desk.access import is_signed_in
from danji.web.downloads import download
from danji.web.previews import picture_of
from danji.web.sign import ceremony, certificates, pages
from danji.web.sign.asking import ask_for_code, waiting_for_code
from danji.web.sign.ceremony import Asked, CodeAsked, Decided, Pressed, Tried
from danji.web.sign.certificates import Waiting, ask_for_certificate, waiting_for_certificate

logger = logging.getLogger(__name__)

LAYOUT = "sign/base.html"


class LinkRequest(HttpRequest):
    """A request by whoever holds the link; the officer and the document are those it names."""

    officer: Officeholder
    document: Document
    token: str
    tried: Tried


View = Callable[..., HttpResponse]


def by_link(view: View) -> View:
    """Run a view in one transaction of the link's complex, with its officer as in office today."""

    @wraps(view)
    def opened(request: LinkRequest, token: str, **kwargs: Any) -> HttpResponse:
        try:
            link = read_link(token)
            request.token = token
            request.tried = _try_outside(request, link)
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
        return redirect(f"{_address('document', request)}#decision")
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
    """Decide, once device or app has signed or the code was typed; before that, ask for it."""
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
    if not isinstance(answer, Decided):
        return _asked(request, answer)
    if answer.refused:
        return _page(request, answer.refused[0].refusal)
    return _done(request)


@require_safe
@by_link
def code(request: LinkRequest) -> HttpResponse:
    """What is signed with the code that was sent, and the field for it."""
    waiting = waiting_for_code(request, request.officer)
    if isinstance(waiting, str) or waiting.action != _address("decision", request):
        return redirect("sign:document", token=request.token)
    context = pages.code(waiting, layout=LAYOUT, at=timezone.now())
    return render(request, "sign/code.html", context | _head(request))


@require_safe
@by_link
def certificate(request: LinkRequest) -> HttpResponse:
    """What is signed with a certificate, and what the person does for it."""
    waiting = waiting_for_certificate(request, request.officer, at=timezone.now())
    if isinstance(waiting, str) or waiting.action != _address("decision", request):
        return redirect("sign:document", token=request.token)
    return _certificate(request, waiting)


@posted
@by_link
def text(request: LinkRequest) -> HttpResponse:
    """What a program is to sign with a 공동인증서, as a file."""
    data = certificates.text_to_sign(request.POST, request.officer, request.document.id)
    return download(data, pages.TEXT_NAME, "text/plain; charset=utf-8")


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
    context = pages.outcome(
        request.document, request.officer, following=following, at=timezone.now()
    )
    return render(request, "sign/outcome.html", context | {"refusal": refusal}, status=status)


def _log_in(request: LinkRequest) -> dict[str, str] | None:
    """Where the officer logs in and comes back, and by which words; None when they are logged in.

    Whoever else is logged in at this browser logs out on the way.
    """
    if is_signed_in(request, request.officer.person):
        return None
    back = urlencode({"next": f"{_address('document', request)}#agreement-title"})
    url = f"{reverse('account_login')}?{back}"
    if SESSION_KEY not in request.session:
        return {
            "said": "처음 한 번은 로그인해서 동의해 주세요.",
            "word": "로그인하고 동의하기",
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


def _asked(request: LinkRequest, asked: Asked) -> HttpResponse:
    action, back = _address("decision", request), _address("document", request)
    if isinstance(asked, CodeAsked):
        page = _address("code", request)
        return ask_for_code(request, asked, page=page, action=action, back=back)
    if certificates.is_mistyped(asked):
        return _certificate(request, Waiting(asked, request.POST, action, back), status=422)
    page = _address("certificate", request)
    return ask_for_certificate(request, asked, page=page, action=action, back=back)


def _certificate(request: LinkRequest, waiting: Waiting, *, status: int = 200) -> HttpResponse:
    template, context = pages.certificate(waiting, layout=LAYOUT)
    context |= _head(request) | {"text_url": _address("text", request)}
    return render(request, template, context, status=status)


def _address(name: str, request: LinkRequest) -> str:
    """The address of one of these pages, by the link that was opened."""
    return reverse(f"sign:{name}", args=[request.token])


def _head(request: LinkRequest) -> dict[str, str]:
    return {"reader": str(request.officer), "complex_name": request.officer.complex.name}


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


def _try_outside(request: LinkRequest, link: Link) -> Tried:
    if not certificates.is_due(request.POST):
        return None
    with tenancy.within(link.complex_id):
        officer = _officer(link)
        is_known = "code" in request.POST or is_signed_in(request, officer.person)
    if not is_known:
        return Refusal(
            "간편인증이나 인증서로는 로그인하신 다음에 서명하실 수 있습니다. 결재하지 않았습니다.",
            next_step="로그인한 뒤 이 주소를 다시 열어 주세요. 로그인하지 않으실 때는 등록한 "
            "기기나 확인 번호로 결재해 주세요.",
        )
    return certificates.try_outside(request, officer, link.document_id, at=timezone.now())


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
