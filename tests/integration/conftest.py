"""Programs of the office, and a receiver that writes down what it is told."""

from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from danji.integration.actions import issue_token, request_system_token
from danji.integration.models import ApiScope


@pytest.fixture
def next_month(at):
    return at.date() + timedelta(days=30)


@pytest.fixture
def own_token(bookkeeper, at, next_month):
    """A token of the bookkeeper's own program."""
    scopes = [ApiScope.READ, ApiScope.DRAFT]
    return issue_token("가계부", scopes, next_month, actor=bookkeeper, at=at)


@pytest.fixture
def system_token(bookkeeper, manager, at, next_month):
    """What the manager asked for so that the accounting program drafts for the bookkeeper."""
    scopes = [ApiScope.READ, ApiScope.DRAFT]
    return request_system_token(
        "회계 프로그램", bookkeeper.id, scopes, next_month, actor=manager, at=at
    )


class Receiver(HTTPServer):
    """Takes what it is told, or answers with `status`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.location, self.told = 204, "", []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/danji"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
