"""When audits happen, and how the command ends."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from django.core.management import call_command

from audited import approved, settle
from danji.audit import jobs
from danji.audit.models import AuditRun
from danji.audit.snapshot import FIRST, LAST, SPAN, taken
from danji.config.management.commands import audit as command
from danji.transparency.actions import append_event
from danji_verify.entry import Event


@pytest.fixture
def clock(monkeypatch):
    """Let the job think it is another moment."""

    def turn(at):
        monkeypatch.setattr(jobs.timezone, "now", lambda: at)

    return turn


def test_each_night_has_one_audit_after_three_in_korea(complex_, clock):
    evening = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)  # taken in at 18:00 in Korea, now 23:00
    for moment, audits in (
        (evening, 0),
        (evening + timedelta(hours=3, minutes=59), 0),
        (evening + timedelta(hours=4), 1),
        (evening + timedelta(hours=10), 1),
        (evening + timedelta(hours=28), 2),
    ):
        clock(moment)
        jobs.audit_nightly(complex_.id)
        assert AuditRun.objects.count() == audits, moment


def ended(*arguments):
    with pytest.raises(SystemExit) as end:
        call_command("audit", *arguments)
    return end.value.code


def test_the_command_says_how_it_ended(
    complex_, bookkeeper, chief, manager, sign, at, alter, tmp_path, capsys
):
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    report, data = tmp_path / "report.txt", tmp_path / "report.json"
    assert ended("--report", str(report), "--json", str(data)) == command.CLEAN
    assert "결과: 이상이 없습니다" in report.read_text(encoding="utf-8")
    assert "이름 없이 남은 파일: 0개" in report.read_text(encoding="utf-8")
    alter("UPDATE approvals_document SET amount = 9900000")
    capsys.readouterr()
    assert ended("--code", complex_.code, "--json", "-") == command.FOUND
    (found,) = json.loads(capsys.readouterr().out)
    assert found["counts"]["fault"] == 1
    assert ended("--code", "Z99999999") == command.COULD_NOT


def test_the_spans_hold_every_id_there_is(complex_, at):
    for _ in range(SPAN + 1):
        append_event(complex_, uuid4(), Event.READ, {"readings": b"", "actor": b""}, at=at)
    with taken(complex_, at) as snapshot:
        spans = snapshot.spans()
        assert (spans[0].first, spans[-1].last) == (FIRST, LAST)
        assert len(spans) > 1
        for one, following in pairwise(spans):
            assert following.first.int == one.last.int + 1
