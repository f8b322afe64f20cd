"""What tests of the audit need: everything sealed, an audit, and a stranger's verdict."""

from datetime import timedelta

from danji.audit.findings import Severity
from danji.audit.run import audit_complex
from danji.base import tenancy
from danji.config.schedule import run_jobs
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.records.models import Record
from danji.signing import passkeys
from danji.transparency.publishing import publish_confirmed
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.witnessing import hand_in, watched_log
from danji_verify.check import check_pdf
from danji_verify.pdf import open_sealed
from danji_verify.record import check_document
from danji_verify.report import Report, State
from papers import decide, submit


def settle():
    """Seal, render and disclose whatever waits."""
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass


def audit(complex_, at):
    """Audit the complex, a little after everything happened."""
    return audit_complex(complex_, at=at + timedelta(minutes=5))


def agree(complex_, witnesses, at, number=1):
    """Let witnesses cosign the published head of a log, and publish that they agreed."""
    data = (log_folder(complex_.code, number) / "checkpoint").read_bytes()
    for witness in witnesses:
        data = witness.signed_note(data, at)
    hand_in(data, at=at)
    publish_confirmed(watched_log(complex_), at)
    tenancy._enter("app.complex", complex_.id)


def said(audited, severity):
    """What was found of one severity, in one text."""
    kept = audited.found.kept
    return "\n".join(found.sentence for found in kept if found.severity is severity)


def faults(audited):
    """What was changed or is lost, in one text."""
    return said(audited, Severity.FAULT)


def approved(drafter, chief, manager, sign, at, **options):
    """A document on record: an expense of 132,000 won unless said otherwise."""
    document = submit(drafter, at, **{"form": "expense"} | options)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    return document


def signs(officer, device):
    """What a page does: asks the device to sign the statement, and hands the answer in."""

    def sign(statement):
        assertion = device.assertion(passkeys.challenge([statement]))
        return passkeys.passkey_signer(officer, assertion)(statement)

    return sign


def shown(document):
    return disclosed(Record.objects.select_related("complex").get(doc=document.id))


def stranger(document) -> Report:
    """What whoever downloads the document and its proof is told of them."""
    record = shown(document)
    complex_ = record.record.complex
    return check_pdf(pdf_of(record), proof_of(record, complex_), policy(complex_))


def parts_of(document) -> dict[str, bytes]:
    """The files inside the sealed PDF, for a test to damage."""
    return dict(open_sealed(pdf_of(shown(document))).files)


def judged(document, parts) -> str:
    """What is wrong with a document made of these parts; nothing when nothing is."""
    report = Report(trusted=True)
    check_document(parts, policy(shown(document).record.complex), report)
    return " ".join(found.sentence for found in report.of(State.FAILED))
