"""What one types, and what one is told."""

import asyncio
import re
import socket

import pytest
import requests

from danji_verify.note import VerifierKey
from danji_witness.logs import log_id
from danji_witness.web import application
from made_log import MadeLog, lines_of, served
from witness_program import call, pushed, running, visiting


@pytest.fixture
def place(tmp_path):
    return tmp_path / "확인 기관"


def test_a_witness_is_made_watches_and_says_how_it_is(place, made):
    with served(made.grow_by(300)) as site:
        made_it = call("init", place, "--name", "gaon.test/감사")
        added = call("watch", place, str(made.key), f"{site.url}/")
        with visiting(place, "--pull", "0.2"):
            site.wait_for(1)
            made.grow_by(1)
            site.wait_for(2)
        status = call("status", place)

    key = VerifierKey.parse(re.search(r"gaon\S+", made_it.stdout)[0])
    assert (key.name, key.type) == ("gaon.test/감사", 4)
    assert "더했습니다" in added.stdout
    assert (status.returncode, status.stderr) == (0, "")
    assert "301번까지 서명했습니다" in status.stdout
    assert str(key) in status.stdout


def test_logs_come_by_http(folder, made):
    folder.logs.write_text(lines_of([(made.key, "")]), "utf-8")
    made.grow_by(3)
    with running(folder.path) as program:
        status, body, _ = program.add_checkpoint(made.request(0))
        conflict = program.add_checkpoint(made.request(0))
        large = program.announce(2_000_000)

        shown = requests.get(f"{program.url}/{log_id(made.origin)}/checkpoint", timeout=10)
        face = requests.get(program.url, timeout=10)
        nothing = requests.get(f"{program.url}/{'0' * 64}/checkpoint", timeout=10)
        wrong = requests.get(f"{program.url}/add-checkpoint", timeout=10)

    assert status == 200
    assert conflict == (409, b"3\n", "text/x.tlog.size")
    assert large == 413
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert shown.content.startswith(made.tree().text().encode())
    assert shown.content.endswith(body)
    assert face.text.startswith("gaon.test/감사+")
    assert (nothing.status_code, wrong.status_code) == (404, 405)


def test_a_new_key_of_a_log_is_said_to_be_the_one_that_counts(folder, made):
    call("watch", folder.path, str(made.key), "https://danji.test/log")

    said = call("watch", folder.path, str(MadeLog(made.origin).key), "https://danji.test/log")

    assert "이제 이 열쇠로 서명한 머리에만" in said.stdout


@pytest.mark.parametrize("length", [b"2000000", b"9" * 5000], ids=["large", "beyond reading"])
def test_a_body_announced_as_too_large_is_not_awaited(witness, made, length):
    body = made.grow_by(1).request(0)

    assert asyncio.run(pushed(application(witness), body, length)) == 413
    assert witness.published(log_id(made.origin)) is None


def test_one_program_runs_in_a_folder(folder):
    with running(folder.path):
        second = call("run", folder.path)

    assert second.returncode == 1
    assert "이미 실행하고 있습니다" in second.stderr


def test_a_port_that_is_killed_ends_with_all_it_started(folder, made):
    with running(folder.path) as program:
        program.process.kill()
        program.process.wait()
        with running(folder.path):  # the folder is free again
            pass


def test_a_port_that_is_taken_is_said(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "{}:{}".format(*other.getsockname())
        said = call("run", folder.path, "--listen", address)

    assert said.returncode == 1
    assert f"{address}에서 기다릴 수 없습니다" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["init", "{place}", "--name", "두 낱말"], "빈칸"),
        (["init", "{folder}", "--name", "other"], "이미 있습니다"),
        (["run", "{place}"], "먼저 init"),
        (["watch", "{folder}", "nonsense", "https://danji.test/log"], "열쇠가 온전하지 않습니다"),
        (["watch", "{folder}", "{key}", "danji.test/log"], "https://로 시작합니다"),
        (["run", "{folder}", "--pull", "0"], "할 일이 없습니다"),
        (["nothing"], "사용법"),
    ],
)
def test_what_cannot_be_done_is_said(folder, place, words, told):
    key = str(MadeLog().key)
    said = call(*(word.format(place=place, folder=folder.path, key=key) for word in words))

    assert said.returncode in (1, 2)
    assert told in said.stderr
    assert "Traceback" not in said.stderr
