"""What a document is made of when it is checked: its parts, its events, its place in the log."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from danji_verify.canonical import canonical
from danji_verify.commitment import Opening
from danji_verify.entry import Entry, Event
from danji_verify.errors import Wrong
from danji_verify.policy import Head
from danji_verify.shapes import Fields

EVENTS = {
    Event.LOG_OPENED: "장부 열기",
    Event.SUBMITTED: "상신",
    Event.DECIDED: "결재",
    Event.RETURNED: "반려",
    Event.SENT_BACK: "되돌림",
    Event.SKIPPED: "생략",
    Event.FOLLOWED: "후결",
    Event.WITHDRAWN: "회수",
    Event.FILED: "등록",
    Event.FINALIZED: "봉인",
    Event.DISCLOSED: "공개",
    Event.DISCLOSURE_WITHDRAWN: "공개 철회",
    Event.ERASED: "파기",
    Event.AGREED: "전자서명 동의",
    Event.ENROLLED: "서명 열쇠 등록",
    Event.REVOKED: "서명 열쇠 폐지",
    Event.DELEGATION_SET: "대결 지정",
    Event.DELEGATION_ENDED: "대결 끝",
    Event.OFFICE_TAKEN: "취임",
    Event.OFFICE_LEFT: "퇴임",
    Event.RULE_CHANGED: "결재선 규칙 변경",
    Event.BYLAW_CHANGED: "관리규약 설정",
    Event.CONTACT_CHANGED: "연락처 변경",
    Event.POLICY_CHANGED: "확인 기관 변경",
    Event.KEY_ROTATED: "열쇠 바꾸기",
    Event.LOG_CLOSED: "장부 닫기",
    Event.LOG_CONTINUED: "장부 이어 열기",
    Event.LOG_RECOVERED: "데이터베이스 되살리기",
    Event.LOG_LOST: "확정된 사건을 잃음",
    Event.NUMBERS_SKIPPED: "번호 건너뛰기",
    Event.READ: "열람",
}


_NUMBERED = re.compile(r"(.+)/([1-9][0-9]{0,5})")
_COLLECTION = re.compile(r"[^/]+/heads/[1-9][0-9]{0,5}")


def log_number(origin: str) -> int:
    """The last word of an origin, which counts the logs of a complex; 0 where it has none."""
    found = _NUMBERED.fullmatch(origin)
    return int(found[2]) if found else 0


def log_series(origin: str) -> str:
    """The origin without its number: what the logs of one complex share."""
    found = _NUMBERED.fullmatch(origin)
    return found[1] if found else origin


def collects_heads(origin: str) -> bool:
    """Whether it is the origin of a log of logs (모음 장부), `<domain>/heads/<n>`."""
    return _COLLECTION.fullmatch(origin) is not None


@dataclass(frozen=True)
class Link:
    """One event proven to be in the log, and what of it was opened."""

    entry: Entry
    leaf: bytes  # leaf hash
    index: int  # its place in the log
    head: Head  # under which it was proven
    openings: Mapping[str, Opening]

    def digest(self, field: str) -> bytes:
        """SHA-256 of what the event commits to. Raises: Wrong when it was not opened."""
        if field not in self.openings:
            raise Wrong(f"{self.name}에 적힌 값({field})을 열어 볼 수 없습니다.")
        return self.openings[field].digest

    def value(self, field: str) -> bytes:
        """What the event commits to. Raises: Wrong when it was not opened."""
        self.digest(field)
        value = self.openings[field].value
        if value is None:
            raise Wrong(f"{self.name}에 적힌 값({field})이 들어 있지 않습니다.")
        return value

    @property
    def origin(self) -> str:
        return self.head.checkpoint.origin

    @property
    def place(self) -> tuple[int, int]:
        """Number of the log and index in it: what stands before what, over all logs."""
        return log_number(self.origin), self.index

    @property
    def name(self) -> str:
        return f"{self.entry.seq}번째 사건({EVENTS[self.entry.event]})"


@dataclass(frozen=True)
class Chain:
    """A document up to its filing, as the log has it."""

    filed: Link
    record: bytes  # SHA-256 of record.json
    seal: bytes  # SHA-256 of the certificate with which the complex seals
    rotated: Link | None  # the event that named it, where it is not the one of the opening
    links: Sequence[Link]  # all that was proven of it


@dataclass(frozen=True)
class Document:
    """The parts, parsed, and the events of the last submission."""

    parts: Mapping[str, bytes]
    record: Fields
    content: Fields
    form: Fields
    line: Sequence[Fields]
    submitted: Link
    decided: Sequence[Link]
    filed: Link
    basis: Mapping[str, Link]  # enrolled keys and absences it rests on, by leaf hash in base64

    @property
    def body(self) -> bytes:
        """SHA-256 of the content."""
        return sha256(canonical(self.content.data)).digest()

    @property
    def form_digest(self) -> bytes:
        return sha256(self.parts["form.json"]).digest()
