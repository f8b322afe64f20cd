"""Starting, being started twice, being killed, and ending: each with a clear sentence."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from danji.base import tether

Up = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="danji-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def up(home: Path, port: int) -> Iterator[Up]:
    started = []
    limits = []  # one that says nothing more would be waited for in vain

    def start(**settings: str) -> "subprocess.Popen[str]":
        environment = {"DANJI_HOME": str(home), "DANJI_PORT": str(port), "DANJI_DEMO": "0"}
        process = subprocess.Popen(
            [sys.executable, "-m", "danji.config.up"],
            env={**os.environ, **environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        limits.append(threading.Timer(90, process.kill))
        limits[-1].start()
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait()
        process.stdout.close()
    for limit in limits:
        limit.cancel()
    # Nothing that any of them started is left.
    for lock in home.glob("run/*.held"):
        with tether.alone(lock, left_behind=()):
            pass


def said(process: "subprocess.Popen[str]", until: str) -> str:
    """What a process says, up to the line that holds `until`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if until in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def id_of(process: "subprocess.Popen[str]", word: str) -> int:
    """The process id of what a supervisor keeps running, by a word of its command."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next(int(pid) for pid in children if word in Path(f"/proc/{pid}/cmdline").read_text())


def test_it_serves_says_so_when_run_twice_and_ends_with_all_it_started(up, port):
    first = up()
    assert f"http://localhost:{port}/" in said(first, "준비되었습니다")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
        assert page.status == 200
    second = up()
    assert "이미 실행 중입니다" in second.communicate()[0]
    assert second.returncode == 0
    first.send_signal(signal.SIGINT)
    assert "모두 끝냈습니다" in first.communicate()[0]
    assert first.returncode == 0


def test_a_new_folder_is_made_whatever_the_secret_is(up, home):
    process = up(DANJI_HOME=str(home / "new" / "folder"), DANJI_SECRET_KEY="of our own")
    said(process, "준비되었습니다")


def test_a_killed_supervisor_leaves_nothing_behind_and_starts_again(up, home):
    first = up()
    said(first, "준비되었습니다")
    first.kill()
    for lock in home.glob("run/*.held"):
        with tether.alone(lock, left_behind=()):
            pass
    said(up(), "준비되었습니다")


def test_whatever_is_killed_is_started_again(up):
    running = up()
    said(running, "Ctrl-C")
    kept = {
        "manage\0sequencer": "봉인 처리기",
        "manage\0notary": "확인 처리기",
        "manage\0worker": "작업 처리기",
        "manage\0messenger": "알림 처리기",
        "danji.config.serve": "웹 서버",
        "bin/postgres": "데이터베이스",
    }
    for word, title in kept.items():
        os.kill(id_of(running, word), signal.SIGKILL)
        assert "다시 켭니다" in said(running, title)
    running.send_signal(signal.SIGINT)
    assert "모두 끝냈습니다" in running.communicate()[0]


@pytest.mark.parametrize(
    ("settings", "fact", "next_step"),
    [
        ({"DANJI_PORT": "many"}, "설정값", ".env"),
        ({"DANJI_HOST": "192.0.2.1"}, "이 컴퓨터의 주소가 아닙니다", "DANJI_HOST"),
        ({"DANJI_HOST": "0.0.0.0"}, "DANJI_SITE_URL이 없습니다", "DANJI_SITE_URL=http://"),
        ({"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "DATABASE_OWNER_URL", "operations.md"),
        ({"DATABASE_URL": "postgresql://x/x?sslmod=no"}, "설정값", ".env"),
        ({"DANJI_MAIL_SECURITY": "ssl"}, "설정값", ".env"),
    ],
)
def test_a_wrong_setting_is_answered_with_a_sentence(up, settings, fact, next_step):
    process = up(**settings)
    words = process.communicate()[0]
    assert fact in words
    assert next_step in words
    assert "Traceback" not in words
    assert process.returncode == 1


def test_a_taken_port_is_answered_with_a_free_one(up, port):
    with socket.create_server(("127.0.0.1", port)):
        process = up()
        words = process.communicate()[0]
    assert "다른 프로그램이 쓰고 있습니다" in words
    assert "DANJI_PORT=" in words
    assert process.returncode == 1
