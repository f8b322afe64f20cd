"""The page of the audits: those in charge read what was found, and take the report along."""

import json

import pytest

from audited import approved, audit, settle
from danji.audit.actions import note_audit
from danji.audit.models import AuditRun
from danji.outbox.models import Message
from danji.transparency.models import Trouble, TroubleKind
from danji.transparency.troubles import tell_troubles


@pytest.fixture
def document(bookkeeper, chief, manager, sign, at):
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    return document


def test_what_was_changed_is_read_as_a_sentence(
    document, complex_, chair, manager, alter, client, sign_in, at
):
    alter("UPDATE approvals_document SET amount = 9900000")
    note_audit(audit(complex_, at))
    page = sign_in(client, manager).get("/desk/audit/").content.decode()
    assert "이상이 1건 있습니다" in page
    assert "지출-2026-0001 ‘제설 자재 구입’" in page
    assert "지금 9,900,000, 상신할 때 132,000" in page
    run = AuditRun.objects.get()
    text = client.get(f"/desk/audit/{run.id}/report.txt")
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert "결과: 이상 1건" in text.content.decode()
    found = json.loads(client.get(f"/desk/audit/{run.id}/report.json").content)
    assert [one["number"] for one in found["findings"] if one["severity"] == "fault"] == [
        "지출-2026-0001"
    ]


def test_those_in_charge_are_told_once_and_the_next_clean_audit_ends_it(
    document, complex_, chair, manager, alter, at
):
    alter("UPDATE approvals_document SET amount = 9900000")
    for _ in range(2):
        note_audit(audit(complex_, at))
        tell_troubles(complex_.id)
    told = Message.objects.filter(subject=TroubleKind.FOUND.label)
    assert {message.recipient_id for message in told} == {manager.person_id, chair.person_id}
    assert told.count() == 2
    alter("UPDATE approvals_document SET amount = 132000")
    note_audit(audit(complex_, at))
    assert Trouble.objects.get(kind=TroubleKind.FOUND).until is not None


def test_reports_are_kept_as_files_that_only_the_server_reads(document, complex_, settings, at):
    note_audit(audit(complex_, at))
    kept = sorted((settings.REPORTS / complex_.code).iterdir())
    assert [path.name for path in kept] == ["2026-11-22.json", "2026-11-22.txt"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert "결과: 이상이 없습니다" in kept[1].read_text(encoding="utf-8")


def test_whoever_is_not_in_charge_is_told_whom_to_ask(document, clerk, client, sign_in):
    answer = sign_in(client, clerk).get("/desk/audit/")
    assert answer.status_code == 409
    assert "관리사무소장, 회장, 감사가 봅니다" in answer.content.decode()


def test_before_the_first_night_the_page_says_when(complex_, manager, client, sign_in):
    assert "새벽 3시" in sign_in(client, manager).get("/desk/audit/").content.decode()
