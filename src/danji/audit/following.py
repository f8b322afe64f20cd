"""Approvals afterwards (후결): each is a chain of its own beside the document."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from danji.audit.chains import Chain
from danji.audit.documents import moment
from danji.audit.findings import Area, Findings, Subject
from danji.audit.signatures import SignatureCheck
from danji.audit.snapshot import Snapshot, Span
from danji_verify.entry import Event

FOLLOWINGS = """
SELECT circulation.id, circulation.document_id, circulation.recipient_id, circulation.confirmed_at,
    circulation.leaf_hash, document.title, document.digest, document.amount
FROM approvals_circulation AS circulation JOIN approvals_document AS document
    ON (document.complex_id, document.id) = (circulation.complex_id, circulation.document_id)
WHERE circulation.complex_id = %s AND circulation.id BETWEEN %s AND %s
    AND circulation.leaf_hash IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class FollowingRow:
    id: UUID
    document: UUID
    recipient: UUID
    confirmed_at: datetime
    leaf: bytes
    title: str
    digest: str
    amount: int | None


def read_followings(snapshot: Snapshot, span: Span, found: Findings) -> dict[UUID, FollowingRow]:
    """The circulations of a span that were approved afterwards."""
    rows = {row[0]: FollowingRow(*row) for row in snapshot.within(span, FOLLOWINGS)}
    found.rows["circulations"] += len(rows)
    return rows


@dataclass
class FollowingCheck:
    """Holds one approval afterwards after another against its event."""

    signatures: SignatureCheck
    found: Findings

    def check(self, chain: Chain | None, row: FollowingRow | None, about: Subject) -> None:
        event = chain.last(Event.FOLLOWED) if chain else None
        if row is None or event is None:
            said = "봉인 장부에 없는 후결입니다. 누가 만들어 넣었습니다."
            if row is None:
                said = "봉인 장부에 있는 후결이 지워졌습니다."
            self.found.fault(Area.DOCUMENTS, said, about=about)
            return
        self.signatures.check_followed(event, about)
        statement = event.json("stmt")
        expected = {
            "doc": row.document.hex,
            "circulation": row.id.hex,
            "body": row.digest,
            "title": row.title,
            "amount": row.amount,
        }
        # The row has the moment it was recorded; what is signed was stated before.
        late = event.entry is not None and moment(row.confirmed_at) < moment(event.entry.at)
        if (
            late
            or event.leaf != row.leaf
            or event.json("actor").get("officeholder") != row.recipient.hex
            or any(statement.get(key) != value for key, value in expected.items())
        ):
            self.found.fault(
                Area.DOCUMENTS,
                "후결이 봉인 장부에 적힌 것과 다릅니다.",
                f"circulation {row.id}",
                about=about,
                index=event.index,
            )
