"""Each morning everybody is told what was decided in their name: as the log has it."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from danji.approvals.models import Document, Receipt
from danji.approvals.receipts import send_receipts
from danji.outbox.models import Message
from danji.rules.approval import Decision
from danji.transparency.models import Leaf, Log
from danji.transparency.sequencer import Sequencer
from danji_verify.checkpoint import Checkpoint
from papers import decide, submit

DAY = datetime(2026, 11, 24, 1, tzinfo=UTC)  # a Tuesday, ten in the morning in Korea
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def told(complex_):
    def run(at):
        before = set(Message.objects.values_list("id", flat=True))
        send_receipts(complex_.id, at=at)
        messages = Message.objects.exclude(id__in=before).order_by("id")
        return {message.recipient.name: (message.subject, message.body) for message in messages}

    return run


@pytest.fixture
def decided(clerk, manager, sign):
    document = submit(clerk, DAY, form="expense", title="제설 자재 구입")
    decide(document, manager, sign, DAY)
    Sequencer().tick()
    return document


def test_who_decided_is_told_title_amount_and_time(decided, manager, told):
    subject, body = told(NEXT)[manager.person.name]
    assert subject == "결재 확인 알림: 1건"
    assert "2026. 11. 24. 10:00 결재 승인 · 제설 자재 구입 · 금132,000원" in body
    assert "하지 않으신 일" in body


def test_it_ends_in_the_newest_head_as_it_stands_on_paper(decided, complex_, manager, told):
    _, body = told(NEXT)[manager.person.name]
    head, log = Checkpoint.parse_printed(body.splitlines()[-1]), Log.objects.get(complex=complex_)
    assert (head.origin, head.size, head.root) == (log.origin, log.size, bytes(log.root))


def test_t06_who_is_said_to_have_drafted_is_told_too(decided, clerk, told, alter):
    subject, body = told(NEXT)[clerk.person.name]
    assert subject == "결재 확인 알림: 1건"
    assert "2026. 11. 24. 10:00 상신 · 제설 자재 구입 · 금132,000원" in body


def test_t06_what_is_told_of_a_submission_is_what_the_log_has(decided, manager, told, alter):
    """Its row now says something else, and the receipt does not repeat that."""
    alter(
        "UPDATE approvals_document SET content = "
        "convert_to(replace(convert_from(content, 'UTF8'), '132000', '999000'), 'UTF8')"
    )
    assert told(NEXT).keys() == {manager.person.name}


def test_once_a_day_and_only_while_offices_are_open(decided, told):
    night = NEXT.replace(hour=18)
    assert told(night) == {}
    assert len(told(NEXT)) == 2
    assert told(NEXT + timedelta(hours=1)) == {}
    assert Receipt.objects.get().told == 2


def test_nobody_is_told_of_a_day_without_decisions(complex_, manager, told):
    assert told(NEXT) == {}
    assert Receipt.objects.get().told == 0


def test_what_was_decided_over_a_weekend_is_told_on_monday(clerk, manager, sign, told):
    friday, saturday, monday = (DAY + timedelta(days=days) for days in (3, 4, 6))
    told(friday)
    document = submit(clerk, saturday)
    decide(document, manager, sign, saturday)
    Sequencer().tick()
    assert told(saturday) == {}
    _, body = told(monday)[manager.person.name]
    assert "2026. 11. 28. 10:00 결재 승인" in body


def test_t06_a_decision_that_is_dated_back_is_told_when_it_enters_the_log(
    clerk, manager, sign, told
):
    """Somebody decides in another's name, dated to a day of which everybody was told already."""
    assert told(NEXT) == {}
    document = submit(clerk, DAY, form="expense", title="제설 자재 구입")
    decide(document, manager, sign, DAY)
    Sequencer().tick()
    assert told(NEXT + timedelta(hours=2)) == {}
    _, body = told(NEXT + timedelta(days=1))[manager.person.name]
    assert "2026. 11. 24. 10:00 결재 승인 · 제설 자재 구입 · 금132,000원" in body
    assert told(NEXT + timedelta(days=2)) == {}


def test_what_is_placed_again_in_a_further_log_is_told_once(decided, manager, told, alter):
    told(NEXT)
    alter(
        "INSERT INTO transparency_leaf (complex_id, id, event_id, log_number, index) "
        "SELECT complex_id, gen_random_uuid(), event_id, 2, index FROM transparency_leaf"
    )
    assert told(NEXT + timedelta(days=1)) == {}
    last = Receipt.objects.latest("day")
    assert (last.log_number, last.told) == (2, 0)


def test_what_was_told_is_not_read_again(decided, told):
    told(NEXT)
    with CaptureQueriesContext(connection) as asked:
        assert told(NEXT + timedelta(hours=1)) == {}
    assert not any("transparency_event" in query["sql"] for query in asked)


def test_one_decision_that_was_altered_keeps_no_receipt_back(
    clerk, decided, manager, sign, told, alter
):
    alter("UPDATE transparency_opening SET fields = '[]'")
    document = submit(clerk, DAY, form="expense", title="염화칼슘 구입")
    decide(document, manager, sign, DAY)
    Sequencer().tick()
    _, body = told(NEXT)[manager.person.name]
    assert "염화칼슘 구입" in body
    assert "제설 자재 구입" not in body


def test_t05_what_never_reached_the_log_is_said_to_its_approver(clerk, manager, sign, told):
    document = submit(clerk, DAY)
    decide(document, manager, sign, DAY, Decision.APPROVE)
    _, body = told(NEXT)[manager.person.name]
    assert "아직 봉인 장부에 적히지 않았습니다" in body


def test_t09_the_receipt_shows_what_was_signed_whatever_the_page_showed(
    decided, manager, told, alter
):
    """A page, or a row, may show another title; the receipt is made of what the log opens to."""
    alter("UPDATE approvals_document SET title = %s WHERE id = %s", "다른 제목", decided.id)
    assert Document.objects.get(id=decided.id).title == "다른 제목"
    _, body = told(NEXT)[manager.person.name]
    assert "제설 자재 구입" in body
    assert "다른 제목" not in body


def test_t05_what_enters_the_log_late_is_told_then_too(clerk, manager, sign, told):
    document = submit(clerk, DAY)
    decide(document, manager, sign, DAY)
    told(NEXT)
    Sequencer().tick()
    _, body = told(NEXT + timedelta(days=1))[manager.person.name]
    assert "아직" not in body


def test_what_was_erased_is_not_told(decided, told, alter):
    alter("DELETE FROM transparency_opening")
    assert told(NEXT) == {}
    assert Receipt.objects.get().told == 0


def test_an_earlier_version_begins_where_its_log_ends(decided, told):
    migration = import_module("danji.approvals.migrations.0012_begin_receipts")
    migration.begin(apps, SimpleNamespace(connection=connection))
    assert Receipt.objects.get().size == Leaf.objects.count() > 0
    assert told(NEXT) == {}
