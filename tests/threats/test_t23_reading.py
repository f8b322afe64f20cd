"""T23: somebody in charge reads out of curiosity. Nobody prevents it, and it is seen."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from danji.base import tenancy
from danji.disposal import readings
from danji.disposal.models import Reading, ReadingReport
from danji.disposal.readings import (
    MANY,
    altered_readings,
    chain_of_day,
    log_readings,
    note_reading,
)
from danji.outbox.models import Message
from danji.records.models import Record
from danji.rules.periods import day_in_seoul
from danji.transparency.models import Event, Opening
from danji_verify.canonical import b64decode
from papers import decide, submit


@pytest.fixture
def auditor(appointed):
    return appointed("한지원", "auditor")


@pytest.fixture
def record(bookkeeper, chief, manager, sign, at):
    document = submit(bookkeeper, at)
    decide(document, chief, sign, at)
    decide(document, manager, sign, at)
    return Record.objects.get(doc=document.id)


@pytest.fixture
def opens(complex_, sign_in):
    """Open a record at an officer's desk."""

    def look(holder, record):
        answer = sign_in(Client(), holder).get(reverse("desk:record", args=[record.id]))
        tenancy._enter("app.complex", complex_.id)
        return answer

    return look


@pytest.fixture
def the_day_after(monkeypatch):
    """Let the worker believe that the day of the readings is over."""
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(readings.timezone, "now", lambda: tomorrow)
    return tomorrow


def test_t23_fifty_records_read_are_rows_an_event_a_report_and_a_message(
    complex_, bookkeeper, chief, manager, chair, auditor, sign, at, opens, monkeypatch, sign_in
):
    filed = []
    for number in range(MANY):
        document = submit(bookkeeper, at, title=f"비공개 문서 {number}")
        decide(document, chief, sign, at)
        decide(document, manager, sign, at)
        filed.append(Record.objects.get(doc=document.id))
    day = day_in_seoul(timezone.now())
    for record in filed:
        assert opens(chair, record).status_code == 200
    assert Reading.objects.filter(reader_id=chair.id).count() == MANY
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(readings.timezone, "now", lambda: tomorrow)
    assert log_readings(complex_.id) == 1
    event = Event.objects.get(doc=chain_of_day(complex_.id, day))
    assert event.name == "record.read"
    fields = Opening.objects.get(event_id=event.id).fields
    said = json.loads(b64decode(fields["readings"]["value"]))
    assert said["day"] == day.isoformat()
    assert {row["doc"] for row in said["read"]} == {record.doc.hex for record in filed}
    assert json.loads(b64decode(fields["actor"]["value"]))["name"] == chair.person.name
    report = ReadingReport.objects.get()
    assert (report.reader_id, report.documents) == (chair.id, MANY)
    told = Message.objects.get(subject__startswith="열람 확인")
    assert told.recipient_id == auditor.person_id
    assert f"{MANY}건" in told.subject
    page = sign_in(Client(), auditor).get(reverse("disposal:readings")).content.decode()
    tenancy._enter("app.complex", complex_.id)
    assert "정순자" in page
    assert "확인 필요" in page


def test_t23_one_s_own_part_is_not_noted(record, chief, manager, bookkeeper, opens):
    for holder in (bookkeeper, chief, manager):
        assert opens(holder, record).status_code == 200
    assert not Reading.objects.exists()


def test_t23_a_second_look_on_the_same_day_is_the_same(record, chair, opens):
    opens(chair, record)
    opens(chair, record)
    reading = Reading.objects.get()
    assert (reading.doc, reading.reader_id, reading.by_program) == (record.doc, chair.id, False)


def test_t23_a_program_is_noted_also_where_its_officer_has_a_part(record, chief, at):
    note_reading(record.doc, reader=chief, at=at)
    note_reading(record.doc, reader=chief, at=at, by_program=True)
    assert Reading.objects.get().by_program


def test_t23_the_auditor_s_own_reading_is_told_to_the_chair(
    complex_, record, auditor, chair, at, the_day_after, monkeypatch
):
    monkeypatch.setattr(readings, "MANY", 1)
    note_reading(record.doc, reader=auditor, at=timezone.now() - timedelta(days=1))
    log_readings(complex_.id)
    assert Message.objects.get(subject__startswith="열람 확인").recipient_id == chair.person_id


def test_t23_what_one_person_reads_in_two_offices_is_added_up(
    complex_, record, manager, auditor, the_day_after, monkeypatch
):
    from uuid import uuid4

    from danji.accounts.actions import appoint
    from danji.accounts.models import Office

    monkeypatch.setattr(readings, "MANY", 2)
    second = appoint(manager.person, Office.CLERK, complex_, since=manager.since)
    day = timezone.now() - timedelta(days=1)
    for office in (manager, second):
        note_reading(uuid4(), reader=office, at=day)
    shown = readings.readings_by_day(complex_.id, since=day_in_seoul(day))
    assert [row.is_many for row in shown] == [True, True]
    log_readings(complex_.id)
    (told,) = Message.objects.filter(subject__startswith="열람 확인")
    assert "2건" in told.subject


def test_t23_a_day_is_logged_once_and_only_when_it_is_over(complex_, record, chair, at):
    note_reading(record.doc, reader=chair, at=timezone.now())
    assert log_readings(complex_.id) == 0
    earlier = timezone.now() - timedelta(days=2)
    note_reading(record.doc, reader=chair, at=earlier)
    assert log_readings(complex_.id) == 1
    assert log_readings(complex_.id) == 0


def test_t23_rows_cannot_vanish_or_change_unseen(complex_, record, chair, alter):
    note_reading(record.doc, reader=chair, at=timezone.now() - timedelta(days=2))
    log_readings(complex_.id)
    assert altered_readings(complex_.id) == []
    alter("UPDATE disposal_reading SET at = at + interval '1 hour'")
    assert "다릅니다" in altered_readings(complex_.id)[0]
    alter("UPDATE disposal_reading SET at = at - interval '1 hour'")
    assert altered_readings(complex_.id) == []
    alter("DELETE FROM disposal_reading")
    assert "다릅니다" in altered_readings(complex_.id)[0]
    alter("DELETE FROM disposal_readingreport")
    assert "다릅니다" in altered_readings(complex_.id)[0]


def test_t23_a_reading_that_the_log_does_not_know_is_found(complex_, record, chair, alter):
    note_reading(record.doc, reader=chair, at=timezone.now() - timedelta(days=2))
    log_readings(complex_.id)
    alter("UPDATE disposal_readingreport SET leaf_hash = '\\x00'")
    assert [said for said in altered_readings(complex_.id) if "장부에 없습니다" in said]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM disposal_reading", "UPDATE disposal_reading SET by_program = true"]
)
def test_t23_the_application_cannot_forget_a_reading(record, chair, sql):
    note_reading(record.doc, reader=chair, at=datetime(2026, 11, 1, tzinfo=UTC))
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_t23_who_may_see_it(record, clerk, chair, sign_in, complex_):
    answer = sign_in(Client(), clerk).get(reverse("disposal:readings"))
    tenancy._enter("app.complex", complex_.id)
    assert answer.status_code == 409
    assert "감사, 회장, 관리사무소장" in answer.content.decode()
