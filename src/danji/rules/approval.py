"""The approval line (결재선): whose turn it is, what has been decided, what may still happen.

The drafter (기안) submits; then the places follow in the order of their stages, and those of one
stage side by side: review (검토), concurrence (협조), confirmation (확인) and audit (감사) around
the one who decides finally (결재, or 전결 where that was delegated). A return (반려) closes the
line, and so does a withdrawal (회수), which is possible until the first decision. Sent back
(되돌림), a document goes through an earlier place again and everything after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from danji.rules.refusal import Refusal
from danji.rules.text import particle

OPINION_LIMIT = 1000  # characters
REASON_LIMIT = 50  # characters; why a place is left out stands in its box


class Act(StrEnum):
    """What one place in the line is for."""

    DRAFT = "draft"
    REVIEW = "review"
    CONCUR = "concur"
    CONFIRM = "confirm"
    AUDIT = "audit"
    APPROVE = "approve"
    DELEGATED = "delegated"

    @property
    def label(self) -> str:
        return {
            Act.DRAFT: "기안",
            Act.REVIEW: "검토",
            Act.CONCUR: "협조",
            Act.CONFIRM: "확인",
            Act.AUDIT: "감사",
            Act.APPROVE: "결재",
            Act.DELEGATED: "전결",
        }[self]


FINAL = frozenset({Act.APPROVE, Act.DELEGATED})
# Who confirms or audits sees and may say what they think, and does not decide: the ministry holds
# that the manager decides, and that asking for the chair's approval may be undue interference.
# Source: 공동주택관리법 제64조제2항(관리사무소장의 업무), 제65조(부당 간섭의 배제).
SEEING = frozenset({Act.CONFIRM, Act.AUDIT})
SKIPPABLE = frozenset({Act.REVIEW, Act.CONCUR}) | SEEING


class Decision(StrEnum):
    """What a person in the line decided."""

    APPROVE = "approve"
    DISSENT = "dissent"
    RETURN = "return"
    SEND_BACK = "send_back"
    SKIP = "skip"

    @property
    def label(self) -> str:
        return {
            Decision.APPROVE: "승인",
            Decision.DISSENT: "의견 있음",
            Decision.RETURN: "반려",
            Decision.SEND_BACK: "되돌림",
            Decision.SKIP: "생략",
        }[self]


AFTERWARDS = (Decision.APPROVE, Decision.DISSENT)  # what may be decided after the fact (후결)


def box_mark(act: Act, decision: Decision, by: str = "") -> str:
    """What stands in a decided box: `검토 (의견 있음)`, `대결 과장 이민호`, `검토 생략`.

    Args: `by` is who acted in place of the officer whose box it is, or "".
    Source: 행정업무의 운영 및 혁신에 관한 규정 제9조, 제10조, 시행규칙 제6조, 제7조(관행으로 따름).
    """
    if decision is Decision.SKIP:
        return f"{act.label} 생략"
    made = f"대결 {by}" if by else act.label
    return f"{made} (의견 있음)" if decision is Decision.DISSENT else made


class Ending(StrEnum):
    """How a document's line ended."""

    FINISHED = "finished"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return {
            Ending.FINISHED: "완결",
            Ending.RETURNED: "반려",
            Ending.WITHDRAWN: "회수",
        }[self]


@dataclass(frozen=True)
class Choice:
    """What a person wants to decide: `to` is the position a document is sent back to."""

    decision: Decision
    opinion: str = ""
    to: int | None = None


@dataclass(frozen=True)
class Step:
    """One place in the approval line (결재선).

    `position` counts from 1; places of the same `stage` are asked side by side; `approver` is the
    officeholder; `decided_at` is given exactly when `decision` is. The drafter's step counts as
    done once the document is submitted, whether or not it carries a decision.
    """

    position: int
    stage: int
    act: Act
    approver: UUID
    decision: Decision | None = None
    decided_at: datetime | None = None

    @property
    def done(self) -> bool:
        return self.act is Act.DRAFT or self.decision is not None


@dataclass(frozen=True)
class Line:
    """A submitted document's approval line: its steps in order of position, and its withdrawal.

    Raises: ValueError for what can never be true: a decision without its moment, a decision
    before an earlier stage was through, a drafter who returned, a place that sent back and was
    not opened again.
    """

    steps: tuple[Step, ...]
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        reached = 0
        passed = True
        for step in self.steps:
            if (step.decision is None) != (step.decided_at is None):
                raise ValueError("a decision and its moment come together")
            if step.act is Act.DRAFT and step.decision not in {None, Decision.APPROVE}:
                raise ValueError("a drafter only submits the own document")
            if step.decision is Decision.SEND_BACK:
                raise ValueError("what was sent back is open again")
            if step.stage < reached:
                raise ValueError("steps are not in order")
            if step.stage > reached:
                through = all(
                    other.done and other.decision is not Decision.RETURN
                    for other in self.steps
                    if other.stage == reached
                )
                passed, reached = passed and through, step.stage
            if step.decision and not passed:
                raise ValueError(f"step {step.position} was decided out of turn")
        positions = [step.position for step in self.steps]
        if positions != sorted(set(positions)):
            raise ValueError("steps are not in order")

    def at(self, position: int) -> Step | None:
        """The step at a position."""
        return next((step for step in self.steps if step.position == position), None)


def decisions(line: Line) -> tuple[Step, ...]:
    """The steps decided so far, the drafter's own left out."""
    return tuple(step for step in line.steps if step.decision and step.act is not Act.DRAFT)


def is_returned(line: Line) -> bool:
    """Whether someone returned (반려) the document."""
    return any(step.decision is Decision.RETURN for step in line.steps)


def is_finished(line: Line) -> bool:
    """Whether every place has passed it: at that moment the document comes into being.

    Source: 행정업무의 운영 및 혁신에 관한 규정 제6조제1항(문서의 성립, 관행으로 따름).
    """
    return not line.withdrawn_at and all(
        step.done and step.decision is not Decision.RETURN for step in line.steps
    )


def ending(line: Line) -> Ending | None:
    """How the line ended; None while it waits for somebody."""
    if line.withdrawn_at:
        return Ending.WITHDRAWN
    if is_returned(line):
        return Ending.RETURNED
    return Ending.FINISHED if is_finished(line) else None


def turns(line: Line) -> tuple[Step, ...]:
    """The steps that wait for a decision now, side by side; none when the line is closed."""
    if ending(line):
        return ()
    undecided = [step for step in line.steps if not step.done]
    return tuple(step for step in undecided if step.stage == undecided[0].stage)


def can_withdraw(line: Line, *, was_decided: bool, is_stuck: bool = False) -> bool:
    """Whether the drafter may still take the document back (회수): until the first decision.

    Args: `was_decided` says that somebody has decided, be it before the document was sent back;
    `is_stuck` that everybody whose turn it is has left office, so that nobody can decide; then
    the drafter may take it back after decisions too.
    """
    return bool(turns(line)) and (is_stuck or not was_decided)


def step_for(approver: UUID, line: Line) -> Step:
    """The step `approver` may decide now.

    Raises: Refusal when the line is closed, or this person has decided already, or it is
    someone else's turn.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제6조제1항(문서의 성립, 관행으로 따름).
    """
    if ending(line):
        raise _closed(line)
    for waiting in turns(line):
        if waiting.approver == approver:
            return waiting
    own = [step for step in line.steps if step.approver == approver]
    if any(not step.done for step in own):
        raise Refusal(
            "아직 결재하실 차례가 아닙니다.",
            next_step="앞사람의 결재가 끝나면 알려 드리겠습니다.",
        )
    if any(step.act is not Act.DRAFT for step in own):
        raise Refusal(
            "이미 결재하신 문서입니다.",
            next_step="다음 결재를 기다려 주세요. 결과는 문서 화면에서 볼 수 있습니다.",
        )
    if own:
        raise Refusal(
            "직접 기안하신 문서라 결재하실 차례가 없습니다.",
            next_step="결재가 끝나면 알려 드리겠습니다.",
        )
    raise Refusal(
        "이 문서의 결재선에 들어 있지 않으십니다.",
        next_step="결재하셔야 하는 문서라면 기안한 분께 결재선을 확인해 달라고 해 주세요.",
    )


def choices_at(step: Step, line: Line) -> tuple[Decision, ...]:
    """What whoever stands at a place may decide there."""
    if step.act in SEEING:
        return (Decision.APPROVE, Decision.DISSENT)
    found = [Decision.APPROVE]
    if step.act not in FINAL:
        found.append(Decision.DISSENT)
    if sent_back_to(step, line):
        found.append(Decision.SEND_BACK)
    return (*found, Decision.RETURN)


def sent_back_to(step: Step, line: Line) -> tuple[Step, ...]:
    """The earlier places a document may be sent back to from a place."""
    return tuple(
        earlier
        for earlier in decisions(line)
        if earlier.stage < step.stage and earlier.decision is not Decision.SKIP
    )


def decide(line: Line, step: Step, choice: Choice, at: datetime) -> Line:
    """The line after a decision at one of the places whose turn it is.

    Sending back opens the place it is sent to, and whatever was decided from there on.
    Raises: Refusal when the place may not decide so, or a reason is lacking; ValueError when it is
    not that place's turn.
    """
    if step not in turns(line):
        raise ValueError(f"it is not the turn of step {step.position}")
    check_choice(step, choice, line)
    if choice.decision is not Decision.SEND_BACK:
        return _with(line, replace(step, decision=choice.decision, decided_at=at))
    target = line.at(choice.to or 0)
    opened = target.stage if target else step.stage
    return replace(
        line,
        steps=tuple(
            replace(other, decision=None, decided_at=None) if other.stage >= opened else other
            for other in line.steps
        ),
    )


def skip(line: Line, step: Step, at: datetime) -> Line:
    """The line after a place was left out (생략)."""
    return _with(line, replace(step, decision=Decision.SKIP, decided_at=at))


def check_choice(step: Step, choice: Choice, line: Line) -> None:
    """A place decides only what is its own to decide, and says why it stops or differs.

    Raises: Refusal when the place may not decide so, a reason is lacking or the opinion too long.
    """
    if choice.decision not in choices_at(step, line):
        raise _not_here(step, choice.decision)
    if choice.decision is Decision.SEND_BACK and choice.to not in {
        earlier.position for earlier in sent_back_to(step, line)
    }:
        raise Refusal(
            "되돌릴 자리를 고르지 않았습니다.",
            next_step="앞서 결재하신 분 가운데 한 분을 골라 주세요.",
        )
    check_opinion(choice.decision, choice.opinion)


def follows_decision(step: Step, line: Line) -> bool:
    """Whether a place only sees (확인, 감사) what was decided finally before it."""
    return step.act in SEEING and any(
        other.act in FINAL and other.stage < step.stage for other in line.steps
    )


def can_skip(
    step: Step, line: Line, *, is_drafter: bool, is_manager: bool, is_away: bool, is_late: bool
) -> bool:
    """Whether somebody may leave out (생략) a place that waits.

    Its officer is away, and the drafter leaves it out; or it only sees what is decided already and
    said nothing in time, and the drafter or the manager does: nobody stops a decision by silence.
    Args: `is_away` says that the officer has left office or is absent; `is_late` that the place
    has waited longer than the bylaws let it.
    """
    if is_drafter and is_away and step.act in SKIPPABLE:
        return True
    return (is_drafter or is_manager) and is_late and follows_decision(step, line)


def check_skip(
    step: Step | None,
    line: Line,
    *,
    is_drafter: bool,
    is_manager: bool,
    is_away: bool,
    is_late: bool,
    reason: str,
) -> Step:
    """Let somebody leave out a place, saying why; the one who decides finally never is.

    Args: as in `can_skip`.
    Returns: the step.
    Raises: Refusal.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제9조, 시행규칙 제6조(검토 생략과 그 사유, 관행으로
    따름), 공동주택관리법 제64조제2항, 제65조(확인하는 자리가 집행을 막지 않음).
    """
    if ending(line):
        raise _closed(line)
    if step is None or step not in turns(line):
        raise Refusal(
            "지금 기다리는 자리가 아닙니다.", next_step="화면을 새로 열어 차례를 확인해 주세요."
        )
    may_close = follows_decision(step, line) and is_manager
    if not (is_drafter or may_close):
        raise Refusal(
            "기안한 사람만 자리를 건너뛸 수 있습니다.",
            next_step="기안한 분께 말씀해 주세요.",
        )
    if not can_skip(
        step,
        line,
        is_drafter=is_drafter,
        is_manager=is_manager,
        is_away=is_away,
        is_late=is_late,
    ):
        raise _not_skipped(step, line)
    if not reason.strip():
        raise Refusal(
            "건너뛰는 까닭이 적혀 있지 않습니다.",
            next_step="결재란에 그대로 보이니 짧게 적어 주세요. 예: 출장",
        )
    return step


def check_withdrawal(
    line: Line, *, is_own: bool, was_decided: bool, is_stuck: bool = False
) -> None:
    """Let the drafter take the document back, and nobody else, and only while `can_withdraw`.

    Args: `is_own` says that whoever asks has drafted it, or stands in for a drafter who left.
    Raises: Refusal when it is someone else's document, or the line is closed or under way.
    """
    if ending(line):
        raise _closed(line)
    if not is_own:
        raise Refusal(
            "기안한 사람만 문서를 회수할 수 있습니다.",
            next_step="고칠 곳이 있으면 결재하실 차례에 의견을 적어 반려해 주세요.",
        )
    if not can_withdraw(line, was_decided=was_decided, is_stuck=is_stuck):
        raise Refusal(
            "이미 결재가 시작되어 회수할 수 없습니다.",
            next_step="고칠 곳이 있으면 다음 결재자에게 반려해 달라고 해 주세요.",
        )


def check_afterwards(choice: Choice) -> None:
    """Whoever is asked after the fact (후결) approves, or says otherwise; the record stays.

    Raises: Refusal when something else was chosen, a reason is lacking or the opinion too long.
    """
    if choice.decision not in AFTERWARDS:
        raise Refusal(
            "이미 결재가 끝난 문서라 후결로 멈출 수 없습니다.",
            next_step="생각이 다르시면 ‘의견 있음’을 골라 까닭을 적어 주세요. 모두에게 보입니다.",
        )
    check_opinion(choice.decision, choice.opinion)


def check_opinion(decision: Decision, opinion: str) -> None:
    """Whoever stops a document or differs says why; an approval may stay silent.

    Raises: Refusal when the reason is lacking, or the opinion is too long.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제9조, 시행규칙 제6조(의견의 표시, 관행으로 따름).
    """
    if not opinion.strip() and decision is Decision.RETURN:
        raise Refusal(
            "반려하는 이유가 적혀 있지 않습니다.",
            next_step="기안한 분이 무엇을 고치면 되는지 의견에 적어 주세요.",
        )
    if not opinion.strip() and decision is Decision.SEND_BACK:
        raise Refusal(
            "되돌리는 이유가 적혀 있지 않습니다.",
            next_step="무엇을 다시 보면 되는지 의견에 적어 주세요.",
        )
    if not opinion.strip() and decision is Decision.DISSENT:
        raise Refusal(
            "의견이 적혀 있지 않습니다.",
            next_step="어떤 점에서 생각이 다르신지 적어 주세요. 결재란에 (의견 있음)으로 보입니다.",
        )
    if len(opinion) > OPINION_LIMIT:
        raise Refusal(
            f"의견은 {OPINION_LIMIT:,}자까지 쓸 수 있습니다. 지금 {len(opinion):,}자입니다.",
            next_step="의견을 줄이거나 파일로 붙여 주세요.",
        )


def check_line(steps: Sequence[Step]) -> None:
    """Accept a line as it is about to be submitted: one drafter first, one who decides finally.

    After the one who decides only those follow who confirm or audit. Nobody decides twice in one
    line, and no drafter reviews the own document. A drafter may be the final approver: the law
    names no approval line and forbids no manager's own document (공동주택관리법 제64조), and a
    small office has nobody else; the record shows both marks.

    Args: `steps` in order of position.
    Raises: Refusal when the line cannot be followed; ValueError when the positions have gaps or
    the stages are not in order.
    Source: 공동주택관리법 제64조제2항(관리사무소장의 업무).
    """
    if [step.position for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError("positions must run from 1 without a gap")
    if [step.stage for step in steps] != sorted(step.stage for step in steps):
        raise ValueError("stages must not go back")
    acts = [step.act for step in steps]
    if acts[:1] != [Act.DRAFT] or acts.count(Act.DRAFT) != 1:
        raise Refusal(
            "결재선의 첫 자리는 기안한 사람 한 명이어야 합니다.",
            next_step="기안자를 맨 앞에 두고 다시 상신해 주세요.",
        )
    final = [place for place, act in enumerate(acts) if act in FINAL]
    if len(final) != 1 or not set(acts[final[0] + 1 :]) <= SEEING:
        raise Refusal(
            "결재선에 마지막으로 결재할 사람이 한 명 있어야 합니다.",
            next_step="결재할 분을 마지막에 두고, 그 뒤에는 확인과 감사만 두어 주세요.",
        )
    stages = [step.stage for step in steps]
    if stages.count(steps[0].stage) > 1 or stages.count(steps[final[0]].stage) > 1:
        raise Refusal(
            "기안한 사람과 결재할 사람은 다른 자리와 나란히 둘 수 없습니다.",
            next_step="나란히 두는 자리는 검토, 협조, 확인, 감사로 정해 주세요.",
        )
    deciders = [step.approver for step in steps[1:]]
    if len(set(deciders)) != len(deciders):
        raise Refusal(
            "결재선에 같은 사람이 두 번 들어 있습니다.",
            next_step="한 사람은 한 자리에만 두어 주세요.",
        )
    if any(step.approver == steps[0].approver and step.act not in FINAL for step in steps[1:]):
        raise Refusal(
            "기안한 사람이 자기 문서를 검토하게 되어 있습니다.",
            next_step="검토 자리를 빼거나 다른 사람으로 바꿔 주세요.",
        )


def _with(line: Line, decided: Step) -> Line:
    return replace(
        line,
        steps=tuple(decided if s.position == decided.position else s for s in line.steps),
    )


def _not_skipped(step: Step, line: Line) -> Refusal:
    if step.act not in SKIPPABLE:
        return Refusal(
            "결재하실 분은 건너뛸 수 없습니다.",
            next_step="부재 중이면 대신 결재할 분을 정해 달라고 해 주세요.",
        )
    if follows_decision(step, line):
        label = step.act.label
        return Refusal(
            f"아직 {label}{particle(label, '을')} 기다리는 기한이 지나지 않았습니다.",
            next_step="그분께 연락해 주세요. 기한이 지나면 기다리지 않고 건너뛸 수 있습니다.",
        )
    return Refusal(
        "자리에 계신 분은 건너뛸 수 없습니다.",
        next_step="그분께 연락해 주세요. 부재 중이면 부재를 먼저 등록해 주세요.",
    )


def _not_here(step: Step, decision: Decision) -> Refusal:
    if step.act in SEEING:
        return Refusal(
            f"{step.act.label} 자리에서는 문서를 멈출 수 없습니다.",
            next_step="생각이 다르시면 ‘의견 있음’을 골라 까닭을 적어 주세요. 모두에게 보입니다.",
        )
    if decision is Decision.DISSENT:
        return Refusal(
            "마지막으로 결재하시는 자리에서는 ‘의견 있음’을 고를 수 없습니다.",
            next_step="승인하거나, 의견을 적어 반려해 주세요.",
        )
    return Refusal(
        f"이 자리에서는 ‘{decision.label}’을 고를 수 없습니다.",
        next_step="화면을 새로 열어 다시 골라 주세요.",
    )


def _closed(line: Line) -> Refusal:
    if line.withdrawn_at:
        return Refusal(
            "기안한 분이 회수한 문서입니다.",
            next_step="다시 상신되면 알려 드리겠습니다.",
        )
    if is_returned(line):
        return Refusal(
            "이미 반려된 문서입니다.",
            next_step="고친 문서가 새로 상신되면 결재해 주세요.",
        )
    return Refusal(
        "이미 결재가 끝난 문서입니다.",
        next_step="내용을 바꾸려면 새 문서로 다시 기안해 주세요.",
    )
