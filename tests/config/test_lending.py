"""Connections of the web server: threads come and go, and what they used stays in use."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path

from danji.config import lending


def number(request) -> HttpResponse:
    """The number of the database's process that answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (found,) = cursor.fetchone()
    request.META["together"]()
    return HttpResponse(found)


urlpatterns = [path("number/", number)]


@pytest.fixture
def asked(django_db_setup, django_db_blocker, settings):
    """Answers of the application, each by a thread of its own."""
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []
    lending.lend_connections()
    application = WSGIHandler()

    def answer(together) -> bytes:
        environ = RequestFactory().get("/number/").environ | {"together": together}
        response = application(environ, lambda *_started: None)
        try:
            return b"".join(response)
        finally:
            response.close()

    def ask(times: int, together=lambda: None) -> list[bytes]:
        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(answer, [together] * times))

    with django_db_blocker.unblock():
        yield ask
        connection.close()
    request_started.disconnect(lending._lend)
    request_finished.disconnect(lending._take_back)
    while lending._kept:
        lending._kept.pop().close()


def test_a_new_thread_has_the_connection_of_one_that_ended(asked):
    assert len({asked(1)[0] for _ in range(5)}) == 1


def test_each_of_several_at_once_has_its_own(asked):
    first = asked(3, Barrier(3).wait)
    assert len(set(first)) == 3
    assert set(asked(3, Barrier(3).wait)) == set(first)


def test_what_the_database_closed_is_made_anew(asked):
    ended = asked(1)[0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [int(ended)])
    assert asked(1)[0] != ended
