"""The approval line (결재선): whose turn it is, what has been decided, what may still happen.

A document's line is sequential: the drafter (기안) submits, each reviewer (검토) and at last
the one who decides (결재) follows in the order of the positions. A return (반려) by anyone closes
the line, and so does a withdrawal (회수), which is possible until the first decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from danji.rules.refusal import Refusal

OPINION_LIMIT = 1000  # characters


class Act(StrEnum):
    """What one place in the line is for."""

    DRAFT = "draft"
    REVIEW = "review"
    APPROVE = "approve"

    @property
    def label(self) -> str:
        return {Act.DRAFT: "기안", Act.REVIEW: "검토", Act.APPROVE: "결재"}[self]


class Decision(StrEnum):
    """What a person in the line decided."""

    APPROVE = "approve"
    RETURN = "return"

    @property
    def label(self) -> str:
        return {Decision.APPROVE: "승인", Decision.RETURN: "반려"}[self]


@dataclass(frozen=True)
class Step:
    """One place in the approval line (결재선).

    `position` counts from 1; `approver` is the officeholder; `decided_at` is given exactly when
    `decision` is. The drafter's step counts as done once the document is submitted, whether or
    not it carries a decision.
    """

    position: int
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
    ahead of an undecided step or after a return, a drafter who returned.
    """

    steps: tuple[Step, ...]
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        if any((step.decision is None) != (step.decided_at is None) for step in self.steps):
            raise ValueError("a decision and its moment come together")
        if any(step.act is Act.DRAFT and step.decision is Decision.RETURN for step in self.steps):
            raise ValueError("a drafter cannot return the own document")
        for earlier, later in pairwise(self.steps):
            if earlier.position >= later.position:
                raise ValueError("steps are not in order")
            if later.decision and (not earlier.done or earlier.decision is Decision.RETURN):
                raise ValueError(f"step {later.position} was decided out of turn")


def decisions(line: Line) -> tuple[Step, ...]:
    """The steps decided so far, the drafter's own left out."""
    return tuple(step for step in line.steps if step.decision and step.act is not Act.DRAFT)


def is_returned(line: Line) -> bool:
    """Whether someone returned (반려) the document."""
    return any(step.decision is Decision.RETURN for step in line.steps)


def is_finished(line: Line) -> bool:
    """Whether the last step has approved: at that moment the document comes into being.

    Source: 행정업무의 운영 및 혁신에 관한 규정 제6조제1항(문서의 성립, 관행으로 따름).
    """
    return not line.withdrawn_at and all(
        step.done and step.decision is not Decision.RETURN for step in line.steps
    )


def turn(line: Line) -> Step | None:
    """The step that waits for a decision; None when the line is closed."""
    if line.withdrawn_at or is_returned(line):
        return None
    return next((step for step in line.steps if not step.done), None)


def can_withdraw(line: Line, *, is_stuck: bool = False) -> bool:
    """Whether the drafter may still take the document back (회수): until the first decision.

    Args: `is_stuck` says that whoever's turn it is has left office, so that nobody can decide;
    then the drafter may take it back after decisions too.
    """
    return turn(line) is not None and (is_stuck or not decisions(line))


def step_for(approver: UUID, line: Line) -> Step:
    """The step `approver` may decide now.

    Raises: Refusal when the line is closed, or this person has decided already, or it is
    someone else's turn.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제6조제1항(문서의 성립, 관행으로 따름).
    """
    waiting = turn(line)
    if waiting is None:
        raise _closed(line)
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


def check_withdrawal(person: UUID, line: Line, *, is_stuck: bool = False) -> None:
    """Let the drafter take the document back, and nobody else, and only while `can_withdraw`.

    Raises: Refusal when it is someone else's document, or the line is closed or under way.
    """
    if turn(line) is None:
        raise _closed(line)
    if line.steps[0].approver != person:
        raise Refusal(
            "기안한 사람만 문서를 회수할 수 있습니다.",
            next_step="고칠 곳이 있으면 의견을 적어 반려해 주세요.",
        )
    if not can_withdraw(line, is_stuck=is_stuck):
        raise Refusal(
            "이미 결재가 시작되어 회수할 수 없습니다.",
            next_step="고칠 곳이 있으면 다음 결재자에게 반려해 달라고 해 주세요.",
        )


def check_opinion(decision: Decision, opinion: str) -> None:
    """A return tells the drafter why; an approval may stay silent.

    Raises: Refusal when a return has no opinion, or the opinion is too long.
    """
    if decision is Decision.RETURN and not opinion.strip():
        raise Refusal(
            "반려하는 이유가 적혀 있지 않습니다.",
            next_step="기안한 분이 무엇을 고치면 되는지 의견에 적어 주세요.",
        )
    if len(opinion) > OPINION_LIMIT:
        raise Refusal(
            f"의견은 {OPINION_LIMIT:,}자까지 쓸 수 있습니다. 지금 {len(opinion):,}자입니다.",
            next_step="의견을 줄이거나 파일로 붙여 주세요.",
        )


def check_line(steps: Sequence[Step]) -> None:
    """Accept a line as it is about to be submitted: one drafter first, one final approver last.

    Nobody decides twice in one line, and no drafter reviews the own document. A drafter may be
    the final approver: the law names no approval line and forbids no manager's own document
    (공동주택관리법 제64조), and a small office has nobody else; the record shows both marks.

    Args: `steps` in order of position.
    Raises: Refusal when the line cannot be followed; ValueError when the positions have gaps.
    Source: 공동주택관리법 제64조제2항(관리사무소장의 업무).
    """
    if [step.position for step in steps] != list(range(1, len(steps) + 1)):
        raise ValueError("positions must run from 1 without a gap")
    acts = [step.act for step in steps]
    if acts[:1] != [Act.DRAFT] or acts.count(Act.DRAFT) != 1:
        raise Refusal(
            "결재선의 첫 자리는 기안한 사람 한 명이어야 합니다.",
            next_step="기안자를 맨 앞에 두고 다시 상신해 주세요.",
        )
    if acts[-1] is not Act.APPROVE or acts.count(Act.APPROVE) != 1:
        raise Refusal(
            "결재선의 마지막 자리에 결재할 사람이 한 명 있어야 합니다.",
            next_step="마지막 자리를 결재로, 그 앞은 검토로 정해 주세요.",
        )
    deciders = [step.approver for step in steps[1:]]
    if len(set(deciders)) != len(deciders):
        raise Refusal(
            "결재선에 같은 사람이 두 번 들어 있습니다.",
            next_step="한 사람은 한 자리에만 두어 주세요.",
        )
    if steps[0].approver in deciders[:-1]:
        raise Refusal(
            "기안한 사람이 자기 문서를 검토하게 되어 있습니다.",
            next_step="검토 자리를 빼거나 다른 사람으로 바꿔 주세요.",
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
