"""A manager in hospital: the chair and another officer say so, and somebody decides meanwhile."""

from datetime import timedelta

import pytest

from audited import audit, faults
from danji.authority import actions
from danji.authority.models import Absence
from danji.authority.queries import absence_of
from danji.confirming.queries import confirmable
from danji.outbox.models import Message
from danji.rules.absence import Reason
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from papers import decide, submit


@pytest.fixture
def auditor(appointed):
    return appointed("한동철", "auditor")


@pytest.fixture
def propose(manager, chief, chair, at):
    """The chair proposes that the manager is away for ten days, with the chief standing in."""

    def propose_(absent=manager, deputy=chief, actor=chair):
        day = day_in_seoul(at)
        return actions.propose_absence(
            absent.id,
            deputy_id=deputy.id,
            since=day,
            until=day + timedelta(days=10),
            reason=Reason.ILLNESS,
            actor=actor,
            at=at,
        )

    return propose_


def confirm(proposal, actor, at):
    return actions.confirm_proposal(proposal.id, actor=actor, at=at)


def test_with_a_second_officer_the_deputy_decides(
    propose, complex_, clerk, chief, manager, chair, auditor, sign, logged, at
):
    proposal = propose()
    on = day_in_seoul(at)
    assert absence_of(manager, on=on) is None
    assert [w.id for w in confirmable(auditor, on=on)] == [proposal.id]
    confirm(proposal, auditor, at)
    absence = Absence.objects.get()
    said = logged(absence.id)["delegation"]
    assert (said["absent"]["name"], said["deputy"]["name"]) == ("박정호", "이민호")
    assert said["proposer"]["name"] == "정순자"
    assert logged(absence.id)["actor"]["name"] == "한동철"
    line = {"skipped": []}
    document = submit(clerk, at, line=line)
    decide(document, chief, sign, at)
    decide(document, chief, sign, at, acting_for=manager.id)
    assert not faults(audit(complex_, at))


def test_the_manager_and_those_in_charge_are_told_and_the_manager_ends_it(
    propose, manager, chief, chair, auditor, at
):
    proposal = propose()
    asked = Message.objects.filter(subject__startswith="부재 제안")
    assert {message.recipient_id for message in asked} >= {manager.person_id, auditor.person_id}
    confirm(proposal, auditor, at)
    told = Message.objects.filter(subject__startswith="부재: 관리사무소장 박정호")
    people = (manager, chief, chair)
    assert {m.recipient_id for m in told} == {one.person_id for one in people}
    assert all("정순자 님이 제안하고 감사 한동철 님이 확인" in message.body for message in told)
    actions.end_absence(Absence.objects.get().id, actor=manager, at=at)
    assert absence_of(manager, on=day_in_seoul(at)) is None


def test_nobody_gives_themselves_the_managers_pen(propose, chief, chair, auditor, at):
    with pytest.raises(Refusal, match="자신의 대결을 정할 수는"):
        propose(actor=chief)
    proposal = propose()
    with pytest.raises(Refusal, match="자신의 대결을 정할 수는"):
        confirm(proposal, chief, at)
    with pytest.raises(Refusal, match="다른 분이 확인해야"):
        confirm(proposal, chair, at)
    assert not Absence.objects.exists()


def test_without_the_chair_it_is_not_decided(propose, manager, appointed, auditor, at):
    director = appointed("오세영", "director")
    proposal = propose(actor=auditor)
    with pytest.raises(Refusal, match="확인할 수 있는 직책이"):
        confirm(proposal, director, at)


def test_of_anybody_else_it_is_not_said(propose, chair, auditor, clerk, bookkeeper):
    with pytest.raises(Refusal, match="본인이 알려야"):
        propose(absent=bookkeeper, deputy=clerk)
    with pytest.raises(Refusal, match="제안할 수 있는 직책이"):
        propose(actor=clerk)


def test_it_is_proposed_once_and_confirmed_late_it_begins_today(propose, manager, auditor, at):
    proposal = propose()
    with pytest.raises(Refusal, match="이미 제안되어"):
        propose()
    later = at + timedelta(days=3)
    confirm(proposal, auditor, later)
    absence = Absence.objects.get()
    assert (absence.since, absence.until) == (day_in_seoul(later), proposal.until)
