"""Notices put on record for the tests of logs: filed, sealed, published, and checked."""

from danji.config.schedule import run_jobs
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.records.models import Record
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji_verify.check import check_pdf
from danji_verify.report import Report, State
from papers import decide, submit

NOTICE = {
    "title": "승강기 유지관리 업체 선정 입찰공고",
    "subject": "승강기 유지관리 용역",
    "qualifications": ["가. 승강기 유지관리업 등록 업체"],
    "reception_until": "2026-12-10T17:00",
    "reception_place": "관리사무소",
}


def settle() -> None:
    """Seal, render and publish until nothing is left to do."""
    sequencer = Sequencer()
    while sequencer.tick() + run_jobs():
        pass


def filed(clerk, manager, sign, at, *, chief=None, **changes) -> Record:
    """A notice on record, with everything that follows from it."""
    document = submit(clerk, at, form="bid-notice", **NOTICE | changes)
    for officer in filter(None, (chief, manager)):
        decide(document, officer, sign, at)
    return filed_as(document)


def filed_as(document) -> Record:
    """The record of a document, once everything is made of it."""
    settle()
    return Record.objects.get(doc=document.id)


def judged(record, *, trusted=None, proof=None) -> Report:
    """What a stranger's check says of the record's PDF."""
    shown = disclosed(record)
    proof = proof or proof_of(shown, record.complex)
    return check_pdf(pdf_of(shown), proof, trusted or policy(record.complex))


def failures(report: Report) -> str:
    return " ".join(found.sentence for found in report.of(State.FAILED))
