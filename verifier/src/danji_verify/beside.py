"""A document held against the whole log: what else the log says of it, and of what it rests on.

A proof shows that an event is in the log, and not that no other is: another filing of the same
document, its erasure, a key that had been revoked before it signed.
"""

from dataclasses import dataclass, field

from danji_verify.chain import EVENTS, Link
from danji_verify.entry import Entry, Event, parse_entry
from danji_verify.errors import FormatError, Unlisted, Unreadable, VerifyError
from danji_verify.logcopy import NOT_WHOLE, LogCopy
from danji_verify.merkle import leaf_hash
from danji_verify.policy import Fork, Head, Policy
from danji_verify.report import Claim, Report
from danji_verify.tiles import roots

_AFTERWARDS = frozenset({Event.DISCLOSED, Event.DISCLOSURE_WITHDRAWN, Event.ERASED})
_TOLD = {
    Event.DISCLOSURE_WITHDRAWN: "공개를 거두었습니다",
    Event.ERASED: "이 문서를 파기했습니다",
}


def check_beside(log_copy: LogCopy, policy: Policy, report: Report) -> None:
    """Hold the events of a report against a copy of their log, entry by entry.

    Says nothing where the copy is of another log: a document may stand in several.
    """
    if report.has_failed() or not report.links:
        return
    try:
        own = log_copy.head(policy)
    except Unlisted:
        return
    except VerifyError:
        report.question(NOT_WHOLE)
        return
    links = [link for link in report.links if link.origin == own.checkpoint.origin]
    if not links:
        return
    walk = _Walk(links, report.claims, _end(own, report))
    try:
        size = own.checkpoint.size
        if roots([size], size, log_copy.reader, walk.take)[size] != own.checkpoint.root:
            raise Unreadable(NOT_WHOLE)
    except (KeyError, FileNotFoundError, VerifyError):
        report.question(NOT_WHOLE)
        return
    walk.tell(own, report)


def _end(own: Head, report: Report) -> int:
    """Up to which place the log counts: what it grew after another continued it does not."""
    ends = [end.checkpoint for end in report.ends if end.checkpoint.origin == own.checkpoint.origin]
    return min([own.checkpoint.size, *(end.size for end in ends)])


@dataclass
class _Walk:
    """What the entries of a log say of the events that were handed in."""

    links: list[Link]
    claims: list[Claim]
    end: int
    other: Link | None = None  # in whose place the copy has something else
    strange: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    ended: dict[str, list[tuple[Event, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {link.index: link for link in self.links}
        filed = [link for link in self.links if link.entry.event is Event.FILED]
        self.last = filed[-1] if filed else None  # of the document, as far as it was read
        self.chain = (self.last.entry.seq, self.last.leaf) if self.last else None
        self.sealed = any(link.entry.event is Event.FINALIZED for link in self.links)
        self.watched = {claim.begun.entry.document for claim in self.claims}

    def take(self, first: int, entries: list[bytes]) -> None:
        for index, data in enumerate(entries, start=first):
            known = self.known.get(index)
            if known is not None and known.leaf != leaf_hash(data):
                self.other = known
            try:
                entry = parse_entry(data)
            except FormatError:
                continue  # whoever asks about the whole log is told
            if index < self.end:
                self._take(index, entry, data)

    def _take(self, index: int, entry: Entry, data: bytes) -> None:
        if entry.document in self.watched:
            self.ended.setdefault(entry.document, []).append((entry.event, index))
        if self.last is None or self.chain is None or entry.document != self.last.entry.document:
            return
        follows = index > self.last.index and (entry.seq - 1, entry.prev) == self.chain
        if index > self.last.index:
            self.chain = entry.seq, leaf_hash(data)
        if index in self.known:
            return
        sealing = entry.event is Event.FINALIZED and not self.sealed
        if not follows or not (sealing or entry.event in _AFTERWARDS):
            self.strange.append(f"{index}번 자리의 {entry.seq}번째 사건({EVENTS[entry.event]})")
        elif entry.event in _TOLD:
            self.later.append(f"장부의 {index}번 자리에서 {_TOLD[entry.event]}.")
        self.sealed = self.sealed or sealing

    def tell(self, own: Head, report: Report) -> None:
        if self.other is not None:
            report.forked(Fork(self.other.head, own))
            return
        if self.strange:
            report.failed(
                f"장부 사본에 이 문서의 다른 사건이 있습니다: {', '.join(self.strange[:3])}"
            )
        elif self.last is not None and self.last.index < self.end:
            report.ok("장부 사본에는 이 문서의 사건이 이 파일에 든 것과 그 뒤의 것뿐입니다.")
        for sentence in self.later:
            report.ok(sentence)
        for claim in self.claims:
            self._settle(claim, report)

    def _settle(self, claim: Claim, report: Report) -> None:
        """Whether what a decision rests on had ended before it."""
        used, begun = claim.used, claim.begun
        known = self.known.get(used.index)
        if known is None or known.leaf != used.leaf or used.index >= self.end:
            return
        ends = [
            index
            for event, index in self.ended.get(begun.entry.document, [])
            if event is claim.ends and index < used.index
        ]
        if ends:
            report.failed(f"{claim.broken} 장부의 {ends[0]}번 자리에 적혀 있습니다.")
        elif begun.origin == used.origin:
            report.settle_claim(claim)
