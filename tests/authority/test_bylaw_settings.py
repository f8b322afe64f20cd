"""What the bylaws set: proposed by one officer, confirmed by a second, in force from its day."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from danji.approvals.lateness import days_until
from danji.approvals.models import Reminder
from danji.authority import actions
from danji.authority.models import Proposal
from danji.complexes.models import BylawSetting
from danji.outbox.models import Message
from danji.rules.bylaws import ESCALATE, REMIND, SETTINGS
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal

TODAY = date(2026, 11, 22)


@pytest.fixture
def auditor(appointed):
    return appointed("한동철", "auditor")


@pytest.fixture
def propose(at):
    def propose_(actor, **changes):
        planned = {
            "key": REMIND.key,
            "value": 2,
            "article": "관리규약 제45조제2항",
            "effective_from": TODAY,
            "reason": "",
        } | changes
        return actions.propose_setting(planned.pop("key"), **planned, actor=actor, at=at)

    return propose_


def confirm(proposal, actor, at):
    return actions.confirm_proposal(proposal.id, actor=actor, at=at)


def reminded_after(complex_, at):
    return days_until(Reminder.Kind.REMIND, complex_.id, on=day_in_seoul(at))


def test_nothing_holds_until_a_second_officer_confirms_and_from_its_day_on(
    propose, complex_, manager, chair, at
):
    proposal = propose(manager, effective_from=TODAY + timedelta(days=1))
    assert not BylawSetting.objects.exists()
    confirm(proposal, chair, at)
    days = [reminded_after(complex_, at + timedelta(days=n)) for n in (0, 1)]
    assert days == [REMIND.otherwise, 2]


def test_the_log_names_the_value_the_article_and_both_officers(propose, manager, chair, at, logged):
    proposal = propose(manager, reason="관리규약 개정")
    outcome = confirm(proposal, chair, at)
    event = logged(proposal.id)
    assert event["name"] == "bylaw.changed"
    assert event["bylaw"] == {
        "v": 1,
        "key": REMIND.key,
        "value": 2,
        "article": "관리규약 제45조제2항",
        "effective_from": "2026-11-22",
        "reason": "관리규약 개정",
    }
    assert (event["proposer"]["name"], event["officer"]["name"]) == ("박정호", "정순자")
    assert bytes(outcome.leaf_hash) == event["leaf_hash"]


def test_those_in_charge_are_told(propose, manager, chair, auditor, at):
    confirm(propose(manager), chair, at)
    told = Message.objects.filter(subject__startswith="관리규약 설정 확인")
    assert {message.recipient_id for message in told} == {manager.person_id, auditor.person_id}
    assert {message.link.rsplit("/desk/")[1] for message in told} == {"bylaws/"}
    assert "근무일 2일 뒤" in told[0].body


def test_the_council_has_a_part_in_it(propose, manager, chief, auditor, chair, at):
    with pytest.raises(Refusal, match="제안할 수 있는 직책이 아닙니다"):
        propose(chief)
    proposal = propose(manager)
    for nobody in (chief, manager):
        with pytest.raises(Refusal, match="확인"):
            confirm(proposal, nobody, at)
    confirm(proposal, auditor, at)


def test_a_rejected_one_does_not_hold(propose, complex_, manager, chair, at):
    proposal = propose(manager)
    actions.reject_proposal(proposal.id, actor=chair, at=at)
    assert reminded_after(complex_, at) == REMIND.otherwise
    told = Message.objects.latest("id")
    assert "설정) 제안" not in told.body
    assert told.link.endswith(f"/proposals/{proposal.id}/")
    propose(manager)


def test_each_is_proposed_once_and_of_one_day_there_is_one_value(propose, manager, chair, at):
    first = propose(manager)
    with pytest.raises(Refusal, match="이미 제안되어"):
        propose(chair)
    other = propose(chair, key=ESCALATE.key, value=0)
    confirm(first, chair, at)
    confirm(other, manager, at)
    with pytest.raises(Refusal, match="이미 있습니다"):
        propose(manager)
    propose(manager, effective_from=TODAY + timedelta(days=1))


def test_what_waited_past_its_day_is_not_confirmed(propose, manager, chair, at):
    proposal = propose(manager)
    with pytest.raises(Refusal, match="이미 지났습니다"):
        confirm(proposal, chair, at + timedelta(days=1))
    assert not BylawSetting.objects.exists()


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"key": "approval.nothing"}, "고르지 않았습니다"),
        ({"value": 31}, "30일까지"),
        ({"article": " "}, "조항이 비어"),
        ({"effective_from": TODAY - timedelta(days=1)}, "이미 지났습니다"),
        ({"effective_from": date(2062, 1, 1)}, "12개월"),
    ],
)
def test_what_cannot_be_is_not_proposed(changes, fact, propose, manager):
    with pytest.raises(Refusal, match=fact):
        propose(manager, **changes)
    assert not Proposal.objects.exists()


def test_a_setting_stays_as_it_was_set(propose, manager, chair, at):
    confirm(propose(manager), chair, at)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        BylawSetting.objects.update(value=9)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        BylawSetting.objects.all().delete()


def test_the_database_keeps_no_setting_without_a_value(manager, at):
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.create(
            complex_id=manager.complex_id,
            change="setting",
            setting=REMIND.key,
            article="관리규약 제45조제2항",
            since=TODAY,
            proposed_by=manager,
            proposed_at=at,
        )


def test_every_setting_says_what_it_is(complex_, at):
    for setting in SETTINGS.values():
        assert setting.words(0) == "알리지 않음"
        assert setting.told.endswith("니다.")
