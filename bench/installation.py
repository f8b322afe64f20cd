"""An installation of its own for one measurement: a folder, a database, people and documents."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from danji.accounts.models import Officeholder
    from danji.base.postgres import Cluster
    from danji.config.demonstration.complex import Cast

CSRF = "c" * 32  # a token that a browser would keep in its cookie


@dataclass
class Installation:
    """Set up, with its database running; `port` is the one its web server is given."""

    home: Path
    port: int
    cluster: Cluster
    cast: Cast

    @property
    def complex_id(self) -> UUID:
        return self.cast.complex.id

    def cookies(self, office: str, method: str = "demo") -> str:
        """The cookies of somebody in that office who has just signed in.

        Args: by "demo" they also sign by having done so; by "mail-code" they need a passkey.
        """
        return f"sessionid={sign_in(self.cast.officers[office], method)}; csrftoken={CSRF}"

    def token(self, office: str) -> str:
        """A token of a program of somebody in that office, who has agreed to sign with it.

        It decides, so a second officer has confirmed it.
        """
        from datetime import timedelta

        from django.utils import timezone

        from danji.base import tenancy
        from danji.integration.actions import confirm_token, issue_token
        from danji.integration.models import ApiScope
        from danji.rules.periods import day_in_seoul
        from danji.signing.actions import accept_method

        officer, at = self.cast.officers[office], timezone.now()
        second = self.cast.officers["chief" if office == "manager" else "manager"]
        with tenancy.within(self.complex_id):
            accept_method(actor=officer, at=at)
            last = day_in_seoul(at) + timedelta(days=1)
            issued = issue_token("bench", list(ApiScope), last, actor=officer, at=at)
            confirm_token(issued.token.id, actor=second, at=at)
            return issued.text

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the web server as `up` does."""
        with running("danji.config.serve", home=self.home, port=self.port):
            yield


@contextmanager
def temporary_home() -> Iterator[tuple[Path, int]]:
    """A folder for an installation, and a free port; the environment says so."""
    home = Path(tempfile.mkdtemp(prefix="danji-bench-"))
    home.chmod(0o755)  # the database's own account has to reach it when root measures
    port = free_port()
    os.environ |= {
        "DANJI_HOME": str(home),
        "DANJI_HOST": "127.0.0.1",
        "DANJI_PORT": str(port),
        "DANJI_DEMO": "1",
        "DANJI_FREE_SPACE_FLOOR": "0",
        "DJANGO_SETTINGS_MODULE": "danji.config.settings",
    }
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "DANJI_SITE_URL", "DANJI_DOMAIN"):
        os.environ.pop(name, None)
    # Ended from outside, too, nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield home, port
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def installed() -> Iterator[Installation]:
    """A database with tables, forms, one complex and its officers."""
    with ExitStack() as stack:
        home, port = stack.enter_context(temporary_home())
        import django

        from danji.base.postgres import Cluster

        bindir = os.environ.get("PG_BINDIR")
        cluster = stack.enter_context(Cluster(home, Path(bindir) if bindir else None))
        django.setup()
        from django.core.management import call_command
        from django.db import connections
        from django.utils import timezone

        from danji.config.demonstration.complex import make_demonstration

        stack.callback(connections.close_all)
        call_command("prepare", verbosity=0)
        yield Installation(home, port, cluster, make_demonstration(timezone.now()))


@contextmanager
def running(
    module: str, *arguments: str, home: Path, port: int, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, once it answers on the port; what it says goes to a log."""
    with (home / "bench.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=log, stderr=log, cwd=folder
        )
        try:
            while not answers(port):
                if process.poll() is not None:
                    raise RuntimeError((home / "bench.log").read_text())
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"HEAD / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def sign_in(officeholder: Officeholder, method: str) -> str:
    """A session as signing in leaves it. Returns: its key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.utils import timezone

    from danji.accounts.sessions import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(officeholder.person_id)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = officeholder.person.get_session_auth_hash()
    session["complex"] = str(officeholder.complex_id)
    session["officeholder"] = str(officeholder.id)
    session["signed_in"] = {"method": method, "at": timezone.now().isoformat()}
    session.save()
    return str(session.session_key)


def machine() -> str:
    """How busy the machine was while this was measured."""
    one, _, _ = os.getloadavg()
    return f"{os.cpu_count()} cores, load {one:.1f} over the last minute"
