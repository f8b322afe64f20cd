"""What waits for a second officer is found by whoever can confirm it, and reminded of once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from danji.accounts.models import Officeholder
from danji.authority.actions import propose_leaving
from danji.base.jobs import each
from danji.confirming import jobs
from danji.confirming.jobs import remind_confirming
from danji.confirming.queries import confirmable
from danji.disposal.models import Disposal
from danji.integration.actions import confirm_token, issue_token
from danji.integration.models import ApiScope, ApiToken
from danji.outbox.models import Message
from danji.routing.actions import propose_revision
from danji.rules.routing import DEFAULTS
from signing.enrolment import new_device, register

MONDAY = datetime(2026, 11, 23, 1, tzinfo=UTC)  # ten in the morning in Korea
TUESDAY = MONDAY + timedelta(days=1)
ON = date(2026, 11, 23)


def waits(officer, on=ON):
    return [waiting.what for waiting in confirmable(officer, on=on)]


@pytest.fixture
def everything(bookkeeper, chief, manager, chair):
    """One of each kind, asked for by the manager but for the bookkeeper's device."""
    propose_revision(
        DEFAULTS,
        follows=0,
        reason="규약이 바뀌었습니다.",
        effective_from=date(2026, 12, 1),
        actor=manager,
        at=MONDAY,
    )
    propose_leaving(
        bookkeeper.id, last_day=date(2026, 12, 31), reason="사임", actor=manager, at=MONDAY
    )
    register(new_device(), bookkeeper, MONDAY)
    issue_token("회계", [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY)
    Disposal.objects.create(
        complex=manager.complex, basis="expired", proposed_by=manager, proposed_at=MONDAY
    )


def test_each_is_found_by_those_who_can_confirm_it_and_by_nobody_else(
    everything, bookkeeper, chief, manager, chair
):
    device, leaving = "경리 김수진 님의 결재 서명 기기", "퇴임 제안 김수진"
    rules, token, disposal = "결재선 규칙 개정안", "연계 열쇠 회계", "문서 파기 제안"
    assert set(waits(chair)) == {rules, device, leaving, token, disposal}
    assert set(waits(chief)) == {device, leaving, token}
    assert waits(manager) == [device]
    assert waits(bookkeeper) == []


def test_each_leads_to_a_page_of_the_desk(everything, chair, settings):
    for waiting in confirmable(chair, on=ON):
        assert resolve(waiting.link.removeprefix(settings.SITE_URL)).namespace


def test_what_was_asked_was_told_with_the_same_link(everything, chair):
    told = set(Message.objects.filter(recipient=chair.person).values_list("link", flat=True))
    own = {
        waiting.link for waiting in confirmable(chair, on=ON) if waiting.what != "문서 파기 제안"
    }
    assert own <= told


def test_what_is_confirmed_waits_no_more(manager, chief):
    token = issue_token("회계", [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY).token
    confirm_token(token.id, actor=chief, at=MONDAY)
    assert waits(chief) == []


def test_what_somebody_asked_for_who_left_waits_for_nobody(manager, chief):
    issue_token("회계", [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY)
    Officeholder.objects.filter(id=manager.id).update(until=ON - timedelta(days=1))
    assert waits(chief) == []


def test_where_nothing_waits_the_database_is_asked_once(chair, manager):
    issue_token("일지", [ApiScope.READ], date(2027, 1, 1), actor=manager, at=MONDAY)
    with CaptureQueriesContext(connection) as asked:
        assert confirmable(chair, on=ON) == []
    assert len(asked) == 1


def test_more_proposals_ask_the_database_no_more(bookkeeper, clerk, chief, manager):
    asked = []
    for leaving in (bookkeeper, clerk):
        propose_leaving(
            leaving.id, last_day=date(2026, 12, 31), reason="사임", actor=manager, at=MONDAY
        )
        with CaptureQueriesContext(connection) as queries:
            confirmable(chief, on=ON)
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_those_who_can_confirm_it_are_reminded_once(manager, chief, chair, complex_):
    issue_token("회계", [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY)
    reminded = Message.objects.filter(subject="다시 알림: 연계 열쇠 회계")
    remind_confirming(complex_.id, at=TUESDAY - timedelta(minutes=1))
    assert not reminded.exists()
    remind_confirming(complex_.id, at=TUESDAY)
    assert {message.recipient_id for message in reminded} == {chief.person_id, chair.person_id}
    assert all("/desk/tokens/" in message.link for message in reminded)
    remind_confirming(complex_.id, at=TUESDAY + timedelta(hours=2))
    assert reminded.count() == 2


def test_what_nobody_can_confirm_is_reminded_of_once_somebody_can(manager, appointed, complex_):
    issue_token("회계", [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY)
    reminded = Message.objects.filter(subject__startswith="다시 알림")
    remind_confirming(complex_.id, at=TUESDAY)
    assert not reminded.exists()
    chair = appointed("정순자", "chair")
    remind_confirming(complex_.id, at=TUESDAY + timedelta(hours=1))
    assert [message.recipient_id for message in reminded] == [chair.person_id]


def test_what_is_answered_while_others_are_reminded_is_not_reminded_of(
    manager, chief, complex_, monkeypatch
):
    for name in ("회계", "검침"):
        issue_token(name, [ApiScope.DECIDE], date(2027, 1, 1), actor=manager, at=MONDAY)
    token = ApiToken.objects.get(name="검침")

    def confirm_first(complex_id, items, work):
        confirm_token(token.id, actor=chief, at=TUESDAY)
        return each(complex_id, items, work)

    monkeypatch.setattr(jobs, "each", confirm_first)
    remind_confirming(complex_.id, at=TUESDAY)
    subjects = set(Message.objects.values_list("subject", flat=True))
    assert "다시 알림: 연계 열쇠 회계" in subjects
    assert "다시 알림: 연계 열쇠 검침" not in subjects
