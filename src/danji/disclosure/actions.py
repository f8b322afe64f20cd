"""Disclosing a record, and answering for what a program could not read."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import actor_value
from danji.complexes.models import Complex
from danji.disclosure.inspection import UNPROVEN, Place
from danji.disclosure.models import (
    WITHDRAWAL_REASON,
    Clearance,
    Obstacle,
    Publication,
    Withdrawal,
)
from danji.disclosure.queries import DisclosedRecord, read_record
from danji.outbox.actions import tell
from danji.renditions.models import Rendition
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import clean_line
from danji.transparency.actions import append_event, grow_alone
from danji_verify.canonical import canonical
from danji_verify.entry import Event, format_time


@transaction.atomic
def publish_record(shown: DisclosedRecord, complex_: Complex, *, at: datetime) -> Publication:
    """Note that a record was disclosed, in the scope and on the basis it was approved with."""
    if shown.rendition is None:
        raise Rendition.DoesNotExist
    disclosure = shown.payload["content"]["disclosure"]
    publication: Publication = Publication.objects.create(
        complex=complex_,
        record=shown.record,
        scope=disclosure["scope"],
        basis=disclosure["basis"],
        published_at=at,
    )
    append_event(
        complex_,
        shown.record.doc,
        Event.DISCLOSED,
        {
            "publication": canonical(
                {
                    "scope": disclosure["scope"],
                    "basis": disclosure["basis"],
                    "record": shown.record.digest,
                    "signed": shown.rendition.signed,
                    "cleared": _cleared(shown.clearance),
                }
            )
        },
        at=at,
    )
    return publication


def _cleared(clearance: Clearance | None) -> dict[str, str] | None:
    """Who answered for what no program could read; null where nobody had to."""
    if clearance is None:
        return None
    officeholder = clearance.officeholder
    return {
        "officeholder": officeholder.id.hex,
        "office": officeholder.get_office_display(),
        "name": officeholder.person.name,
        "at": format_time(clearance.cleared_at.astimezone(UTC).replace(microsecond=0)),
    }


@transaction.atomic
def note_obstacle(shown: DisclosedRecord, places: Sequence[Place], *, at: datetime) -> Obstacle:
    """Note why a record was not disclosed, and tell the manager; chair and auditors too, when it
    does not agree with the log.
    """
    obstacle: Obstacle = Obstacle.objects.create(
        complex_id=shown.record.complex_id,
        record=shown.record,
        places=[{"place": place.place, "kind": place.kind} for place in places],
        found_at=at,
    )
    altered = any(place.kind == UNPROVEN for place in places)
    offices = [Office.MANAGER, *([Office.CHAIR, Office.AUDITOR] if altered else [])]
    subject = f"{'자료가 바뀜' if altered else '공개 보류'}: {shown.record.title}"
    found = "\n".join(f"- {place.place}: {place.kind}" for place in places)
    body = f"{shown.record.number} 문서를 공개하지 않았습니다.\n{found}"
    if altered:
        body += "\n누가 저장된 자료를 고쳤을 수 있습니다. 운영자에게 알려 확인해 주세요."
    told = Officeholder.objects.within(shown.record.complex_id).in_office(day_in_seoul(at))
    for officer in told.filter(office__in=offices).select_related("person", "complex"):
        tell(officer, subject, body, at=at)
    return obstacle


@transaction.atomic
def withdraw_disclosure(
    record_id: UUID, reason: str, *, actor: Officeholder, at: datetime
) -> Withdrawal:
    """Take the disclosure of a record back (공개 철회), for good: its page says so from then on.

    The record itself stays, and its digest stays provable. What may be shown again is filed anew.
    Raises: Refusal for anybody but the manager, without a reason, and for what is not disclosed;
    Record.DoesNotExist.
    """
    if actor.office != Office.MANAGER or not actor.covers(day_in_seoul(at)):
        raise Refusal(
            "공개를 철회하는 일은 관리사무소장이 합니다.",
            next_step="관리사무소장께 부탁해 주세요.",
        )
    grow_alone(actor.complex)  # or two presses at once would both find it disclosed
    shown = read_record(actor, record_id)
    reason = clean_line(reason, "철회하는 까닭", limit=WITHDRAWAL_REASON)
    if not reason:
        raise Refusal(
            "철회하는 까닭이 적혀 있지 않습니다.",
            next_step="까닭을 적어 주세요. 공개 화면에 그대로 보이니 개인정보는 적지 말아 주세요.",
        )
    if shown.publication is None:
        raise Refusal("공개하지 않은 문서입니다.", next_step="더 하실 일은 없습니다.")
    if shown.withdrawal is not None:
        raise Refusal("이미 공개를 철회한 문서입니다.", next_step="더 하실 일은 없습니다.")
    leaf_hash = append_event(
        actor.complex,
        shown.record.doc,
        Event.DISCLOSURE_WITHDRAWN,
        {"reason": reason.encode(), "actor": actor_value(actor)},
        at=at,
    )
    withdrawal: Withdrawal = Withdrawal.objects.create(
        complex=actor.complex,
        record=shown.record,
        reason=reason,
        withdrawn_by=actor,
        withdrawn_at=at,
        leaf_hash=leaf_hash,
    )
    return withdrawal


@transaction.atomic
def clear_record(record_id: UUID, *, actor: Officeholder, at: datetime) -> Clearance:
    """The manager read what a program could not, and answers for showing it.

    Raises: Refusal for anybody else, and where an identification number stands in the way.
    """
    if actor.office != Office.MANAGER or not actor.covers(day_in_seoul(at)):
        raise Refusal(
            "붙임을 확인하고 공개하는 일은 관리사무소장이 합니다.",
            next_step="관리사무소장께 확인을 부탁해 주세요.",
        )
    shown = read_record(actor, record_id)
    if shown.obstacle is None:
        raise Refusal("확인할 붙임이 없는 문서입니다.", next_step="문서 화면을 새로 열어 주세요.")
    if not all(Place(**place).can_be_cleared for place in shown.obstacle.places):
        raise Refusal(
            "공개할 수 없는 번호가 들어 있는 문서입니다.",
            next_step="번호를 뺀 새 문서로 다시 기안해 주세요. 이 문서는 공개되지 않습니다.",
        )
    try:
        with transaction.atomic():
            clearance: Clearance = Clearance.objects.create(
                complex=actor.complex, record=shown.record, officeholder=actor, cleared_at=at
            )
    except IntegrityError:
        raise Refusal("이미 확인하신 문서입니다.", next_step="곧 공개됩니다.") from None
    return clearance
