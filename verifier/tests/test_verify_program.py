"""`python -m danji_verify`, as a stranger would use it."""

import json
import subprocess
import sys

import pytest

import made_document as made
from danji_verify.__main__ import main


@pytest.fixture
def folder(tmp_path, sealed):
    (tmp_path / "document.pdf").write_bytes(sealed.pdf)
    (tmp_path / "document.pdf.tlog-proof").write_bytes(sealed.proof)
    (tmp_path / "policy.txt").write_bytes(made.policy().format())
    return tmp_path


def run(capfd, *arguments):
    code = main([str(argument) for argument in arguments])
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
    assert said.splitlines()[-1] == "결론: 맞지 않는 것이 있습니다. 이 파일을 믿지 마세요."


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
    right = subprocess.run([*command, *arguments], capture_output=True, check=False)
    assert (right.returncode, right.stderr) == (0, b"")
