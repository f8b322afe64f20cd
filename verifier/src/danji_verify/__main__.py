"""`python -m danji_verify FILE`: check a document without asking its operator.

Exit code: 0 when all that can be checked holds, 1 when something does not, 2 when no judgement
is possible. The network is not used.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from danji_verify.check import check_pdf, check_proof
from danji_verify.errors import Unreadable, VerifyError
from danji_verify.pdf import MAX_PDF
from danji_verify.policy import Policy
from danji_verify.report import Report, Verdict

_PROOF_MARK = b"c2sp.org/tlog-proof@"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        del message  # argparse says it in English
        self.print_usage(sys.stderr)
        self.exit(
            Verdict.UNKNOWN, "무엇을 확인할지 알 수 없습니다. 사용법은 -h로 볼 수 있습니다.\n"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns: the exit code."""
    options = _parser().parse_args(arguments)
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL + 1)
    try:
        report = _check(options.file, options.proof, options.policy)
    except Unreadable as problem:
        report = Report()
        report.unchecked(str(problem))
    if options.json:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=2)
    else:
        text = report.as_text()
    sys.stdout.buffer.write(f"{text}\n".encode())
    return report.verdict


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m danji_verify",
        description="문서가 결재한 뒤 바뀌지 않았는지, 맡은 곳에 묻지 않고 확인합니다.",
        epilog="끝낼 때의 값: 0 모두 맞음, 1 맞지 않음, 2 판단할 수 없음. 인터넷을 쓰지 않습니다.",
    )
    parser.add_argument("file", type=Path, help="봉인한 PDF 또는 .tlog-proof 파일")
    parser.add_argument(
        "--proof", type=Path, help="PDF의 증명 파일(없으면 PDF 옆의 FILE.tlog-proof)"
    )
    parser.add_argument(
        "--policy", type=Path, help="믿는 장부와 기관의 열쇠를 적은 파일. 다른 곳에서 받아 주세요"
    )
    parser.add_argument("--json", action="store_true", help="프로그램이 읽을 수 있게 답합니다")
    return parser


def _check(file: Path, proof: Path | None, policy: Path | None) -> Report:
    data = _read(file)
    trusted = _read_policy(policy) if policy else None
    if data.startswith(_PROOF_MARK):
        return check_proof(data, trusted)
    beside = file.with_name(f"{file.name}.tlog-proof")
    if proof is None and beside.is_file():
        proof = beside
    return check_pdf(data, _read(proof) if proof else None, trusted)


def _read_policy(path: Path) -> Policy:
    try:
        return Policy.parse(_read(path))
    except Unreadable:
        raise
    except VerifyError as problem:
        raise Unreadable(f"정책 파일의 양식이 맞지 않습니다: {path.name}") from problem


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PDF + 1)
    except OSError as problem:
        raise Unreadable(f"파일을 열 수 없습니다: {path.name}") from problem
    if len(data) > MAX_PDF:
        raise Unreadable(f"파일이 너무 큽니다: {path.name}")
    return data


if __name__ == "__main__":
    sys.exit(main())
