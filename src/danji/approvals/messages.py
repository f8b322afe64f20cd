"""What officers are told of a document on its way."""

from collections.abc import Sequence
from datetime import datetime

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.links import decision_link, desk_link
from danji.approvals.models import Circulation, Document, Step
from danji.authority.queries import absence_of
from danji.outbox.actions import tell
from danji.rules.approval import FINAL, SEEING, Act, Choice, Decision, box_mark
from danji.rules.money import grouped
from danji.rules.periods import day_in_seoul
from danji.rules.text import particle


def ask_to_decide(row: Step, document: Document, steps: Sequence[Step], at: datetime) -> None:
    """Ask for a decision; whoever stands in for somebody absent is asked too.

    Args: `row` is one of `steps`, the place whose turn it is.
    """
    approver, act = row.approver, Act(row.act)
    body = f"{document.complex.name} · {document.title}"
    body += f"\n{steps[0].approver} 님이 올린 문서가 {awaited(act)} 기다립니다."
    if act in SEEING:
        body += f"\n{_who_answers(steps)}"
    if document.amount is not None:
        body += f"\n금액: {grouped(document.amount)}원"
    asked = [(approver, f"{_asked_for(act)} 요청")]
    if absence := absence_of(approver, on=day_in_seoul(at)):
        asked.append((absence.deputy, "대결 요청"))
    for officer, what in asked:
        tell(
            officer,
            f"{what}: {document.title}",
            body,
            at=at,
            link=decision_link(officer, document.id),
        )


def awaited(act: Act) -> str:
    """What a document waits for at a place, in a sentence: `검토를`, `확인을`."""
    return f"{_asked_for(act)}을" if act in SEEING else f"{_asked_for(act)}를"


def _asked_for(act: Act) -> str:
    """What somebody is asked to do: who only sees a document confirms it, and approves nothing."""
    if act in SEEING:
        return Act.CONFIRM.label
    return Act.APPROVE.label if act in FINAL else act.label


def _who_answers(steps: Sequence[Step]) -> str:
    """Who decides on the document: said to those who only see it, so that nobody takes it on."""
    final = [step for step in steps if step.act in FINAL][-1]
    if final.decided_by:
        return f"결재는 {final.decided_by} 님이 했습니다."
    return f"결재는 {final.approver} 님이 합니다."


def ask_to_read(
    reader: Officeholder, document: Document, kind: Circulation.Kind, at: datetime
) -> None:
    """Show a document to an officer; who approves it afterwards (후결) can do so by the link."""
    if kind == Circulation.Kind.AFTERWARDS:
        ask_afterwards(reader, document, "후결 요청", at)
        return
    tell(
        reader,
        f"{kind.label}: {document.title}",
        f"{document.drafter} 님이 올린 문서입니다. 읽어 주세요.",
        at=at,
        link=desk_link(document.id),
    )


def ask_afterwards(reader: Officeholder, document: Document, what: str, at: datetime) -> None:
    """Ask somebody to approve a finished document afterwards (후결); `what` begins the subject."""
    tell(
        reader,
        f"{what}: {document.title}",
        f"{document.drafter} 님이 올려 결재가 끝난 문서입니다. 읽고 후결해 주세요.",
        at=at,
        link=decision_link(reader, document.id),
    )


def tell_of_opinion(document: Document, reader: Officeholder, choice: Choice, at: datetime) -> None:
    """The drafter hears what somebody wrote in approving afterwards (후결)."""
    if document.drafter.covers(day_in_seoul(at)):
        what = "후결" if choice.decision is Decision.APPROVE else "후결 의견 있음"
        tell(
            document.drafter,
            f"{what}: {document.title}",
            f"{reader} 님이 후결하며 의견을 남겼습니다.\n의견: {choice.opinion}",
            at=at,
            link=desk_link(document.id),
        )


def tell_drafter(document: Document, row: Step, choice: Choice, at: datetime) -> None:
    """The drafter hears when a document comes back, and when somebody thinks otherwise."""
    said = {
        Decision.RETURN: ("반려", "님이 반려했습니다.\n사유"),
        Decision.SEND_BACK: ("되돌림", "님이 앞자리로 되돌렸습니다.\n사유"),
        Decision.DISSENT: ("의견 있음", "님이 의견을 남겼습니다.\n의견"),
    }.get(choice.decision)
    if said:
        tell(
            document.drafter,
            f"{said[0]}: {document.title}",
            f"{row.decided_by} {said[1]}: {choice.opinion}",
            at=at,
            link=desk_link(document.id),
        )


def tell_closed(document: Document, row: Step, reason: str, at: datetime) -> None:
    """Whose place was left out because it was late hears of it, and so does the chair."""
    today = day_in_seoul(at)
    chair = holder_of(document.complex_id, Office.CHAIR, on=today)
    told = {officer.person_id: officer for officer in (chair, row.approver) if officer}
    label = Act(row.act).label
    left_out = f"{label}{particle(label, '을')}"
    for officer in told.values():
        if officer.covers(today):
            tell(
                officer,
                f"{box_mark(Act(row.act), Decision.SKIP)}: {document.title}",
                f"{row.decided_by} 님이 {row.approver} 님의 {left_out} 더 기다리지 "
                f"않고 넘겼습니다.\n까닭: {reason}",
                at=at,
                link=desk_link(document.id),
            )
