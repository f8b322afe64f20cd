"""Telling those whom it concerns what was proposed, and what became of it."""

from datetime import datetime

from danji.accounts.models import Office, Officeholder
from danji.authority.models import Proposal
from danji.authority.queries import last_day_proposed, setting_proposed
from danji.outbox.actions import tell
from danji.rules.absence import Reason
from danji.rules.appointment import Change
from danji.rules.periods import format_date

# Who is told what was done for the complex, besides those who did it.
IN_CHARGE = frozenset({Office.MANAGER, Office.CHAIR, Office.AUDITOR})


def named(proposal: Proposal) -> str:
    """Whom or what a proposal is about, in a few words."""
    return proposal.name or setting_proposed(proposal)[0].label


def said(proposal: Proposal) -> str:
    """What is proposed, in the words that come before "제안"."""
    if proposal.change == Change.SETTING:
        setting, words = setting_proposed(proposal)
        return (
            f"‘{setting.label}: {words}’({proposal.article}, "
            f"{format_date(proposal.since)}부터) 설정"
        )
    if proposal.change == Change.CONTACT:
        return f"{proposal.officeholder} 님의 연락처 변경({proposal.reason})"
    if proposal.change == Change.ABSENCE:
        return (
            f"{proposal.officeholder} 님의 부재({format_date(proposal.since)} ~ "
            f"{format_date(last_day_proposed(proposal))}, {Reason(proposal.reason).label}, "
            f"{proposal.deputy} 대결) 등록"
        )
    office, until = proposal.get_office_display(), ""
    if proposal.until and proposal.until < proposal.since:
        until = f"{format_date(proposal.since)}에 시작하는 임기를 하루도 두지 않음"
    elif proposal.until:
        until = f"{format_date(proposal.until)}까지"
    if proposal.change == Change.LEAVE:
        return f"{office} {proposal.name} 님의 퇴임({until}, {proposal.reason})"
    term = f"{format_date(proposal.since)}부터 {until}".strip()
    return f"{proposal.name} 님의 {office} 취임({term})"


def tell_each(
    officeholders: list[Officeholder],
    subject: str,
    body: str,
    *,
    link: str,
    besides: Officeholder,
    at: datetime,
) -> None:
    """Tell each person once, whoever did it left out."""
    told = {besides.person_id}
    for holder in officeholders:
        if holder.person_id not in told:
            told.add(holder.person_id)
            tell(holder, subject, body, link=link, at=at)
