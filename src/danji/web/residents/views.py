"""What residents (입주자등) may read: the records disclosed to them and to everybody."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from danji.accounts.models import Residency
from danji.accounts.queries import residencies_of
from danji.base import tenancy
from danji.disclosure.endings import Gone
from danji.disclosure.queries import read_record
from danji.rules.periods import day_in_seoul
from danji.web.desk import pages
from danji.web.desk.access import MISSING, person_of, to_log_in
from danji.web.downloads import download_bundle, download_pdf, download_proof

View = Callable[..., HttpResponse]


class ResidentRequest(HttpRequest):
    """A request by somebody who lives in a complex today."""

    residency: Residency


def resident_required(view: View) -> View:
    """Run a view in one transaction of the complex the person lives in today."""

    @require_safe
    @wraps(view)
    def at_home(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        person = person_of(request)
        if person is None:
            return to_log_in(request)
        lived = residencies_of(person.id, on=day_in_seoul(timezone.now()))
        if not lived:
            raise Http404
        request.residency = lived[0]  # type: ignore[attr-defined]
        try:
            with tenancy.within(lived[0].complex_id):
                return view(request, **kwargs)
        except MISSING as missing:
            raise Http404(str(missing)) from missing

    return at_home


@resident_required
def home(request: ResidentRequest) -> HttpResponse:
    """The records disclosed to residents, newest first."""
    search, number = request.GET.get("q", ""), request.GET.get("page")
    context = pages.register(request.residency, search, number)
    context["complex"] = request.residency.complex
    return render(request, "residents/home.html", context)


@resident_required
def record(request: ResidentRequest, record_id: UUID) -> HttpResponse:
    """One record disclosed to residents, or what stands in its place."""
    try:
        shown = read_record(request.residency, record_id)
    except Gone as gone:
        back = reverse("residents:home")
        context = {
            "tombstone": gone.tombstone,
            "may_know": not gone.tombstone.is_erased,
            "back": back,
        }
        return render(request, "desk/tombstone.html", context)
    context = pages.record(shown, request.residency)
    return render(request, "residents/record.html", context)


@resident_required
def rendition(request: ResidentRequest, record_id: UUID) -> HttpResponse:
    """The sealed PDF; the attachments are inside."""
    return download_pdf(read_record(request.residency, record_id))


@resident_required
def proof(request: ResidentRequest, record_id: UUID) -> HttpResponse:
    """The proof that belongs beside the PDF."""
    return download_proof(read_record(request.residency, record_id))


@resident_required
def bundle(request: ResidentRequest, record_id: UUID) -> HttpResponse:
    """Everything with which the record can be checked anywhere, once it is confirmed (확정)."""
    return download_bundle(read_record(request.residency, record_id))
