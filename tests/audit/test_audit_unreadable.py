"""What cannot be read is told, ends no other check, and keeps no other night from being audited."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from audited import approved, audit, faults, said, settle
from danji.audit import actions, jobs
from danji.audit.findings import KEPT, Area, Findings, Severity
from danji.audit.models import AuditRun
from danji.transparency.actions import append_event
from danji.transparency.models import Trouble
from danji.transparency.troubles import tell_troubles
from danji_verify.entry import Event


@pytest.fixture
def document(bookkeeper, chief, manager, sign, at):
    return approved(bookkeeper, chief, manager, sign, at)


@pytest.fixture
def night(monkeypatch):
    """Some nights later, after three in the morning in Korea."""

    def turn(days):
        at = timezone.now().replace(hour=19) + timedelta(days=days)
        monkeypatch.setattr(jobs.timezone, "now", lambda: at)
        return at

    return turn


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE formbook_form SET definition = 'x'", "정의가 등록한 뒤에 바뀌었습니다"),
        ("UPDATE formbook_form SET sha256 = 'x', definition = 'x'", "정의가 등록한 뒤에"),
        (
            "UPDATE transparency_opening SET fields = '{}' WHERE event_id IN "
            "(SELECT id FROM transparency_event WHERE name = 'record.read')",
            "열람 기록: 저장된 자료가 정해진 꼴이 아니어서",
        ),
        (
            "UPDATE transparency_opening SET fields = '[]' WHERE event_id IN "
            "(SELECT id FROM transparency_event WHERE name = 'record.read')",
            "열람 기록: 저장된 자료가 정해진 꼴이 아니어서",
        ),
    ],
    ids=["form", "form-and-digest", "no-fields", "a-list"],
)
def test_what_cannot_be_read_is_a_fault_beside_all_others(complex_, document, alter, sql, told):
    append_event(
        complex_, uuid4(), Event.READ, {"readings": b"{}", "actor": b"{}"}, at=timezone.now()
    )
    settle()
    alter("UPDATE approvals_outcome SET ending = 'returned'")
    alter(sql)
    found = faults(audit(complex_, timezone.now()))
    assert told in found
    # Without its form, a document cannot be judged any further.
    assert "상태가 봉인 장부와 다릅니다" in found or "서식이 상신할 때의 것과 다릅니다" in found


def test_an_audit_that_cannot_be_done_is_told_and_tried_the_next_night(
    complex_, document, manager, night, monkeypatch
):
    settle()

    def broken(*_, **__):
        raise KeyError("unforeseen")

    with monkeypatch.context() as once:
        once.setattr(actions, "audit_complex", broken)
        night(3)
        assert jobs.audit_nightly(complex_.id) == 1
        assert jobs.audit_nightly(complex_.id) == 0
    run = AuditRun.objects.first()
    assert (run.faults, AuditRun.objects.count()) == (1, 1)
    assert "끝까지 하지 못했습니다" in run.report
    trouble = Trouble.objects.get(until=None)
    assert "끝까지 하지 못했습니다" in trouble.sentence
    assert tell_troubles(complex_.id) == 1
    night(4)
    assert jobs.audit_nightly(complex_.id) == 1
    assert not Trouble.objects.filter(until=None).exists()


def test_a_log_of_logs_that_cannot_be_read_stops_nobody(complex_, document, night, monkeypatch):
    from danji.audit import collected

    def broken():
        raise KeyError("unforeseen")

    settle()
    monkeypatch.setattr(collected, "check_collection", broken)
    jobs._of_night.cache_clear()
    night(3)
    assert jobs.audit_nightly(complex_.id) == 1
    jobs._of_night.cache_clear()
    assert "모음 장부를 점검하지 못했습니다" in AuditRun.objects.first().report


def test_the_command_says_that_it_could_not(complex_, document, monkeypatch, capsys):
    from danji.config.management.commands import audit as command

    def broken(*_, **__):
        raise KeyError("unforeseen")

    settle()
    monkeypatch.setattr(actions, "audit_complex", broken)
    with pytest.raises(SystemExit) as end:
        call_command("audit")
    assert end.value.code == command.COULD_NOT
    assert "끝까지 하지 못했습니다" in capsys.readouterr().err


def test_nights_without_an_audit_are_told(complex_, document, night):
    settle()
    night(1)
    jobs.watch_audits(complex_.id)
    assert not Trouble.objects.exists()
    night(4)
    jobs.watch_audits(complex_.id)
    assert "점검이 없었습니다" in Trouble.objects.get().sentence
    jobs.audit_nightly(complex_.id)
    jobs.watch_audits(complex_.id)
    assert not Trouble.objects.filter(until=None).exists()


def test_what_is_found_anew_is_told_again_while_the_trouble_lasts(
    complex_, document, manager, alter, night
):
    settle()
    alter("UPDATE records_record SET title = '다른 제목'")
    told = []
    for day in (3, 4, 5):
        if day == 5:
            alter("UPDATE approvals_document SET amount = 9900000")
        night(day)
        jobs.audit_nightly(complex_.id)
        told.append(tell_troubles(complex_.id))
    assert told == [1, 0, 1]


def test_notes_crowd_out_no_fault():
    found = Findings()
    for _ in range(KEPT + 1):
        found.note(Area.DOCUMENTS, "파기한 문서입니다")
    found.fault(Area.RECORDS, "등록대장이 지워졌습니다")
    assert len(found.kept) == KEPT + 1
    assert found.kept[-1].severity is Severity.FAULT


def test_an_office_that_the_log_never_gave_is_told_by_name(complex_, document, manager, alter):
    settle()
    assert said(audit(complex_, timezone.now()), Severity.DOUBT) == ""
    alter(
        "INSERT INTO accounts_officeholder SELECT (jsonb_populate_record(o, jsonb_build_object("
        "'id', gen_random_uuid()::text, 'office', 'auditor'))).* "
        "FROM accounts_officeholder o WHERE id = %s",
        manager.id,
    )
    told = said(audit(complex_, timezone.now()), Severity.DOUBT)
    assert "감사 박정호 님의 취임이 봉인 장부에 없습니다" in told
