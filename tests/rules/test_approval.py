from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from danji.rules import approval
from danji.rules.approval import Act, Decision, Line, Step
from danji.rules.refusal import Refusal

BOOKKEEPER, CHIEF, MANAGER, STRANGER = (UUID(int=n) for n in range(1, 5))
AT = datetime(2026, 11, 22, tzinfo=UTC)


def line(*decisions: Decision, withdrawn: bool = False) -> Line:
    """Bookkeeper drafts, chief reviews, manager approves; decided so far in that order."""
    places = ((Act.REVIEW, CHIEF), (Act.APPROVE, MANAGER))
    steps = [Step(1, Act.DRAFT, BOOKKEEPER, Decision.APPROVE, AT)]
    for position, (act, approver) in enumerate(places, start=2):
        decided = decisions[position - 2] if position - 2 < len(decisions) else None
        steps.append(Step(position, act, approver, decided, AT if decided else None))
    return Line(tuple(steps), AT if withdrawn else None)


def test_the_line_is_followed_in_the_order_of_its_positions():
    assert approval.turn(line()).approver == CHIEF
    assert approval.turn(line(Decision.APPROVE)).approver == MANAGER
    assert approval.turn(line(Decision.APPROVE, Decision.APPROVE)) is None


def test_the_drafter_has_done_the_own_step_by_submitting():
    undecided = Line((Step(1, Act.DRAFT, BOOKKEEPER), Step(2, Act.APPROVE, MANAGER)))
    assert approval.turn(undecided).approver == MANAGER
    assert not approval.decisions(undecided)


def test_a_document_is_finished_when_the_last_has_approved():
    assert not approval.is_finished(line(Decision.APPROVE))
    assert approval.is_finished(line(Decision.APPROVE, Decision.APPROVE))


def test_a_return_closes_the_line_for_everyone_after():
    returned = line(Decision.RETURN)
    assert approval.is_returned(returned)
    assert not approval.is_finished(returned)
    with pytest.raises(Refusal, match="반려된 문서"):
        approval.step_for(MANAGER, returned)


def test_whoever_has_the_turn_gets_the_step():
    assert approval.step_for(MANAGER, line(Decision.APPROVE)).position == 3


@pytest.mark.parametrize(
    ("person", "state", "fact"),
    [
        (MANAGER, line(), "차례가 아닙니다"),
        (CHIEF, line(Decision.APPROVE), "이미 결재하신"),
        (CHIEF, line(Decision.APPROVE, Decision.APPROVE), "이미 결재가 끝난"),
        (BOOKKEEPER, line(), "직접 기안하신"),
        (STRANGER, line(), "결재선에 들어 있지"),
        (CHIEF, line(withdrawn=True), "회수한 문서"),
    ],
)
def test_everyone_else_is_told_why_not(person, state, fact):
    with pytest.raises(Refusal, match=fact) as refused:
        approval.step_for(person, state)
    assert refused.value.next_step.endswith(("세요.", "습니다."))


def test_a_document_can_be_withdrawn_until_the_first_decision():
    assert approval.can_withdraw(line())
    assert not approval.can_withdraw(line(Decision.APPROVE))
    assert not approval.can_withdraw(line(withdrawn=True))
    approval.check_withdrawal(BOOKKEEPER, line())


@pytest.mark.parametrize(
    ("person", "state", "fact"),
    [
        (CHIEF, line(), "기안한 사람만"),
        (BOOKKEEPER, line(Decision.APPROVE), "이미 결재가 시작되어"),
        (BOOKKEEPER, line(Decision.RETURN), "이미 반려된"),
        (BOOKKEEPER, line(withdrawn=True), "회수한 문서"),
    ],
)
def test_a_withdrawal_comes_from_the_drafter_and_in_time(person, state, fact):
    with pytest.raises(Refusal, match=fact):
        approval.check_withdrawal(person, state)


def test_a_return_gives_its_reason():
    approval.check_opinion(Decision.APPROVE, "")
    approval.check_opinion(Decision.RETURN, "견적서를 붙여 주세요.")
    with pytest.raises(Refusal, match="이유"):
        approval.check_opinion(Decision.RETURN, " \n ")
    with pytest.raises(Refusal, match="1,001자"):
        approval.check_opinion(Decision.APPROVE, "가" * 1001)


def plan(*places: tuple[Act, UUID]) -> list[Step]:
    return [Step(position, act, who) for position, (act, who) in enumerate(places, start=1)]


def test_an_ordinary_line_is_accepted():
    approval.check_line(line().steps)


def test_a_manager_may_approve_the_own_draft():
    approval.check_line(plan((Act.DRAFT, MANAGER), (Act.APPROVE, MANAGER)))


@pytest.mark.parametrize(
    ("steps", "fact"),
    [
        (plan(), "첫 자리"),
        (plan((Act.REVIEW, CHIEF), (Act.APPROVE, MANAGER)), "첫 자리"),
        (plan((Act.DRAFT, CHIEF), (Act.DRAFT, CHIEF), (Act.APPROVE, MANAGER)), "첫 자리"),
        (plan((Act.DRAFT, CHIEF)), "마지막 자리"),
        (plan((Act.DRAFT, BOOKKEEPER), (Act.APPROVE, MANAGER), (Act.REVIEW, CHIEF)), "마지막"),
        (plan((Act.DRAFT, BOOKKEEPER), (Act.APPROVE, CHIEF), (Act.APPROVE, MANAGER)), "마지막"),
        (plan((Act.DRAFT, BOOKKEEPER), (Act.REVIEW, MANAGER), (Act.APPROVE, MANAGER)), "두 번"),
        (plan((Act.DRAFT, CHIEF), (Act.REVIEW, CHIEF), (Act.APPROVE, MANAGER)), "자기 문서"),
    ],
)
def test_a_line_that_cannot_be_followed_is_refused(steps, fact):
    with pytest.raises(Refusal, match=fact):
        approval.check_line(steps)


def test_positions_have_no_gap():
    first, last = plan((Act.DRAFT, BOOKKEEPER), (Act.APPROVE, MANAGER))
    with pytest.raises(ValueError, match="gap"):
        approval.check_line([first, replace(last, position=3)])


@pytest.mark.parametrize(
    "steps",
    [
        (Step(1, Act.DRAFT, CHIEF), Step(2, Act.APPROVE, MANAGER, Decision.APPROVE)),
        (Step(1, Act.DRAFT, CHIEF, Decision.RETURN, AT), Step(2, Act.APPROVE, MANAGER)),
        (Step(2, Act.APPROVE, MANAGER), Step(1, Act.DRAFT, CHIEF)),
        (
            Step(1, Act.DRAFT, BOOKKEEPER),
            Step(2, Act.REVIEW, CHIEF),
            Step(3, Act.APPROVE, MANAGER, Decision.APPROVE, AT),
        ),
        (
            Step(1, Act.DRAFT, BOOKKEEPER),
            Step(2, Act.REVIEW, CHIEF, Decision.RETURN, AT),
            Step(3, Act.APPROVE, MANAGER, Decision.APPROVE, AT),
        ),
    ],
)
def test_a_line_that_can_never_be_is_our_own_mistake(steps):
    with pytest.raises(ValueError, match=r"."):
        Line(steps)


def test_a_document_that_nobody_can_decide_any_more_can_be_withdrawn():
    begun = line(Decision.APPROVE)
    assert approval.can_withdraw(begun, is_stuck=True)
    approval.check_withdrawal(BOOKKEEPER, begun, is_stuck=True)
    assert not approval.can_withdraw(line(Decision.RETURN), is_stuck=True)


class AnyoneAtAnyTime(RuleBasedStateMachine):
    """Everybody presses every button in any order; what was decided stays, and in order."""

    def __init__(self) -> None:
        super().__init__()
        self.line = line()
        self.now = AT
        self.acted: list[UUID] = []

    @rule(who=sampled_from([BOOKKEEPER, CHIEF, MANAGER, STRANGER]), decision=sampled_from(Decision))
    def decide(self, who: UUID, decision: Decision) -> None:
        self.now += timedelta(minutes=1)
        closed = approval.turn(self.line) is None
        try:
            step = approval.step_for(who, self.line)
        except Refusal:
            assert closed or approval.turn(self.line).approver != who
            return
        assert not closed
        assert step.approver == who
        decided = replace(step, decision=decision, decided_at=self.now)
        self.line = replace(
            self.line, steps=tuple(decided if s == step else s for s in self.line.steps)
        )
        self.acted.append(who)

    @rule(who=sampled_from([BOOKKEEPER, CHIEF, MANAGER, STRANGER]))
    def withdraw(self, who: UUID) -> None:
        possible = approval.can_withdraw(self.line) and who == BOOKKEEPER
        try:
            approval.check_withdrawal(who, self.line)
        except Refusal:
            assert not possible
            return
        assert possible
        self.line = replace(self.line, withdrawn_at=self.now)

    @invariant()
    def decided_in_order_and_once(self) -> None:
        assert self.acted == [CHIEF, MANAGER][: len(self.acted)]
        assert [step.approver for step in approval.decisions(self.line)] == self.acted

    @invariant()
    def is_in_exactly_one_state(self) -> None:
        states = [
            approval.turn(self.line) is not None,
            approval.is_returned(self.line),
            approval.is_finished(self.line),
            self.line.withdrawn_at is not None,
        ]
        assert states.count(True) == 1


TestAnyoneAtAnyTime = AnyoneAtAnyTime.TestCase
TestAnyoneAtAnyTime.settings = settings(max_examples=25, stateful_step_count=6, deadline=None)
