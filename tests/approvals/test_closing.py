"""A chair who says nothing stops no payment: what is decided is closed once that is late."""

from datetime import timedelta

import pytest

from audited import audit, faults
from danji.approvals import deciding
from danji.approvals.jobs import remind_waiting
from danji.approvals.models import Outcome
from danji.complexes.models import BylawSetting
from danji.outbox.models import Message
from danji.renditions.pdf import _approvals
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from logbook import failures, filed_as, judged
from papers import decide, submit

REASON = "기한 안에 확인하지 않음"
LATE = timedelta(days=4)  # of which the first is a Sunday: three working days


@pytest.fixture
def silent(bookkeeper, chief, manager, chair, sign, at):
    """An expense that the manager decided, and that waits for the chair to confirm it."""
    confirmation = {"act": "confirm", "officeholder": chair.id.hex, "beside": False}
    document = submit(bookkeeper, at, form="expense", line={"added": [confirmation]})
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    assert not Outcome.objects.exists()
    return document


def close(document, actor, sign, at, **options):
    return deciding.skip_step(document.id, 4, REASON, actor=actor, sign=sign, at=at, **options)


def test_the_manager_closes_it_and_everybody_can_check_that(
    silent, complex_, manager, chair, sign, alter, at
):
    # So that it was late before now: a PDF is not made of what is still to come.
    alter("UPDATE approvals_turn SET since = %s", at - 2 * LATE)
    close(silent, manager, sign, at)
    record = filed_as(silent)
    last = record.parsed_payload()["decisions"][-1]
    assert (last["name"], last["decision"], last["opinion"]) == ("정순자", "skip", REASON)
    assert last["by"] == {"office": "관리사무소장", "name": "박정호"}
    box = _approvals(record.parsed_payload(), {})[0][-1]
    assert (box["mark"], box["date"]) == ("확인 생략", REASON)
    report = judged(record)
    assert not failures(report)
    assert "확인(생략) 입주자대표회의 회장 정순자" in " ".join(report.decisions)
    assert not faults(audit(complex_, at))


def test_the_chair_is_told(silent, manager, chair, sign, at):
    close(silent, manager, sign, at + LATE)
    told = Message.objects.get(subject__startswith="확인 생략")
    assert told.recipient_id == chair.person_id
    assert REASON in told.body
    assert str(silent.id) in told.link


def test_whoever_is_left_out_hears_what_the_document_still_waits_for(
    bookkeeper, chief, manager, chair, appointed, sign, at
):
    auditor = appointed("한동철", "auditor")
    seeing = [("audit", auditor), ("confirm", chair)]
    added = [{"act": act, "officeholder": one.id.hex, "beside": False} for act, one in seeing]
    document = submit(bookkeeper, at, form="expense", line={"added": added})
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    with pytest.raises(Refusal, match="아직 감사를 기다리는"):
        close(document, manager, sign, at)
    close(document, manager, sign, at + LATE)
    assert not Outcome.objects.exists()
    told = Message.objects.filter(subject__startswith="감사 생략")
    assert {message.recipient_id for message in told} == {auditor.person_id, chair.person_id}
    for message in told:
        assert "감사를 더 기다리지 않고 넘겼습니다." in message.body
        assert "마쳤습니다" not in message.body


def test_before_the_time_of_the_bylaws_it_waits(silent, complex_, manager, sign, at):
    BylawSetting.objects.create(
        complex=complex_,
        key="approval.escalate_after_days",
        value=5,
        layer=Layer.BYLAW,
        article="관리규약 제60조",
        effective_from=at.date(),
    )
    with pytest.raises(Refusal, match="기한이 지나지 않았습니다"):
        close(silent, manager, sign, at + LATE)
    close(silent, manager, sign, at + LATE + timedelta(days=4))
    assert Outcome.objects.get().ending == "finished"


def test_what_the_bylaws_set_later_does_not_hurry_what_waits_already(
    silent, complex_, manager, sign, at
):
    """Neither is it told nor left out before the time that held when it began to wait."""
    BylawSetting.objects.create(
        complex=complex_,
        key="approval.escalate_after_days",
        value=1,
        layer=Layer.BYLAW,
        article="관리규약 제60조",
        effective_from=at.date() + timedelta(days=1),
    )
    soon = at + timedelta(days=2, hours=-1)
    remind_waiting(complex_.id, at=soon)
    assert not Message.objects.filter(subject__startswith="결재 지연")
    with pytest.raises(Refusal, match="기한이 지나지 않았습니다"):
        close(silent, manager, sign, soon)
    close(silent, manager, sign, at + LATE)


def test_a_chair_who_holds_it_has_twice_the_time_and_no_more(silent, manager, chair, sign, at):
    deciding.hold_step(silent.id, "현장을 보고 확인합니다.", actor=chair, at=at)
    with pytest.raises(Refusal, match="기한이 지나지 않았습니다"):
        close(silent, manager, sign, at + LATE)
    close(silent, manager, sign, at + 2 * LATE)
    assert Outcome.objects.get().ending == "finished"


def test_who_is_told_that_it_is_late_is_led_to_the_page_where_it_can_be_closed(
    silent, complex_, at
):
    remind_waiting(complex_.id, at=at + timedelta(days=3, hours=-1))
    assert not Message.objects.filter(subject__startswith="결재 지연")
    remind_waiting(complex_.id, at=at + timedelta(days=3, hours=16))
    late = Message.objects.filter(subject__startswith="결재 지연")
    assert {message.recipient.name for message in late} == {"김수진", "박정호"}
    assert all("마칠 수 있습니다" in message.body for message in late)
    assert all(str(silent.id) in message.link for message in late)


def test_what_is_signed_is_what_was_stated(silent, manager, sign, at):
    at = at + LATE
    stated = deciding.state_skip(silent.id, 4, REASON, actor=manager, at=at)
    seen = []

    def remember(statement):
        seen.append(statement)
        return sign(statement)

    close(silent, manager, remember, at + timedelta(minutes=3), stated_at=at)
    assert seen == [stated.data]
