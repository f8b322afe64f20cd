"""T01, T22, T25: what is said to have gone excuses nothing that is there, or should be."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audited import approved, audit, faults, settle, shown
from danji.audit.blobs import path_of
from danji.disclosure.actions import withdraw_disclosure
from danji.disposal.actions import confirm_disposal, propose_disposal
from danji.records.models import Record
from danji.rules.disposal import Basis
from danji.transparency.actions import append_event
from danji.transparency.models import Event as EventRow
from danji_verify.canonical import canonical
from danji_verify.entry import Event
from logbook import filed


@pytest.fixture
def document(bookkeeper, chief, manager, sign, at):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    return document


@pytest.fixture
def erased(document, manager, chair, at):
    later = at + timedelta(minutes=1)
    disposal = propose_disposal([document.id], Basis.ORDER, "법원의 명령", actor=manager, at=later)
    confirm_disposal(disposal.id, actor=chair, at=later)
    settle()
    return document


def said_to_be_erased(complex_, document, proposer, officer):
    append_event(
        complex_,
        document.id,
        Event.ERASED,
        {
            "erasure": canonical({"v": 1, "record": "", "basis": "보존기간 만료", "reason": ""}),
            "proposer": canonical({"officeholder": proposer}),
            "officer": canonical({"officeholder": officer}),
        },
        at=timezone.now(),
    )


def test_t25_an_erasure_that_nobody_agreed_to_is_told_and_hides_nothing(
    complex_, document, manager, chair, alter
):
    said_to_be_erased(complex_, document, manager.id.hex, chair.id.hex)
    alter("UPDATE approvals_document SET amount = 9900000, title = '다른 제목'")
    alter("UPDATE records_record SET number = '지출-1999-0001'")
    alter("UPDATE approvals_step SET opinion = '위조' WHERE position = 2")
    told = faults(audit(complex_, timezone.now()))
    for fault in (
        "파기를 제안하고 확인한 적이 없는데",
        "문서의 내용이 남아 있습니다",
        "금액이 상신한 본문과 다릅니다",
        "제목이 상신한 본문과 다릅니다",
        "문서번호가 등록한 기록과 다릅니다",
        "의견이 봉인된 것과 다릅니다",
    ):
        assert fault in told


def ask_to_erase(document):
    with connection.cursor() as cursor, transaction.atomic():
        values = [document.complex_id, document.id, timezone.now()]
        cursor.execute("SELECT danji_erase_document(%s, %s, %s)", values)


def test_t25_an_event_without_its_place_erases_nothing(complex_, document):
    seq = EventRow.objects.filter(doc=document.id).count() + 1
    EventRow.objects.create(
        complex=complex_, doc=document.id, seq=seq, name="doc.erased", entry=b"", leaf_hash=b""
    )
    with pytest.raises(DatabaseError, match="the log does not say"):
        ask_to_erase(document)


def test_t25_what_the_log_says_and_no_two_agreed_on_erases_nothing(
    complex_, document, manager, chair
):
    said_to_be_erased(complex_, document, manager.id.hex, chair.id.hex)
    settle()
    with pytest.raises(DatabaseError, match="no two officers agreed"):
        ask_to_erase(document)
    assert Record.objects.get(doc=document.id).erased_at is None


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE records_record SET number = '지출-2026-0009'", "문서번호가"),
        ("UPDATE records_record SET filed_at = filed_at + interval '1 day'", "등록한 때가"),
        ("UPDATE records_record SET digest = repeat('0', 64)", "지문(요약값)이"),
        ("UPDATE records_record SET erased_at = erased_at - interval '1 day'", "파기한 때가"),
        ("UPDATE approvals_document SET amount = 5", "남은 내용이"),
        ("UPDATE approvals_step SET decision = 'dissent' WHERE position = 2", None),
        ("UPDATE approvals_step SET decision = 'return' WHERE position = 2", "2번째 자리의 결재가"),
        ("UPDATE approvals_outcome SET ending = 'returned'", "문서의 상태가"),
        ("UPDATE disposal_disposal SET reason = '다른 까닭'", "까닭"),
        ("UPDATE disposal_disposal SET basis = 'expired'", "근거"),
        (
            "UPDATE disposal_disposaloutcome SET answered_by_id = "
            "(SELECT proposed_by_id FROM disposal_disposal)",
            "서로 다른 두 분",
        ),
        ("UPDATE accounts_officeholder SET until = '2020-01-01' WHERE office = 'chair'", "임기"),
        ("DELETE FROM disposal_erasure", "제안하고 확인한 적이 없는데"),
    ],
    ids=lambda value: value.split(" WHERE")[0] if value and " SET " in value else "said",
)
def test_t25_what_an_erasure_leaves_is_still_compared(complex_, erased, alter, sql, said):
    assert faults(audit(complex_, timezone.now())) == ""
    alter(sql)
    # Which of two ways of agreeing it was is gone with the statement.
    told = faults(audit(complex_, timezone.now()))
    assert said in told if said else told == ""


@pytest.mark.parametrize("gone", [False, True], ids=["swapped", "deleted"])
def test_t22_a_withdrawn_disclosure_excuses_no_file_that_was_to_stay(
    complex_, document, manager, gone
):
    withdraw_disclosure(shown(document).record.id, "까닭", actor=manager, at=timezone.now())
    settle()
    path = path_of(shown(document).rendition.file)
    path.chmod(0o600)
    path.write_bytes(b"another")
    if gone:
        path.unlink()
    told = faults(audit(complex_, timezone.now()))
    assert ("봉인한 PDF 파일이 없어졌습니다" if gone else "저장한 뒤에 바뀌었습니다") in told


def test_t22_files_that_the_worker_is_about_to_take_away_are_no_fault(
    complex_, clerk, manager, sign, at
):
    record = filed(clerk, manager, sign, at)
    withdraw_disclosure(record.id, "까닭", actor=manager, at=timezone.now())
    assert faults(audit(complex_, timezone.now())) == ""
    assert "파일이 남아 있습니다" in faults(audit(complex_, timezone.now() + timedelta(minutes=10)))
