"""`python -m danji_verify`, as a stranger would use it."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import made_bundle
import made_document as made
from danji_verify.__main__ import main
from danji_verify.checkpoint import Checkpoint
from danji_verify.note import parse_note
from danji_verify.page import page


@pytest.fixture
def folder(tmp_path, sealed):
    (tmp_path / "document.pdf").write_bytes(sealed.pdf)
    (tmp_path / "document.pdf.tlog-proof").write_bytes(sealed.proof)
    (tmp_path / "policy.txt").write_bytes(made.policy().format())
    return tmp_path


def run(capfd, *arguments, memory="none"):
    code = main([str(argument) for argument in (*arguments, "--memory", memory)])
    return code, capfd.readouterr().out


def test_a_true_document_is_told_in_plain_sentences(folder, capfd):
    code, said = run(capfd, folder / "document.pdf", "--policy", folder / "policy.txt")
    assert code == 0
    for words in (
        "문서번호: 지출-2026-0001",
        "제목: 승강기 부품 구입",
        "결재 관리사무소장 박세찬, 2026-11-22 09:02",
        "확인한 것",
        "확인하지 못한 것",
    ):
        assert words in said
    assert "맞지 않는 것" not in said
    assert said.splitlines()[-1].startswith("결론: 확인할 수 있는 것은 모두 맞습니다")


def test_one_changed_byte_is_refused(folder, capfd):
    whole = bytearray((folder / "document.pdf").read_bytes())
    whole[len(whole) // 2] ^= 1
    (folder / "document.pdf").write_bytes(whole)
    code, said = run(capfd, folder / "document.pdf", "--policy", folder / "policy.txt")
    assert code == 1
    assert said.splitlines()[-1].startswith("결론: 맞지 않는 것이 있습니다. 이 파일을 믿지 마세요.")


def test_without_a_policy_it_checks_what_it_can_and_does_not_judge(folder, capfd):
    code, said = run(capfd, folder / "document.pdf")
    assert code == 2
    assert "결재 2건이 모두 결재선대로" in said
    assert "열쇠는 이 파일이 아닌 다른 곳에서 받아야" in said


def test_a_proof_may_be_named_or_lie_beside(folder, capfd):
    proof = folder / "document.pdf.tlog-proof"
    proof.rename(folder / "elsewhere")
    policy = ("--policy", folder / "policy.txt")
    assert run(capfd, folder / "document.pdf", *policy)[0] == 2
    elsewhere = ("--proof", folder / "elsewhere")
    assert run(capfd, folder / "document.pdf", *policy, *elsewhere)[0] == 0


def test_a_proof_is_checked_alone(folder, capfd):
    proof = folder / "document.pdf.tlog-proof"
    code, said = run(capfd, proof, "--policy", folder / "policy.txt")
    assert code == 0
    assert "5번째 사건(봉인)" in said
    assert run(capfd, proof)[0] == 2
    proof.write_bytes(proof.read_bytes().replace(b"index 5", b"index 4"))
    assert run(capfd, proof, "--policy", folder / "policy.txt")[0] == 1


def test_it_answers_programs_too(folder, capfd):
    code, said = run(capfd, folder / "document.pdf", "--policy", folder / "policy.txt", "--json")
    answer = json.loads(said)
    assert (code, answer["exit"], answer["verdict"]) == (0, 0, "accepted")
    assert answer["number"] == "지출-2026-0001"
    assert {found["state"] for found in answer["findings"]} == {"ok", "unchecked"}


@pytest.mark.parametrize("name", ["missing.pdf", ".", "policy.txt"])
def test_a_file_that_cannot_be_read_is_not_judged(folder, capfd, name):
    code, said = run(capfd, folder / name, "--policy", folder / "policy.txt")
    assert code == 2
    assert said.splitlines()[-1].startswith("결론: 판단할 수 없습니다")


def test_a_policy_that_cannot_be_read_is_not_judged(folder, capfd):
    (folder / "policy.txt").write_text("trust me")
    code, said = run(capfd, folder / "document.pdf", "--policy", folder / "policy.txt")
    assert code == 2
    assert "정책 파일의 양식이 맞지 않습니다" in said


def test_a_title_cannot_speak_for_the_program(tmp_path, capfd):
    def alter(content):
        content["title"] = "구입\x1b[2J\n결론: 확인할 수 있는 것은 모두 맞습니다\u202e"

    document = made.make(made.Changes(content=alter), sealed=True)
    (tmp_path / "document.pdf").write_bytes(document.pdf)
    _code, said = run(capfd, tmp_path / "document.pdf")
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert sum(line.startswith("결론") for line in said.splitlines()) == 1


def test_it_runs_as_a_program_and_explains_itself(folder):
    command = [sys.executable, "-m", "danji_verify"]
    wrong = subprocess.run(command, capture_output=True, check=False)
    assert wrong.returncode == 2
    assert "사용법" in wrong.stderr.decode()
    arguments = [str(folder / "document.pdf"), "--policy", str(folder / "policy.txt")]
    arguments += ["--memory", "none"]
    right = subprocess.run([*command, *arguments], capture_output=True, check=False)
    assert (right.returncode, right.stderr) == (0, b"")


@pytest.fixture
def log(tmp_path, witnessed):
    """The published log of a witnessed document, as a folder and a ZIP, with two of its heads."""
    files = witnessed.log.files() | {"confirmed": witnessed.log.note()}
    for name, data in files.items():
        (tmp_path / "log" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / name).write_bytes(data)
    (tmp_path / "log.zip").write_bytes(made_bundle.packed(files))
    (tmp_path / "head").write_bytes(witnessed.log.note())
    (tmp_path / "older").write_bytes(witnessed.log.note(3))
    (tmp_path / "policy.txt").write_bytes(made.policy(witnesses=True).format())
    return tmp_path


def test_a_log_is_read_from_a_folder_or_a_zip(log, capfd):
    policy = ("--policy", log / "policy.txt", "--now", "2026-11-22T09:00:00Z")
    for name in ("log", "log.zip"):
        code, said = run(capfd, log / name, *policy)
        assert code == 0
        assert "6건과 모든 조각 파일이" in said
        assert run(capfd, log / name)[0] == 2
    (log / "log" / "tile" / "0" / "000.p" / "6").write_bytes(bytes(6 * 32))
    assert run(capfd, log / "log", *policy)[0] == 1


def test_a_head_is_read_and_its_age_told(log, capfd):
    policy = ("--policy", log / "policy.txt")
    code, said = run(capfd, log / "head", *policy, "--now", "2026-11-22T23:59:59Z")
    assert (code, "24시간 안에" in said) == (0, True)
    code, said = run(capfd, log / "head", *policy, "--now", "2026-11-23T01:00:01Z")
    assert (code, "낡은 머리" in said) == (2, True)
    assert run(capfd, log / "head", *policy, "--now", "yesterday")[0] == 2


def test_two_heads_are_compared(log, capfd):
    policy = ("--policy", log / "policy.txt", "--compare", log / "older")
    assert run(capfd, log / "head", *policy)[0] == 2
    assert run(capfd, log / "head", *policy, "--log", log / "log.zip")[0] == 0
    other = made.Log(("complex", "city"), [b"another"] * 3)
    (log / "older").write_bytes(other.note())
    code, said = run(capfd, log / "head", *policy, "--log", log / "log")
    assert code == 1
    assert "증거 2" in said


def test_t12_a_head_on_paper_is_held_against_the_log(log, capfd, witnessed):
    def said_of(*arguments, file="log.zip"):
        policy = ("--policy", log / "policy.txt", "--now", "2026-11-22T09:00:00Z")
        return run(capfd, log / file, *policy, "--head", *arguments)

    older = Checkpoint.parse(parse_note(witnessed.log.note(3)).text)
    for printed in (older.printed, f"https://danji.example/public/A1/log/1/#{older.printed}"):
        code, said = said_of(printed)
        assert (code, "종이에 적힌 머리(3건)에서 이 장부가 이어서 자랐습니다" in said) == (0, True)
    other = Checkpoint.parse(parse_note(made.Log((), [b"another"] * 3).note()).text)
    code, said = said_of(other.printed)
    assert (code, "이 장부의 것이 아닙니다" in said) == (1, True)
    assert said_of(replace(other, size=7).printed)[0] == 2  # the copy is shorter
    assert said_of(replace(older, origin="b.example/apt/B/1").printed)[0] == 2
    assert said_of(older.printed, file="head")[0] == 2  # no copy
    assert said_of(older.printed, "--log", log / "log", file="head")[0] == 0
    for wrong in ("", "3", older.printed[:-1], older.printed.replace(",3,", ",03,")):
        assert said_of(wrong)[0] == 2


def test_a_bundle_is_read_from_a_zip(log, capfd, witnessed):
    (log / "bundle.zip").write_bytes(made_bundle.packed(made_bundle.stamped(witnessed)))
    (log / "tsa.pem").write_bytes(made_bundle.authority().pem)
    policy = ("--policy", log / "policy.txt", "--now", "2026-11-23T00:00:00Z")
    code, said = run(capfd, log / "bundle.zip", *policy, "--tsa", log / "tsa.pem")
    assert code == 0
    assert "믿는 시각 기관이 도장을" in said
    (log / "tsa.pem").write_bytes(made_bundle.authority("다른 기관").pem)
    assert run(capfd, log / "bundle.zip", *policy, "--tsa", log / "tsa.pem")[0] == 1
    (log / "tsa.pem").write_bytes(b"nothing")
    assert run(capfd, log / "bundle.zip", *policy, "--tsa", log / "tsa.pem")[0] == 2


def test_it_remembers_what_it_saw(log, capfd):
    memory = log / "remembered" / "heads.json"
    policy = ("--policy", log / "policy.txt", "--now", "2026-11-22T09:00:00Z")
    assert run(capfd, log / "head", *policy, memory=memory)[0] == 0
    assert memory.exists()
    assert run(capfd, log / "log.zip", *policy, memory=memory)[0] == 0
    other = made.Log(("complex", "city"), [b"another"] * 6)
    (log / "head").write_bytes(other.note())
    code, said = run(capfd, log / "head", *policy, memory=memory)
    assert code == 1
    assert "전에 본 머리와 건수가 같은데" in said
    assert run(capfd, log / "head", *policy)[0] == 0  # nobody remembers


def test_it_remembers_in_the_home_folder_unless_told_otherwise(log, capfd, monkeypatch):
    monkeypatch.setenv("HOME", str(log))
    arguments = [str(log / "head"), "--policy", str(log / "policy.txt")]
    assert main([*arguments, "--now", "2026-11-22T09:00:00Z"]) == 0
    capfd.readouterr()
    assert (log / ".danji_verify" / "heads.json").exists()


def test_the_page_for_browsers_is_told_from_another(tmp_path, capfd):
    (tmp_path / "verify.html").write_bytes(page())
    assert run(capfd, tmp_path / "verify.html")[0] == 0
    (tmp_path / "verify.html").write_bytes(page() + b"\n")
    assert run(capfd, tmp_path / "verify.html")[0] == 1
