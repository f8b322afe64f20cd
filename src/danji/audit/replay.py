"""A document's way along its line, told from its events alone, by the rules that hold for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from danji.audit.chains import Chain, Logged
from danji.rules import approval
from danji.rules.approval import Act, Choice, Decision
from danji.rules.refusal import Refusal
from danji_verify.canonical import b64encode
from danji_verify.entry import Event, format_time

KINDS = {
    Event.DECIDED: frozenset({Decision.APPROVE, Decision.DISSENT}),
    Event.RETURNED: frozenset({Decision.RETURN}),
    Event.SENT_BACK: frozenset({Decision.SEND_BACK}),
    Event.SKIPPED: frozenset({Decision.SKIP}),
}
AFTERWARDS = frozenset({Event.FINALIZED, Event.DISCLOSED, Event.DISCLOSURE_WITHDRAWN, Event.ERASED})
NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Content:
    """What was submitted, parsed, and what its form makes of it."""

    parsed: Mapping[str, Any]
    digest: str
    form: str  # SHA-256 of the form's definition
    amount: int | None
    payee: str


@dataclass
class Way:
    """How far a document has come. `decided` and `open` are by position and round.

    `wrong` are the events that should not stand where they stand, and why.
    """

    line: approval.Line
    submitted: Logged
    decided: dict[tuple[int, int], Logged] = field(default_factory=dict)
    rounds: dict[int, int] = field(default_factory=dict)
    filed: Logged | None = None
    ended_at: datetime | None = None
    wrong: list[tuple[Logged, str]] = field(default_factory=list)

    @property
    def ending(self) -> approval.Ending | None:
        return approval.ending(self.line)

    @property
    def open(self) -> set[tuple[int, int]]:
        return {
            (step.position, self.rounds.get(step.position, 1))
            for step in self.line.steps
            if not step.done
        }


def replay(chain: Chain, content: Content) -> Way | None:
    """Follow the events from the last submission on; None where nothing was submitted."""
    start = next(
        (n for n in reversed(range(len(chain.events))) if chain.events[n].name == Event.SUBMITTED),
        None,
    )
    if start is None:
        return None
    submitted, *following = chain.events[start:]
    way = Way(approval.Line(_places(content.parsed)), submitted)
    for event in following:
        _follow(way, event, content)
    return way


def _places(content: Mapping[str, Any]) -> tuple[approval.Step, ...]:
    return tuple(
        approval.Step(
            place["position"],
            place.get("stage", place["position"]),
            Act(place["act"]),
            NOBODY,
        )
        for place in content["line"]
        if not place.get("skipped")
    )


def _follow(way: Way, event: Logged, content: Content) -> None:
    if event.name in KINDS:
        _decide(way, event, content)
    elif event.name == Event.WITHDRAWN and event.entry:
        if way.ending:
            way.wrong.append((event, "이미 끝난 문서를 회수한 것으로 적혀 있습니다."))
        way.line = replace(way.line, withdrawn_at=event.entry.at)
        way.ended_at = event.entry.at
    elif event.name == Event.FILED:
        if way.ending is not approval.Ending.FINISHED:
            way.wrong.append((event, "결재가 끝나지 않았는데 등록한 것으로 적혀 있습니다."))
        way.filed = event
    elif event.name not in AFTERWARDS:
        way.wrong.append((event, "이 문서에 있을 수 없는 사건입니다."))


def _decide(way: Way, event: Logged, content: Content) -> None:
    """Take one decision as the rules would have taken it."""
    statement = event.json("stmt")
    if not statement or event.entry is None:
        return  # what is lacking is told where the opening is
    step = way.line.at(statement.get("step", 0))
    if step is None or step not in approval.turns(way.line):
        way.wrong.append((event, "차례가 아닌 결재가 장부에 적혀 있습니다."))
        return
    round_ = way.rounds.get(step.position, 1)
    differing = _differing(statement, event, step, round_, content)
    if differing:
        way.wrong.append((event, f"서명한 글이 이 문서와 다릅니다({', '.join(differing)})."))
    before, at = way.line, event.entry.at
    try:
        decision = Decision(statement["decision"])
        way.line = _line_after(way.line, step, decision, statement, at)
    except (Refusal, ValueError, KeyError) as problem:
        way.wrong.append((event, f"있을 수 없는 결재입니다({problem})."))
        return
    if decision not in KINDS[Event(event.name)]:
        way.wrong.append((event, "사건과 결정이 서로 다릅니다."))
    way.decided[step.position, round_] = event
    if decision is Decision.SEND_BACK:
        _open_again(way, before, step)
    if way.ending:
        way.ended_at = at


def _line_after(
    line: approval.Line,
    step: approval.Step,
    decision: Decision,
    statement: Mapping[str, Any],
    at: datetime,
) -> approval.Line:
    """Raises: Refusal and ValueError where the place may not decide so."""
    if decision is not Decision.SKIP:
        choice = Choice(decision, statement["opinion"], statement.get("to"))
        return approval.decide(line, step, choice, at)
    if step.act not in approval.SKIPPABLE:
        raise ValueError("결재할 사람을 건너뜀")
    return approval.skip(line, step, at)


def _open_again(way: Way, before: approval.Line, sender: approval.Step) -> None:
    """The places that are open again, and the one that sent it back, are a round later."""
    number = max([1, *way.rounds.values()]) + 1
    for step in before.steps:
        after = way.line.at(step.position)
        reopened = step.decision is not None and after is not None and not after.done
        if reopened or step.position == sender.position:
            way.rounds[step.position] = number


def _differing(
    statement: Mapping[str, Any],
    event: Logged,
    step: approval.Step,
    round_: int,
    content: Content,
) -> Sequence[str]:
    """What of a statement is not about this document, this place and this moment, in words."""
    entry = event.entry
    if entry is None:
        return []
    place = next(p for p in content.parsed["line"] if p["position"] == step.position)
    expected = {
        "complex": ("단지", entry.complex),
        "doc": ("문서", entry.document),
        "seq": ("순번", entry.seq),
        "prev": ("앞 사건", b64encode(entry.prev or b"")),
        "act": ("결재 종류", step.act.value),
        "body": ("본문", content.digest),
        "form": ("서식", content.form),
        "title": ("제목", content.parsed["title"]),
        "amount": ("금액", content.amount),
        "office": ("직위", place["office"]),
        "name": ("이름", place["name"]),
        "at": ("시각", format_time(entry.at)),
    }
    if statement.get("v", 1) > 1:
        expected |= {"round": ("되돌린 횟수", round_), "payee": ("받는 곳", content.payee)}
    return [said for key, (said, value) in expected.items() if statement.get(key) != value]
