"""An installation for the tests of one file, and a browser to look at it."""

import os
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from danji.base.postgres import Cluster
from installations import CHROMIUM, Installation, running, until

PROGRAMS = (
    ("danji.config.serve",),
    ("danji.config.manage", "sequencer"),
    ("danji.config.manage", "notary"),
    ("danji.config.manage", "worker"),
    ("danji.config.manage", "messenger"),
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("danji") / "home"
    home.mkdir()
    for folder in (home, *home.parents):
        if folder.owner() == home.owner() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)  # the server's own account has to reach it
    bindir = os.environ.get("PG_BINDIR")
    with Cluster(home, Path(bindir) if bindir else None) as cluster:
        made = Installation(
            home,
            cluster.url("danji_owner"),
            os.environ
            | {
                "DANJI_HOME": str(home),
                "DJANGO_SETTINGS_MODULE": "danji.config.settings",
                "PYTHONWARNINGS": "error",
            },
            cluster,
        )
        answer = made.manage("prepare", "--verbosity", "0")
        assert answer.returncode == 0, answer.stderr
        yield made
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def site(installation: Installation) -> Iterator[str]:
    """A served demonstration complex; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"  # a passkey belongs to a name, never to a number
    installation.environment.update(DANJI_PORT=str(port), DANJI_SITE_URL=address, DANJI_DEMO="1")
    answer = installation.manage("collectstatic", "--noinput", "--verbosity", "0")
    assert answer.returncode == 0, answer.stderr
    answer = installation.manage("demonstrate")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    witnesses = [
        ("danji_witness", "run", str(folder), "--pull", "0.5")
        for folder in (installation.home / "demo").glob("witness-*")
    ]
    assert len(witnesses) == 2
    relay = ("danji.config.demonstration.relay",)
    with running(installation, *PROGRAMS, relay, *witnesses):
        until(lambda: answers(address))
        yield address


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
