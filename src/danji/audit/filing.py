"""Records, their PDFs and what was disclosed of them, held against what the log says."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from danji.audit.basis import Basis
from danji.audit.blobs import Blobs, path_of
from danji.audit.chains import Chain, Logged, as_subject
from danji.audit.documents import moment, shown
from danji.audit.findings import Area, Findings, Subject
from danji.audit.replay import Content, Way
from danji.audit.snapshot import Snapshot, Span
from danji_verify.canonical import b64encode
from danji_verify.entry import Event
from danji_verify.errors import VerifyError, Wrong
from danji_verify.pdf import open_sealed, seal_digests
from danji_verify.policy import Policy
from danji_verify.record import check_document
from danji_verify.report import Report, State

RECORDS = """
SELECT record.doc, record.form, record.title, record.number, record.series, record.year,
    record.serial, folder.name, record.retained_until, record.scope, record.payload, record.digest,
    record.filed_at, record.erased_at
FROM records_record AS record LEFT JOIN records_recordfolder AS folder
    ON (folder.complex_id, folder.id) = (record.complex_id, record.folder_id)
WHERE record.complex_id = %s AND record.doc BETWEEN %s AND %s
"""
CITATIONS = """
SELECT record.doc, citation.relation, cited.doc FROM records_record AS record
JOIN records_citation AS citation
    ON (citation.complex_id, citation.record_id) = (record.complex_id, record.id)
JOIN records_record AS cited
    ON (cited.complex_id, cited.id) = (citation.complex_id, citation.cited_id)
WHERE record.complex_id = %s AND record.doc BETWEEN %s AND %s
"""
RENDITIONS = """
SELECT record.doc, rendition.file, rendition.signed, rendition.signature, rendition.size
FROM records_record AS record JOIN renditions_rendition AS rendition
    ON (rendition.complex_id, rendition.record_id) = (record.complex_id, record.id)
WHERE record.complex_id = %s AND record.doc BETWEEN %s AND %s
"""
PUBLICATIONS = """
SELECT record.doc, publication.scope, publication.basis, publication.published_at
FROM records_record AS record JOIN disclosure_publication AS publication
    ON (publication.complex_id, publication.record_id) = (record.complex_id, record.id)
WHERE record.complex_id = %s AND record.doc BETWEEN %s AND %s
"""
# The logs, and how long they were, as the newest audit saw them that found no fault.
SEEN = """
SELECT findings -> 'logs' FROM audit_auditrun WHERE complex_id = %s AND faults = 0
ORDER BY started_at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class RecordRow:
    doc: UUID
    form: str
    title: str
    number: str
    series: str
    year: int
    serial: int
    folder: str | None
    retained_until: date | None
    scope: str
    payload: bytes
    digest: str
    filed_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class RenditionRow:
    file: str
    signed: str
    signature: str
    size: int


@dataclass(frozen=True, slots=True)
class PublicationRow:
    scope: str
    basis: str
    published_at: datetime


@dataclass
class Files:
    """The rows of a span that come after the last approval, by document."""

    records: dict[UUID, RecordRow] = field(default_factory=dict)
    citations: dict[UUID, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    renditions: dict[UUID, RenditionRow] = field(default_factory=dict)
    publications: dict[UUID, PublicationRow] = field(default_factory=dict)


def read_files(snapshot: Snapshot, span: Span, found: Findings) -> Files:
    """The rows of a span that come after the last approval."""
    files = Files()
    for row in snapshot.within(span, RECORDS):
        files.records[row[0]] = RecordRow(*row)
        found.rows["records"] += 1
    for doc, relation, cited in snapshot.within(span, CITATIONS):
        files.citations[doc].add((cited.hex, relation))
        found.rows["citations"] += 1
    for doc, *rendition in snapshot.within(span, RENDITIONS):
        files.renditions[doc] = RenditionRow(*rendition)
        found.rows["renditions"] += 1
    for doc, *publication in snapshot.within(span, PUBLICATIONS):
        files.publications[doc] = PublicationRow(*publication)
        found.rows["publications"] += 1
    return files


def seen_before(snapshot: Snapshot) -> dict[str, int]:
    """How long the logs were, by their origin, when the last audit ended that found no fault."""
    rows = snapshot.rows(SEEN)
    return {log["origin"]: log["size"] for (logs,) in rows for log in logs}


@dataclass
class FilingCheck:
    """Holds one record after another against its document, its events and its files.

    `policy` is None where the log's key is not to be had. `opened` says by the number of a log up
    to where its sealed PDFs were opened before: that takes long, and what is sealed stays.
    """

    basis: Basis
    blobs: Blobs
    policy: Policy | None
    opened: Mapping[int, int]
    found: Findings

    def check(
        self,
        chain: Chain | None,
        files: Files,
        doc: UUID,
        submitted: tuple[Content, Way] | None,
        about: Subject,
    ) -> None:
        """Args: `submitted` is the content, and the way that its events tell."""
        filed = chain.last(Event.FILED) if chain else None
        row = files.records.get(doc)
        if row is None:
            if filed is not None:
                self._fault(about, "봉인 장부에 등록한 사건이 있는데 기록이 지워졌습니다.", filed)
            return
        if chain is None or filed is None:
            self._fault(about, "봉인 장부에 등록한 사건이 없는 기록입니다. 누가 만들어 넣었습니다.")
            return
        self._check_record(row, files, filed, submitted, about)
        self._check_rendition(row, files.renditions.get(doc), chain, about)
        self._check_publication(row, files, chain, about)

    def _check_record(
        self,
        row: RecordRow,
        files: Files,
        filed: Logged,
        submitted: tuple[Content, Way] | None,
        about: Subject,
    ) -> None:
        digest, logged = sha256(row.payload).hexdigest(), filed.digest("record")
        if digest != logged:
            if logged:
                self._fault(about, "기록이 등록한 뒤에 바뀌었습니다.", filed, f"{digest} {logged}")
            return
        payload = json.loads(row.payload)
        content = payload["content"]
        number, kept = payload["number"], payload["retention"]["until"]
        expected: Mapping[str, tuple[object, object]] = {
            "지문(요약값)": (row.digest, digest),
            "제목": (row.title, content["title"]),
            "문서번호": (row.number, number["text"]),
            "대장": (row.series, number["series"]),
            "해": (row.year, number["year"]),
            "일련번호": (row.serial, number["serial"]),
            "서식": (row.form, content["form"]["key"]),
            "문서철": (row.folder, content["folder"]),
            "보존기간": (row.retained_until and row.retained_until.isoformat(), kept),
            "공개 범위": (row.scope, content["disclosure"]["scope"]),
            "등록한 때": (moment(row.filed_at), payload["filed_at"]),
            "파기한 때": (row.erased_at and moment(row.erased_at), None),
        }
        for what, (said, recorded) in expected.items():
            if said != recorded:
                self._fault(
                    about,
                    f"등록대장의 {as_subject(what)} 등록한 기록과 다릅니다. 지금 {shown(said)}, "
                    f"등록할 때 {shown(recorded)}.",
                    filed,
                )
        cited = {(cite["doc"], cite["relation"]) for cite in content["cites"]}
        if files.citations.get(row.doc, set()) != cited:
            self._fault(about, "관련 문서가 등록한 기록과 다릅니다.", filed)
        if submitted is not None:
            self._check_decisions(payload, submitted, filed, about)

    def _check_decisions(
        self,
        payload: Mapping[str, Any],
        submitted: tuple[Content, Way],
        filed: Logged,
        about: Subject,
    ) -> None:
        """The record holds the very content that was submitted, and every decision on it."""
        content, way = submitted
        if filed.digest("body") != content.digest or payload["content"] != content.parsed:
            self._fault(about, "기록에 담긴 본문이 상신한 본문과 다릅니다.", filed)
        made = {b64encode(event.leaf): event for event in way.decided.values()}
        listed = [
            decision
            for decision in [*payload["decisions"], *payload.get("history", [])]
            if decision["act"] != "draft"
        ]
        for decision in listed:
            event = made.pop(decision["leaf"], None)
            statement = event.json("stmt") if event else {}
            if [statement.get(key) for key in ("step", "decision", "at", "opinion")] != [
                decision["position"],
                decision["decision"],
                decision["at"],
                decision["opinion"],
            ]:
                self._fault(
                    about,
                    f"기록에 적힌 {decision['office']} {decision['name']} 님의 결재가 봉인 장부와 "
                    "다릅니다.",
                    event or filed,
                )
        if made:
            self._fault(about, "봉인 장부에 있는 결재가 기록에 빠져 있습니다.", filed)

    def _check_rendition(
        self, row: RecordRow, rendition: RenditionRow | None, chain: Chain, about: Subject
    ) -> None:
        finalized = chain.last(Event.FINALIZED)
        if rendition is None or finalized is None:
            if finalized is not None:
                self._fault(about, "봉인한 PDF의 행이 지워졌습니다.", finalized)
            elif rendition is not None:
                self._fault(about, "봉인 장부에 없는 PDF입니다. 누가 만들어 넣었습니다.")
            return
        stated = finalized.json("pdf")
        if (rendition.signed, rendition.signature) != (
            stated.get("signed"),
            stated.get("signature"),
        ) or finalized.digest("record") != row.digest:
            self._fault(about, "PDF의 봉인값이 봉인 장부에 적힌 것과 다릅니다.", finalized)
        if self.blobs.demand(rendition.file, "봉인한 PDF", about, finalized.index):
            self._check_seal(row, rendition, finalized, about)

    def _check_seal(
        self, row: RecordRow, rendition: RenditionRow, finalized: Logged, about: Subject
    ) -> None:
        pdf = path_of(rendition.file).read_bytes()
        try:
            digests = seal_digests(pdf)
        except Wrong as problem:
            self._fault(about, f"봉인한 PDF가 아닙니다. {problem}", finalized)
            return
        if (digests.signed, digests.signature) != (rendition.signed, rendition.signature):
            self._fault(about, "PDF 파일이 봉인 장부에 적힌 그 파일이 아닙니다.", finalized)
        # The seal, written in hex, carries its certificate whole; what else it holds is what the
        # log commits to, and the verifier judges.
        written = pdf.lower()
        if not any(seal.hex().encode() in written for seal in self.basis.seals):
            self._fault(about, "PDF를 봉인한 인증서가 이 단지의 것이 아닙니다.", finalized)
        number, index = finalized.places[-1] if finalized.places else (0, 0)
        if index >= self.opened.get(number, 0):
            self._open(pdf, row, finalized, about)

    def _open(self, pdf: bytes, row: RecordRow, finalized: Logged, about: Subject) -> None:
        """Look at what is inside as a stranger does: it may have been false before it was sealed.

        The witnesses are not asked for, who may not have seen it yet.
        """
        self.found.rows["opened"] += 1
        try:
            files = open_sealed(pdf).files
        except VerifyError as problem:
            self._fault(about, f"봉인한 PDF를 열어 보니 맞지 않습니다. {problem}", finalized)
            return
        if files.get("record.json") != row.payload:
            self._fault(about, "봉인한 PDF에 든 기록이 등록한 기록과 다릅니다.", finalized)
        if self.policy is not None:
            report = Report()
            check_document(files, replace(self.policy, quorum=None), report)
            for one in report.of(State.FAILED):
                said = f"봉인한 PDF에 든 것이 맞지 않습니다. {one.sentence}"
                self._fault(about, said, finalized)

    def _check_publication(
        self, row: RecordRow, files: Files, chain: Chain, about: Subject
    ) -> None:
        publication, disclosed = files.publications.get(row.doc), chain.last(Event.DISCLOSED)
        if publication is None or disclosed is None:
            if disclosed is not None:
                self._fault(about, "봉인 장부에 적힌 공개가 지워졌습니다.", disclosed)
            elif publication is not None:
                self._fault(about, "봉인 장부에 없는 공개입니다. 누가 만들어 넣었습니다.")
            return
        stated = disclosed.json("publication")
        rendition = files.renditions.get(row.doc)
        expected = {
            "scope": publication.scope,
            "basis": publication.basis,
            "record": row.digest,
            "signed": rendition.signed if rendition else None,
        }
        at = disclosed.entry.at if disclosed.entry else None
        if any(stated.get(key) != value for key, value in expected.items()) or at is None:
            self._fault(about, "공개한 범위나 근거가 봉인 장부에 적힌 것과 다릅니다.", disclosed)
        elif publication.published_at.replace(microsecond=0) != at:
            self._fault(about, "공개한 때가 봉인 장부에 적힌 것과 다릅니다.", disclosed)

    def _fault(
        self, about: Subject, sentence: str, event: Logged | None = None, detail: str = ""
    ) -> None:
        self.found.fault(
            Area.RECORDS, sentence, detail, about=about, index=event.index if event else None
        )
