"""Whom to believe about a complex is not for whoever runs the server to say alone."""

import json
from base64 import b64decode
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from danji.confirming.queries import confirmable
from danji.outbox.models import Message
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency import proposing
from danji.transparency.models import Event as EventRow
from danji.transparency.models import Opening, Witness, WitnessProposal
from danji.transparency.queries import witnesses_of
from danji_verify.entry import Event
from watching import SmallWitness


@pytest.fixture
def auditor(appointed):
    return appointed("한동철", "auditor")


@pytest.fixture
def entered(complex_):
    """Entered by command for the complex, once somebody is in office there."""

    key = SmallWitness("auditor.example/1", timezone.now).vkey

    def enter(*, party="complex", code=complex_.code):
        out = StringIO()
        call_command("witness", code=code, party=party, label="감사의 PC", key=key, stdout=out)
        return out.getvalue()

    return enter


def officers_logged(complex_):
    """Who confirmed each change of the policy, as the log says."""
    events = EventRow.objects.within(complex_.id).filter(name=Event.POLICY_CHANGED).order_by("seq")
    openings = Opening.objects.within(complex_.id)
    return [
        json.loads(b64decode(openings.get(event_id=event.id).fields["officer"]["value"]))
        for event in events
    ]


def test_t12_whom_the_operator_enters_counts_once_an_officer_confirms_it(
    complex_, entered, manager, auditor
):
    assert "감사 한동철 님 가운데 한 분이 확인하면" in entered()
    assert not Witness.objects.exists()
    out = StringIO()
    call_command("witness", list=True, stdout=out)
    assert "감사의 PC · 단지 · A10000001" in out.getvalue()
    assert not officers_logged(complex_)
    proposal = WitnessProposal.objects.get()
    proposing.confirm_witness(proposal.id, actor=auditor, at=timezone.now())
    assert [witness.name for witness in witnesses_of(complex_)] == ["auditor.example/1"]
    assert [officer["name"] for officer in officers_logged(complex_)] == ["한동철"]
    with pytest.raises(Refusal, match="이미 처리되었거나"):
        proposing.reject_witness(proposal.id, actor=auditor, at=timezone.now())


@pytest.mark.parametrize("party", ["complex", "city"])
def test_who_watches_one_complex_waits_whatever_the_party(entered, auditor, party):
    entered(party=party)
    assert WitnessProposal.objects.get().party == party


def test_the_manager_confirms_only_where_nobody_watches_over_the_office(
    complex_, entered, manager, appointed
):
    entered()
    today = day_in_seoul(timezone.now())
    assert proposing.confirming(complex_.id, on=today) == [manager]
    chair = appointed("정순자", "chair")
    proposal = WitnessProposal.objects.get()
    with pytest.raises(Refusal, match="직책이 아닙니다"):
        proposing.confirm_witness(proposal.id, actor=manager, at=timezone.now())
    assert [waiting.what for waiting in confirmable(chair, on=today)] == ["확인 기관 감사의 PC"]
    assert not confirmable(manager, on=today)


def test_before_there_are_officers_it_is_entered_and_the_log_says_that_nobody_confirmed_it(
    complex_, entered, clerk
):
    assert "확인한 임직원은 없고" in entered()
    assert officers_logged(complex_) == [None]


def test_who_watches_every_log_is_entered_by_command(complex_, entered, auditor):
    entered(party="city", code="")
    assert officers_logged(complex_) == [None]
    assert "확인한 임직원은 없습니다" in Message.objects.latest("id").body


def test_a_rejected_one_is_nobody_and_those_in_charge_are_told(entered, manager, auditor):
    entered()
    told = Message.objects.get()
    assert told.recipient == auditor.person
    assert told.link.endswith(f"/desk/seal/{WitnessProposal.objects.get().id}/")
    with pytest.raises(Refusal, match="이미 확인을 기다립니다"):
        entered()
    proposing.reject_witness(WitnessProposal.objects.get().id, actor=auditor, at=timezone.now())
    assert not Witness.objects.exists()
    assert Message.objects.filter(subject__startswith="확인 기관 거절").count() == 2
