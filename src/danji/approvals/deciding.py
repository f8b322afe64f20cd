"""Deciding on a document at one's place of its line; leaving a place out; letting it wait."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value
from danji.approvals.guard import check_in_office, lock_document, stated_moment
from danji.approvals.lateness import is_late
from danji.approvals.links import desk_link
from danji.approvals.messages import tell_closed, tell_drafter
from danji.approvals.models import Circulation, Document, Hold, Step
from danji.approvals.queries import current, hold_on, line_of
from danji.approvals.statements import (
    Case,
    Statement,
    check_columns,
    check_logged,
    decision_statement,
    stated,
)
from danji.approvals.turns import close_line, pass_turn
from danji.authority.models import Absence
from danji.authority.queries import absence_of, is_away
from danji.outbox.actions import tell
from danji.rules import approval
from danji.rules.approval import Choice, Decision
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.signing.evidence import Signer
from danji.transparency.actions import Kept, Tail, append_event, chain_of
from danji_verify.canonical import canonical
from danji_verify.entry import Event

_EVENTS = {
    Decision.RETURN: Event.RETURNED,
    Decision.SEND_BACK: Event.SENT_BACK,
    Decision.SKIP: Event.SKIPPED,
}


@transaction.atomic
def state_decision(
    document_id: UUID,
    *,
    actor: Officeholder,
    choice: Choice,
    at: datetime,
    acting_for: UUID | None = None,
) -> Statement:
    """What would be signed by deciding so at this moment. Nothing is written.

    Args: `acting_for` is the absent officer in whose place the actor decides (대결).
    Raises: Refusal as `decide_step` would.
    """
    case = _case(document_id, actor, acting_for, at)
    return stated(case, actor, _checked(choice, case), at)


@transaction.atomic
def decide_step(
    document_id: UUID,
    *,
    actor: Officeholder,
    choice: Choice,
    sign: Signer,
    at: datetime,
    stated_at: datetime | None = None,
    acting_for: UUID | None = None,
) -> Document:
    """Record one approver's decision; the last approval files the document as a record.

    Args: `sign` says by what the statement was signed; `stated_at` is the moment that the
    statement names, where it was frozen before it was signed.
    Raises: Refusal when the line is closed, it is someone else's turn, the person is out of
    office, a reason is lacking, or the statement was not signed or is no longer so.
    """
    stated_at = stated_moment(stated_at, actor, at)
    case = _case(document_id, actor, acting_for, stated_at)
    choice = _checked(choice, case)
    _check_newest(case, stated_at)
    tail = _log(case, actor, choice, sign, stated_at)
    document, row = case.document, case.row
    after = approval.decide(case.line, case.step, choice, stated_at)
    steps = [*case.steps, *_opened_again(case, after)]
    pass_turn(document, steps, approval.turns(case.line), after, at=at, decided=row)
    if case.absence is not None:
        _report(document, row.approver, actor, at)
    tell_drafter(document, row, choice, at)
    close_line(document, steps, after, tail, at=at)
    return document


@transaction.atomic
def state_skip(
    document_id: UUID, position: int, reason: str, *, actor: Officeholder, at: datetime
) -> Statement:
    """What would be signed by leaving a place out at this moment. Nothing is written.

    Raises: Refusal as `skip_step` would.
    """
    case, choice = _case_of_skip(document_id, position, reason, actor, at)
    return stated(case, actor, choice, at)


@transaction.atomic
def skip_step(
    document_id: UUID,
    position: int,
    reason: str,
    *,
    actor: Officeholder,
    sign: Signer,
    at: datetime,
    stated_at: datetime | None = None,
) -> Document:
    """Leave out (생략) a place, with the reason in the box: see `rules.approval.can_skip`.

    Whose place it was and the chair are told when the decision was made before it.
    Args: `sign` and `stated_at` as in `decide_step`.
    Raises: Refusal when the place may not be left out, or not by the actor, or it was not signed.
    """
    stated_at = stated_moment(stated_at, actor, at)
    case, choice = _case_of_skip(document_id, position, reason, actor, stated_at)
    _check_newest(case, stated_at)
    tail = _log(case, actor, choice, sign, stated_at)
    after = approval.skip(case.line, case.step, stated_at)
    before = approval.turns(case.line)
    pass_turn(case.document, case.steps, before, after, at=at, decided=case.row)
    if approval.follows_decision(case.step, case.line):
        tell_closed(case.document, case.row, choice.opinion, at)
    close_line(case.document, case.steps, after, tail, at=at)
    return case.document


@transaction.atomic
def hold_step(document_id: UUID, reason: str, *, actor: Officeholder, at: datetime) -> Hold:
    """Let a document wait (보류) at one's own place, and say why; the drafter is told.

    Raises: Refusal when it is not the actor's turn, no reason is given, or it is held already.
    """
    check_in_office(actor, at)
    reason = clean_line(reason, "보류하는 까닭", limit=approval.OPINION_LIMIT)
    if not reason:
        raise Refusal(
            "보류하는 까닭이 적혀 있지 않습니다.",
            next_step="언제 무엇이 되면 결재하실지 적어 주세요. 기안한 분께 보입니다.",
        )
    document, steps = lock_document(document_id, actor)
    row = _row_of(approval.step_for(actor.id, line_of(steps, document)), steps)
    if hold_on(row):
        raise Refusal(
            "이미 보류하신 문서입니다.", next_step="결재하시거나, 보류를 풀고 다시 적어 주세요."
        )
    hold: Hold = Hold.objects.create(complex=actor.complex, step=row, reason=reason, held_at=at)
    tell(
        steps[0].approver,
        f"보류: {document.title}",
        f"{actor} 님이 결재를 보류했습니다.\n까닭: {reason}",
        at=at,
        link=desk_link(document.id),
    )
    return hold


@transaction.atomic
def lift_hold(document_id: UUID, *, actor: Officeholder, at: datetime) -> None:
    """Take one's own hold (보류) away again; the document waits as before."""
    check_in_office(actor, at)
    document, steps = lock_document(document_id, actor)
    row = _row_of(approval.step_for(actor.id, line_of(steps, document)), steps)
    Hold.objects.within(actor.complex_id).filter(step_id=row.id, lifted_at=None).update(
        lifted_at=at
    )


def _case(document_id: UUID, actor: Officeholder, acting_for: UUID | None, at: datetime) -> Case:
    check_in_office(actor, at)
    document, steps = lock_document(document_id, actor)
    line = line_of(steps, document)
    step = approval.step_for(acting_for or actor.id, line)
    row = _row_of(step, steps)
    absence = _absence(row.approver, actor, steps, at) if acting_for else None
    check_columns(document)
    chain = chain_of(actor.complex_id, document_id)
    check_logged(document, steps, chain)
    return Case(document, steps, line, step, row, absence, chain[-1].tail)


def _case_of_skip(
    document_id: UUID, position: int, reason: str, actor: Officeholder, at: datetime
) -> tuple[Case, Choice]:
    check_in_office(actor, at)
    reason = clean_line(reason, "건너뛰는 까닭", limit=approval.REASON_LIMIT)
    document, steps = lock_document(document_id, actor)
    line = line_of(steps, document)
    row = next((step for step in current(steps) if step.position == position), None)
    step = approval.check_skip(
        line.at(position),
        line,
        is_drafter=steps[0].approver_id == actor.id,
        is_manager=actor.office == Office.MANAGER,
        is_away=row is not None and is_away(row.approver, on=day_in_seoul(at)),
        is_late=row is not None and is_late(row, at=at),
        reason=reason,
    )
    if row is None:
        raise Step.DoesNotExist(position)
    check_columns(document)
    chain = chain_of(actor.complex_id, document_id)
    check_logged(document, steps, chain)
    case = Case(document, steps, line, step, row, None, chain[-1].tail)
    return case, Choice(Decision.SKIP, reason)


def _check_newest(case: Case, stated_at: datetime) -> None:
    """Nothing happened to the document since the statement was frozen. Raises: Refusal."""
    if case.tail.at is not None and case.tail.at > stated_at.replace(microsecond=0):
        raise Refusal(
            "그사이 다른 분이 먼저 결재했습니다. 처리하지 않았습니다.",
            next_step="화면을 새로 열어 내용을 확인한 뒤 다시 결재해 주세요.",
        )


def _row_of(step: approval.Step, steps: Sequence[Step]) -> Step:
    return next(row for row in current(steps) if row.position == step.position)


def _absence(
    absent: Officeholder, actor: Officeholder, steps: Sequence[Step], at: datetime
) -> Absence | None:
    """By what the actor decides in another's place (대결); None in the own place.

    Raises: Refusal when the other is not absent, somebody else stands in, or it is the actor's
    own document.
    """
    if absent.id == actor.id:
        return None
    absence = absence_of(absent, on=day_in_seoul(at))
    if absence is None or absence.deputy.id != actor.id:
        raise Refusal(
            f"{absent} 님을 대신해 결재하실 수 없습니다.",
            next_step="부재와 대신할 분이 등록되어 있는지 확인해 주세요.",
        )
    if steps[0].approver.person_id == actor.person_id:
        raise Refusal(
            "직접 기안하신 문서를 대신 결재하실 수 없습니다.",
            next_step=f"{absent} 님이 돌아오시거나 다른 분이 대신하실 때까지 기다려 주세요.",
        )
    return absence


def _checked(choice: Choice, case: Case) -> Choice:
    """The choice with its opinion cleaned. Raises: Refusal when the place may not decide so."""
    opinion = clean_line(choice.opinion, "의견", limit=approval.OPINION_LIMIT)
    to = choice.to if choice.decision is Decision.SEND_BACK else None
    choice = Choice(choice.decision, opinion, to)
    approval.check_choice(case.step, choice, case.line)
    return choice


def _log(case: Case, actor: Officeholder, choice: Choice, sign: Signer, at: datetime) -> Tail:
    """Have the decision signed, append its event, and fill in the step, which is not saved yet.

    Returns: where the document's chain ends now.
    """
    document, row = case.document, case.row
    statement = decision_statement(case, actor, choice, at)
    evidence = sign(statement)
    leaf_hash = append_event(
        actor.complex,
        document.id,
        _EVENTS.get(choice.decision, Event.DECIDED),
        {
            "stmt": statement,
            "body": Kept(document.digest),
            "form": Kept(document.form.sha256),
            "actor": actor_value(actor),
            "auth": canonical(evidence.as_json()),
        },
        at=at,
        tail=case.tail,
    )
    row.decision, row.decided_at, row.opinion = choice.decision, at, choice.opinion
    row.decided_by, row.leaf_hash = actor, leaf_hash
    return Tail(case.tail.seq + 1, leaf_hash, at)


def _opened_again(case: Case, after: approval.Line) -> list[Step]:
    """New steps, one round later, for the places that a return to an earlier one opened."""
    number = max(step.round for step in case.steps) + 1
    opened = [
        Step(
            complex_id=row.complex_id,
            document_id=row.document_id,
            position=row.position,
            stage=row.stage,
            round=number,
            act=row.act,
            approver=row.approver,
            basis=row.basis,
        )
        for row in current(case.steps)
        if row.decision and _is_open(after, row.position)
    ]
    Step.objects.bulk_create(opened)
    return opened


def _is_open(line: approval.Line, position: int) -> bool:
    step = line.at(position)
    return step is not None and not step.done


def _report(document: Document, absent: Officeholder, actor: Officeholder, at: datetime) -> None:
    """Tell the absent officer who decided in the own place (사후보고)."""
    Circulation.objects.get_or_create(
        complex=actor.complex,
        document=document,
        recipient=absent,
        kind=Circulation.Kind.REPORT,
        defaults={"sent_at": at},
    )
    tell(
        absent,
        f"대결: {document.title}",
        f"자리를 비우신 동안 {actor} 님이 대신 결재했습니다.",
        at=at,
        link=desk_link(document.id),
    )
