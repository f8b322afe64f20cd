"""Changing the rules of a complex: one officer proposes, a second confirms, the log remembers."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from danji.accounts.actions import lock_offices
from danji.accounts.models import Officeholder
from danji.accounts.queries import actor_value, as_officer, others_in
from danji.outbox.actions import tell
from danji.routing.checking import check_day, check_revision
from danji.routing.links import revision_link
from danji.routing.models import REASON_LIMIT, RoutingOutcome, RoutingRevision, Verdict
from danji.routing.queries import (
    CONFIRMING,
    newest_table,
    revision_of,
    waiting_revision,
)
from danji.routing.rows import as_json, dump, load
from danji.rules.offices import check_in_office
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.routing import Row
from danji.rules.text import clean_line
from danji.transparency.actions import append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event


@transaction.atomic
def propose_revision(
    rows: Sequence[Row],
    *,
    follows: int,
    reason: str,
    effective_from: date,
    actor: Officeholder,
    at: datetime,
) -> RoutingRevision:
    """Propose a new table of rules (결재선 규칙 개정). Nothing changes until a second confirms it.

    Args: `rows` are the whole table; a row that stays keeps the day it began, any other begins on
    `effective_from`, whatever it says. `follows` is the number of the table that was changed.
    Raises: Refusal when the rows cannot stand, the day has passed, or a proposal waits already.
    """
    today = day_in_seoul(at)
    check_in_office(as_officer(actor), today)
    lock_offices(actor.complex_id)  # of two who propose at the same moment, one waits
    table = newest_table(actor.complex_id)
    if table.number != follows:
        raise _overtaken()
    if waiting_revision(actor.complex_id):
        raise Refusal(
            "확인을 기다리는 개정안이 이미 있습니다.",
            next_step="그 개정안이 확정되거나 돌려보내진 뒤에 다시 제안해 주세요.",
        )
    reason = clean_line(reason, "바꾸는 까닭", limit=REASON_LIMIT)
    if not reason:
        raise Refusal(
            "바꾸는 까닭이 적혀 있지 않습니다.",
            next_step="확인하실 분이 알 수 있게 한 줄로 적어 주세요.",
        )
    dated = check_revision(rows, table, effective_from, today=today)
    revision: RoutingRevision = RoutingRevision.objects.create(
        complex=actor.complex,
        proposer=actor,
        proposed_at=at,
        follows=follows,
        rows=dump(dated),
        reason=reason,
        effective_from=effective_from,
    )
    for officer in others_in(actor.complex_id, CONFIRMING, besides=actor.person_id, on=today):
        tell(
            officer,
            "결재선 규칙 개정안이 확인을 기다립니다",
            f"{actor} 님이 결재선 규칙을 바꾸자고 제안했습니다.\n까닭: {reason}\n"
            f"시행일: {format_date(effective_from)}",
            at=at,
            link=revision_link(revision.id),
        )
    return revision


@transaction.atomic
def confirm_revision(revision_id: UUID, *, actor: Officeholder, at: datetime) -> RoutingOutcome:
    """Confirm a proposal as the second officer; it holds from its day on.

    Raises: Refusal for one's own, a closed one, or one whose day has passed or whose proposer has
    left office.
    """
    today = day_in_seoul(at)
    check_in_office(as_officer(actor), today)
    lock_offices(actor.complex_id)  # the proposer may be dismissed at the same moment
    revision = revision_of(actor, revision_id)
    _check_second(revision, actor)
    _check_open(revision)
    if not revision.proposer.covers(today):
        raise Refusal(
            f"제안한 {revision.proposer} 님의 임기가 끝났습니다.",
            next_step="까닭을 적어 돌려보낸 뒤, 지금 직을 맡고 계신 분이 새로 제안해 주세요.",
        )
    table = newest_table(actor.complex_id)
    if table.number != revision.follows:
        raise _overtaken()
    check_day(revision.effective_from, table, today=today)
    leaf_hash = append_event(
        actor.complex,
        revision.id,
        Event.RULE_CHANGED,
        {
            "rule": rule_value(revision),
            "proposer": actor_value(revision.proposer),
            "officer": actor_value(actor),
        },
        at=at,
    )
    outcome = _settle(
        revision,
        Verdict.CONFIRMED,
        actor,
        at=at,
        number=revision.follows + 1,
        leaf_hash=leaf_hash,
    )
    _tell_proposer(
        revision,
        "결재선 규칙 개정이 확정되었습니다",
        f"{actor} 님이 확인했습니다. {format_date(revision.effective_from)}부터 시행합니다.",
        at,
    )
    return outcome


@transaction.atomic
def reject_revision(
    revision_id: UUID, *, reason: str, actor: Officeholder, at: datetime
) -> RoutingOutcome:
    """Send a proposal back to its proposer. It is kept, and why.

    Raises: Refusal for one's own, a closed one, or when no reason is given.
    """
    check_in_office(as_officer(actor), day_in_seoul(at))
    revision = revision_of(actor, revision_id)
    _check_second(revision, actor)
    _check_open(revision)
    reason = clean_line(reason, "돌려보내는 까닭", limit=REASON_LIMIT)
    if not reason:
        raise Refusal(
            "돌려보내는 까닭이 적혀 있지 않습니다.",
            next_step="제안한 분이 무엇을 고치면 되는지 적어 주세요.",
        )
    outcome = _settle(revision, Verdict.REJECTED, actor, at=at, reason=reason)
    _tell_proposer(
        revision,
        "결재선 규칙 개정안이 돌아왔습니다",
        f"{actor} 님이 돌려보냈습니다.\n까닭: {reason}",
        at,
    )
    return outcome


@transaction.atomic
def withdraw_revision(revision_id: UUID, *, actor: Officeholder, at: datetime) -> RoutingOutcome:
    """Take one's own proposal back before anybody has confirmed it.

    Raises: Refusal for somebody else's, or a closed one.
    """
    check_in_office(as_officer(actor), day_in_seoul(at))
    revision = revision_of(actor, revision_id)
    if revision.proposer.person_id != actor.person_id:
        raise Refusal(
            "제안한 사람만 개정안을 거둘 수 있습니다.",
            next_step="고칠 곳이 있으면 까닭을 적어 돌려보내 주세요.",
        )
    _check_open(revision)
    return _settle(revision, Verdict.WITHDRAWN, actor, at=at)


def rule_value(revision: RoutingRevision) -> bytes:
    """What the log commits to of a revision: canonical JSON of all it says."""
    return canonical(
        {
            "v": 1,
            "number": revision.follows + 1,
            "effective_from": revision.effective_from.isoformat(),
            "reason": revision.reason,
            "rows": [as_json(row) for row in load(bytes(revision.rows))],
        }
    )


def _settle(
    revision: RoutingRevision,
    verdict: Verdict,
    actor: Officeholder,
    *,
    at: datetime,
    reason: str = "",
    number: int | None = None,
    leaf_hash: bytes | None = None,
) -> RoutingOutcome:
    """Write the outcome down; of two at the same moment, one is told that it came too late."""
    try:
        with transaction.atomic():
            outcome: RoutingOutcome = RoutingOutcome.objects.create(
                complex=actor.complex,
                revision=revision,
                verdict=verdict,
                officer=actor,
                at=at,
                reason=reason,
                number=number,
                leaf_hash=leaf_hash,
            )
    except IntegrityError:
        raise _closed() from None
    return outcome


def _check_second(revision: RoutingRevision, actor: Officeholder) -> None:
    if revision.proposer.person_id == actor.person_id:
        raise Refusal(
            "직접 제안하신 개정안은 다른 분이 확인해야 합니다.",
            next_step="관리사무소장, 회장, 감사, 이사 가운데 다른 분께 확인을 부탁해 주세요.",
        )
    if actor.office not in CONFIRMING:
        raise Refusal(
            "결재선 규칙은 관리사무소장, 회장, 감사, 이사가 확인합니다.",
            next_step="그 가운데 제안하지 않은 분께 확인을 부탁해 주세요.",
        )


def _check_open(revision: RoutingRevision) -> None:
    if revision.outcomes.all():
        raise _closed()


def _closed() -> Refusal:
    return Refusal(
        "이미 처리가 끝난 개정안입니다.",
        next_step="결재선 규칙 화면에서 지금 규칙을 확인해 주세요.",
    )


def _overtaken() -> Refusal:
    return Refusal(
        "그사이 다른 개정이 확정되어 이 개정안의 바탕이 바뀌었습니다.",
        next_step="지금 규칙에서 다시 고쳐 제안해 주세요.",
    )


def _tell_proposer(revision: RoutingRevision, subject: str, body: str, at: datetime) -> None:
    """Tell who proposed it, unless they have left office meanwhile."""
    if revision.proposer.covers(day_in_seoul(at)):
        tell(revision.proposer, subject, body, at=at, link=revision_link(revision.id))
