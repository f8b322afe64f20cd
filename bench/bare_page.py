"""A Django page that reads one row by its key: python -m bare_page PORT."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

WORKERS, THREADS = 2, 3  # as Danji's own server has


def page(_request: HttpRequest) -> HttpResponse:
    from danji.complexes.models import Complex

    name = Complex.objects.get(code="A10023456").name.encode()
    return HttpResponse(name, headers={"Content-Length": str(len(name))})


urlpatterns = [path("", page)]


def application() -> WSGIApplication:
    from danji.config import settings as danji

    # Danji's database, and nothing else of Danji's: no middleware, no session, no template.
    settings.configure(
        ALLOWED_HOSTS=["localhost"],
        DATABASES={"default": danji.DATABASES["default"] | {"CONN_HEALTH_CHECKS": False}},
        INSTALLED_APPS=["danji.complexes"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="none",
        DEFAULT_AUTO_FIELD=danji.DEFAULT_AUTO_FIELD,
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def main(port: int) -> None:
    multiprocessing.set_start_method("fork")
    loaded: Any = application()
    Server(
        "bare_page",
        port=port,
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        log_level=LogLevels.warning,
    ).serve(target_loader=lambda _target: loaded)


if __name__ == "__main__":
    main(int(sys.argv[1]))
