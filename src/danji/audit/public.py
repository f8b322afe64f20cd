"""What everybody can fetch of a document: whether it is what was disclosed."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path

from django.conf import settings

from danji.audit.chains import SOON, Chain, chain_of
from danji.audit.filing import Files
from danji.audit.findings import NOTHING, Area, Finding, Findings, Severity, Subject
from danji.audit.snapshot import Snapshot
from danji.disclosure.site import PROOF_OF_END, document_folder
from danji.rules.disclosure import Scope
from danji.transparency.queries import log_of
from danji.transparency.tree import log_folder
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.policy import Party, Policy
from danji_verify.record import read_proof_file

PAGE, PDF, PROOF, RECORD = (
    "index.html",
    "document.pdf",
    "document.pdf.tlog-proof",
    "record.json",
)


@dataclass
class PublicCheck:
    """Compares the static files of one document after another with its rows.

    `policy` is None where the log's key is not to be had.
    """

    snapshot: Snapshot
    policy: Policy | None
    found: Findings

    def check(self, chain: Chain | None, files: Files, about: Subject) -> None:
        """What is open to everybody has files; what was withdrawn or erased has only a page."""
        if chain is None or about.doc is None:
            return
        folder = document_folder(self.snapshot.complex.code, about.doc.hex)
        record, rendition = files.records.get(about.doc), files.renditions.get(about.doc)
        ended = chain.last(Event.DISCLOSURE_WITHDRAWN, Event.ERASED)
        # Files go with the rest once it has its place in the log that the document was erased.
        if ended is not None and not (ended.name == Event.ERASED and ended.pending):
            # The worker takes the files away soon after, and puts a proof in their place.
            is_done = any((folder / name).exists() for name in PROOF_OF_END.values())
            if is_done or ended.entry is None or ended.entry.at < self.snapshot.at - SOON:
                self._demand_gone(folder, about)
            return
        publication = files.publications.get(about.doc)
        if (
            publication is None
            or publication.scope != Scope.PUBLIC
            or record is None
            or rendition is None
        ):
            return
        if not (folder / PAGE).exists():
            self._tell(folder / PAGE, "공개한 문서의 화면이 없어졌습니다.", about)
        self._compare(folder / PDF, rendition.file, "공개한 PDF", about)
        self._compare(folder / RECORD, record.digest, "공개한 기록", about)
        self._check_proof(folder / PROOF, chain, about)

    def check_common(self) -> None:
        """What everybody checks documents with: the program, and whom to believe."""
        page, offered = (resources.files("danji_verify") / "verify.html").read_bytes(), None
        path = Path(settings.PUBLIC) / "verify.html"
        with suppress(FileNotFoundError):
            offered = path.read_bytes()
        if offered not in {None, page}:
            self._tell(path, "검증 프로그램(verify.html)이 이 시스템의 것과 다릅니다.", NOTHING)
        number = log_of(self.snapshot.complex.id).number
        path = log_folder(self.snapshot.complex.code, number) / "policy.txt"
        with suppress(FileNotFoundError):
            # Who is to be believed was changed a moment ago, and the worker writes it down soon.
            published = path.read_bytes()
            if self.policy is None or published == self.policy.format() or self._is_new():
                return
            if _names_the_same(published, self.policy):
                self.found.doubt(
                    Area.PUBLIC,
                    f"공개한 policy.txt의 주소가 지금 설정한 주소({settings.SITE_URL})와 다릅니다. "
                    "주소를 바꾸신 것이면 그대로 두셔도 됩니다.",
                )
            else:
                self._tell(
                    path, "공개한 policy.txt가 지금의 확인 기관이나 열쇠와 다릅니다.", NOTHING
                )

    def _is_new(self) -> bool:
        """Whether the complex's own chain said something in the last minutes."""
        newest = chain_of(self.snapshot, self.snapshot.complex.id).events[-1:]
        return any(one.entry and one.entry.at > self.snapshot.at - SOON for one in newest)

    def _demand_gone(self, folder: Path, about: Subject) -> None:
        for name in (PDF, RECORD):
            if (folder / name).exists():
                said = "공개를 거둔 문서의 파일이 남아 있습니다."
                self._tell(folder / name, said, about, remains=folder / name)

    def _compare(self, path: Path, digest: str, what: str, about: Subject) -> None:
        self.found.rows["public files"] += 1
        try:
            whole = sha256(path.read_bytes()).hexdigest() == digest
        except OSError:
            self._tell(path, f"{what} 파일이 없어졌습니다.", about)
            return
        if not whole:
            self._tell(path, f"{what} 파일이 보관한 것과 다릅니다.", about)

    def _check_proof(self, path: Path, chain: Chain, about: Subject) -> None:
        """The proof is of this document's sealing, under a head that the log signed."""
        finalized = chain.last(Event.FINALIZED)
        if self.policy is None or finalized is None:
            return
        self.found.rows["public files"] += 1
        try:
            holds = read_proof_file(path.read_bytes(), self.policy).leaf == finalized.leaf
        except OSError:
            self._tell(path, "공개한 증명 파일이 없어졌습니다.", about)
            return
        except VerifyError:
            holds = False
        if not holds:
            self._tell(path, "공개한 증명 파일이 맞지 않습니다.", about)

    def _tell(self, path: Path, sentence: str, about: Subject, remains: Path | None = None) -> None:
        finding = Finding(Severity.FAULT, Area.PUBLIC, sentence, str(path), about)
        self.found.suspect(finding, remains)


def _names_the_same(published: bytes, policy: Policy) -> bool:
    """Whether a published policy differs from ours in nothing but addresses."""
    try:
        found = Policy.parse(published)
    except VerifyError:
        return False
    return _without_addresses(found) == _without_addresses(policy)


def _without_addresses(policy: Policy) -> Policy:
    return Policy(
        tuple(Party(party.key) for party in policy.logs),
        {name: Party(party.key) for name, party in policy.witnesses.items()},
        policy.groups,
        policy.quorum,
    )
