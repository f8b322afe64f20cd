"""T25: what was erased is told as erased, and never as tampered with; and the other way round."""

from hashlib import sha256

import pytest
from django.utils import timezone

from audited import audit, faults
from danji.disclosure.queries import pdf_of, proof_of, read_record
from danji.records.models import Record
from danji.transparency.models import Event, Opening
from danji.transparency.queries import log_of, policy, published_head
from danji.transparency.tree import file_reader, log_folder
from danji_verify.canonical import b64decode
from danji_verify.check import check_pdf
from danji_verify.commitment import commit
from danji_verify.entry import parse_entry
from danji_verify.pdf import open_sealed
from danji_verify.record import check_document
from danji_verify.report import Report, Verdict
from danji_verify.tiles import audit as audit_tiles
from erasing import catch_up, erase, send_through


@pytest.fixture
def document(bookkeeper, chief, manager, clerk, sign, at):
    document = send_through(bookkeeper, chief, manager, clerk, sign, at)
    catch_up()
    return document


@pytest.fixture
def erased(document, manager, chair, at):
    erase([document.id], manager, chair, at)
    return document


def test_t25_the_audit_says_erased_by_event_n_and_finds_no_fault(complex_, erased):
    audited = audit(complex_, timezone.now())
    assert faults(audited) == ""
    said = "\n".join(found.sentence for found in audited.found.kept)
    assert "파기" in said


def test_t25_deleting_what_opens_an_event_without_saying_so_is_found(complex_, document, alter):
    alter(
        "DELETE FROM transparency_opening WHERE event_id IN "
        "(SELECT id FROM transparency_event WHERE doc = %s AND name = 'record.filed')",
        document.id,
    )
    assert "열" in faults(audit(complex_, timezone.now()))


def test_t25_emptying_a_record_without_saying_so_is_found(complex_, document, alter):
    alter(
        "UPDATE records_record SET title = '(파기한 기록)', payload = '', erased_at = now() "
        "WHERE doc = %s",
        document.id,
    )
    assert faults(audit(complex_, timezone.now()))


def test_t25_the_log_is_whole_and_every_other_proof_holds(complex_, document, manager, chair, at):
    before = published_head(complex_).checkpoint
    erase([document.id], manager, chair, at)
    after = published_head(complex_).checkpoint
    reader = file_reader(log_folder(complex_.code, log_of(complex_.id).number))
    assert after.size > before.size
    assert audit_tiles(after.size, reader) == after.root


def test_t25_what_was_committed_to_cannot_be_found_again(document, manager, chair, at):
    known = {
        event: Opening.objects.get(event_id=event.id).fields
        for event in Event.objects.filter(doc=document.id)
    }
    erase([document.id], manager, chair, at)
    left = [
        b64decode(field["salt"])
        for fields in Opening.objects.values_list("fields", flat=True)
        for field in fields.values()
    ]
    for event, fields in known.items():
        committed = parse_entry(bytes(event.entry)).commitments
        for name, opening in fields.items():
            value = b64decode(opening["value"]) if "value" in opening else None
            digest = sha256(value).digest() if value else bytes.fromhex(opening["sha256"])
            # Whoever knows the very value, and every salt there still is, cannot confirm it.
            assert committed[name] not in {commit(name, salt, digest) for salt in left}
            assert committed[name] == commit(name, b64decode(opening["salt"]), digest)


def test_t25_who_kept_the_pdf_proves_it_still(complex_, document, manager, chair, at):
    record = Record.objects.get(doc=document.id)
    shown = read_record(manager, record.id)
    kept = pdf_of(shown), proof_of(shown, complex_)
    erase([document.id], manager, chair, at)
    assert check_pdf(*kept, policy(complex_)).verdict is Verdict.ACCEPTED


def test_t25_without_what_opens_it_a_document_is_not_believed(complex_, document, manager):
    """What is left after an erasure proves nothing: nobody can pass something else off as it."""
    record = Record.objects.get(doc=document.id)
    files = dict(open_sealed(pdf_of(read_record(manager, record.id))).files)
    files["openings.json"] = b"{}"
    report = Report()
    check_document(files, policy(complex_), report)
    assert report.verdict is Verdict.REFUSED
