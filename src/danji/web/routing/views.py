"""The rules for approval lines (결재선 규칙): what holds, changing it, and the second officer."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.formbook.reading import read_date
from danji.routing import actions
from danji.routing.checking import check_revision
from danji.routing.queries import OFFICES, newest_table, revision_of
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.routing import Row, check_row
from danji.web.desk.access import DeskRequest, officer_required, posted
from danji.web.routing import pages
from danji.web.routing.editor import (
    Typed,
    blank_row,
    closed_row,
    open_row,
    read_row,
    typed_of,
    typed_rows,
)


@require_safe
@officer_required
def rules(request: DeskRequest) -> HttpResponse:
    """The rules that hold today, what waits for a second officer, and earlier revisions."""
    context = pages.rules(request.officeholder, on=day_in_seoul(timezone.now()))
    return render(request, "routing/rules.html", context)


@officer_required
def editor(request: DeskRequest) -> HttpResponse:
    """Change the table row by row; nothing is stored before it is proposed."""
    if request.method != "POST":
        table = newest_table(request.officeholder.complex_id)
        return _sheet(
            request,
            [typed_of(row) for row in table.rows],
            {"follows": str(table.number), "effective_from": _tomorrow(table.revision)},
        )
    rows = typed_rows(dict(request.POST.lists()))
    about = {name: request.POST.get(name, "") for name in ("follows", "effective_from", "reason")}
    if (gone := _number(request, "remove")) is not None:
        return _sheet(request, rows[:gone] + rows[gone + 1 :], about)
    if (again := _number(request, "again")) is not None:
        return _sheet(request, rows, about, opened=again)
    return _pressed(request, rows, about)


def _pressed(request: DeskRequest, rows: list[Typed], about: Mapping[str, str]) -> HttpResponse:
    """Do what the button says that closes the open row: it has to stand by itself first."""
    read: list[Row] = []
    try:
        for number, typed in enumerate(rows, 1):
            row = read_row(typed, number)
            check_row(number, row, OFFICES)
            read.append(row)
    except Refusal as refusal:
        return _sheet(request, rows, about, opened=len(read), refusal=refusal)
    if "add" in request.POST:
        return _sheet(request, [*rows, blank_row()], about, opened=len(rows))
    if (opened := _number(request, "open")) is not None:
        return _sheet(request, rows, about, opened=opened)
    if "preview" in request.POST or "propose" in request.POST:
        return _propose_or_preview(request, rows, read, about)
    return _sheet(request, rows, about)


def _propose_or_preview(
    request: DeskRequest, typed: Sequence[Typed], rows: Sequence[Row], about: Mapping[str, str]
) -> HttpResponse:
    actor, at = request.officeholder, timezone.now()
    try:
        effective_from = date.fromisoformat(read_date(about["effective_from"], "시행일"))
        if "propose" in request.POST:
            with transaction.atomic():
                proposed = actions.propose_revision(
                    rows,
                    follows=_follows(about["follows"]),
                    reason=about["reason"],
                    effective_from=effective_from,
                    actor=actor,
                    at=at,
                )
            messages.success(request, "제안했습니다. 다른 분이 확인하면 시행일부터 적용됩니다.")
            return redirect("routing:revision", revision_id=proposed.id)
        table = newest_table(actor.complex_id)
        dated = check_revision(rows, table, effective_from, today=day_in_seoul(at))
    except Refusal as refusal:
        return _sheet(request, typed, about, refusal=refusal)
    shown = pages.preview_words(dated, table.rows, on=effective_from)
    return _sheet(request, typed, about, previews=shown)


@require_safe
@officer_required
def revision(request: DeskRequest, revision_id: UUID) -> HttpResponse:
    """One revision: what changes, what it leads to, and the decision of the second officer."""
    shown = revision_of(request.officeholder, revision_id)
    context = pages.revision(shown, request.officeholder, on=day_in_seoul(timezone.now()))
    return render(request, "routing/revision.html", context)


@posted(back="routing:revision")
@officer_required
def confirmation(request: DeskRequest, revision_id: UUID) -> HttpResponse:
    """Confirm a revision that somebody else proposed."""
    actions.confirm_revision(revision_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "확정했습니다. 시행일부터 이 규칙으로 결재선을 정합니다.")
    return redirect("routing:revision", revision_id=revision_id)


@posted(back="routing:revision")
@officer_required
def rejection(request: DeskRequest, revision_id: UUID) -> HttpResponse:
    """Send a revision back to who proposed it."""
    actions.reject_revision(
        revision_id,
        reason=request.POST.get("reason", ""),
        actor=request.officeholder,
        at=timezone.now(),
    )
    messages.success(request, "돌려보냈습니다. 제안한 분께 까닭을 알렸습니다.")
    return redirect("routing:revision", revision_id=revision_id)


@posted(back="routing:revision")
@officer_required
def withdrawal(request: DeskRequest, revision_id: UUID) -> HttpResponse:
    """Take one's own proposal back."""
    actions.withdraw_revision(revision_id, actor=request.officeholder, at=timezone.now())
    messages.success(request, "개정안을 거두었습니다.")
    return redirect("routing:revision", revision_id=revision_id)


def _sheet(
    request: DeskRequest,
    rows: Sequence[Typed],
    about: Mapping[str, str],
    *,
    opened: int | None = None,
    refusal: Refusal | None = None,
    previews: Mapping[str, Any] | None = None,
) -> HttpResponse:
    context = {
        "rows": [
            {"closed": closed_row(typed, number), "open": None}
            if place != opened
            else {"closed": None, "open": open_row(typed, number)}
            for place, (number, typed) in enumerate(enumerate(rows, 1))
        ],
        "about": about,
        "opened": None if opened is None else opened + 1,
        "refusal": refusal,
        "previews": previews,
    }
    return render(request, "routing/edit.html", context, status=409 if refusal else 200)


def _number(request: DeskRequest, button: str) -> int | None:
    """The row a pressed button belongs to, counted from 0."""
    text = request.POST.get(button, "")
    return int(text) - 1 if text.isdecimal() and 0 < len(text) <= 3 else None


def _follows(text: str) -> int:
    """The number of the table that was changed; anything else is that of no table."""
    return int(text) if text.isdecimal() and len(text) <= 4 else -1


def _tomorrow(last: Any) -> str:
    tomorrow = day_in_seoul(timezone.now()) + timedelta(days=1)
    return max(tomorrow, last.effective_from if last else tomorrow).isoformat()
