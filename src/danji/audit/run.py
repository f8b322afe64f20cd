"""The audit (점검) of a complex: everything is read again, and held against what was sealed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from danji.audit.basis import Basis, read_basis
from danji.audit.blobs import Blobs
from danji.audit.books import Book, check_unaccounted, open_books
from danji.audit.chains import Chain, ChainCheck, chain_of, chains_in
from danji.audit.documents import DocumentCheck, Papers, read_papers
from danji.audit.endings import EndingCheck
from danji.audit.entered import EnteredCheck
from danji.audit.erased import ErasedCheck
from danji.audit.filing import Files, FilingCheck, read_files, seen_before
from danji.audit.findings import Area, Findings, Severity, Subject
from danji.audit.following import FollowingCheck, FollowingRow, read_followings
from danji.audit.heads import HeadCheck
from danji.audit.officers import OfficerCheck
from danji.audit.public import PublicCheck
from danji.audit.recovered import Recoveries, read_recoveries
from danji.audit.registers import check_registers
from danji.audit.signatures import SignatureCheck
from danji.audit.snapshot import Snapshot, Span, taken
from danji.audit.times import TimeCheck, standstills
from danji.audit.trust import Trust, read_trust
from danji.base import tenancy
from danji.complexes.models import Complex
from danji.transparency.collection import Mismatch
from danji.transparency.models import Event as EventRow
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
    anew: bool = True,
    progress: Progress = lambda _done, _of: None,
) -> Audited:
    """Audit a complex as it stands at one moment; the office works on meanwhile.

    Args: `mismatches` are what `check_collection` found in the log of logs, which all complexes
    share; `anew` unless a sealed PDF need not be opened that an audit without a fault has opened
    before; `progress` is told how many spans of how many are done.
    """
    found = Findings()
    with taken(complex_, at) as snapshot:
        books = open_books(snapshot, found)
        recoveries = Recoveries()
        with found.guarding(Area.EVENTS, "데이터베이스를 되살린 사건:"):
            recoveries = read_recoveries(snapshot, books)
        trust = read_trust(snapshot, recoveries, found)
        if trust is not None:
            for book in books.values():
                with found.guarding(Area.LOG, f"{book.number}번 장부의 머리:"):
                    HeadCheck(snapshot, book, trust, found).check()
        checks = Checks.over(snapshot, books, trust, recoveries, found, anew=anew)
        spans = snapshot.spans()
        for number, span in enumerate(spans, 1):
            checks.check_span(span)
            progress(number, len(spans))
        checks.check_rest()
    with tenancy.within(complex_.id):
        _look_again(complex_.id, checks.ended, found)
    sizes = {book.origin: book.size for book in books.values()}
    retired = {book.origin for book in books.values() if book.retired}
    for mismatch in mismatches:
        # What is about another complex's log is for that complex to hear.
        if mismatch.origin in sizes or "/apt/" not in mismatch.origin:
            detail = f"{mismatch.origin}, leaf {mismatch.index}: {mismatch.detail}"
            # Why a log was retired was told when it was; what was certain may not go with it.
            is_told = mismatch.origin in retired and not mismatch.certain
            tell = found.note if is_told else found.fault
            tell(Area.COLLECTION, mismatch.sentence, detail)
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
    erased: ErasedCheck
    ended: frozenset[UUID]  # events that say that files may go

    @classmethod
    def over(
        cls,
        snapshot: Snapshot,
        books: Mapping[int, Book],
        trust: Trust | None,
        recoveries: Recoveries,
        found: Findings,
        *,
        anew: bool,
    ) -> "Checks":
        basis = read_basis(snapshot, recoveries, found)
        blobs = Blobs(found)
        signatures = SignatureCheck(snapshot.complex.id, basis, found)
        policy = trust.policy if trust else None
        seen = {} if anew else seen_before(snapshot)
        opened = {number: seen.get(book.origin, 0) for number, book in books.items()}
        return cls(
            snapshot,
            books,
            found,
            basis,
            blobs,
            ChainCheck(snapshot, books, found),
            DocumentCheck(basis, found),
            signatures,
            FilingCheck(basis, blobs, policy, opened, found),
            PublicCheck(snapshot, policy, found),
            FollowingCheck(signatures, found),
            ErasedCheck(found),
            frozenset(_endings(snapshot.complex.id).values_list("id", flat=True)),
        )

    def check_span(self, span: Span) -> None:
        """Read a span of ids and check whatever belongs to each of them."""
        papers = read_papers(self.snapshot, span, self.found)
        files = read_files(self.snapshot, span, self.found)
        followings = read_followings(self.snapshot, span, self.found)
        marked = self.basis.recoveries.mark(chains_in(self.snapshot, span))
        chains = {chain.doc: chain for chain in marked}
        for doc in sorted(chains.keys() | papers.documents.keys() | files.records.keys()):
            about = _subject(doc, papers, files)
            with self.found.guarding(Area.DOCUMENTS, "이 문서:", about):
                self._check_doc(doc, chains.get(doc), papers, files, about)
        for id_ in sorted(chains.keys() | followings.keys()):
            with self.found.guarding(Area.DOCUMENTS, "후결:", Subject(id_)):
                self._check_following(chains.get(id_), followings.get(id_))

    def _check_doc(
        self, doc: UUID, chain: Chain | None, papers: Papers, files: Files, about: Subject
    ) -> None:
        erased = self.basis.erased.get(doc)
        known = chain.known if chain else None
        if chain is not None and known is not None and not _is_following(chain):
            if erased and not self.erased.is_emptied(known, erased, papers, files):
                self.erased.tell_left(erased, about)
                erased = None  # whatever is there has to be as it was sealed
            self.chains.check(chain, about, erased)
            self.basis.recoveries.note(chain, about)
        if known is not None and erased is not None:
            self.erased.check(known, erased, papers, files, about)
        elif doc in papers.documents or doc in files.records or _is_document(chain):
            row = papers.documents.get(doc)
            submitted = self.documents.check(row, known, papers, about)
            if known is not None and submitted is not None:
                content, way = submitted
                self.signatures.check_chain(known, content, way, about)
                for file in content.parsed["attachments"]:
                    what = f"붙임 ‘{file['name']}’"
                    self.blobs.demand(file["sha256"], what, about, way.submitted.index)
            self.filing.check(known, files, doc, submitted, about)
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
            self.basis.recoveries.note(chain, about)
        known = chain.known if chain else None
        if erased is None and (row is not None or (known and known.events)):
            self.following.check(known, row, about)

    def check_rest(self) -> None:
        """What belongs to no single document."""
        found, basis = self.found, self.basis
        self.erased.tell()
        basis.recoveries.tell(found)
        with found.guarding(Area.OFFICERS, "직책과 권한:"):
            OfficerCheck(self.snapshot, basis, self.signatures.acted, found).check()
        with found.guarding(Area.LOG, "운영자가 명령으로 한 일:"):
            own = basis.recoveries.mark([chain_of(self.snapshot, self.snapshot.complex.id)])
            EnteredCheck(own[0].known, basis, found).check()
        EndingCheck(self.snapshot, basis, self.books, found).check()
        with found.guarding(Area.RECORDS, "등록대장:"):
            check_registers(self.snapshot, basis.recoveries.skipped, found)
        with found.guarding(Area.PUBLIC, "공개한 자료:"):
            self.public.check_common()
        check_unaccounted(self.books.values(), found)
        stood_still = standstills([book.origin for book in self.books.values()])
        for book in self.books.values():
            with found.guarding(Area.TIMES, "시각:"):
                TimeCheck(book, stood_still, found).check()
        for form in basis.forms.values():
            found.rows["forms"] += 1
            with found.guarding(Area.FILES, "서식:"):
                what = f"서식 ‘{form.definition.title}’"
                self.blobs.demand(form.sha256, what, Subject())
        unsigned = sum(self.signatures.unsigned.values())
        if unsigned:
            found.note(
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


def _endings(complex_id: UUID) -> "QuerySet[EventRow]":
    """The events after which files of a document may go."""
    names = [Event.ERASED, Event.DISCLOSURE_WITHDRAWN]
    found: QuerySet[EventRow] = EventRow.objects.within(complex_id).filter(name__in=names)
    return found


def _look_again(complex_id: UUID, ended: frozenset[UUID], found: Findings) -> None:
    """Tell what is still so by now: files may go while the audit reads, once the log says so.

    Args: `ended` are the events that had said so before. A withdrawal takes away what was public
    only.
    """
    gone: dict[Area, set[UUID]] = {Area.FILES: set(), Area.PUBLIC: set()}
    for id_, doc, name in _endings(complex_id).values_list("id", "doc", "name"):
        if id_ not in ended:
            gone[Area.PUBLIC].add(doc)
            if name == Event.ERASED:
                gone[Area.FILES].add(doc)
    for suspicion in found.suspected:
        finding, remains = suspicion.finding, suspicion.remains
        is_over = not remains.exists() if remains else finding.subject.doc in gone[finding.area]
        if not is_over:
            found.add(finding)
    found.suspected.clear()
