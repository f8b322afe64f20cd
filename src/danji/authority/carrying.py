"""What is so once a second officer has confirmed it: each in the transaction of the answer.

Each returns the officeholder whom it was about, if anybody, and the leaf hash of its event.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from danji.accounts.actions import appoint, change_contact, register_person
from danji.accounts.models import Office, Officeholder, Person
from danji.accounts.queries import (
    actor_fields,
    actor_value,
    as_officer,
    has_part_elsewhere,
    others_in,
)
from danji.authority.links import absences_link, bylaws_link, invitation_link, people_link
from danji.authority.models import Absence, Proposal
from danji.authority.queries import absences_from, away_of, last_day_proposed, settings_of
from danji.authority.telling import IN_CHARGE, named, said, tell_each
from danji.base.ids import uuid7
from danji.complexes.models import BylawSetting
from danji.outbox.actions import tell, tell_former
from danji.outbox.models import Channel
from danji.outbox.queries import is_told_by_phone
from danji.rules import absence as away_rules
from danji.rules import appointment as rules
from danji.rules import bylaws
from danji.rules.absence import Away, Reason
from danji.rules.appointment import Planned
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from danji.transparency.actions import append_event
from danji_verify.canonical import canonical
from danji_verify.entry import Event


def take_office(
    proposal: Proposal, planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder, bytes]:
    """Put the person into office. Raises: Refusal when the address is somebody else's."""
    rules.check_planned(planned, None, today=day_in_seoul(at))
    person = register_person(name=proposal.name, email=proposal.email, phone=proposal.phone)
    holder = appoint(
        person, Office(proposal.office), actor.complex, since=proposal.since, until=proposal.until
    )
    leaf_hash = append_event(
        actor.complex,
        holder.id,
        Event.OFFICE_TAKEN,
        {
            "office": actor_value(holder),
            "proposer": actor_value(proposal.proposed_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    tell(
        holder,
        f"초대: {actor.complex.name} {holder.get_office_display()}",
        f"{holder.person.name} 님이 {format_date(holder.since)}부터 {actor.complex.name}의 "
        f"{holder.get_office_display()} 직을 맡게 되었습니다. 주소를 눌러 시작해 주세요.",
        link=invitation_link(holder),
        at=at,
    )
    tell_each(
        [proposal.proposed_by],
        f"취임 확인: {holder}",
        f"{actor} 님이 {said(proposal)} 제안을 확인했습니다. {holder.person.name} 님께 "
        "초대를 보냈습니다.",
        link=people_link(),
        besides=actor,
        at=at,
    )
    return holder, leaf_hash


def leave_office(
    proposal: Proposal, planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder, bytes]:
    """End the term."""
    held = proposal.officeholder
    rules.check_planned(planned, as_officer(held), today=day_in_seoul(at))
    held.until = proposal.until
    Officeholder.objects.within(actor.complex_id).filter(id=held.id).update(until=held.until)
    leaf_hash = append_event(
        actor.complex,
        held.id,
        Event.OFFICE_LEFT,
        {
            "office": canonical({**actor_fields(held), "reason": proposal.reason}),
            "proposer": actor_value(proposal.proposed_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    tell_each(
        [held, proposal.proposed_by],
        f"퇴임 확인: {held}",
        f"{actor} 님이 {said(proposal)} 제안을 확인했습니다.",
        link=people_link(),
        besides=actor,
        at=at,
    )
    return held, leaf_hash


def carry_contact(
    proposal: Proposal, planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder, bytes]:
    """Let the officer be reached elsewhere.

    Raises: Refusal when the term is over by now, two officers may not change it, or the address is
    somebody else's.
    """
    held, proposer, today = proposal.officeholder, proposal.proposed_by, day_in_seoul(at)
    check_still_held(held, today=today)
    before = held.person
    if planned.person != proposer.person_id and has_part_elsewhere(
        before.id, actor.complex_id, on=today
    ):
        # Two officers of one complex must not come by what somebody may do in another.
        raise Refusal(
            f"{before.name} 님은 다른 단지에서도 이 계정을 써서, 다른 분의 제안으로는 바꿀 수 "
            "없습니다.",
            next_step="본인이 로그인해서 제안하거나, 퇴임한 뒤 새 주소로 취임하게 해 주세요.",
        )
    held.person = change_contact(before, email=proposal.email, phone=proposal.phone)
    leaf_hash = append_event(
        actor.complex,
        proposal.id,
        Event.CONTACT_CHANGED,
        {
            "contact": canonical(
                {**contact_value(proposal), "was": {"email": before.email, "phone": before.phone}}
            ),
            "proposer": actor_value(proposer),
            "officer": actor_value(actor),
        },
        at=at,
    )
    _tell_of_contact(held, before, f"{proposer} 님이 제안하고 {actor} 님이 확인했습니다.", at)
    tell_each(
        [proposer],
        f"연락처 변경 확인: {held}",
        f"{actor} 님이 {said(proposal)} 제안을 확인했습니다.",
        link=people_link(),
        besides=held,
        at=at,
    )
    return held, leaf_hash


def check_still_held(held: Officeholder, *, today: date) -> None:
    """Raises: Refusal when no day of the term is left: officers reach a private person no more."""
    if held.until is not None and held.until < max(today, held.since):
        raise Refusal(
            f"{held} 님의 임기가 끝났습니다.",
            next_step="지금 맡은 직이 있으면 그 직에서 바꾸어 주세요.",
        )


def contact_value(proposal: Proposal) -> dict[str, Any]:
    """What the log commits to of a changed mail address and telephone, but for what they were."""
    return {
        "v": 1,
        "officeholder": proposal.officeholder.id.hex,
        "email": proposal.email,
        "phone": proposal.phone,
        "reason": proposal.reason,
    }


def _tell_of_contact(held: Officeholder, before: Person, by_whom: str, at: datetime) -> None:
    """Tell the officer at the new addresses, and whoever reads the former ones too."""
    person = held.person
    former: dict[Channel, str] = {}
    if person.email != before.email:
        former[Channel.MAIL] = before.email
    if person.phone != before.phone and is_told_by_phone(before):
        former[Channel.MESSAGE] = before.phone
    number = f"휴대전화는 {person.phone}" if person.phone else "휴대전화는 없음"
    if_unknown = "모르는 일이면 바로 관리사무소와 감사께 알려 주세요."
    tell(
        held,
        "연락처가 바뀌었습니다",
        f"{held} 님의 메일 주소는 {person.email}, {number}(으)로 되었습니다. {by_whom} "
        f"앞으로 이 메일 주소로 로그인합니다. {if_unknown}",
        link=people_link() if person.last_login else invitation_link(held),
        at=at,
    )
    if former:
        tell_former(
            held,
            "연락처가 바뀌었습니다",
            f"{held} 님의 연락처가 바뀌어, 앞으로 앞의 연락처로는 알림과 번호가 오지 않습니다. "
            f"{by_whom} {if_unknown}",
            addresses=former,
            at=at,
        )


def carry_setting(
    proposal: Proposal, _planned: Planned, actor: Officeholder, at: datetime
) -> tuple[None, bytes]:
    """Let the bylaws set what was proposed. Raises: Refusal when its day is past or taken."""
    today = day_in_seoul(at)
    bylaws.check_effective(proposal.since, today=today)
    check_day_is_free(actor.complex_id, proposal.setting, proposal.since)
    BylawSetting.objects.create(
        id=proposal.id,
        complex_id=actor.complex_id,
        key=proposal.setting,
        value=proposal.value,
        layer=Layer.BYLAW,
        article=proposal.article,
        effective_from=proposal.since,
    )
    leaf_hash = append_event(
        actor.complex,
        proposal.id,
        Event.BYLAW_CHANGED,
        {
            "bylaw": bylaw_value(proposal),
            "proposer": actor_value(proposal.proposed_by),
            "officer": actor_value(actor),
        },
        at=at,
    )
    in_charge = others_in(actor.complex_id, IN_CHARGE, besides=actor.person_id, on=today)
    tell_each(
        [proposal.proposed_by, *in_charge],
        f"관리규약 설정 확인: {named(proposal)}",
        f"{actor} 님이 {said(proposal)} 제안을 확인했습니다.",
        link=bylaws_link(),
        besides=actor,
        at=at,
    )
    return None, leaf_hash


def bylaw_value(proposal: Proposal) -> bytes:
    """What the log commits to of a setting of the bylaws: canonical JSON of all it says."""
    return canonical(
        {
            "v": 1,
            "key": proposal.setting,
            "value": proposal.value,
            "article": proposal.article,
            "effective_from": proposal.since.isoformat(),
            "reason": proposal.reason,
        }
    )


def check_day_is_free(complex_id: UUID, key: str, day: date) -> None:
    """Raises: Refusal when another value holds from the same day on."""
    if any((known.key, known.effective_from) == (key, day) for known in settings_of(complex_id)):
        raise Refusal(
            f"{format_date(day)}부터의 값이 이미 있습니다.",
            next_step="시행일을 그다음 날이나 그 뒤로 적어 주세요.",
        )


def carry_absence(
    proposal: Proposal, _planned: Planned, actor: Officeholder, at: datetime
) -> tuple[Officeholder | None, bytes]:
    """Let the manager be away, who could not say so; from today on, where the first day has passed.

    Raises: Refusal when the actor is who would stand in, or the days cannot be any more.
    """
    absent, deputy, today = proposal.officeholder, proposal.deputy, day_in_seoul(at)
    away_rules.check_by_two(as_officer(absent), as_officer(deputy), as_officer(actor))
    since, until = max(proposal.since, today), last_day_proposed(proposal)
    check_days_away(absent, deputy, since, until, today=today)
    absence = write_absence(
        absent,
        deputy,
        since,
        until,
        Reason(proposal.reason),
        actor=actor,
        at=at,
        proposer=proposal.proposed_by,
    )
    return absent, bytes(absence.leaf_hash)


def check_days_away(
    absent: Officeholder, deputy: Officeholder, since: date, until: date, *, today: date
) -> None:
    """Accept the days of an absence beside those that are known. Raises: Refusal."""
    away_rules.check_absence(
        Away(as_officer(absent), as_officer(deputy), since, until),
        [away_of(other) for other in absences_from(absent.complex_id, on=today)],
        today=today,
    )


def write_absence(
    absent: Officeholder,
    deputy: Officeholder,
    since: date,
    until: date,
    reason: Reason,
    *,
    actor: Officeholder,
    at: datetime,
    proposer: Officeholder | None = None,
) -> Absence:
    """Write an absence down, and tell both, and who else has to know.

    Args: `proposer` is who said so first, where the absent could not.
    """
    absence_id = uuid7()
    delegation = {
        "absence": absence_id.hex,
        "absent": actor_fields(absent),
        "deputy": actor_fields(deputy),
        "since": since.isoformat(),
        "until": until.isoformat(),
        "reason": reason.label,
    }
    if proposer is not None:
        delegation["proposer"] = actor_fields(proposer)
    leaf_hash = append_event(
        actor.complex,
        absence_id,
        Event.DELEGATION_SET,
        {"delegation": canonical(delegation), "actor": actor_value(actor)},
        at=at,
    )
    absence: Absence = Absence.objects.create(
        id=absence_id,
        complex_id=actor.complex_id,
        absent=absent,
        deputy=deputy,
        since=since,
        until=until,
        reason=reason,
        set_by=actor,
        set_at=at,
        leaf_hash=leaf_hash,
    )
    _tell_away(absence, actor, proposer, at)
    return absence


def _tell_away(
    absence: Absence, actor: Officeholder, proposer: Officeholder | None, at: datetime
) -> None:
    """Tell who is away and who stands in; where two said so, those in charge too, and who did."""
    absent, deputy = absence.absent, absence.deputy
    told, said_by = [absent, deputy], ""
    if proposer is not None:
        besides, today = actor.person_id, day_in_seoul(at)
        told += [proposer, *others_in(actor.complex_id, IN_CHARGE, besides=besides, on=today)]
        said_by = f" {proposer} 님이 제안하고 {actor} 님이 확인했습니다."
    since, until = format_date(absence.since), format_date(absence.until)
    tell_each(
        told,
        f"부재: {absent} ({since} ~ {until})",
        f"{absent} 님이 {since}부터 {until}까지 자리를 비웁니다"
        f"({Reason(absence.reason).label}). 그동안 {deputy} 님이 대신 결재합니다.{said_by}",
        link=absences_link(),
        besides=actor,
        at=at,
    )
