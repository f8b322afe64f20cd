"""Handing something over: nobody holds us longer than we wait, or is read further than its head."""

import socket
from contextlib import contextmanager
from threading import Thread
from time import monotonic

import pytest
import requests

from danji.base import outside


@contextmanager
def server(talk):
    """Somebody who talks on the connection until told to stop; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                talk(connection)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


def hand_over(url):
    with outside.outside_session(may_lead_inside=True) as session:
        return outside.hand_over(session, url, b"{}", {})


def drip(connection, beginning, part):
    """Say a little at a time, for as long as somebody listens."""
    connection.settimeout(0.02)
    try:
        connection.sendall(beginning)
        while True:
            connection.sendall(part)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue
    except OSError:
        return


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 2"])
def test_whoever_answers_byte_by_byte_is_cut_off(monkeypatch, beginning):
    monkeypatch.setattr(outside, "ANSWER", 0.2)
    begun = monotonic()
    with (
        server(lambda connection: drip(connection, beginning, b"0")) as url,
        pytest.raises(requests.Timeout),
    ):
        hand_over(url)
    assert monotonic() - begun < 2


def test_what_is_said_to_whoever_is_led_elsewhere_is_not_read():
    beginning = b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\n\r\n"
    with server(lambda connection: drip(connection, beginning, b"0" * 1000)) as url:
        assert hand_over(url).status_code == 302


def test_only_the_first_addresses_of_a_name_are_tried(monkeypatch):
    tried = []

    def refuse(address, timeout, **_):
        tried.append((address[0], timeout))
        raise ConnectionRefusedError

    found = [(0, 0, 0, "", (f"203.0.113.{number}", 80)) for number in range(9)]
    monkeypatch.setattr(outside.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(outside, "create_connection", refuse)
    with pytest.raises(requests.ConnectionError):
        hand_over("http://many.example/")
    assert [host for host, _ in tried] == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]
    assert all(0 < seconds <= outside.CONNECT for _, seconds in tried)


def ask(url, limit=10):
    with outside.outside_session(may_lead_inside=True) as session:
        return outside.ask(session, url, b"", limit=limit)


@pytest.mark.parametrize("length", [b"Content-Length: 5\r\n", b""])
def test_an_answer_is_read_to_its_end(length):
    said = b"HTTP/1.1 409 Conflict\r\n" + length + b"\r\n12345"
    with server(lambda connection: connection.sendall(said)) as url:
        assert ask(url) == outside.Answer(409, b"12345")


def test_an_answer_beyond_the_limit_is_none():
    beginning = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        server(lambda connection: drip(connection, beginning, b"0" * 1000)) as url,
        pytest.raises(requests.ConnectionError, match="too long"),
    ):
        ask(url)


@pytest.mark.parametrize("length", [b"Content-Length: 500\r\n", b""])
def test_an_answer_that_drips_is_cut_off(monkeypatch, length):
    monkeypatch.setattr(outside, "ANSWER", 0.2)
    beginning = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n"
    begun = monotonic()
    with (
        server(lambda connection: drip(connection, beginning, b"0")) as url,
        pytest.raises(requests.ConnectionError),
    ):
        ask(url, limit=1000)
    assert monotonic() - begun < 2
