"""T04, T05: a document, an attachment or an event is made to disappear."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audited import approved, audit, faults, judged, parts_of, settle, shown
from danji.approvals.drafting import attach_file, submit_draft
from danji.audit.blobs import path_of
from danji.audit.findings import Severity
from danji.transparency.queries import policy
from danji_verify.record import check_document
from danji_verify.report import Report, State
from papers import decide, drafted, submit

RECEIPT = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@pytest.fixture
def wipe(alter, _above_the_law):
    """Delete rows as the server's own administrator could, whatever refers to them."""
    from django.db import connection

    def delete(table, where, *values):
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                "SELECT conname, conrelid::regclass::text FROM pg_constraint "
                "WHERE contype = 'f' AND confrelid = %s::regclass",
                [table],
            )
            for name, referring in cursor.fetchall():
                alter(f'ALTER TABLE {referring} DROP CONSTRAINT "{name}"')
        alter(f"DELETE FROM {table} WHERE {where}", *values)

    return delete


def test_t04_a_document_deleted_with_all_its_rows_is_told(
    complex_, bookkeeper, chief, manager, sign, wipe, at
):
    documents = [approved(bookkeeper, chief, manager, sign, at, title=f"{n}차") for n in range(3)]
    settle()
    gone = documents[1].id
    of_document = [f"approvals_{name}" for name in ("turn", "step", "outcome", "enclosure")]
    record = shown(documents[1]).record.id
    for table in ("disclosure_publication", "renditions_rendition"):
        wipe(table, "record_id = %s", record)
    for table in of_document:
        wipe(table, "document_id = %s", gone)
    wipe("records_record", "doc = %s", gone)
    wipe("approvals_document", "id = %s", gone)
    told = faults(audit(complex_, at))
    assert "상신한 사건이 있는데 문서가 지워졌습니다" in told
    assert "등록한 사건이 있는데 기록이 지워졌습니다" in told
    assert "빠진 번호가 있습니다: 2번" in told


def test_t04_a_deleted_attachment_is_told_and_the_document_without_it_refused(
    complex_, bookkeeper, chief, manager, sign, at
):
    draft = drafted(bookkeeper, at, form="expense")
    attach_file(draft.id, "견적서.pdf", RECEIPT, actor=bookkeeper, at=at)
    document = submit_draft(draft.id, actor=bookkeeper, at=at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    settle()
    parts = parts_of(document)
    path_of(document.parsed_content()["attachments"][0]["sha256"]).unlink()
    assert "붙임 ‘견적서.pdf’ 파일이 없어졌습니다" in faults(audit(complex_, at))
    del parts["붙임1-견적서.pdf"]
    assert "붙임1이 빠졌거나" in judged(document, parts)


def test_t05_an_event_taken_out_of_the_queue_is_told(complex_, clerk, manager, alter, at):
    settle()
    submit(clerk, at)
    alter("DELETE FROM transparency_pendingevent")
    settle()
    assert "장부에서 빼돌린 흔적" in faults(audit(complex_, at))


def test_t05_a_decision_that_was_never_logged_is_told_and_its_document_refused(
    complex_, bookkeeper, chief, manager, sign, wipe, at
):
    document = submit(bookkeeper, at, form="expense")
    settle()
    decide(document, chief, sign, at)
    wipe("transparency_pendingevent", "TRUE")
    wipe("transparency_opening", "event_id IN (SELECT id FROM transparency_event WHERE seq = 2)")
    wipe("transparency_event", "doc = %s AND seq = 2", document.id)
    told = faults(audit(complex_, at))
    assert "결재가 봉인 장부에 없습니다. 누가 만들어 넣은 결재입니다" in told


def test_t05_an_event_whose_row_is_dropped_after_sealing_leaves_its_leaf(
    complex_, bookkeeper, chief, manager, sign, wipe, at
):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    parts = parts_of(document)
    for table in ("transparency_leaf", "transparency_opening"):
        wipe(
            table,
            "event_id IN (SELECT id FROM transparency_event WHERE doc = %s AND seq = 2)",
            document.id,
        )
    wipe("transparency_event", "doc = %s AND seq = 2", document.id)
    told = faults(audit(complex_, at))
    assert f"문서 {document.id.hex}의 2번째 사건(approval.decided)" in told
    assert "앞 사건이 없습니다" in told
    for part in ("leaf-2.json", "leaf-2.tlog-proof"):
        del parts[part]
    report = Report(trusted=True)
    check_document(parts, policy(complex_), report)
    assert report.of(State.FAILED)


@pytest.mark.parametrize("lost", [False, True], ids=["waits", "lost"])
def test_t05_the_approver_reads_on_the_page_that_it_is_not_recorded(
    clerk, chief, manager, sign, alter, wipe, client, sign_in, lost, at
):
    """The page asks the clock of the day, and these decisions are of an hour before."""
    earlier = timezone.now() - timedelta(hours=1)
    document = submit(clerk, earlier)
    settle()
    decide(document, chief, sign, earlier)
    if lost:
        wipe("transparency_pendingevent", "TRUE")
        wipe(
            "transparency_opening", "event_id IN (SELECT id FROM transparency_event WHERE seq = 2)"
        )
        wipe("transparency_event", "doc = %s AND seq = 2", document.id)
    client = sign_in(client, chief)
    page = client.get(f"/desk/documents/{document.id}/").content.decode()
    assert "아직 봉인 장부에 적히지 않았습니다" in page
    assert "과장 이민호 님의 결재가" in page
    if not lost:
        settle()
        page = client.get(f"/desk/documents/{document.id}/").content.decode()
        assert "아직 봉인 장부에 적히지 않았습니다" not in page


def test_t05_what_waits_too_long_for_its_place_is_told(complex_, clerk, manager, at):
    settle()
    submit(clerk, at - timedelta(minutes=10))
    told = [found for found in audit(complex_, at).found.kept if "10분 넘게" in found.sentence]
    assert [found.severity for found in told] == [Severity.DOUBT]
