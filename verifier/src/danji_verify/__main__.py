"""`python -m danji_verify FILE`: check a document, a bundle, a proof, a log or a head without
asking whoever keeps it.

Exit code: 0 when all that can be checked holds, 1 when something does not, 2 when no judgement
is possible. The network is not used.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from danji_verify.archive import Archive
from danji_verify.beside import check_beside
from danji_verify.bundle import PDF, Trust, check_bundle
from danji_verify.check import check_pdf, check_proof
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import parse_time
from danji_verify.errors import FormatError, NoteError, Unreadable, VerifyError, Wrong
from danji_verify.heads import check_head, check_heads, check_printed
from danji_verify.logcheck import check_log
from danji_verify.logcopy import LIMITS, LogCopy, open_copy
from danji_verify.memory import DEFAULT, Memory
from danji_verify.note import parse_note
from danji_verify.page import check_page
from danji_verify.pdf import MAX_PDF
from danji_verify.policy import Policy
from danji_verify.report import Report, Verdict
from danji_verify.stamp import load_roots

_PROOF_MARK = b"c2sp.org/tlog-proof@"
_ZIP_MARK = b"PK\x03\x04"
_PAGE_MARK = b"<!doctype html"
_USAGE = "무엇을 확인할지 알 수 없습니다. 사용법은 -h로 볼 수 있습니다.\n"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        del message  # argparse says it in English
        self.print_usage(sys.stderr)
        self.exit(Verdict.UNKNOWN, _USAGE)


class _Options(argparse.Namespace):
    file: Path
    proof: Path | None
    policy: Path | None
    compare: Path | None
    head: str | None
    log: Path | None
    tsa: Path | None
    memory: str
    now: str | None
    json: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns: the exit code."""
    options = _parser().parse_args(arguments, namespace=_Options())
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL + 1)
    try:
        report = _check(options)
    except Unreadable as problem:
        report = Report()
        report.question(str(problem))
    except Wrong as problem:
        report = Report()
        report.failed(str(problem))
    if options.json:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=2)
    else:
        text = report.as_text()
    sys.stdout.buffer.write(f"{text}\n".encode())
    return report.verdict


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m danji_verify",
        description="문서와 장부가 뒤에 바뀌지 않았는지, 맡은 곳에 묻지 않고 확인합니다.",
        epilog="끝낼 때의 값: 0 모두 맞음, 1 맞지 않음, 2 판단할 수 없음. 인터넷을 쓰지 않습니다.",
    )
    add: Callable[..., object] = parser.add_argument
    add(
        "file",
        type=Path,
        help="봉인한 PDF, 증명 묶음(ZIP), .tlog-proof, 장부 사본(log.zip이나 폴더), "
        "장부의 머리(checkpoint), verify.html 가운데 하나",
    )
    add("--proof", type=Path, help="PDF의 증명 파일(없으면 PDF 옆의 FILE.tlog-proof)")
    add("--policy", type=Path, help="믿는 장부와 기관의 열쇠를 적은 파일. 다른 곳에서 받아 주세요")
    add("--compare", type=Path, metavar="HEAD", help="견줄 다른 머리. FILE도 머리여야 합니다")
    add(
        "--head",
        metavar="ORIGIN,SIZE,ROOT",
        help="종이(이달의 머리표, 문서의 QR 코드)에 적힌 머리나 그 주소. 장부 사본의 것인지 봅니다",
    )
    add(
        "--log",
        type=Path,
        help="장부 사본(log.zip이나 폴더). 이어서 자랐는지, 이 문서의 다른 사건이 없는지 봅니다",
    )
    add("--tsa", type=Path, metavar="CERTS", help="믿는 시각 기관의 인증서(PEM)")
    add(
        "--memory",
        default=str(DEFAULT),
        metavar="FILE",
        help=f"전에 본 가장 큰 머리를 적어 두는 파일(보통 {DEFAULT}). none이면 적지 않습니다",
    )
    add("--now", metavar="TIME", help="지금으로 볼 시각, 예: 2026-11-22T00:00:00Z")
    add("--json", action="store_true", help="프로그램이 읽을 수 있게 답합니다")
    return parser


def _check(options: _Options) -> Report:
    """Raises: Wrong, Unreadable."""
    policy = _read_policy(options.policy) if options.policy else None
    log_copy = open_copy(options.log) if options.log else None
    printed = _printed(options.head) if options.head is not None else None
    report = _judge(options, policy, log_copy)
    if policy is not None and log_copy is not None:
        check_beside(log_copy, policy, report)
    if printed is not None and not report.has_failed():
        if (copy := log_copy or _copy_at(options.file)) is not None:
            check_printed(printed, copy, report)
        else:
            report.question("종이의 머리와 견주려면 장부 사본(log.zip)을 함께 넣어 주세요(--log).")
    if policy is not None and options.memory != "none":
        known = log_copy or (_copy_at(options.file) if report.heads else None)
        Memory(Path(options.memory).expanduser()).weigh(report, policy, known)
    return report


def _judge(options: _Options, policy: Policy | None, log_copy: LogCopy | None) -> Report:
    now = _moment(options.now) if options.now else datetime.now(UTC)
    if options.compare is not None:
        return check_heads(_read(options.file), _read(options.compare), policy, log_copy)
    if _is_copy(options.file):
        return check_log(open_copy(options.file), policy, now=now, progress=_progress())
    data = _read(options.file)
    if data.startswith(_ZIP_MARK):
        authorities = load_roots(_read(options.tsa)) if options.tsa else []
        return check_bundle(data, Trust(policy, authorities, now))
    return _judge_file(data, options, policy, now)


def _judge_file(data: bytes, options: _Options, policy: Policy | None, now: datetime) -> Report:
    if data.startswith(_PROOF_MARK):
        return check_proof(data, policy)
    if data[: len(_PAGE_MARK)].lower() == _PAGE_MARK:
        return check_page(data)
    if _is_note(data):
        return check_head(data, policy, now)
    proof = options.proof
    beside = options.file.with_name(f"{options.file.name}.tlog-proof")
    if proof is None and beside.is_file():
        proof = beside
    return check_pdf(data, _read(proof) if proof else None, policy)


def _is_copy(file: Path) -> bool:
    """Whether it is a log: a folder, or a ZIP that is no proof bundle."""
    if file.is_dir():
        return True
    return _read(file, most=4) == _ZIP_MARK and PDF not in Archive(file, LIMITS).names


def _copy_at(file: Path) -> LogCopy | None:
    """The log itself, where it was what was handed in."""
    try:
        return open_copy(file)
    except Wrong:
        return None


def _is_note(data: bytes) -> bool:
    try:
        parse_note(data)
    except NoteError:
        return False
    return True


def _progress() -> Callable[[int, int], None] | None:
    """Says on a terminal how far a long check has come."""
    if not sys.stderr.isatty():
        return None

    def tell(done: int, of: int) -> None:
        if done % 65_536 < 256 or done == of:
            end = "\n" if done == of else "\r"
            sys.stderr.write(f"사건 {done:,} / {of:,}{end}")

    return tell


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except FormatError as problem:
        raise Unreadable("시각은 2026-11-22T00:00:00Z처럼 적어 주세요(--now).") from problem


def _printed(text: str) -> Checkpoint:
    try:
        return Checkpoint.parse_printed(text)
    except FormatError as problem:
        raise Unreadable(
            "종이의 머리는 장부 이름, 건수, 확인값을 쉼표로 이은 것입니다(--head). QR 코드를 찍어 "
            "나온 주소를 그대로 넣으셔도 됩니다."
        ) from problem


def _read_policy(path: Path) -> Policy:
    try:
        return Policy.parse(_read(path))
    except Unreadable:
        raise
    except VerifyError as problem:
        raise Unreadable(f"정책 파일의 양식이 맞지 않습니다: {path.name}") from problem


def _read(path: Path, most: int | None = None) -> bytes:
    """The whole file, or its first `most` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PDF + 1 if most is None else most)
    except OSError as problem:
        raise Unreadable(f"파일을 열 수 없습니다: {path.name}") from problem
    if len(data) > MAX_PDF:
        raise Unreadable(f"파일이 너무 큽니다: {path.name}")
    return data


if __name__ == "__main__":
    sys.exit(main())
