"""The morning after, everybody is told what was decided in their name: as the log has it."""

from datetime import UTC, datetime, timedelta

import pytest

from danji.approvals.models import Document, Receipt
from danji.approvals.receipts import decided_on, send_receipts
from danji.outbox.models import Message
from danji.rules.approval import Decision
from danji.rules.periods import day_in_seoul
from danji.transparency.sequencer import Sequencer
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
    assert subject == "2026. 11. 24. 결재하신 문서 1건"
    assert "10:00 결재 승인 · 제설 자재 구입 · 금132,000원" in body
    assert "하지 않으신 결재" in body


def test_once_a_day_and_only_while_offices_are_open(decided, told):
    night = NEXT.replace(hour=18)
    assert told(night) == {}
    assert len(told(NEXT)) == 1
    assert told(NEXT + timedelta(hours=1)) == {}
    assert Receipt.objects.get().told == 1


def test_nobody_is_told_of_a_day_without_decisions(complex_, manager, told):
    assert told(NEXT) == {}
    assert Receipt.objects.get().told == 0


def test_what_was_decided_over_a_weekend_is_told_on_monday(clerk, manager, sign, told):
    friday, saturday, monday = (DAY + timedelta(days=days) for days in (3, 4, 6))
    told(friday)
    document = submit(clerk, saturday)
    decide(document, manager, sign, saturday)
    assert told(saturday) == {}
    subject, _ = told(monday)[manager.person.name]
    assert subject == "2026. 11. 28. 결재하신 문서 1건"


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


def test_what_was_erased_is_not_told(complex_, decided, alter):
    alter("DELETE FROM transparency_opening")
    assert list(decided_on(complex_.id, day_in_seoul(DAY))) == []
