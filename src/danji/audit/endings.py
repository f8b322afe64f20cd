"""What ended: documents erased, disclosures withdrawn; and the readings of each day."""

from dataclasses import dataclass
from uuid import UUID

from danji.audit.chains import Chain, Logged, chains_named
from danji.audit.findings import Area, Findings, Subject
from danji.audit.snapshot import Snapshot
from danji.disposal.readings import altered_readings
from danji_verify.entry import Event

WITHDRAWALS = """
SELECT record.doc, record.number, withdrawal.reason, withdrawal.withdrawn_by_id,
    withdrawal.leaf_hash
FROM disclosure_withdrawal AS withdrawal JOIN records_record AS record
    ON (record.complex_id, record.id) = (withdrawal.complex_id, withdrawal.record_id)
WHERE withdrawal.complex_id = %s
"""
ERASURES = "SELECT doc, leaf_hash FROM disposal_erasure WHERE complex_id = %s"


@dataclass
class EndingCheck:
    """Checks what ended. It is little, so it is read whole."""

    snapshot: Snapshot
    found: Findings

    def check(self) -> None:
        self._withdrawals()
        self._erasures()
        for sentence in altered_readings(self.snapshot.complex.id):
            self.found.fault(Area.OFFICERS, sentence)

    def _withdrawals(self) -> None:
        logged = {
            chain.doc: chain.events[-1]
            for chain in chains_named(self.snapshot, Event.DISCLOSURE_WITHDRAWN)
        }
        for doc, number, reason, by, leaf in self.snapshot.rows(WITHDRAWALS):
            self.found.rows["withdrawals"] += 1
            event = logged.pop(doc, None)
            if event is None or event.leaf != leaf or not _is_as_logged(event, reason, by):
                self._fault("공개를 거둔 사실이 봉인 장부와 다릅니다.", Subject(doc, number), event)
        for doc, event in logged.items():
            self._fault("봉인 장부에 적힌 공개 철회가 지워졌습니다.", Subject(doc), event)

    def _erasures(self) -> None:
        """An erasure hides what was there, so it has to be two officers' and have its row."""
        rows = dict(self.snapshot.rows(ERASURES))
        self.found.rows["erasures"] += len(rows)
        chains = {chain.doc: chain for chain in chains_named(self.snapshot, Event.ERASED)}
        for doc, chain in chains.items():
            if not _by_two(chain):
                self._fault(
                    "서로 다른 두 분의 확인 없이 파기한 것으로 적혀 있습니다.",
                    Subject(doc),
                    chain.events[-1],
                )
        for doc, leaf in rows.items():
            known = chains.get(doc)
            if known is None or known.events[-1].leaf != leaf:
                self._fault("봉인 장부에 없는 파기입니다.", Subject(doc), None)

    def _fault(self, sentence: str, about: Subject, event: Logged | None) -> None:
        self.found.fault(Area.RECORDS, sentence, about=about, index=event.index if event else None)


def _is_as_logged(event: Logged, reason: str, by: UUID) -> bool:
    if not event.openings:  # erased afterwards
        return True
    return (
        event.value("reason") == reason.encode()
        and event.json("actor").get("officeholder") == by.hex
    )


def _by_two(chain: Chain) -> bool:
    event = chain.events[-1]
    people = {event.json(name).get("officeholder") for name in ("proposer", "officer")}
    return len(people) == 2 and None not in people
