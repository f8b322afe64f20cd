"""What ended: documents erased, disclosures withdrawn; and the readings of each day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from danji.audit.basis import Basis, Holder
from danji.audit.books import Book
from danji.audit.chains import Chain, Logged, chains_named
from danji.audit.findings import Area, Findings, Subject
from danji.audit.snapshot import Snapshot
from danji.disposal.readings import altered_readings
from danji.rules.appointment import Answer
from danji.rules.disposal import Basis as Ground
from danji.rules.periods import day_in_seoul
from danji_verify.entry import Event

WITHDRAWALS = """
SELECT record.doc, record.number, withdrawal.reason, withdrawal.withdrawn_by_id,
    withdrawal.leaf_hash
FROM disclosure_withdrawal AS withdrawal JOIN records_record AS record
    ON (record.complex_id, record.id) = (withdrawal.complex_id, withdrawal.record_id)
WHERE withdrawal.complex_id = %s
"""
# What two officers agreed to erase, and the fact that it was.
ERASURES = """
SELECT erasure.doc, erasure.leaf_hash, item.doc, disposal.basis, disposal.reason,
    disposal.proposed_by_id, disposal.proposed_at, outcome.answer, outcome.answered_by_id,
    outcome.answered_at, erasure.erased_at
FROM disposal_erasure AS erasure
JOIN disposal_disposalitem AS item
    ON (item.complex_id, item.id) = (erasure.complex_id, erasure.item_id)
JOIN disposal_disposal AS disposal
    ON (disposal.complex_id, disposal.id) = (item.complex_id, item.disposal_id)
JOIN disposal_disposaloutcome AS outcome
    ON (outcome.complex_id, outcome.disposal_id) = (disposal.complex_id, disposal.id)
WHERE erasure.complex_id = %s
"""
FOLLOWED = """
SELECT id, document_id FROM approvals_circulation
WHERE complex_id = %s AND leaf_hash IS NOT NULL AND id = ANY(%s)
"""
CONFIRMATIONS = """
SELECT record.doc, record.number, confirmation.size, leaf.log_number, leaf.index
FROM disclosure_confirmation AS confirmation JOIN records_record AS record
    ON (record.complex_id, record.id) = (confirmation.complex_id, confirmation.record_id)
LEFT JOIN transparency_event AS event
    ON (event.complex_id, event.doc) = (record.complex_id, record.doc)
    AND event.name = 'doc.finalized'
LEFT JOIN transparency_leaf AS leaf
    ON (leaf.complex_id, leaf.event_id) = (event.complex_id, event.id)
WHERE confirmation.complex_id = %s
"""
CLEARANCES = """
SELECT record.doc, record.number, clearance.officeholder_id, clearance.cleared_at
FROM disclosure_clearance AS clearance JOIN records_record AS record
    ON (record.complex_id, record.id) = (clearance.complex_id, clearance.record_id)
WHERE clearance.complex_id = %s
"""


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """An erasure, with the disposal that it carries out."""

    doc: UUID
    leaf: bytes
    item: UUID
    basis: str
    reason: str
    proposer: UUID
    proposed_at: datetime
    answer: str
    officer: UUID
    answered_at: datetime
    erased_at: datetime


@dataclass
class EndingCheck:
    """Checks what ended. It is little, so it is read whole."""

    snapshot: Snapshot
    basis: Basis
    books: Mapping[int, Book]
    found: Findings

    def check(self) -> None:
        with self.found.guarding(Area.RECORDS, "공개 철회:"):
            self._withdrawals()
        with self.found.guarding(Area.RECORDS, "파기:"):
            self._erasures()
        with self.found.guarding(Area.RECORDS, "확정과 공개의 확인:"):
            self._confirmations()
            self._clearances()
        with self.found.guarding(Area.OFFICERS, "열람 기록:"):
            for sentence in altered_readings(self.snapshot.complex.id):
                self.found.fault(Area.OFFICERS, sentence)

    def _withdrawals(self) -> None:
        logged = {chain.doc: chain.events[-1] for chain in self._known(Event.DISCLOSURE_WITHDRAWN)}
        for doc, number, reason, by, leaf in self.snapshot.rows(WITHDRAWALS):
            self.found.rows["withdrawals"] += 1
            event = logged.pop(doc, None)
            if event is None or event.leaf != leaf or not _is_as_logged(event, reason, by):
                self._fault("공개를 거둔 사실이 봉인 장부와 다릅니다.", Subject(doc, number), event)
        for doc, event in logged.items():
            self._fault("봉인 장부에 적힌 공개 철회가 지워졌습니다.", Subject(doc), event)

    def _erasures(self) -> None:
        """An erasure hides what was there: it has to be two officers', and to have its rows."""
        rows = {row[0]: ErasureRow(*row) for row in self.snapshot.rows(ERASURES)}
        self.found.rows["erasures"] += len(rows)
        chains = {chain.doc: chain for chain in self._known(Event.ERASED)}
        document_of = dict(self.snapshot.rows(FOLLOWED, list(chains)))
        for doc, chain in chains.items():
            event = chain.events[-1]
            row = rows.get(document_of.get(doc, doc))
            if document_of.get(doc, doc) in self.basis.erasing:
                continue
            if row is None:
                said = "두 분이 파기를 제안하고 확인한 적이 없는데 파기한 것으로 적혀 있습니다."
                self._fault(said, Subject(doc), event)
            elif wrong := self._differing(row, event):
                said = f"파기한 사건과 제안·확인한 기록이 다릅니다({', '.join(wrong)})."
                self._fault(said, Subject(doc), event)
        for doc, row in rows.items():
            known = chains.get(doc)
            if known is None or known.events[-1].leaf != row.leaf:
                self._fault("봉인 장부에 없는 파기입니다.", Subject(doc), None)

    def _differing(self, row: ErasureRow, event: Logged) -> list[str]:
        """What of an erasure is not as two officers agreed, in words."""
        erasure = event.json("erasure")
        proposer, officer = (self.basis.holders.get(id_) for id_ in (row.proposer, row.officer))
        at = event.entry.at if event.entry else row.answered_at
        second = timedelta(seconds=1)
        agrees = {
            "문서": row.item == row.doc,
            "제안한 분": event.json("proposer").get("officeholder") == row.proposer.hex,
            "확인한 분": event.json("officer").get("officeholder") == row.officer.hex,
            "서로 다른 두 분": proposer is not None
            and officer is not None
            and proposer.person != officer.person,
            "임기": _serves(proposer, row.proposed_at) and _serves(officer, row.answered_at),
            "확인": row.answer == Answer.CONFIRMED.value,
            "근거": erasure.get("basis") == Ground(row.basis).label,
            "까닭": erasure.get("reason") == row.reason,
            "때": row.proposed_at <= row.answered_at < at + second <= row.erased_at + 2 * second,
        }
        return [what for what, does in agrees.items() if not does]

    def _confirmations(self) -> None:
        """A page says that the witnesses agreed: under a head that they did agree on."""
        standing: dict[tuple[UUID, str, int], bool] = {}
        for doc, number, size, log, index in self.snapshot.rows(CONFIRMATIONS):
            book = self.books.get(log) if log is not None else None
            holds = book is not None and size in book.agreed and index < size
            key = (doc, number, size)
            standing[key] = standing.get(key, False) or holds
        self.found.rows["confirmations"] += len(standing)
        for (doc, number, _), holds in standing.items():
            if not holds:
                said = "확인 기관이 확인하지 않은 문서가 확정된 것으로 되어 있습니다."
                self._fault(said, Subject(doc, number), None)

    def _clearances(self) -> None:
        """Whoever answered for showing an attachment held an office on that day."""
        for doc, number, officeholder, at in self.snapshot.rows(CLEARANCES):
            self.found.rows["clearances"] += 1
            if not _serves(self.basis.holders.get(officeholder), at):
                said = "공개해도 된다고 확인한 분이 그날 그 직책에 있지 않았습니다."
                self._fault(said, Subject(doc, number), None)

    def _known(self, name: Event) -> list[Chain]:
        """The events of that name, but for those that came back without content."""
        marked = self.basis.recoveries.mark(chains_named(self.snapshot, name))
        return [known for chain in marked if (known := chain.known).events]

    def _fault(self, sentence: str, about: Subject, event: Logged | None) -> None:
        self.found.fault(Area.RECORDS, sentence, about=about, index=event.index if event else None)


def _is_as_logged(event: Logged, reason: str, by: UUID) -> bool:
    if not event.openings:  # erased afterwards
        return True
    return (
        event.value("reason") == reason.encode()
        and event.json("actor").get("officeholder") == by.hex
    )


def _serves(holder: Holder | None, at: datetime) -> bool:
    """Whether somebody held the office at that moment."""
    day = day_in_seoul(at)
    return (
        holder is not None and holder.since <= day and (holder.until is None or day <= holder.until)
    )
