"""The largest head seen of each log, kept from one run to the next.

Whoever keeps a log could show everybody another one. Somebody who remembers what was shown before
notices: all heads of one log must be heads of one tree that only grew.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from danji_verify.errors import FormatError, VerifyError
from danji_verify.heads import compare_with_copy, tell_fork
from danji_verify.logcopy import LogCopy
from danji_verify.note import MAX_NOTE
from danji_verify.policy import Head, Policy
from danji_verify.report import Report

DEFAULT = Path("~/.danji_verify/heads.json")

MAX_MEMORY = 64 * 1024 * 1024  # bytes
_VERSION = 1
_SPLIT = "장부가 둘로 갈라져 있습니다. 전에 본 머리와 크기가 같은데 내용이 다릅니다."


@dataclass(frozen=True)
class Memory:
    """A file of signed heads, by the key of the log that signed each.

    It is believed no more than others: each note is judged again.
    """

    path: Path

    def weigh(self, report: Report, policy: Policy, log_copy: LogCopy | None = None) -> None:
        """Hold the heads of a report against those remembered, then remember the larger ones.

        Says what it found in `report`. Only heads that a policy from outside accepts count.
        """
        if not report.trusted or report.has_failed():
            return
        try:
            notes = self._load()
        except (FormatError, OSError) as problem:
            report.unchecked(
                f"전에 본 머리를 적어 둔 파일을 읽을 수 없어 견주지 못했습니다: {self.path}. "
                "파일을 다른 곳으로 옮기면 새로 적기 시작합니다.",
                str(problem),
            )
            return
        known = _judged(notes.values(), policy)
        for origin, heads in _by_origin(report.heads).items():
            _weigh(heads, known.get(origin), policy, log_copy, report)
        if report.has_failed() or report.questions:
            return
        larger = _larger(report.heads, known, policy)
        if larger:
            try:
                self._save(notes | larger)
            except OSError as problem:
                report.unchecked(
                    f"이번에 본 머리를 적어 두지 못했습니다: {self.path}", str(problem)
                )

    def _load(self) -> dict[str, str]:
        """Raises: FormatError when the file is not what `_save` writes; OSError."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_MEMORY + 1)
        except FileNotFoundError:
            return {}
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as problem:
            raise FormatError("not JSON") from problem
        notes = content.get("heads") if isinstance(content, dict) else None
        if not isinstance(notes, dict) or content.get("v") != _VERSION:
            raise FormatError("not a file of heads")
        if not all(isinstance(note, str) and len(note) <= MAX_NOTE for note in notes.values()):
            raise FormatError("not a file of heads")
        return notes

    def _save(self, notes: Mapping[str, str]) -> None:
        """Replace the file as a whole. Raises: OSError."""
        text = json.dumps({"v": _VERSION, "heads": notes}, ensure_ascii=False, indent=1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=self.path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(beside).replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise


def _judged(notes: Iterable[str], policy: Policy) -> dict[str, Head]:
    """The largest remembered head of each origin that is signed by a log of the policy.

    Another key under the same origin is another log: of another server, or of a test.
    """
    known: dict[str, Head] = {}
    for note in notes:
        try:
            head = Head(note.encode(), policy.judge(note.encode()))
        except VerifyError:
            continue
        origin = head.checkpoint.origin
        if origin not in known or head.checkpoint.size > known[origin].checkpoint.size:
            known[origin] = head
    return known


def _by_origin(heads: Iterable[Head]) -> dict[str, list[Head]]:
    found: dict[str, list[Head]] = {}
    for head in heads:
        found.setdefault(head.checkpoint.origin, []).append(head)
    return found


def _weigh(
    heads: list[Head],
    known: Head | None,
    policy: Policy,
    log_copy: LogCopy | None,
    report: Report,
) -> None:
    """Args: `heads` are those of one log that were shown now, `known` the one remembered of it."""
    if log_copy is not None and _is_of(log_copy, heads[0], policy):
        compare_with_copy([*heads, *([known] if known else [])], log_copy, policy, report)
        return
    if known is None:
        return
    for head in heads:
        same_size = head.checkpoint.size == known.checkpoint.size
        if same_size and head.checkpoint.root != known.checkpoint.root:
            tell_fork(_SPLIT, [known.note, head.note], report)
            return
    largest = max(heads, key=lambda head: head.checkpoint.size)
    if largest.checkpoint.size == known.checkpoint.size:
        return
    sizes = f"{known.checkpoint.size:,}에서 {largest.checkpoint.size:,}"
    if known.checkpoint.size > largest.checkpoint.size:
        sizes = f"{largest.checkpoint.size:,}에서 {known.checkpoint.size:,}"
    if largest.judgement.confirmed:
        report.unchecked(
            f"장부가 {sizes}(으)로 이어서 자랐는지는 확인 기관의 서명을 믿었고 직접 계산하지는 "
            "않았습니다. 장부 사본이 있으면 계산해 볼 수 있습니다(--log)."
        )
    else:
        report.question(
            f"전에 본 장부와 이어지는지 알 수 없습니다(크기 {sizes}). "
            "장부 사본(log.zip)을 받아 함께 넣어 주세요(--log)."
        )


def _is_of(log_copy: LogCopy, head: Head, policy: Policy) -> bool:
    try:
        return log_copy.head(policy).checkpoint.origin == head.checkpoint.origin
    except VerifyError:
        return False


def _larger(heads: Iterable[Head], known: Mapping[str, Head], policy: Policy) -> dict[str, str]:
    """What is worth remembering: accepted by the policy, and larger than what is remembered."""
    largest: dict[str, Head] = {}
    for head in heads:
        origin = head.checkpoint.origin
        before = largest.get(origin) or known.get(origin)
        accepted = policy.quorum is None or head.judgement.confirmed
        if accepted and (before is None or head.checkpoint.size > before.checkpoint.size):
            largest[origin] = head
    return {str(head.judgement.log): head.note.decode() for head in largest.values()}
