"""The way in. All other public pages are files, written by `disclosure` and served without us."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from danji.complexes.models import Complex


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The complexes whose documents can be read, and the door to the desk."""
    context = {"complexes": Complex.objects.all(), "demo": settings.DEMO}
    return render(request, "public/home.html", context)
