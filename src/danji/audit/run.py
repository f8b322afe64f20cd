"""The audit (점검) of a complex: everything is read again, and held against what was sealed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from danji.audit.basis import Basis, read_basis
from danji.audit.blobs import Blobs
from danji.audit.books import Book, check_unaccounted, open_books
from danji.audit.chains import Chain, ChainCheck, Logged, chains_in
from danji.audit.documents import DocumentCheck, Papers, read_papers
from danji.audit.endings import EndingCheck
from danji.audit.filing import Files, FilingCheck, read_files
from danji.audit.findings import Area, Findings, Severity, Subject
from danji.audit.following import FollowingCheck, FollowingRow, read_followings
from danji.audit.officers import OfficerCheck
from danji.audit.public import PublicCheck
from danji.audit.registers import check_registers
from danji.audit.signatures import SignatureCheck
from danji.audit.snapshot import Snapshot, Span, taken
from danji.audit.times import check_times, seen_by_witnesses
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.collection import Mismatch
from danji.transparency.models import Event as EventRow
from danji.transparency.queries import policy
from danji_verify.entry import Event

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Audited:
    """What an audit found. `sizes` are the sizes of the logs by their origin; `named` the digests
    of the kept files that were looked at.
    """

    complex: Complex
    started_at: datetime
    finished_at: datetime
    found: Findings
    sizes: Mapping[str, int]
    named: frozenset[bytes]

    @property
    def rows(self) -> int:
        return sum(self.found.rows.values())

    @property
    def clean(self) -> bool:
        """Whether nothing was found that anybody has to look at."""
        return not any(self.found.counts[severity] for severity in (Severity.FAULT, Severity.DOUBT))


def audit_complex(
    complex_: Complex,
    *,
    at: datetime,
    mismatches: Sequence[Mismatch] = (),
    progress: Progress = lambda _done, _of: None,
) -> Audited:
    """Audit a complex as it stands at one moment; the office works on meanwhile.

    Args: `mismatches` are what `check_collection` found in the log of logs, which all complexes
    share; `progress` is told how many spans of how many are done.
    """
    found = Findings()
    with taken(complex_, at) as snapshot:
        books = open_books(snapshot, found)
        checks = Checks.over(snapshot, books, found)
        spans = snapshot.spans()
        for number, span in enumerate(spans, 1):
            checks.check_span(span)
            progress(number, len(spans))
        checks.check_rest()
    with tenancy.within(complex_.id):
        _look_again(complex_.id, found)
    sizes = {book.origin: book.size for book in books.values()}
    for mismatch in mismatches:
        # What is about another complex's log is for that complex to hear.
        if mismatch.origin in sizes or "/apt/" not in mismatch.origin:
            detail = f"{mismatch.origin}, leaf {mismatch.index}: {mismatch.detail}"
            found.fault(Area.COLLECTION, mismatch.sentence, detail)
    return Audited(complex_, at, timezone.now(), found, sizes, frozenset(checks.blobs.known))


@dataclass
class Checks:
    """All checks over one snapshot."""

    snapshot: Snapshot
    books: Mapping[int, Book]
    found: Findings
    basis: Basis
    blobs: Blobs
    chains: ChainCheck
    documents: DocumentCheck
    signatures: SignatureCheck
    filing: FilingCheck
    public: PublicCheck
    following: FollowingCheck

    @classmethod
    def over(cls, snapshot: Snapshot, books: Mapping[int, Book], found: Findings) -> "Checks":
        basis = read_basis(snapshot)
        blobs = Blobs(found)
        signatures = SignatureCheck(basis, found)
        try:
            trusted = policy(snapshot.complex)
        except Refusal:  # told where the heads are checked
            trusted = None
        return cls(
            snapshot,
            books,
            found,
            basis,
            blobs,
            ChainCheck(snapshot, books, found),
            DocumentCheck(basis, found),
            signatures,
            FilingCheck(basis, blobs, found),
            PublicCheck(snapshot.complex.code, trusted, found),
            FollowingCheck(signatures, found),
        )

    def check_span(self, span: Span) -> None:
        """Read a span of ids and check whatever belongs to each of them."""
        papers = read_papers(self.snapshot, span, self.found)
        files = read_files(self.snapshot, span, self.found)
        followings = read_followings(self.snapshot, span, self.found)
        chains = {chain.doc: chain for chain in chains_in(self.snapshot, span)}
        for doc in sorted(chains.keys() | papers.documents.keys() | files.records.keys()):
            about = _subject(doc, papers, files)
            try:
                self._check_doc(doc, chains.get(doc), papers, files, about)
            except (LookupError, TypeError, ValueError, AttributeError) as problem:
                self.found.fault(
                    Area.DOCUMENTS,
                    "저장된 자료가 정해진 꼴이 아니어서 견줄 수 없습니다. 누가 고쳤습니다.",
                    f"{doc.hex}: {problem!r}",
                    about=about,
                )
        for id_ in sorted(chains.keys() | followings.keys()):
            self._check_following(chains.get(id_), followings.get(id_))

    def _check_doc(
        self, doc: UUID, chain: Chain | None, papers: Papers, files: Files, about: Subject
    ) -> None:
        erased = self.basis.erased.get(doc)
        if chain is not None and not _is_following(chain):
            self.chains.check(chain, about, erased)
        if erased is not None:
            self._tell_erased(erased, about)
        elif doc in papers.documents or doc in files.records or _is_document(chain):
            row = papers.documents.get(doc)
            submitted = self.documents.check(row, chain, papers, about)
            if chain is not None and submitted is not None:
                content, way = submitted
                self.signatures.check_chain(chain, content, way, about)
                for file in content.parsed["attachments"]:
                    what = f"붙임 ‘{file['name']}’"
                    self.blobs.demand(file["sha256"], what, about, way.submitted.index)
            self.filing.check(chain, files, doc, submitted, about)
        self.public.check(chain, files, about)

    def _check_following(self, chain: Chain | None, row: FollowingRow | None) -> None:
        """An approval afterwards (후결); its chain is its own, and its document another."""
        if row is None and not (chain and _is_following(chain)):
            return
        own = self.basis.erased.get(chain.doc) if chain else None
        erased = own or (self.basis.erased.get(row.document) if row else None)
        about = Subject(row.document if row else None, title=row.title if row else "")
        if chain is not None:
            self.chains.check(chain, about, erased)
        if erased is None:
            self.following.check(chain, row, about)

    def _tell_erased(self, erased: Logged, about: Subject) -> None:
        self.found.note(
            Area.DOCUMENTS,
            f"파기한 문서입니다(사건 {erased.seq}). 내용과 여는 값은 두 분의 확인으로 지웠고, 봉인 "
            "장부에는 사건만 남아 있습니다.",
            about=about,
            index=erased.index,
        )

    def check_rest(self) -> None:
        """What belongs to no single document."""
        OfficerCheck(self.snapshot, self.basis, self.found).check()
        EndingCheck(self.snapshot, self.found).check()
        check_registers(self.snapshot, self.found)
        check_unaccounted(self.books.values(), self.found)
        for book in self.books.values():
            check_times(book, seen_by_witnesses(book.origin), self.found)
        for form in self.basis.forms.values():
            self.found.rows["forms"] += 1
            what = f"서식 ‘{form.definition.title}’"
            self.blobs.demand(form.sha256, what, Subject())
        unsigned = sum(self.signatures.unsigned.values())
        if unsigned:
            self.found.note(
                Area.SIGNATURES,
                f"서명 없이 로그인이나 확인 번호로 한 결재가 {unsigned:,}건 있습니다.",
                str(dict(self.signatures.unsigned)),
            )


def _subject(doc: UUID, papers: Papers, files: Files) -> Subject:
    record, document = files.records.get(doc), papers.documents.get(doc)
    title = record.title if record else document.title if document else ""
    return Subject(doc, record.number if record else "", title)


def _is_following(chain: Chain) -> bool:
    return chain.events[0].name == Event.FOLLOWED


def _is_document(chain: Chain | None) -> bool:
    return chain is not None and chain.last(Event.SUBMITTED, Event.FILED) is not None


def _look_again(complex_id: UUID, found: Findings) -> None:
    """Take back what is true by now: files may go while the audit reads, once the log says so."""
    missing = [
        finding
        for finding in found.kept
        if finding.area in {Area.FILES, Area.PUBLIC} and finding.severity is Severity.FAULT
    ]
    gone = set(
        EventRow.objects.within(complex_id)
        .filter(
            doc__in={finding.subject.doc for finding in missing if finding.subject.doc},
            name__in=[Event.ERASED, Event.DISCLOSURE_WITHDRAWN],
        )
        .values_list("doc", flat=True)
    )
    for finding in missing:
        if finding.subject.doc in gone and "남아 있습니다" not in finding.sentence:
            found.drop(finding)
