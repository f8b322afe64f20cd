"""Views of what is done again and again: forms at hand, recurring documents, copies."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.approvals import drafting, habits
from danji.approvals.queries import document_for
from danji.rules.periods import day_in_seoul
from danji.rules.recurring import Every
from danji.rules.refusal import Refusal
from danji.web.desk import pages
from danji.web.desk.access import DeskRequest, officer_required, posted


@require_safe
@officer_required
def forms(request: DeskRequest) -> HttpResponse:
    """The forms to choose from."""
    return render(request, "desk/new.html", pages.forms(request.officeholder, timezone.now()))


@posted(back="desk:forms")
@officer_required
def favourite(request: DeskRequest) -> HttpResponse:
    """Keep a form at hand, or no longer."""
    habits.favourite_form(
        request.POST.get("form", ""),
        chosen=request.POST.get("chosen") == "yes",
        actor=request.officeholder,
        at=timezone.now(),
    )
    return redirect("desk:forms")


@posted(back="desk:forms")
@officer_required
def drafts(request: DeskRequest) -> HttpResponse:
    """Begin a draft on the chosen form, or go on with one that was left blank."""
    begun = drafting.open_draft(
        request.POST.get("form", ""), actor=request.officeholder, at=timezone.now()
    )
    return redirect("desk:draft", draft_id=begun.id)


@posted(back="desk:document")
@officer_required
def copy(request: DeskRequest, document_id: UUID) -> HttpResponse:
    """Begin a draft with what was written in an earlier document."""
    begun = drafting.copy_document(document_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "내용을 옮겨 새 문서를 시작했습니다. 앞선 문서는 그대로 있습니다.")
    return redirect("desk:draft", draft_id=begun.id)


@officer_required
def recurring(request: DeskRequest) -> HttpResponse:
    """The recurring documents; a POST starts one, or stops one with `stop`."""
    if request.method == "POST":
        if "stop" in request.POST:
            _stop(request)
        else:
            _start(request)
        return redirect("desk:recurring")
    model = None
    if wanted := request.GET.get("document"):
        on = day_in_seoul(timezone.now())
        model = document_for(request.officeholder, _uuid(wanted), on=on)
    context = pages.recurring(request.officeholder, timezone.now(), model=model)
    return render(request, "desk/recurring.html", context)


def _start(request: DeskRequest) -> None:
    post, at = request.POST, timezone.now()
    model = post.get("document")
    every = _every(post.get("every", ""))
    habits.start_recurring(
        post.get("form", ""),
        post.get("title", ""),
        every,
        on_day=_day_number(post.get("weekday" if every is Every.WEEK else "month_day", "1")),
        since=_day(post.get("since", "")) or day_in_seoul(at),
        until=_day(post.get("until", "")),
        model=_uuid(model) if model else None,
        actor=request.officeholder,
        at=at,
    )
    messages.success(request, "반복 문서를 시작했습니다. 쓸 날이 되면 ‘쓰던 문서’에 들어옵니다.")


def _stop(request: DeskRequest) -> None:
    habits.stop_recurring(
        _uuid(request.POST["stop"]), actor=request.officeholder, at=timezone.now()
    )
    messages.success(request, "반복 문서를 멈췄습니다. 이미 만들어진 문서는 그대로 있습니다.")


def _every(text: str) -> Every:
    try:
        return Every(text)
    except ValueError:
        raise Refusal(
            "얼마나 자주 쓰는지 고르지 않았습니다.",
            next_step="평일마다, 날마다, 주마다, 달마다 가운데 하나를 골라 주세요.",
        ) from None


def _day_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Refusal(
            "날짜를 읽을 수 없습니다.", next_step="달력에서 날을 다시 골라 주세요."
        ) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Http404(text) from None
