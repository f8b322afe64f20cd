"""Changing the rules: proposed by one officer, confirmed by a second, kept for ever."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value
from danji.base import tenancy
from danji.outbox.models import Message
from danji.routing import actions
from danji.routing.models import RoutingOutcome, RoutingRevision
from danji.routing.queries import newest_table, table_before, table_in_force, waiting_revision
from danji.routing.rows import dump, load
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from danji.rules.routing import Condition, Place, Row
from danji.transparency.models import Event, Opening
from danji_verify.canonical import b64decode, parse_canonical

ROW = Row(
    form="expense",
    up_to=300_000,
    conditions=(Condition("payment", ("card",)),),
    places=(Place(Act.DELEGATED, "chief", 2),),
    layer=Layer.BYLAW,
    basis="관리규약 제45조제2항",
    effective_from=date.min,
)


@pytest.fixture
def today(at):
    return day_in_seoul(at)


@pytest.fixture
def propose(manager, today, at):
    def of(*rows, actor=manager, follows=0, reason="전결 한도를 정함", effective_from=today):
        table = newest_table(manager.complex_id)
        return actions.propose_revision(
            rows or (*table.rows, ROW),
            follows=follows,
            reason=reason,
            effective_from=effective_from,
            actor=actor,
            at=at,
        )

    return of


def test_nothing_changes_until_a_second_officer_confirms(propose, chair, today, at):
    proposed = propose()
    assert waiting_revision(chair.complex_id) == proposed
    assert table_in_force(chair.complex_id, on=today).number == 0
    outcome = actions.confirm_revision(proposed.id, actor=chair, at=at)
    table = table_in_force(chair.complex_id, on=today)
    assert (table.number, table.revision, outcome.number) == (1, proposed, 1)
    assert replace(ROW, effective_from=today) in table.rows
    assert waiting_revision(chair.complex_id) is None


def test_a_row_that_stays_keeps_its_day(propose, chair, today, at):
    first = propose()
    actions.confirm_revision(first.id, actor=chair, at=at)
    kept = newest_table(chair.complex_id).rows
    later = today + timedelta(days=30)
    second = propose(
        *kept, replace(ROW, form="memo", conditions=()), follows=1, effective_from=later
    )
    days = [row.effective_from for row in load(bytes(second.rows))]
    assert days == [*(row.effective_from for row in kept), later]


def test_what_the_log_keeps_is_what_was_confirmed(propose, manager, chair, at):
    proposed = propose()
    actions.confirm_revision(proposed.id, actor=chair, at=at)
    event = Event.objects.get(doc=proposed.id)
    kept = Opening.objects.get(event=event).fields
    assert event.name == "rule.changed"
    assert b64decode(kept["rule"]["value"]) == actions.rule_value(proposed)
    assert b64decode(kept["proposer"]["value"]) == actor_value(manager)
    assert b64decode(kept["officer"]["value"]) == actor_value(chair)
    value = parse_canonical(actions.rule_value(proposed))
    assert value["reason"] == "전결 한도를 정함"
    assert value["rows"][-1]["line"] == [{"act": "delegated", "office": "chief", "stage": 2}]


def test_rows_read_back_as_they_were_written(complex_):
    rows = (*newest_table(complex_.id).rows, replace(ROW, effective_until=date(2027, 1, 1)))
    assert load(dump(rows)) == rows


def test_those_who_may_confirm_are_told(propose, chair, clerk, at):
    propose()
    told = set(Message.objects.values_list("recipient_id", flat=True))
    assert told == {chair.person_id}


def test_the_proposer_hears_how_it_ended(propose, manager, chair, at):
    actions.confirm_revision(propose().id, actor=chair, at=at)
    assert Message.objects.filter(recipient_id=manager.person_id, subject__contains="확정").exists()


def test_nobody_confirms_the_own_proposal(propose, manager, at):
    with pytest.raises(Refusal, match="다른 분이 확인"):
        actions.confirm_revision(propose().id, actor=manager, at=at)


def test_nor_in_another_office_of_the_same_person(propose, manager, complex_, at):
    second = Officeholder.objects.create(
        complex=complex_, person=manager.person, office=Office.DIRECTOR, since=date(2001, 1, 1)
    )
    with pytest.raises(Refusal, match="다른 분이 확인"):
        actions.confirm_revision(propose().id, actor=second, at=at)


def test_a_clerk_may_propose_but_not_confirm(propose, clerk, chief, chair, at):
    proposed = propose(actor=clerk)
    with pytest.raises(Refusal, match="관리사무소장, 회장, 감사, 이사가"):
        actions.confirm_revision(proposed.id, actor=chief, at=at)
    actions.confirm_revision(proposed.id, actor=chair, at=at)


def test_an_officer_out_of_term_neither_proposes_nor_confirms(propose, appointed, at):
    former = appointed("한동철", "auditor", until=date(2001, 1, 31))
    with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
        propose(actor=former)
    proposed = propose()
    for act in (actions.confirm_revision, actions.withdraw_revision):
        with pytest.raises(Refusal, match="지금 임기가 아닙니다"):
            act(proposed.id, actor=former, at=at)


def test_what_a_dismissed_officer_proposed_is_not_confirmed_but_sent_back(
    propose, manager, chair, today, at
):
    proposed = propose()
    Officeholder.objects.filter(id=manager.id).update(until=today - timedelta(days=1))
    with pytest.raises(Refusal, match="제안한 관리사무소장 박정호 님의 임기가 끝났습니다"):
        actions.confirm_revision(proposed.id, actor=chair, at=at)
    assert waiting_revision(chair.complex_id) == proposed
    actions.reject_revision(proposed.id, reason="새로 제안해 주세요.", actor=chair, at=at)
    assert waiting_revision(chair.complex_id) is None
    assert not Message.objects.filter(recipient_id=manager.person_id).exists()


def locks_before_looking(act) -> bool:
    """Whether an action locks the complex before it asks what is proposed and what holds."""
    with CaptureQueriesContext(connection) as asked:
        act()
    said = [query["sql"] for query in asked]
    locked = next(n for n, sql in enumerate(said) if "FOR NO KEY UPDATE" in sql)
    looked = next(n for n, sql in enumerate(said) if 'FROM "routing_routingrevision"' in sql)
    return locked < looked


def test_of_two_who_propose_at_the_same_moment_one_waits(manager, chair, today, at):
    rows = (*newest_table(manager.complex_id).rows, ROW)
    assert locks_before_looking(
        lambda: actions.propose_revision(
            rows, follows=0, reason="전결", effective_from=today, actor=manager, at=at
        )
    )


def test_nobody_confirms_while_the_proposer_is_being_dismissed(propose, chair, at):
    proposed = propose()
    assert locks_before_looking(lambda: actions.confirm_revision(proposed.id, actor=chair, at=at))


def test_a_proposal_is_settled_once(propose, chair, at):
    proposed = propose()
    actions.confirm_revision(proposed.id, actor=chair, at=at)
    with pytest.raises(Refusal, match="이미 처리가 끝난"):
        actions.confirm_revision(proposed.id, actor=chair, at=at)
    with pytest.raises(Refusal, match="이미 처리가 끝난"):
        actions.reject_revision(proposed.id, reason="늦음", actor=chair, at=at)


def test_two_at_the_same_moment_do_not_both_settle_it(propose, chair, at, monkeypatch):
    proposed = propose()
    actions.reject_revision(proposed.id, reason="조항이 다름", actor=chair, at=at)
    monkeypatch.setattr(actions, "_check_open", lambda _: None)  # as if neither had looked yet
    with pytest.raises(Refusal, match="이미 처리가 끝난"), transaction.atomic():
        actions.confirm_revision(proposed.id, actor=chair, at=at)


def test_the_numbers_of_the_tables_are_given_once(propose, chair, complex_, at):
    first = propose()
    actions.confirm_revision(first.id, actor=chair, at=at)
    other = RoutingRevision.objects.create(
        complex=complex_,
        proposer=chair,
        proposed_at=at,
        follows=0,
        rows=first.rows,
        reason="같은 바탕",
        effective_from=first.effective_from,
    )
    with pytest.raises(Refusal, match="바탕이 바뀌었습니다"):
        actions.confirm_revision(other.id, actor=first.proposer, at=at)
    with pytest.raises(IntegrityError), transaction.atomic():
        RoutingOutcome.objects.create(
            complex=complex_,
            revision=other,
            verdict="confirmed",
            officer=chair,
            at=at,
            number=1,
            leaf_hash=b"x",
        )


def test_a_rejected_proposal_is_kept_with_its_reason(propose, manager, chair, today, at):
    proposed = propose()
    with pytest.raises(Refusal, match="까닭이 적혀 있지"):
        actions.reject_revision(proposed.id, reason=" ", actor=chair, at=at)
    actions.reject_revision(proposed.id, reason="조항이 다릅니다.", actor=chair, at=at)
    assert table_in_force(chair.complex_id, on=today).number == 0
    assert RoutingRevision.objects.get().outcomes.get().reason == "조항이 다릅니다."
    message = Message.objects.get(recipient_id=manager.person_id)
    assert "조항이 다릅니다." in message.body
    propose()


def test_the_proposer_may_take_it_back(propose, chair, manager, at):
    proposed = propose()
    with pytest.raises(Refusal, match="제안한 사람만"):
        actions.withdraw_revision(proposed.id, actor=chair, at=at)
    actions.withdraw_revision(proposed.id, actor=manager, at=at)
    with pytest.raises(Refusal, match="이미 처리가 끝난"):
        actions.confirm_revision(proposed.id, actor=chair, at=at)


def test_one_proposal_waits_at_a_time(propose, chair):
    propose()
    with pytest.raises(Refusal, match="이미 있습니다"):
        propose(actor=chair)


def test_a_proposal_on_an_old_table_is_refused(propose, chair, at):
    actions.confirm_revision(propose().id, actor=chair, at=at)
    with pytest.raises(Refusal, match="바탕이 바뀌었습니다"):
        propose(follows=0)


def test_the_past_is_not_changed(propose, chair, today, at):
    with pytest.raises(Refusal, match="이미 지났습니다"):
        propose(effective_from=today - timedelta(days=1))
    proposed = propose()
    with pytest.raises(Refusal, match="이미 지났습니다"):
        actions.confirm_revision(proposed.id, actor=chair, at=at + timedelta(days=1))


def test_a_change_does_not_overtake_one_that_is_coming(propose, chair, today, at):
    first = propose(effective_from=today + timedelta(days=30))
    actions.confirm_revision(first.id, actor=chair, at=at)
    with pytest.raises(Refusal, match="먼저 확정된 개정"):
        propose(ROW, follows=1, effective_from=today)


def test_what_changes_nothing_is_not_proposed(propose, complex_):
    with pytest.raises(Refusal, match="바뀐 곳이 없습니다"):
        propose(*newest_table(complex_.id).rows)


def test_a_reason_is_given(propose):
    with pytest.raises(Refusal, match="바꾸는 까닭"):
        propose(reason="  ")


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"form": "nothing"}, "서식에 없는"),
        ({"fund": "nothing"}, "서식에 없는"),
        ({"conditions": (Condition("payment", ("gold",)),)}, "서식에 없는"),
        ({"conditions": (Condition("title", ("",)),)}, "서식에 없는"),
        ({"form": "bid-notice", "conditions": ()}, "서식에 없는"),  # it has no amount
        ({"form": ""}, "서식에 없는"),  # conditions belong to a form
        ({"places": ()}, "마지막으로 결재할"),
        ({"basis": "관리규약"}, "어느 조항"),
    ],
)
def test_rows_that_no_document_could_meet_are_refused(propose, changes, fact):
    with pytest.raises(Refusal, match=fact):
        propose(replace(ROW, **changes))


def test_a_revision_is_compared_with_the_table_it_changed(propose, chair, at):
    first = propose()
    actions.confirm_revision(first.id, actor=chair, at=at)
    second = propose(ROW, follows=1)
    assert table_before(first).number == 0
    assert table_before(second).rows[-1].basis == "관리규약 제45조제2항"


def test_a_neighbour_finds_no_revision(propose, neighbour, at):
    proposed = propose()
    with (
        tenancy.within(neighbour.complex_id),
        pytest.raises(RoutingRevision.DoesNotExist),
    ):
        actions.confirm_revision(proposed.id, actor=neighbour, at=at)
