"""A whole log, read again from its first entry: what it holds, and whether it holds together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from danji_verify.chain import EVENTS, collects_heads, log_number
from danji_verify.checkpoint import Checkpoint
from danji_verify.entry import Entry, Event, parse_entry
from danji_verify.errors import FormatError, Unreadable, VerifyError, Wrong
from danji_verify.heads import accept_head, read_head, tell_age
from danji_verify.logcopy import LogCopy
from danji_verify.merkle import leaf_hash
from danji_verify.note import parse_note
from danji_verify.policy import Head, Policy
from danji_verify.report import Report
from danji_verify.tiles import Prover, audit

MAX_TOLD = 20  # of one kind; the rest is counted
MAX_APART = timedelta(minutes=10)  # an entry waits for its place a second, seldom some minutes

Progress = Callable[[int, int], None]


@dataclass
class _Last:
    """The newest event of one chain."""

    seq: int
    leaf: bytes
    at: datetime


@dataclass
class _Walk:
    """What was seen of the entries so far."""

    below: int = 0  # the size of the confirmed head
    seen: datetime | None = None  # when the witnesses had all seen what is below it
    continued: bool = False  # this log goes on where another ended, so chains may begin there
    complex: str | None = None
    beginning: tuple[str, int, bytes] | None = None  # document, number and leaf that continued it
    chains: dict[str, _Last] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)  # whom to believe
    closed: int | None = None
    newest: datetime | None = None

    def take(self, index: int, data: bytes) -> None:
        try:
            entry = parse_entry(data)
        except FormatError as problem:
            self.problems.append(f"{index}번 자리에 사건이 아닌 것이 있습니다({problem}).")
            return
        self._follow(index, entry, leaf_hash(data))
        self._time(index, entry)
        if entry.event is Event.ERASED:
            self.erased.append(f"문서 {entry.document}: {index}번 자리의 사건으로 파기")
        if entry.event is Event.LOG_RECOVERED:
            self.recovered.append(
                f"{index}번 자리의 사건({EVENTS[entry.event]}): 운영자가 앞선 사건 가운데 일부의 "
                "내용을 잃었습니다."
            )
        if entry.event is Event.LOG_LOST:
            self.lost.append(
                f"{index}번 자리의 사건({EVENTS[entry.event]}): 앞 장부에서 확정된 사건 가운데 "
                "일부를 증명할 수 없게 되었습니다."
            )
        if entry.event in (Event.POLICY_CHANGED, Event.KEY_ROTATED):
            self.changed.append(
                f"{index}번 자리의 사건({EVENTS[entry.event]}): 믿을 기관이나 열쇠가 이때 "
                "바뀌었습니다. 앞서 받아 둔 정책 파일이 있으면 견주어 보세요."
            )
        if self.closed is not None:
            self.problems.append(f"{index}번 사건이 장부를 닫은 뒤에 적혀 있습니다.")
        if entry.event is Event.LOG_CLOSED:
            self.closed = index

    def _follow(self, index: int, entry: Entry, leaf: bytes) -> None:
        begins = entry.event in (Event.LOG_OPENED, Event.LOG_CONTINUED)
        if begins != (index == 0):
            self.problems.append(f"{index}번 자리가 장부를 연 사건과 어긋납니다.")
        if index == 0:
            self.complex = entry.complex
            self.continued = entry.event is Event.LOG_CONTINUED
        if entry.complex != self.complex:
            self.problems.append(f"{index}번 사건이 다른 단지의 것입니다.")
        if self.continued and index == 0:
            # What the log before could no longer prove of this chain is placed again after it.
            self.beginning = (entry.document, entry.seq, leaf)
            return
        last = self.chains.get(entry.document)
        self.chains[entry.document] = _Last(entry.seq, leaf, entry.at)
        if (entry.document, entry.seq - 1, entry.prev) == self.beginning:
            return
        if last is None:
            if entry.seq != 1 and not self.continued:
                self.problems.append(f"{index}번 사건의 앞 사건이 장부에 없습니다.")
        elif entry.seq != last.seq + 1 or entry.prev != last.leaf:
            self.problems.append(f"{index}번 사건이 같은 문서의 앞 사건에 이어지지 않습니다.")
        elif entry.at < last.at:
            self.problems.append(f"{index}번 사건의 시각이 같은 문서의 앞 사건보다 이릅니다.")

    def _time(self, index: int, entry: Entry) -> None:
        if self.newest is not None and entry.at < self.newest - MAX_APART:
            self.odd.append(f"{index}번 사건의 시각이 먼저 적힌 사건보다 10분 넘게 이릅니다.")
        if self.newest is None or entry.at > self.newest:
            self.newest = entry.at
        if self.seen is not None and index < self.below and entry.at > self.seen + MAX_APART:
            self.odd.append(f"{index}번 사건의 시각이 확인 기관이 이미 본 때보다 늦습니다.")


@dataclass
class _Collected:
    """What was seen of a log of logs (모음 장부): its entries are signed heads of other logs."""

    heads: dict[str, Checkpoint] = field(default_factory=dict)  # the newest, by origin
    problems: list[str] = field(default_factory=list)

    def take(self, index: int, data: bytes) -> None:
        try:
            head = Checkpoint.parse(parse_note(data).text)
        except VerifyError as problem:
            self.problems.append(f"{index}번 자리에 장부의 머리가 아닌 것이 있습니다({problem}).")
            return
        before = self.heads.setdefault(head.origin, head)
        self.heads[head.origin] = head
        if head.size < before.size:
            self.problems.append(f"{index}번: 장부({head.origin})가 앞서 모은 것보다 작습니다.")
        elif head.size == before.size and head.root != before.root:
            self.problems.append(f"{index}번: 장부({head.origin})가 둘로 갈라져 있습니다.")


def check_log(
    copy: LogCopy,
    policy: Policy | None,
    *,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Report:
    """Check a copy of a whole log: heads, every tile, every entry, every chain.

    Args: without `policy` the one in the copy is used and the verdict stays open; given `now`,
    an old head is told; `progress` is told how many entries of how many were read.
    """
    report = Report(trusted=policy is not None)
    used = policy or _policy_inside(copy, report)
    if used is None:
        return report
    if copy.confirmed is None:
        newest, confirmed = accept_head(copy.checkpoint, used, report), None
    else:
        newest = read_head(copy.checkpoint, used, report)
        confirmed = accept_head(copy.confirmed, used, report)
    if newest is None or report.has_failed() or report.questions:
        return report
    report.proven = False
    walk = _walk(newest, confirmed, used)
    if not _read(copy, (newest, confirmed), walk, report, progress):
        return report
    report.proven = True
    if isinstance(walk, _Walk):
        report.complex = walk.complex
        _tell(walk, newest, report)
    else:
        _tell_collected(walk, report)
    if confirmed is not None and (waiting := newest.checkpoint.size - confirmed.checkpoint.size):
        report.unchecked(f"마지막 {waiting:,}건은 아직 확정되지 않았습니다(잠정).")
    if now is not None:
        tell_age(confirmed or newest, used, now, report)
    return report


def _walk(newest: Head, confirmed: Head | None, policy: Policy) -> _Walk | _Collected:
    if collects_heads(newest.checkpoint.origin):
        return _Collected()
    if confirmed is None:
        return _Walk()
    return _Walk(confirmed.checkpoint.size, policy.agreed_at(confirmed.judgement.cosigned))


def _read(
    copy: LogCopy,
    heads: tuple[Head, Head | None],
    walk: _Walk | _Collected,
    report: Report,
    progress: Progress | None,
) -> bool:
    """Read every file. Returns: whether they hold together under the newest head."""
    newest, confirmed = heads
    size = newest.checkpoint.size

    def seen(first: int, entries: list[bytes]) -> None:
        for index, data in enumerate(entries, start=first):
            walk.take(index, data)
        if progress is not None:
            progress(first + len(entries), size)

    with report.checking(
        f"{size:,}건과 모든 조각 파일이 서명한 머리와 맞습니다.",
        "장부의 파일이 서명한 머리와 맞지 않습니다.",
    ):
        try:
            _demand_roots(copy, newest, confirmed, audit(size, copy.reader, seen))
        except (KeyError, FileNotFoundError) as problem:
            raise Unreadable(f"장부의 파일이 빠져 있습니다: {problem}") from problem
    return not report.has_failed()


def _demand_roots(copy: LogCopy, newest: Head, confirmed: Head | None, root: bytes) -> None:
    """Raises: Wrong. The tiles were audited, so the smaller head may be computed from them."""
    if root != newest.checkpoint.root:
        raise Wrong("장부의 내용이 서명한 머리와 다릅니다.")
    if confirmed is None:
        return
    old, size = confirmed.checkpoint, newest.checkpoint.size
    if old.origin != newest.checkpoint.origin or old.size > size:
        raise Wrong("확정한 머리가 이 장부의 머리보다 크거나 다른 장부의 것입니다.")
    try:
        holds = Prover(copy.reader).root_at(old.size, size) == old.root
    except VerifyError as problem:
        raise Wrong("확정한 머리를 다시 계산할 수 없습니다.") from problem
    if not holds:
        raise Wrong("장부가 확정한 머리에서 이어 자란 것이 아닙니다.")


def _tell(walk: _Walk, newest: Head, report: Report) -> None:
    _tell_each(walk.problems, "맞지 않는 사건", report.failed)
    if not walk.problems:
        report.ok(f"문서와 일 {len(walk.chains):,}건의 사건이 저마다 빠짐없이 이어집니다.")
    _tell_each(walk.erased, "파기한 문서", report.ok)
    _tell_each(walk.recovered, "데이터베이스를 되살린 일", report.unchecked)
    _tell_each(walk.lost, "확정된 사건을 잃은 일", report.unchecked)
    _tell_each(walk.changed, "믿을 기관이나 열쇠를 바꾼 일", report.unchecked)
    _tell_each(walk.odd, "시각이 이상한 사건", report.unchecked)
    if walk.closed is not None:
        report.ok(f"{walk.closed}번 사건으로 닫은 장부입니다.")
    if walk.continued:
        number = log_number(newest.checkpoint.origin)
        report.unchecked(f"{number}번째 장부입니다. 앞 장부는 따로 확인해 주세요.")
    report.unchecked("사건에 적힌 값은 장부에 들어 있지 않아 확인하지 않았습니다.")


def _tell_collected(walk: _Collected, report: Report) -> None:
    _tell_each(walk.problems, "맞지 않는 머리", report.failed)
    if not walk.problems:
        report.ok(f"장부 {len(walk.heads):,}개의 머리가 모두 커지기만 했습니다.")
    report.unchecked("모은 머리의 서명은 그 장부의 정책으로 따로 확인해 주세요.")


def _tell_each(sentences: list[str], kind: str, tell: Callable[[str], None]) -> None:
    for sentence in sentences[:MAX_TOLD]:
        tell(sentence)
    if len(sentences) > MAX_TOLD:
        tell(f"{kind}이 {len(sentences) - MAX_TOLD:,}건 더 있습니다.")


def _policy_inside(copy: LogCopy, report: Report) -> Policy | None:
    report.unchecked("정책 파일(장부의 열쇠)을 다른 곳에서 받지 못했습니다(--policy).")
    try:
        return Policy.parse(copy.policy or b"")
    except VerifyError as problem:
        report.unchecked("장부 사본에도 읽을 수 있는 정책이 없습니다.", str(problem))
        return None
