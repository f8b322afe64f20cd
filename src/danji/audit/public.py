"""What everybody can fetch of a document: whether it is what was disclosed."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from danji.audit.chains import Chain
from danji.audit.filing import Files
from danji.audit.findings import Area, Findings, Subject
from danji.disclosure.site import document_folder
from danji.rules.disclosure import Scope
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.policy import Policy
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

    code: str
    policy: Policy | None
    found: Findings

    def check(self, chain: Chain | None, files: Files, about: Subject) -> None:
        """What is open to everybody has files; what was withdrawn or erased has only a page."""
        if chain is None or about.doc is None:
            return
        folder = document_folder(self.code, about.doc.hex)
        record, rendition = files.records.get(about.doc), files.renditions.get(about.doc)
        if chain.last(Event.DISCLOSURE_WITHDRAWN, Event.ERASED):
            for name in (PDF, RECORD):
                if (folder / name).exists():
                    self._tell(folder / name, "공개를 거둔 문서의 파일이 남아 있습니다.", about)
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

    def _tell(self, path: Path, sentence: str, about: Subject) -> None:
        self.found.fault(Area.PUBLIC, sentence, str(path), about=about)
