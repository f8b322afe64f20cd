"""Handing something over to an address that somebody else named.

Such an address must not lead our server inside: a name may lead inside, and be another the next
moment, so what counts is where the connection leads. No proxy and no password is taken out of the
server's surroundings, nobody leads us elsewhere, and what is said in answer is not read beyond its
head.
"""

import socket
from ipaddress import ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

CONNECT, ANSWER = 5, 10  # seconds we wait for the other side


def outside_session(*, may_lead_inside: bool = False) -> requests.Session:
    """Connections to the outside, for several requests; to be closed."""
    session = requests.Session()
    session.trust_env = False
    if not may_lead_inside:
        session.mount("https://", _Outside())
        session.mount("http://", _Outside())
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


def _checked(connection: HTTPConnection, connected: socket.socket) -> socket.socket:
    peer = ip_address(connected.getpeername()[0].partition("%")[0])
    if not (getattr(peer, "ipv4_mapped", None) or peer).is_global:
        connected.close()
        raise NewConnectionError(connection, "the address is inside")
    return connected


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(self, super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Outside(HTTPAdapter):
    """Looks where each connection leads before anything is said on it."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
