"""Connections to the database that outlive the threads of the web server.

The server ends a thread that was idle for a while and begins another when one is needed. A
connection belongs to its thread, and that of an ended one would stay open: a quiet office would use
up all that the database has. So a request borrows one, and whichever thread answers next has it.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper

_kept: deque[BaseDatabaseWrapper] = deque()  # as many as requests were answered at the same time


def lend_connections() -> None:
    """Lend the process's connections to its requests from now on."""
    request_started.connect(_lend)
    request_finished.connect(_take_back)


def _lend(**_signal: Any) -> None:
    if any(connection.alias == DEFAULT_DB_ALIAS for connection in _here()):
        return  # the last request of this thread was broken off, and nothing was given back
    try:
        connection = _kept.pop()
    except IndexError:
        connection = connections.create_connection(DEFAULT_DB_ALIAS)
        connection.inc_thread_sharing()
    connections[DEFAULT_DB_ALIAS] = connection
    close_old_connections()  # as for every other one: whether it still works is asked anew


def _take_back(**_signal: Any) -> None:
    for connection in _here():
        if connection.alias == DEFAULT_DB_ALIAS:
            del connections[DEFAULT_DB_ALIAS]
            _kept.append(connection)


def _here() -> Sequence[BaseDatabaseWrapper]:
    return connections.all(initialized_only=True)
