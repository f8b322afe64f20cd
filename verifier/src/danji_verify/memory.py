"""The largest head seen of each log, kept from one run to the next.

Whoever keeps a log could show everybody another one. Somebody who remembers what was shown before
notices: all heads of one log must be heads of one tree that only grew.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from danji_verify.errors import FormatError, VerifyError
from danji_verify.heads import compare_with_copy
from danji_verify.logcopy import LogCopy
from danji_verify.note import MAX_NOTE
from danji_verify.policy import Fork, Head, Policy
from danji_verify.report import Report

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

DEFAULT = Path("~/.danji_verify/heads.json")

MAX_MEMORY = 64 * 1024 * 1024  # bytes
_VERSION = 1
_SPLIT = "장부가 둘로 갈라져 있습니다. 전에 본 머리와 건수가 같은데 내용이 다릅니다."


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
        with self._alone():
            self._weigh(report, policy, log_copy)

    def _weigh(self, report: Report, policy: Policy, log_copy: LogCopy | None) -> None:
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
        shown = _by_origin(report.heads)
        for origin, heads in shown.items():
            _weigh(heads, known.get(origin), policy, log_copy, report)
        for end in report.ends:
            _weigh_end(end, known.get(end.checkpoint.origin), report)
        _tell_other_keys(shown.keys() - known.keys(), notes.values(), report)
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

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep another run from forgetting what this one remembers, from reading to replacing."""
        with contextlib.ExitStack() as held:
            # Where there can be no lock nothing can be written either, which `_save` then tells.
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                lock = self.path.with_name(f"{self.path.name}.lock")
                _lock(held.enter_context(lock.open("ab")).fileno())
            yield

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
            _settle(self.path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise


def _judged(notes: Iterable[str], policy: Policy) -> dict[str, Head]:
    """The largest remembered head of each origin that a log of the policy signed, with a key that
    still counts.

    Another key under the same origin is another log: of another server, or of a test.
    """
    known: dict[str, Head] = {}
    for note in notes:
        try:
            head = Head(note.encode(), policy.judge(note.encode()))
            head.judgement.demand_current()
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
    # A copy that is too short would not tell these apart.
    if known is not None and (other := _other_face(heads, known)) is not None:
        report.forked(Fork(known, other, _SPLIT))
        return
    if log_copy is not None and _is_of(log_copy, heads[0], policy):
        compare_with_copy([*heads, *([known] if known else [])], log_copy, policy, report)
        return
    if known is None:
        return
    largest = max(heads, key=lambda head: head.checkpoint.size)
    if largest.checkpoint.size == known.checkpoint.size:
        return
    sizes = f"전에 본 장부는 {known.checkpoint.size:,}건, 지금 것은 {largest.checkpoint.size:,}건"
    if largest.judgement.confirmed:
        report.unchecked(
            f"{sizes}입니다. 둘이 이어지는지는 확인 기관의 서명을 믿었고 직접 계산하지는 "
            "않았습니다. 장부 사본이 있으면 계산해 볼 수 있습니다(--log)."
        )
    else:
        report.question(
            f"전에 본 장부와 이어지는지 알 수 없습니다({sizes}). "
            "장부 사본(log.zip)을 받아 함께 넣어 주세요(--log)."
        )


def _other_face(heads: Iterable[Head], known: Head) -> Head | None:
    """One of the size of the head known, and not the same."""
    last = known.checkpoint
    for head in heads:
        if head.checkpoint.size == last.size and head.checkpoint.root != last.root:
            return head
    return None


def _weigh_end(end: Head, known: Head | None, report: Report) -> None:
    """A log that another goes on from did not end before what was seen of it."""
    if known is None or known.checkpoint.size < end.checkpoint.size:
        return
    seen, last = known.checkpoint.size, end.checkpoint.size
    if seen == last:
        if known.checkpoint.root != end.checkpoint.root:
            report.forked(Fork(known, end, _SPLIT))
        return
    cut = f"앞 장부가 {last:,}건에서 끝났다고 하는데, 전에 본 것은 {seen:,}건입니다."
    if known.judgement.confirmed:
        report.forked(Fork(known, end, f"{cut} 확정된 사건이 빠졌습니다."))
    else:
        report.unchecked(f"{cut} 그 뒤의 사건이 빠졌는지는 확인 기관에 물어봐 주세요.")


def _tell_other_keys(origins: Iterable[str], notes: Iterable[str], report: Report) -> None:
    """Args: `origins` are those of which nothing is remembered that the policy still accepts."""
    remembered = {note.partition("\n")[0] for note in notes}
    for origin in sorted(remembered.intersection(origins)):
        report.unchecked(
            f"장부({origin})에서 전에 본 머리는 이 정책이 받지 않는 열쇠의 것이라 견주지 "
            "못했습니다. 장부의 열쇠를 바꾼 적이 있는지 확인 기관에 물어봐 주세요."
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
        judgement = head.judgement
        accepted = judgement.confirmed or (policy.quorum is None and not judgement.retired)
        if accepted and (before is None or head.checkpoint.size > before.checkpoint.size):
            largest[origin] = head
    return {str(head.judgement.log): head.note.decode() for head in largest.values()}


def _lock(file: int) -> None:
    """Wait until no other process holds the open file. Raises: OSError."""
    if sys.platform == "win32":
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX)


def _settle(folder: Path) -> None:
    """See to it that a name put in a folder outlives a loss of power, where a system can do so."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
