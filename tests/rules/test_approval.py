from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, lists, sampled_from, text, tuples

from danji.rules import approval
from danji.rules.approval import FINAL, SEEING, Act, Choice, Decision, Ending, Line, Step
from danji.rules.refusal import Refusal

BOOKKEEPER, CHIEF, MANAGER, CHAIR, AUDITOR, CLERK, STRANGER = (UUID(int=n) for n in range(1, 8))
AT = datetime(2026, 11, 22, tzinfo=UTC)


def line(*decisions: Decision, withdrawn: bool = False) -> Line:
    """Bookkeeper drafts, chief reviews, manager approves; decided so far in that order."""
    places = ((Act.REVIEW, CHIEF), (Act.APPROVE, MANAGER))
    steps = [Step(1, 1, Act.DRAFT, BOOKKEEPER, Decision.APPROVE, AT)]
    for position, (act, approver) in enumerate(places, start=2):
        decided = decisions[position - 2] if position - 2 < len(decisions) else None
        steps.append(Step(position, position, act, approver, decided, AT if decided else None))
    return Line(tuple(steps), AT if withdrawn else None)


def long_line() -> Line:
    """Two concur side by side before the manager decides; the chair confirms at the end."""
    return Line(
        (
            Step(1, 1, Act.DRAFT, BOOKKEEPER, Decision.APPROVE, AT),
            Step(2, 2, Act.REVIEW, CHIEF),
            Step(3, 3, Act.CONCUR, CLERK),
            Step(4, 3, Act.CONCUR, AUDITOR),
            Step(5, 4, Act.APPROVE, MANAGER),
            Step(6, 5, Act.CONFIRM, CHAIR),
        )
    )


def decided(state: Line, who: UUID, choice: Choice | Decision = Decision.APPROVE) -> Line:
    choice = choice if isinstance(choice, Choice) else Choice(choice)
    return approval.decide(state, approval.step_for(who, state), choice, AT)


def waiting(state: Line) -> list[UUID]:
    return [step.approver for step in approval.turns(state)]


def test_the_line_is_followed_in_the_order_of_its_positions():
    assert waiting(line()) == [CHIEF]
    assert waiting(line(Decision.APPROVE)) == [MANAGER]
    assert waiting(line(Decision.APPROVE, Decision.APPROVE)) == []


def test_the_drafter_has_done_the_own_step_by_submitting():
    undecided = Line((Step(1, 1, Act.DRAFT, BOOKKEEPER), Step(2, 2, Act.APPROVE, MANAGER)))
    assert waiting(undecided) == [MANAGER]
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
    assert approval.can_withdraw(line(), was_decided=False)
    assert not approval.can_withdraw(line(Decision.APPROVE), was_decided=True)
    assert not approval.can_withdraw(line(withdrawn=True), was_decided=False)
    approval.check_withdrawal(line(), is_own=True, was_decided=False)


def test_what_was_decided_before_it_was_sent_back_counts():
    with pytest.raises(Refusal, match="이미 결재가 시작되어"):
        approval.check_withdrawal(line(), is_own=True, was_decided=True)


@pytest.mark.parametrize(
    ("is_own", "state", "fact"),
    [
        (False, line(), "기안한 사람만"),
        (True, line(Decision.APPROVE), "이미 결재가 시작되어"),
        (True, line(Decision.RETURN), "이미 반려된"),
        (True, line(withdrawn=True), "회수한 문서"),
    ],
)
def test_a_withdrawal_comes_from_the_drafter_and_in_time(is_own, state, fact):
    with pytest.raises(Refusal, match=fact):
        approval.check_withdrawal(state, is_own=is_own, was_decided=bool(approval.decisions(state)))


def test_a_return_gives_its_reason():
    approval.check_opinion(Decision.APPROVE, "")
    approval.check_opinion(Decision.RETURN, "견적서를 붙여 주세요.")
    with pytest.raises(Refusal, match="이유"):
        approval.check_opinion(Decision.RETURN, " \n ")
    with pytest.raises(Refusal, match="1,001자"):
        approval.check_opinion(Decision.APPROVE, "가" * 1001)


def plan(*places: tuple[Act, UUID]) -> list[Step]:
    return [Step(place, place, act, who) for place, (act, who) in enumerate(places, start=1)]


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
        (plan((Act.DRAFT, CHIEF)), "마지막"),
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
        (Step(1, 1, Act.DRAFT, CHIEF), Step(2, 2, Act.APPROVE, MANAGER, Decision.APPROVE)),
        (Step(1, 1, Act.DRAFT, CHIEF, Decision.RETURN, AT), Step(2, 2, Act.APPROVE, MANAGER)),
        (Step(2, 2, Act.APPROVE, MANAGER), Step(1, 1, Act.DRAFT, CHIEF)),
        (
            Step(1, 1, Act.DRAFT, BOOKKEEPER),
            Step(2, 2, Act.REVIEW, CHIEF),
            Step(3, 3, Act.APPROVE, MANAGER, Decision.APPROVE, AT),
        ),
        (
            Step(1, 1, Act.DRAFT, BOOKKEEPER),
            Step(2, 2, Act.REVIEW, CHIEF, Decision.RETURN, AT),
            Step(3, 3, Act.APPROVE, MANAGER, Decision.APPROVE, AT),
        ),
    ],
)
def test_a_line_that_can_never_be_is_our_own_mistake(steps):
    with pytest.raises(ValueError, match=r"."):
        Line(steps)


def test_a_document_that_nobody_can_decide_any_more_can_be_withdrawn():
    begun = line(Decision.APPROVE)
    assert approval.can_withdraw(begun, was_decided=True, is_stuck=True)
    approval.check_withdrawal(begun, is_own=True, was_decided=True, is_stuck=True)
    assert not approval.can_withdraw(line(Decision.RETURN), was_decided=True, is_stuck=True)


# --- Side by side, to and fro ------------------------------------------------------------------


def test_places_of_one_stage_are_asked_side_by_side():
    state = decided(long_line(), CHIEF)
    assert waiting(state) == [CLERK, AUDITOR]
    assert waiting(decided(state, AUDITOR)) == [CLERK]
    assert waiting(decided(decided(state, AUDITOR), CLERK)) == [MANAGER]


def test_who_thinks_otherwise_says_so_and_the_document_goes_on():
    state = decided(long_line(), CHIEF, Choice(Decision.DISSENT, "견적이 하나뿐입니다."))
    assert waiting(state) == [CLERK, AUDITOR]
    with pytest.raises(Refusal, match="의견이 적혀 있지"):
        decided(long_line(), CHIEF, Decision.DISSENT)


def test_a_return_by_one_of_two_closes_the_line_for_the_other():
    state = decided(decided(long_line(), CHIEF), CLERK, Choice(Decision.RETURN, "부동의"))
    assert waiting(state) == []
    with pytest.raises(Refusal, match="반려된"):
        approval.step_for(AUDITOR, state)


def test_sent_back_the_document_goes_through_the_earlier_place_again():
    state = decided(decided(decided(long_line(), CHIEF), CLERK), AUDITOR)
    state = decided(state, MANAGER, Choice(Decision.SEND_BACK, "금액을 다시 봐 주세요.", to=2))
    assert waiting(state) == [CHIEF]
    assert waiting(decided(state, CHIEF)) == [CLERK, AUDITOR]


@pytest.mark.parametrize(
    ("choice", "fact"),
    [
        (Choice(Decision.SEND_BACK, "", to=2), "되돌리는 이유"),
        (Choice(Decision.SEND_BACK, "다시", to=1), "되돌릴 자리"),
        (Choice(Decision.SEND_BACK, "다시", to=5), "되돌릴 자리"),
        (Choice(Decision.SEND_BACK, "다시"), "되돌릴 자리"),
        (Choice(Decision.DISSENT, "반대합니다."), "마지막으로 결재하시는"),
        (Choice(Decision.SKIP, "출장"), "고를 수 없습니다"),
    ],
)
def test_the_one_who_decides_may_not_decide_anything(choice, fact):
    state = decided(decided(decided(long_line(), CHIEF), CLERK), AUDITOR)
    with pytest.raises(Refusal, match=fact):
        decided(state, MANAGER, choice)


@pytest.mark.parametrize("decision", [Decision.RETURN, Decision.SEND_BACK])
def test_the_chair_confirms_and_stops_nothing(decision):
    # 국토교통부: the manager is the final approver; a chair's box is confirmation at most.
    state = long_line()
    for who in (CHIEF, CLERK, AUDITOR, MANAGER):
        state = decided(state, who)
    with pytest.raises(Refusal, match="확인 자리에서는 문서를 멈출 수 없습니다"):
        decided(state, CHAIR, Choice(decision, "안 됩니다.", to=2))
    assert approval.ending(decided(state, CHAIR)) is Ending.FINISHED
    assert approval.ending(decided(state, CHAIR, Choice(Decision.DISSENT, "몰랐습니다.")))


def check_skip(who, state, position, **options):
    known = {"is_manager": who == MANAGER, "is_away": True, "is_late": False, "reason": "출장"}
    drafter = who == state.steps[0].approver
    return approval.check_skip(state.at(position), state, is_drafter=drafter, **known | options)


def test_a_reviewer_who_is_away_is_left_out_with_the_reason():
    state = line()
    step = check_skip(BOOKKEEPER, state, 2)
    assert waiting(approval.skip(state, step, AT)) == [MANAGER]


@pytest.mark.parametrize(
    ("who", "state", "position", "options", "fact"),
    [
        (CHIEF, line(), 2, {}, "기안한 사람만"),
        (BOOKKEEPER, line(), 3, {}, "기다리는 자리가 아닙니다"),
        (BOOKKEEPER, line(), 9, {}, "기다리는 자리가 아닙니다"),
        (BOOKKEEPER, line(Decision.APPROVE), 3, {}, "결재하실 분은 건너뛸 수 없습니다"),
        (BOOKKEEPER, line(), 2, {"is_away": False}, "자리에 계신 분"),
        (BOOKKEEPER, line(), 2, {"reason": " "}, "까닭이 적혀 있지"),
        (BOOKKEEPER, line(Decision.RETURN), 2, {}, "반려된"),
    ],
)
def test_nobody_else_is_left_out(who, state, position, options, fact):
    with pytest.raises(Refusal, match=fact):
        check_skip(who, state, position, **options)


LATE = {"is_away": False, "is_late": True}


@pytest.mark.parametrize("who", [BOOKKEEPER, MANAGER])
def test_who_only_confirms_what_was_decided_stops_nothing_by_silence(who):
    state = long_line()
    for decider in (CHIEF, CLERK, AUDITOR, MANAGER):
        state = decided(state, decider)
    step = check_skip(who, state, 6, **LATE)
    assert approval.ending(approval.skip(state, step, AT)) is Ending.FINISHED


@pytest.mark.parametrize(
    ("who", "done", "position", "options", "fact"),
    [
        (CHIEF, 4, 6, LATE, "기안한 사람만"),  # neither drafter nor manager
        (MANAGER, 4, 6, {"is_away": False}, "기한이 지나지 않았습니다"),
        (MANAGER, 4, 6, {}, "기한이 지나지 않았습니다"),  # away: the drafter may, at once
        (BOOKKEEPER, 4, 6, {"is_away": False}, "기한이 지나지 않았습니다"),
        (BOOKKEEPER, 2, 4, LATE, "자리에 계신 분"),  # before the decision the auditor is heard
        (MANAGER, 2, 4, LATE, "기안한 사람만"),
    ],
)
def test_before_its_time_no_place_is_closed(who, done, position, options, fact):
    state = long_line()
    for decider in (CHIEF, CLERK, AUDITOR, MANAGER)[:done]:
        state = decided(state, decider)
    with pytest.raises(Refusal, match=fact):
        check_skip(who, state, position, **options)


@pytest.mark.parametrize(
    ("steps", "fact"),
    [
        ([(Act.DRAFT, 1), (Act.REVIEW, 1), (Act.APPROVE, 2)], "나란히"),
        ([(Act.DRAFT, 1), (Act.REVIEW, 2), (Act.APPROVE, 2)], "나란히"),
        ([(Act.DRAFT, 1), (Act.APPROVE, 2), (Act.DELEGATED, 3)], "마지막"),
        ([(Act.DRAFT, 1), (Act.CONFIRM, 2)], "마지막"),
    ],
)
def test_a_line_of_other_kinds_that_cannot_be_followed_is_refused(steps, fact):
    people = (BOOKKEEPER, CHIEF, MANAGER)
    with pytest.raises(Refusal, match=fact):
        approval.check_line(
            [
                Step(place, stage, act, who)
                for place, ((act, stage), who) in enumerate(
                    zip(steps, people, strict=False), start=1
                )
            ]
        )


def test_confirmation_and_audit_may_follow_the_decision():
    approval.check_line(long_line().steps)


def test_only_the_place_whose_turn_it_is_can_be_decided():
    with pytest.raises(ValueError, match="turn"):
        approval.decide(line(), line().steps[2], Choice(Decision.APPROVE), AT)


@pytest.mark.parametrize(
    ("act", "decision", "by", "shown"),
    [
        (Act.REVIEW, Decision.APPROVE, "", "검토"),
        (Act.REVIEW, Decision.DISSENT, "", "검토 (의견 있음)"),  # 시행규칙 제6조제4항
        (Act.REVIEW, Decision.SKIP, "", "검토 생략"),
        (Act.APPROVE, Decision.APPROVE, "과장 이민호", "대결 과장 이민호"),
        (Act.DELEGATED, Decision.APPROVE, "", "전결"),
    ],
)
def test_a_box_says_how_it_was_decided(act, decision, by, shown):
    assert approval.box_mark(act, decision, by) == shown


# --- Every order of acts -----------------------------------------------------------------------

PEOPLE = [UUID(int=n) for n in range(1, 10)]
PLACES = lists(
    tuples(sampled_from([Act.REVIEW, Act.CONCUR, Act.CONFIRM, Act.AUDIT]), booleans()), max_size=6
)


class AnyoneAtAnyTime(RuleBasedStateMachine):
    """Everybody presses every button in any order, on a line of any shape."""

    @initialize(before=PLACES, after=PLACES, final=sampled_from(sorted(FINAL)))
    def submit(self, before, after, final) -> None:
        acts = [
            *before[:3],
            (final, False),
            *[place for place in after if place[0] in SEEING][:3],
        ]
        steps, stage = [Step(1, 1, Act.DRAFT, PEOPLE[0], Decision.APPROVE, AT)], 1
        for act, beside in acts:
            alone = {steps[-1].act, act} & {Act.DRAFT, *FINAL}
            stage += 0 if beside and not alone else 1
            place = len(steps) + 1
            steps.append(Step(place, stage, act, PEOPLE[place - 1]))
        approval.check_line(steps)
        self.line = Line(tuple(steps))
        self.now = AT
        self.ended = None
        self.was_decided = False

    @rule(
        who=sampled_from(PEOPLE),
        decision=sampled_from(Decision),
        to=integers(0, 9),
        opinion=text(max_size=3),
    )
    def decide(self, who, decision, to, opinion) -> None:
        self.now += timedelta(minutes=1)
        before, asked = self.line, waiting(self.line)
        try:
            step = approval.step_for(who, before)
        except Refusal:
            assert who not in asked
            return
        assert who in asked
        try:
            self.line = approval.decide(before, step, Choice(decision, opinion, to), self.now)
        except Refusal:
            return
        assert decision is not Decision.SKIP
        self.was_decided = True
        assert decision is Decision.APPROVE or opinion.strip()
        if decision is Decision.SEND_BACK:
            target = before.at(to)
            assert target is not None
            assert target.act is not Act.DRAFT
            assert who not in waiting(self.line)
            assert target.approver in waiting(self.line)
            assert [s for s in self.line.steps if s.stage < target.stage] == [
                s for s in before.steps if s.stage < target.stage
            ]
        else:
            assert self.line.at(step.position).decision is decision
            others = [s for s in self.line.steps if s.position != step.position]
            assert others == [s for s in before.steps if s.position != step.position]

    @rule(
        who=sampled_from(PEOPLE[:2]),
        position=integers(0, 9),
        is_away=booleans(),
        is_late=booleans(),
    )
    def skip(self, who, position, is_away, is_late) -> None:
        known = {"is_manager": who == PEOPLE[1], "is_away": is_away, "is_late": is_late}
        try:
            step = check_skip(who, self.line, position, **known)
        except Refusal:
            return
        assert step.act not in FINAL
        final = next(other for other in self.line.steps if other.act in FINAL)
        assert (is_away and who == PEOPLE[0]) or (is_late and final.done and step.act in SEEING)
        self.line = approval.skip(self.line, step, self.now)
        self.was_decided = True

    @rule(is_own=booleans(), is_stuck=booleans())
    def withdraw(self, is_own, is_stuck) -> None:
        known = {"was_decided": self.was_decided, "is_stuck": is_stuck}
        possible = approval.can_withdraw(self.line, **known) and is_own
        try:
            approval.check_withdrawal(self.line, is_own=is_own, **known)
        except Refusal:
            assert not possible
            return
        assert possible
        self.line = replace(self.line, withdrawn_at=self.now)

    @invariant()
    def goes_through_its_stages_in_order(self) -> None:
        through = True
        for _, stage in groupby(self.line.steps, key=lambda step: step.stage):
            steps = list(stage)
            assert through or not any(step.decision for step in steps)
            through = all(step.done and step.decision is not Decision.RETURN for step in steps)

    @invariant()
    def is_in_exactly_one_state(self) -> None:
        assert bool(approval.turns(self.line)) != bool(approval.ending(self.line))

    @invariant()
    def is_finished_only_when_the_one_who_decides_approved(self) -> None:
        if approval.ending(self.line) is Ending.FINISHED:
            (final,) = [step for step in self.line.steps if step.act in FINAL]
            assert final.decision is Decision.APPROVE

    @invariant()
    def stays_ended(self) -> None:
        now = approval.ending(self.line)
        assert self.ended is None or now is self.ended
        self.ended = now


TestAnyoneAtAnyTime = AnyoneAtAnyTime.TestCase
TestAnyoneAtAnyTime.settings = settings(max_examples=60, stateful_step_count=14, deadline=None)
