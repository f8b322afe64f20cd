"""Handing something over to an address that somebody else named.

Such an address must not lead our server inside: a name may lead inside, and be another the next
moment, so what counts is where the connection leads. No proxy and no password is taken out of the
server's surroundings, nobody leads us elsewhere, and what is said in answer is not read beyond its
head, or, where it is asked for, beyond a limit. Nor must it hold us: what urllib3 grants each
address and each read is granted all of them together. Only looking up a name takes as long as the
resolver lets it.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from threading import Timer
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util.connection import create_connection

CONNECT, ANSWER = 5, 10  # seconds we wait for the other side
ADDRESSES = 3  # of one name that are tried


def outside_session(*, may_lead_inside: bool = False) -> requests.Session:
    """Connections to the outside, for several requests; to be closed."""
    session = _Session()
    session.trust_env = False
    adapter = _Adapter() if may_lead_inside else _Outside()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def hand_over(
    session: requests.Session, url: str, body: bytes, headers: dict[str, str]
) -> requests.Response:
    """Post a body. Returns: the answer, of which only status and headers were read.

    Raises: requests.RequestException, also when the address leads inside.
    """
    with session.post(
        url,
        data=body,
        headers=headers,
        timeout=(CONNECT, ANSWER),
        allow_redirects=False,
        stream=True,
    ) as answer:
        return answer


@dataclass(frozen=True)
class Answer:
    """What somebody said, all of it."""

    status: int
    body: bytes


def ask(
    session: requests.Session,
    url: str,
    body: bytes | None = None,
    *,
    limit: int,
    media_type: str | None = None,
) -> Answer:
    """Post a body, or get what is there, and read the answer to its end.

    Args: `limit` is how many bytes an answer may have, `media_type` that of the body.
    Raises: requests.RequestException, also for an answer that is longer, or takes too long.
    """
    with session.request(
        "GET" if body is None else "POST",
        url,
        data=body,
        headers={"Accept-Encoding": "identity", "Content-Type": media_type},
        timeout=(CONNECT, ANSWER),
        allow_redirects=False,
        stream=True,
    ) as answer:
        try:
            with _cut_off(answer.raw.connected):  # type: ignore[union-attr]
                said = answer.raw.read(limit + 1, decode_content=False)
        except (HTTPError, OSError) as problem:
            raise requests.ConnectionError("the answer broke off") from problem
        if len(said) > limit:
            raise requests.ConnectionError("the answer is too long")
        return Answer(answer.status_code, said)


class _Session(requests.Session):
    """Goes nowhere else: to know where it would, `requests` reads all of the answer's body."""

    def get_redirect_target(self, _answer: requests.Response) -> None:
        return None


def _connected(connection: HTTPConnection) -> socket.socket:
    """Connect to the first of a name's addresses that takes us, within `CONNECT` seconds."""
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise NewConnectionError(connection, "the name is unknown") from problem
    hosts = list(dict.fromkeys(str(address[0]) for *_, address in found))[:ADDRESSES]
    until = monotonic() + CONNECT
    failed: OSError | None = None
    for number, host in enumerate(hosts):
        # Each has its share of what is left, so that a dead one leaves time for the next.
        seconds = (until - monotonic()) / (len(hosts) - number)
        try:
            return create_connection(
                (host, connection.port), seconds, socket_options=connection.socket_options
            )
        except OSError as problem:
            failed = problem
    raise NewConnectionError(connection, "no address takes us") from failed


def _checked(connection: HTTPConnection, connected: socket.socket) -> socket.socket:
    peer = ip_address(connected.getpeername()[0].partition("%")[0])
    if not (getattr(peer, "ipv4_mapped", None) or peer).is_global:
        connected.close()
        raise NewConnectionError(connection, "the address is inside")
    return connected


@contextmanager
def _cut_off(connected: socket.socket) -> Iterator[None]:
    """End a connection that has not done its part after `ANSWER` seconds. Raises: TimeoutError."""
    is_cut = False

    def cut() -> None:
        nonlocal is_cut
        is_cut = True
        with suppress(OSError):  # it may have just ended by itself
            # Not the method of TLS, which would say goodbye first.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = Timer(ANSWER, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as problem:
        if is_cut:
            raise TimeoutError("timed out") from problem
        raise
    finally:
        timer.cancel()
    if is_cut:  # a head that was cut off is no answer, although it can be read
        raise TimeoutError("timed out")


def _remembering(response: HTTPResponse, connected: socket.socket) -> HTTPResponse:
    """The head of an answer, with its connection, for the body to be cut off as well."""
    response.connected = connected  # type: ignore[attr-defined]
    return response


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        connected = self.sock  # which it lets go of where the other side will close it
        with _cut_off(connected):
            return _remembering(super().getresponse(), connected)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        connected = self.sock  # which it lets go of where the other side will close it
        with _cut_off(connected):
            return _remembering(super().getresponse(), connected)


class _OutsideConnection(_Connection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _SecureOutsideConnection(_SecureConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _OutsidePool(HTTPConnectionPool):
    ConnectionCls = _OutsideConnection


class _SecureOutsidePool(HTTPSConnectionPool):
    ConnectionCls = _SecureOutsideConnection


class _Adapter(HTTPAdapter):
    """Grants the other side no more time than we have."""

    pools: tuple[type[HTTPConnectionPool], type[HTTPSConnectionPool]] = (_Pool, _SecurePool)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        plain, secure = self.pools
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}


class _Outside(_Adapter):
    """Looks where each connection leads before anything is said on it, too."""

    pools = (_OutsidePool, _SecureOutsidePool)
