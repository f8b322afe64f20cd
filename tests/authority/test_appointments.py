"""Officers come and go by two officers' word, and what they may do follows from their term."""

from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
from django.db import ProgrammingError, transaction
from django.urls import resolve

from danji.accounts.models import Office, Officeholder, Person
from danji.accounts.queries import holder_of, office_held
from danji.authority import actions
from danji.authority.links import invitation_link, read_invitation
from danji.authority.models import Proposal, ProposalOutcome
from danji.authority.queries import open_proposals
from danji.outbox.models import Message
from danji.rules.absence import Reason
from danji.rules.refusal import Refusal

TODAY = date(2026, 11, 22)
TOMORROW = date(2026, 11, 23)


@pytest.fixture
def propose(at):
    """Propose that somebody takes an office."""

    def propose_(actor, **changes):
        planned = {
            "name": "강하늘",
            "email": "sky@example.com",
            "phone": "010-1234-5678",
            "office": Office.CLERK,
            "since": TODAY,
            "until": date(2028, 11, 21),
        }
        return actions.propose_appointment(**planned | changes, actor=actor, at=at)

    return propose_


@pytest.fixture
def auditor(appointed):
    return appointed("한동철", "auditor")


def leave(held, actor, at, last=TODAY, reason="사임"):
    return actions.propose_leaving(held.id, last_day=last, reason=reason, actor=actor, at=at)


def confirm(proposal, actor, at):
    return actions.confirm_proposal(proposal.id, actor=actor, at=at)


def told():
    return [(m.recipient.name, m.subject) for m in Message.objects.order_by("id")]


# --- Taking office -------------------------------------------------------------------------------


def test_a_proposal_alone_puts_nobody_into_office(propose, manager, chief):
    propose(manager)
    assert not Person.objects.filter(email="sky@example.com").exists()
    assert holder_of(manager.complex_id, "clerk", on=TODAY) is None


def test_with_a_second_officer_the_person_is_in_office(propose, manager, chief, at):
    outcome = confirm(propose(manager), chief, at)
    holder = Officeholder.objects.get(office="clerk")
    assert outcome.officeholder == holder
    assert (holder.person.name, holder.person.email) == ("강하늘", "sky@example.com")
    assert (holder.since, holder.until) == (TODAY, date(2028, 11, 21))
    assert office_held(holder.complex_id, holder.id, person_id=holder.person_id, on=TODAY)


def test_the_log_names_the_person_and_both_officers(propose, manager, chief, at, logged):
    outcome = confirm(propose(manager), chief, at)
    event = logged(outcome.officeholder.id)
    assert event["name"] == "office.taken"
    assert event["office"]["name"] == "강하늘"
    assert event["proposer"]["name"] == "박정호"
    assert event["officer"]["name"] == "이민호"
    assert bytes(outcome.leaf_hash) == event["leaf_hash"]


def test_who_can_confirm_is_told_and_then_the_new_officer_is_invited(
    propose, manager, chief, chair, clerk, at
):
    proposal = propose(manager, name="강하늘")
    assert sorted(told()) == [("이민호", "취임 제안: 강하늘"), ("정순자", "취임 제안: 강하늘")]
    outcome = confirm(proposal, chair, at)
    assert told()[2:] == [
        ("강하늘", "초대: 들꽃마을아파트 담당"),
        ("박정호", "취임 확인: 담당 강하늘"),
    ]
    assert read_invitation(invitation_link(outcome.officeholder).split("/")[-2]) == (
        manager.complex_id,
        outcome.officeholder.id,
    )


def test_the_own_proposal_is_not_confirmed(propose, manager, chief, at):
    with pytest.raises(Refusal, match="다른 분이 확인해야"):
        confirm(propose(manager), manager, at)


def test_two_offices_of_one_person_are_not_two_officers(propose, manager, appointed, at):
    proposal = propose(manager)
    as_chief = Officeholder.objects.create(
        complex=manager.complex, person=manager.person, office="chief", since=date(2000, 1, 1)
    )
    with pytest.raises(Refusal, match="다른 분이 확인해야"):
        confirm(proposal, as_chief, at)


def test_whom_it_is_about_does_not_confirm_it(propose, manager, chair, chief, at):
    proposal = propose(
        manager, name="이민호", email="CHIEF@a10000001.example", phone="", office=Office.CLERK
    )
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        confirm(proposal, chief, at)
    confirm(proposal, chair, at)
    assert Officeholder.objects.filter(person=chief.person).count() == 2


def test_an_address_that_has_become_the_proposers_puts_nobody_into_office(
    propose, manager, chief, at
):
    proposal = propose(manager)
    Person.objects.filter(id=manager.person_id).update(email="sky@example.com", name="강하늘")
    with pytest.raises(Refusal, match="자신의 취임"):
        confirm(proposal, chief, at)


def test_nobody_of_the_office_comes_into_the_council(propose, manager, chief):
    with pytest.raises(Refusal, match="함께 맡을 수 없습니다"):
        propose(
            manager,
            name="이민호",
            email="chief@a10000001.example",
            phone="",
            office=Office.AUDITOR,
        )


def test_an_office_without_a_say_neither_proposes_nor_confirms(
    propose, manager, chief, auditor, at
):
    with pytest.raises(Refusal, match="제안할 수 있는 직책이 아닙니다"):
        propose(auditor)
    with pytest.raises(Refusal, match="확인할 수 있는 직책이 아닙니다"):
        confirm(propose(manager), auditor, at)


def test_out_of_term_nobody_proposes_or_confirms(propose, appointed, manager, at):
    former = appointed("이민호", "chief", until=TODAY - timedelta(days=1))
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        propose(former)
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        confirm(propose(manager), former, at)


def test_an_officer_of_another_complex_finds_nothing_to_confirm(propose, manager, neighbour, at):
    with pytest.raises(Refusal, match="없는 제안"):
        confirm(propose(manager), neighbour, at)


def test_a_proposal_is_confirmed_once(propose, manager, chief, chair, at):
    proposal = propose(manager)
    confirm(proposal, chief, at)
    with pytest.raises(Refusal, match="이미 처리되었거나"):
        confirm(proposal, chair, at)
    assert Officeholder.objects.filter(office="clerk").count() == 1


def test_the_same_is_not_proposed_twice(propose, manager, chief):
    propose(manager)
    with pytest.raises(Refusal, match="이미 제안되어"):
        propose(chief, email="Sky@example.com")


def test_a_second_chair_is_not_proposed_beside_the_first(propose, manager, chair):
    with pytest.raises(Refusal, match="다른 분"):
        propose(manager, office=Office.CHAIR)


def test_an_address_of_somebody_else_is_refused_without_naming_them(
    propose, manager, chief, neighbour, at
):
    proposal = propose(manager, email=neighbour.person.email)
    with pytest.raises(Refusal, match="다른 분의 것") as refusal:
        confirm(proposal, chief, at)
    assert neighbour.person.name not in str(refusal.value)


@pytest.mark.parametrize("name", ["나영호", "강하늘"])
def test_one_officer_alone_does_not_learn_whether_an_address_is_known(
    name, propose, manager, neighbour
):
    for email in (neighbour.person.email, "sky@example.com"):
        assert propose(manager, name=name, email=email).name == name


def test_what_is_no_longer_possible_is_not_confirmed(propose, manager, chief, complex_, at):
    proposal = propose(manager, phone="")
    actions.enter_officeholder(
        complex_, Office.CLERK, name="강하늘", email="sky@example.com", since=TODAY, at=at
    )
    with pytest.raises(Refusal, match="이미 그 직을"):
        confirm(proposal, chief, at)
    assert open_proposals(complex_.id) == [proposal]


@pytest.mark.parametrize(
    ("changes", "fact"),
    [({"name": " "}, "이름이 비어"), ({"since": date(2062, 1, 1), "until": None}, "12개월 넘게")],
)
def test_what_cannot_be_is_not_proposed(changes, fact, propose, manager):
    with pytest.raises(Refusal, match=fact):
        propose(manager, **changes)
    assert not Proposal.objects.exists()


def test_who_would_have_decided_is_told_of_somebody_entered_by_command(manager, chief, at):
    actions.enter_officeholder(
        manager.complex,
        Office.CHAIR,
        name="정순자",
        email="chair@example.com",
        since=TODAY,
        at=at,
    )
    assert told() == [("박정호", "운영자의 등록: 입주자대표회의 회장 정순자")]


def test_messages_lead_to_pages_that_exist(propose, manager, chief, at):
    proposal = propose(manager)
    confirm(proposal, chief, at)
    actions.set_absence(
        manager.id,
        deputy_id=chief.id,
        since=TODAY,
        until=TODAY,
        reason=Reason.TRIP,
        actor=manager,
        at=at,
    )
    paths = {urlsplit(message.link).path for message in Message.objects.all()}
    names = {resolve(path).view_name.removeprefix("authority:") for path in paths}
    assert names == {"proposal", "invitation", "people", "absences"}


def test_messages_about_a_proposal_are_whole_sentences(propose, clerk, manager, chief, at):
    confirm(propose(manager), chief, at)
    leaving = actions.propose_leaving(clerk.id, last_day=TODAY, reason="퇴사", actor=clerk, at=at)
    actions.reject_proposal(leaving.id, actor=manager, at=at)
    bodies = "\n".join(message.body for message in Message.objects.all())
    assert ")을 제안했습니다." in bodies
    assert ") 제안을 확인했습니다." in bodies
    assert "퇴사) 제안을 거절했습니다." in bodies
    assert "임을(" not in bodies


# --- Answering no --------------------------------------------------------------------------------


def test_a_rejected_proposal_is_kept_and_over(propose, manager, chief, at):
    proposal = propose(manager)
    actions.reject_proposal(proposal.id, actor=chief, at=at)
    assert ProposalOutcome.objects.get().answer == "rejected"
    assert told()[-1] == ("박정호", "취임 제안 거절: 강하늘")
    with pytest.raises(Refusal, match="이미 처리되었거나"):
        confirm(proposal, chief, at)


def test_only_who_could_confirm_may_reject(propose, manager, auditor, at):
    proposal = propose(manager)
    with pytest.raises(Refusal, match="거절할 수 있는 직책이 아닙니다"):
        actions.reject_proposal(proposal.id, actor=auditor, at=at)


def test_the_proposer_takes_it_back_and_nobody_else(propose, manager, chief, at):
    proposal = propose(manager)
    with pytest.raises(Refusal, match="다른 분이 제안한"):
        actions.withdraw_proposal(proposal.id, actor=chief, at=at)
    actions.withdraw_proposal(proposal.id, actor=manager, at=at)
    assert open_proposals(manager.complex_id) == []
    propose(manager)


# --- Leaving office ------------------------------------------------------------------------------


def test_a_proposal_alone_ends_no_term(clerk, manager, at):
    leave(clerk, manager, at)
    assert Officeholder.objects.get(id=clerk.id).until is None


def test_with_a_second_officer_the_term_ends(clerk, manager, chief, at, logged):
    confirm(leave(clerk, manager, at, reason="퇴사"), chief, at)
    assert Officeholder.objects.get(id=clerk.id).until == TODAY
    event = logged(clerk.id)
    assert event["name"] == "office.left"
    assert (event["office"]["until"], event["office"]["reason"]) == ("2026-11-22", "퇴사")
    assert (event["proposer"]["name"], event["officer"]["name"]) == ("박정호", "이민호")


def test_after_the_last_day_the_office_is_closed(clerk, manager, chief, at):
    confirm(leave(clerk, manager, at), chief, at)
    person = {"person_id": clerk.person_id}
    assert office_held(clerk.complex_id, clerk.id, on=TODAY, **person)
    assert office_held(clerk.complex_id, clerk.id, on=TOMORROW, **person) is None
    assert holder_of(clerk.complex_id, "clerk", on=TOMORROW) is None


def test_whom_it_is_about_is_told_from_the_first(clerk, manager, chief, at):
    leave(clerk, manager, at)
    assert ("최은영", "퇴임 제안: 최은영") in told()


def test_the_chair_is_dismissed_without_the_own_consent(chair, manager, auditor, at):
    proposal = leave(chair, manager, at, last=TODAY - timedelta(days=1), reason="해임")
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        confirm(proposal, chair, at)
    confirm(proposal, auditor, at)
    assert holder_of(chair.complex_id, "chair", on=TODAY) is None


@pytest.mark.parametrize("last", [TODAY - timedelta(days=1), date(2026, 11, 1)])
def test_a_chair_who_came_today_is_dismissed_today(last, appointed, manager, auditor, at, logged):
    chair = appointed("정순자", "chair", since=TODAY)
    confirm(leave(chair, manager, at, last=last, reason="해임"), auditor, at)
    person = {"person_id": chair.person_id}
    assert holder_of(chair.complex_id, "chair", on=TODAY) is None
    assert office_held(chair.complex_id, chair.id, on=TODAY, **person) is None
    assert not Officeholder.objects.get(id=chair.id).covers(TODAY)
    event = logged(chair.id)["office"]
    assert (event["from"], event["until"]) == ("2026-11-22", "2026-11-21")


def test_who_was_to_come_is_told_not_to(appointed, manager, auditor, at):
    chair = appointed("정순자", "chair", since=date(2026, 12, 1))
    confirm(leave(chair, manager, at, reason="당선 취소"), auditor, at)
    for day in (date(2026, 11, 30), date(2026, 12, 1), date(2027, 1, 1)):
        assert holder_of(chair.complex_id, "chair", on=day) is None
    assert "임기를 하루도 두지 않음" in Message.objects.latest("id").body


def test_after_a_cancelled_term_the_same_may_begin_anew(propose, appointed, manager, auditor, at):
    chair = appointed("정순자", "chair", since=TODAY)
    confirm(leave(chair, manager, at, last=TODAY - timedelta(days=1)), auditor, at)
    again = propose(manager, name="정순자", email=chair.person.email, phone="", office=Office.CHAIR)
    confirm(again, auditor, at)
    assert holder_of(chair.complex_id, "chair", on=TODAY).person_id == chair.person_id
    assert Officeholder.objects.filter(office="chair").count() == 2


def test_a_dismissed_chair_cannot_be_brought_back_by_the_own_word(chair, manager, auditor, at):
    confirm(leave(chair, manager, at, last=TODAY - timedelta(days=1)), auditor, at)
    former = Officeholder.objects.select_related("person", "complex").get(id=chair.id)
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        actions.propose_appointment(
            name="정순자",
            email=chair.person.email,
            phone="",
            office=Office.CHAIR,
            since=TODAY,
            until=None,
            actor=former,
            at=at,
        )


def test_who_goes_of_the_own_accord_needs_one_more(clerk, manager, at):
    confirm(leave(clerk, clerk, at), manager, at)
    assert Officeholder.objects.get(id=clerk.id).until == TODAY


def test_a_term_is_never_made_longer(appointed, manager, chief, at):
    held = appointed("최은영", "clerk", until=date(2026, 12, 31))
    with pytest.raises(Refusal, match=r"이미 2026\. 12\. 31\.까지"):
        leave(held, manager, at, last=date(2027, 1, 31))


def test_leaving_needs_a_reason_and_is_proposed_once(clerk, manager, chief, at):
    with pytest.raises(Refusal, match="이유가 비어"):
        leave(clerk, manager, at, reason=" ")
    leave(clerk, manager, at)
    with pytest.raises(Refusal, match="이미 제안되어"):
        leave(clerk, chief, at)


def test_somebody_of_another_complex_is_not_ended(manager, neighbour, at):
    with pytest.raises(Refusal, match="등록되지 않은 분"):
        leave(neighbour, manager, at)


def test_a_proposal_falls_when_its_proposer_leaves(propose, appointed, chair, at):
    manager = appointed("박정호", "manager", until=TODAY)
    proposal = propose(manager)
    with pytest.raises(Refusal, match="제안한 관리사무소장 박정호 님의 임기가 끝났습니다"):
        confirm(proposal, chair, at + timedelta(days=1))


def test_who_left_does_not_stand_in(manager, chief, chair, at):
    confirm(leave(chief, manager, at), chair, at)
    left = Officeholder.objects.select_related("person", "complex").get(id=chief.id)
    with pytest.raises(Refusal, match="임기가 아닌 날"):
        actions.set_absence(
            manager.id,
            deputy_id=left.id,
            since=TOMORROW,
            until=TOMORROW,
            reason=Reason.TRIP,
            actor=manager,
            at=at,
        )


@pytest.mark.parametrize(
    ("table", "change"), [(Proposal, {"name": "아무개"}), (ProposalOutcome, {"answer": "rejected"})]
)
def test_what_was_proposed_and_answered_stays(table, change, propose, manager, chief, at):
    confirm(propose(manager), chief, at)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        table.objects.update(**change)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        table.objects.all()._raw_delete("default")


def test_an_invitation_that_was_not_sent_by_us_opens_nothing():
    for token in ("", "나", "eyJ:abc", "x" * 3000):
        with pytest.raises(Refusal, match="초대 주소가 올바르지"):
            read_invitation(token)
