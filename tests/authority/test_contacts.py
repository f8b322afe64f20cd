"""An officer's mail address and telephone: proposed, confirmed by a second, told at both ends."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from danji.accounts.actions import appoint
from danji.accounts.models import Office, Officeholder, Person
from danji.authority import actions
from danji.authority.models import ProposalOutcome
from danji.authority.queries import open_proposals
from danji.base import tenancy
from danji.outbox import mail
from danji.outbox.models import Message, PendingDelivery
from danji.rules.refusal import Refusal
from danji.transparency.models import Event, Opening

NEW = "new@example.com"


@pytest.fixture
def propose(at):
    def propose_(held, actor, **changes):
        planned = {"email": NEW, "phone": "", "reason": "메일함을 잃음"}
        return actions.propose_contact(held.id, **planned | changes, actor=actor, at=at)

    return propose_


def confirm(proposal, actor, at):
    return actions.confirm_proposal(proposal.id, actor=actor, at=at)


def address_of(held):
    return Person.objects.get(id=held.person_id).email


def test_one_word_alone_changes_nothing(propose, clerk, manager, chief, at):
    before = clerk.person.email
    for proposer in (manager, clerk):
        proposal = propose(clerk, proposer)
        with pytest.raises(Refusal, match="다른 분이 확인해야"):
            confirm(proposal, proposer, at)
        actions.withdraw_proposal(proposal.id, actor=proposer, at=at)
    assert address_of(clerk) == before


def test_with_a_second_officer_it_changes_and_the_log_commits_to_it(
    propose, clerk, manager, chief, at, logged
):
    before = clerk.person.email
    proposal = propose(clerk, manager, phone="010-1234-5678")
    outcome = confirm(proposal, chief, at)
    assert (address_of(clerk), Person.objects.get(id=clerk.person_id).phone) == (NEW, "01012345678")
    event = logged(proposal.id)
    assert event["name"] == "contact.changed"
    assert event["contact"]["email"] == NEW
    assert event["contact"]["was"] == {"email": before, "phone": ""}
    assert (event["proposer"]["name"], event["officer"]["name"]) == ("박정호", "이민호")
    assert bytes(outcome.leaf_hash) == event["leaf_hash"]
    entry = bytes(Event.objects.get(doc=proposal.id).entry)
    assert b"example.com" not in entry
    assert b"01012345678" not in entry


def test_the_own_proposal_needs_one_of_those_who_decide(propose, clerk, chief, bookkeeper, at):
    proposal = propose(clerk, clerk)
    with pytest.raises(Refusal, match="확인할 수 있는 직책이 아닙니다"):
        confirm(proposal, bookkeeper, at)
    confirm(proposal, chief, at)
    assert address_of(clerk) == NEW


def test_whom_it_is_about_does_not_confirm_it(propose, chief, manager, chair, at):
    proposal = propose(chief, manager)
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        confirm(proposal, chief, at)


def test_it_is_told_at_the_new_address_and_at_the_former_one(propose, clerk, manager, chief, at):
    before = clerk.person.email
    proposal = propose(clerk, manager)
    told_first = PendingDelivery.objects.filter(message__recipient_id=clerk.person_id)
    assert told_first.count() == 1  # while it is only proposed, where the officer is reached now
    confirm(proposal, chief, at)
    newest = Message.objects.filter(recipient_id=clerk.person_id).order_by("id")[1:]
    ways = PendingDelivery.objects.filter(message_id__in=[message.id for message in newest])
    assert {way.address or way.message.recipient.email for way in ways} == {NEW, before}
    for way in ways:  # whoever reads the former mailbox is not told of the new one
        assert (NEW in way.message.body) == (not way.address)


def test_a_mail_to_a_former_address_goes_there(propose, clerk, manager, chief, at, mailoutbox):
    before = clerk.person.email
    confirm(propose(clerk, manager), chief, at)
    with mail.mail_sender() as send:
        send(PendingDelivery.objects.exclude(address="").get())
    assert [letter.to for letter in mailoutbox] == [[before]]


def test_whoever_is_signed_in_has_to_sign_in_anew_at_the_new_address(
    propose, clerk, manager, chief, at, sign_in, mailoutbox
):
    client, before = sign_in(Client(), clerk), clerk.person.email
    confirm(propose(clerk, manager), chief, at)
    assert client.get(reverse("authority:people")).status_code == 302
    tenancy._enter("app.complex", clerk.complex_id)
    for address in (before, NEW):
        Client().post(reverse("account_request_login_code"), {"email": address})
    assert ["등록된 주소가 아니" in letter.body for letter in mailoutbox] == [True, False]


def test_two_of_one_complex_do_not_come_by_an_account_of_another(
    propose, clerk, manager, chief, real, at
):
    """Whoever also decides elsewhere is reached elsewhere by their own word only."""
    with tenancy.within(real.id):
        appoint(clerk.person, Office.MANAGER, real, since=at.date() - timedelta(days=9))
    tenancy._enter("app.complex", clerk.complex_id)
    proposal = propose(clerk, manager)
    with pytest.raises(Refusal, match="다른 단지에서도"):
        confirm(proposal, chief, at)
    assert address_of(clerk) != NEW
    actions.withdraw_proposal(proposal.id, actor=manager, at=at)
    confirm(propose(clerk, clerk), chief, at)
    assert address_of(clerk) == NEW


def test_who_has_left_by_the_day_of_the_second_word_is_not_reached_elsewhere(
    propose, clerk, manager, chief, at
):
    proposal = propose(clerk, manager)
    Officeholder.objects.filter(id=clerk.id).update(until=at.date())
    with pytest.raises(Refusal, match="임기가 끝났습니다"):
        confirm(proposal, chief, at + timedelta(days=30))
    assert address_of(clerk) != NEW
    confirm(proposal, chief, at)
    assert address_of(clerk) == NEW


def test_an_address_of_somebody_else_is_refused(propose, clerk, manager, chief, neighbour, at):
    proposal = propose(clerk, manager, email=neighbour.person.email)
    with pytest.raises(Refusal, match="다른 분의 것") as refusal:
        confirm(proposal, chief, at)
    assert neighbour.person.name not in str(refusal.value)
    assert open_proposals(clerk.complex_id) == [proposal]
    assert not ProposalOutcome.objects.exists()
    assert not Opening.objects.filter(event__name="contact.changed").exists()


def test_leaving_stays_about_the_officer_whose_address_has_changed(
    propose, chief, manager, chair, at
):
    leaving = actions.propose_leaving(
        chief.id, last_day=at.date(), reason="해임", actor=manager, at=at
    )
    confirm(propose(chief, manager), chair, at)
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        confirm(leaving, chief, at)


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"email": "clerk@a10000001.example"}, "바뀐 곳이 없습니다"),
        ({"reason": " "}, "까닭이 비어"),
        ({"phone": "전화"}, "전화"),
    ],
)
def test_what_changes_nothing_or_says_no_reason_is_not_proposed(
    changes, fact, propose, clerk, manager
):
    with pytest.raises(Refusal, match=fact):
        propose(clerk, manager, **changes)


def test_it_is_proposed_once_and_by_those_who_may(propose, clerk, manager, bookkeeper, chief):
    with pytest.raises(Refusal, match="제안할 수 있는 직책이 아닙니다"):
        propose(clerk, bookkeeper)
    propose(clerk, manager)
    with pytest.raises(Refusal, match="이미 제안되어"):
        propose(clerk, clerk, email="other@example.com")


def test_of_who_has_left_nothing_is_changed(propose, appointed, manager, at):
    former = appointed("최은영", "clerk", until=at.date() - timedelta(days=1))
    with pytest.raises(Refusal, match="임기가 끝났습니다"):
        propose(former, manager)
