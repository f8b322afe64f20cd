"""What is shown where nothing is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from danji.web.desk.access import office_of


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - by Django's name
    """The page for what is not there, or not this reader's: who is signed in keeps the menu."""
    if not hasattr(request, "officeholder"):
        request.officeholder = office_of(request)  # type: ignore[attr-defined]
    base = "base.html" if getattr(request, "officeholder", None) else "base_public.html"
    return render(request, "404.html", {"base": base}, status=404)
