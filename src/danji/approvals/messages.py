"""What officers are told of a document on its way."""

from datetime import datetime

from danji.accounts.models import Officeholder
from danji.approvals.links import decision_link, desk_link
from danji.approvals.models import Document, Step
from danji.authority.queries import absence_of
from danji.outbox.actions import tell
from danji.rules.approval import Choice, Decision
from danji.rules.money import figures_line
from danji.rules.periods import day_in_seoul


def ask_to_decide(
    approver: Officeholder, document: Document, drafter: Officeholder, at: datetime
) -> None:
    """Ask for a decision; whoever stands in for somebody absent is asked too."""
    body = f"{document.complex.name} · {document.title}"
    body += f"\n{drafter} 님이 올린 문서가 결재를 기다립니다."
    if document.amount is not None:
        body += f"\n금액: {figures_line(document.amount)}"
    asked = [(approver, "결재 요청")]
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


def ask_to_read(reader: Officeholder, document: Document, kind: str, at: datetime) -> None:
    """Show a document to an officer; `kind` is what showing it so is called (공람, 참조 …)."""
    tell(
        reader,
        f"{kind}: {document.title}",
        f"{document.drafter} 님이 올린 문서입니다. 읽어 주세요.",
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
