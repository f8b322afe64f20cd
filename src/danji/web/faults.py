"""The one place where a person is told no, and where our own faults are owned up to."""

import errno
import logging
import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from danji.rules.refusal import Refusal
from danji.web.addresses import own_address
from danji.web.api.problems import in_json, is_api, problem
from danji.web.uploads import is_too_large, too_large

logger = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds, for browsers and proxies that ask again by themselves
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class FaultMiddleware:
    """Shows refusals and faults, for a whole page and for a part of one alike."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Before anything is read: the body may be gigabytes.
        if is_too_large(request):
            return refused(request, too_large(), status=413)
        return in_json(request, self.get_response(request))

    def process_exception(self, request: HttpRequest, raised: Exception) -> HttpResponse | None:
        """The answer to what a view raised; None leaves it to `server_error`, after logging."""
        return answer(request, raised)


def answer(request: HttpRequest, raised: BaseException | None) -> HttpResponse | None:
    """The answer to a refusal, a full disk, or a database that is away; None for anything else."""
    match raised:
        case Refusal():
            return refused(request, raised)
        case OSError() if raised.errno in DISK_FULL:
            logger.error("the disk is full: %s", raised)
            return refused(request, _disk_full(), status=503)
        case OperationalError() | InterfaceError():
            logger.error("the database did not answer: %s", raised)
            return _database_fault(request, raised)
    return None


def refused(request: HttpRequest, refusal: Refusal, *, status: int = 409) -> HttpResponse:
    """A refusal as a page, as the part of the page that asked, or as JSON for a program."""
    if is_api(request):
        return problem(refusal, status)
    context = {"refusal": refusal, "back_url": _back(request)}
    if not wants_part(request):
        return render(request, "desk/refusal.html", context, status=status)
    if request.headers.get("HX-Target") == "saved":
        return render(request, "desk/_saved.html", context, status=status)
    response = render(request, "desk/_refusal.html", context, status=status)
    # The part that asked stays as it is, with what was typed.
    response["HX-Retarget"] = "#refusal"
    response["HX-Reswap"] = "innerHTML show:#refusal:top"
    response["HX-Reselect"] = "unset"
    return response


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What is shown for a form whose token is missing or old."""
    logger.info("a form was not taken: %s", reason)
    if wants_part(request):
        return refused(request, _stale_form(), status=403)
    return HttpResponse(render_to_string("403_csrf.html"), status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """What is shown when we went wrong. Django has logged it already."""
    known = answer(request, sys.exception())
    if known is not None:
        return known
    if wants_part(request) or is_api(request):
        return refused(request, _own_fault(), status=500)
    return HttpResponse(render_to_string("500.html"), status=500)


def _database_fault(
    request: HttpRequest, raised: OperationalError | InterfaceError
) -> HttpResponse:
    state: str = getattr(raised.__cause__, "sqlstate", None) or ""
    if state.startswith("40"):
        return refused(request, _collision())
    if state == "53100":
        return refused(request, _disk_full(), status=503)
    if wants_part(request) or is_api(request):
        response = refused(request, _database_away(), status=503)
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page, and not for a whole one."""
    return request.headers.get("HX-Request") == "true"


def _back(request: HttpRequest) -> str:
    """The page of ours that the person came from, or nothing."""
    return own_address(request, request.headers.get("Referer", ""), otherwise="")


def _stale_form() -> Refusal:
    return Refusal(
        "화면을 오래 열어 두어 보내지 못했습니다.",
        next_step="쓰신 글이 있으면 복사해 둔 뒤, 화면을 새로 열어 다시 해 주세요.",
    )


def _collision() -> Refusal:
    return Refusal(
        "같은 순간에 다른 분도 처리하고 있어 이번 것은 저장하지 않았습니다.",
        next_step="다시 한 번 눌러 주세요.",
    )


def _disk_full() -> Refusal:
    return Refusal(
        "서버의 저장 공간이 부족해서 새로 받을 수 없습니다. 지금까지 저장한 것은 그대로 있습니다.",
        next_step="저장 공간을 늘린 뒤 다시 해 주세요.",
    )


def _database_away() -> Refusal:
    return Refusal(
        "자료를 보관하는 곳과 연결되지 않아 저장하지 못했습니다.",
        next_step="몇 분 뒤에 다시 해 주세요. 이미 저장된 문서는 그대로 있습니다.",
    )


def _own_fault() -> Refusal:
    return Refusal(
        "저희 쪽에서 잘못되어 끝내지 못했습니다. 기록해 두었습니다.",
        next_step="잠시 뒤 화면을 새로 열어 문서가 어디까지 되었는지 확인해 주세요.",
    )
