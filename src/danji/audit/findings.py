"""What an audit finds: sentences for people, details for an engineer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.db import Error

KEPT = 1000  # findings of one severity told one by one; more are only counted


class Severity(StrEnum):
    """How much a finding says. Only the first means tampering or loss."""

    FAULT = "fault"
    DOUBT = "doubt"
    NOTE = "note"

    @property
    def label(self) -> str:
        return {
            Severity.FAULT: "이상",
            Severity.DOUBT: "확인 필요",
            Severity.NOTE: "알림",
        }[self]


class Area(StrEnum):
    """Where it was found."""

    LOG = "log"
    EVENTS = "events"
    DOCUMENTS = "documents"
    SIGNATURES = "signatures"
    RECORDS = "records"
    FILES = "files"
    PUBLIC = "public"
    OFFICERS = "officers"
    TIMES = "times"
    COLLECTION = "collection"

    @property
    def label(self) -> str:
        return {
            Area.LOG: "봉인 장부",
            Area.EVENTS: "사건",
            Area.DOCUMENTS: "결재 문서",
            Area.SIGNATURES: "서명",
            Area.RECORDS: "등록한 기록",
            Area.FILES: "보관한 파일",
            Area.PUBLIC: "공개한 자료",
            Area.OFFICERS: "직책과 권한",
            Area.TIMES: "시각",
            Area.COLLECTION: "모음 장부",
        }[self]


@dataclass(frozen=True)
class Subject:
    """What a finding is about: a document by id, its number and title as far as they are known."""

    doc: UUID | None = None
    number: str = ""
    title: str = ""

    def __str__(self) -> str:
        title = f"‘{self.title}’" if self.title else ""
        named = " ".join(part for part in (self.number, title) if part)
        return named or (f"문서 {self.doc.hex}" if self.doc else "")


NOTHING = Subject()


@dataclass(frozen=True)
class Finding:
    """One thing found. `index` is the place of the event in the log, where there is one."""

    severity: Severity
    area: Area
    sentence: str
    detail: str = ""
    subject: Subject = NOTHING
    index: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Laid out in `docs/spec/audit.md`."""
        return {
            "severity": self.severity.value,
            "area": self.area.value,
            "sentence": self.sentence,
            "detail": self.detail,
            "document": self.subject.doc.hex if self.subject.doc else None,
            "number": self.subject.number,
            "title": self.subject.title,
            "index": self.index,
        }


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A finding about a file that may only have been gone, or been there, for a moment.

    `remains` is a file that should not be there.
    """

    finding: Finding
    remains: Path | None = None


@dataclass
class Findings:
    """What was found so far, and how many rows of what were looked at.

    `suspected` counts only once a second look has borne it out.
    """

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[Severity] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    suspected: list[Suspicion] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.counts[finding.severity] += 1
        if self.counts[finding.severity] <= KEPT:
            self.kept.append(finding)

    def suspect(self, finding: Finding, remains: Path | None = None) -> None:
        """Something about a file, to be looked at again at the end."""
        self.suspected.append(Suspicion(finding, remains))

    @contextmanager
    def guarding(self, area: Area, what: str, about: Subject = NOTHING) -> Iterator[None]:
        """Within, what cannot be read is told, and does not end the audit."""
        try:
            yield
        except (Error, psycopg.Error):  # the database is away, and nothing more can be read
            raise
        except Exception as problem:  # noqa: BLE001 - whoever edits rows can provoke any
            self.fault(
                area,
                f"{what} 저장된 자료가 정해진 꼴이 아니어서 견줄 수 없습니다. 누가 고쳤습니다.",
                f"{problem!r}",
                about=about,
            )

    def fault(
        self,
        area: Area,
        sentence: str,
        detail: str = "",
        *,
        about: Subject = NOTHING,
        index: int | None = None,
    ) -> None:
        """Something was changed or is lost (이상)."""
        self.add(Finding(Severity.FAULT, area, sentence, detail, about, index))

    def doubt(
        self,
        area: Area,
        sentence: str,
        detail: str = "",
        *,
        about: Subject = NOTHING,
        index: int | None = None,
    ) -> None:
        """Something a person has to look at (확인 필요)."""
        self.add(Finding(Severity.DOUBT, area, sentence, detail, about, index))

    def note(
        self,
        area: Area,
        sentence: str,
        detail: str = "",
        *,
        about: Subject = NOTHING,
        index: int | None = None,
    ) -> None:
        """Something good to know, and in order (알림)."""
        self.add(Finding(Severity.NOTE, area, sentence, detail, about, index))
