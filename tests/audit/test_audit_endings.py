"""What was erased or withdrawn as the log says is in order; what is only gone is not."""

from datetime import timedelta

from django.utils import timezone

from audited import approved, audit, faults, settle, shown
from danji.audit.findings import Severity
from danji.disclosure.actions import withdraw_disclosure
from danji.disposal.actions import confirm_disposal, propose_disposal
from danji.rules.disposal import Basis


def test_an_erased_document_is_told_as_erased_by_its_event_and_never_as_tampered(
    complex_, bookkeeper, chief, manager, chair, sign, alter, at
):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    later = at + timedelta(minutes=1)
    disposal = propose_disposal([document.id], Basis.ORDER, "법원의 명령", actor=manager, at=later)
    confirm_disposal(disposal.id, actor=chair, at=later)
    settle()
    audited = audit(complex_, at)
    assert faults(audited) == ""
    told = [found for found in audited.found.kept if "파기한 문서입니다" in found.sentence]
    assert [found.severity for found in told] == [Severity.NOTE]
    alter("UPDATE approvals_document SET line = '{\"skipped\": []}' WHERE id = %s", document.id)
    assert "남은 내용" in faults(audit(complex_, at))


def test_an_opening_deleted_without_an_erasure_is_told(
    complex_, bookkeeper, chief, manager, sign, alter, at
):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    alter(
        "DELETE FROM transparency_opening WHERE event_id IN "
        "(SELECT id FROM transparency_event WHERE doc = %s AND seq = 2)",
        document.id,
    )
    told = faults(audit(complex_, at))
    assert "2번째 사건(결재)에 적힌 값(stmt)을 열 수 없습니다" in told


def test_a_withdrawn_disclosure_is_in_order_and_an_edited_one_is_told(
    complex_, bookkeeper, chief, manager, sign, alter, at
):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    withdraw_disclosure(
        shown(document).record.id, "개인정보가 보임", actor=manager, at=timezone.now()
    )
    settle()
    assert faults(audit(complex_, timezone.now())) == ""
    alter("UPDATE disclosure_withdrawal SET reason = '아무 까닭'")
    assert "공개를 거둔 사실이 봉인 장부와 다릅니다" in faults(audit(complex_, timezone.now()))
