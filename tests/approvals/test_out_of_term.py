"""Whoever left office by two officers' word neither decides, nor stands in, nor is asked."""

from datetime import date, timedelta

import pytest

from danji.accounts.models import Officeholder
from danji.approvals.queries import waiting_for
from danji.authority.actions import confirm_proposal, propose_leaving, set_absence
from danji.rules.absence import Reason
from danji.rules.refusal import Refusal
from papers import decide, submit

TODAY = date(2026, 11, 22)


@pytest.fixture
def leave(manager, chair, at):
    """Let an officer of the staff be out of office from today on."""

    def leave_(held):
        yesterday = TODAY - timedelta(days=1)
        proposal = propose_leaving(held.id, last_day=yesterday, reason="퇴사", actor=manager, at=at)
        confirm_proposal(proposal.id, actor=chair, at=at)
        return Officeholder.objects.select_related("person", "complex").get(id=held.id)

    return leave_


def test_nobody_decides_after_leaving_office(clerk, chief, manager, leave, sign, at):
    document = submit(clerk, at)
    former = leave(chief)
    with pytest.raises(Refusal, match="임기가 아니어서"):
        decide(document, former, sign, at)
    assert document.steps.filter(decision="").count() == 2


def test_nobody_drafts_after_leaving_office(clerk, chief, manager, leave, at):
    with pytest.raises(Refusal, match="임기가 아니어서"):
        submit(leave(clerk), at)


def test_nobody_stands_in_after_leaving_office(clerk, chief, manager, leave, sign, at):
    document = submit(clerk, at)
    decide(document, chief, sign, at)
    set_absence(
        manager.id,
        deputy_id=chief.id,
        since=TODAY,
        until=TODAY,
        reason=Reason.TRIP,
        actor=manager,
        at=at,
    )
    former = leave(chief)
    assert not waiting_for(former, on=TODAY).exists()
    with pytest.raises(Refusal):
        decide(document, former, sign, at, acting_for=manager.id)


def test_nobody_is_asked_after_leaving_office(clerk, chief, manager, leave, at):
    leave(chief)
    document = submit(clerk, at)
    assert [step.approver.office for step in document.steps.all()] == ["clerk", "manager"]
