"""What the pages of people and absences show, as plain data for their templates."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from danji.accounts.models import Office, Officeholder, Person
from danji.accounts.queries import as_officer, holders
from danji.authority.models import Absence, Proposal
from danji.authority.queries import (
    absences_from,
    answered_proposals,
    away_of,
    contact_planned,
    last_day,
    open_proposals,
    outcome_of,
    persons_proposed,
    planned_of,
    setting_proposed,
    settings_of,
)
from danji.complexes.models import BylawSetting
from danji.rules import appointment as rules
from danji.rules.absence import Reason, may_end, may_set, may_stand_in
from danji.rules.appointment import Change, Planned
from danji.rules.bylaws import SETTINGS, Setting
from danji.rules.offices import COUNCIL, OFFICE_STAFF
from danji.rules.periods import format_date
from danji.signing.queries import persons_with_keys

SHOWN = 30  # of what is over
ORDER = list(Office)
OF_PEOPLE = (Change.TAKE, Change.LEAVE, Change.CONTACT, Change.ABSENCE)


# --- People and terms ----------------------------------------------------------------------------


def people(reader: Officeholder, today: date) -> dict[str, Any]:
    """The context of authority/people.html."""
    everybody = list(holders(reader.complex_id))
    away = {
        absence.absent_id: absence
        for absence in absences_from(reader.complex_id, on=today)
        if absence.since <= today
    }
    waiting = [p for p in open_proposals(reader.complex_id) if p.change in OF_PEOPLE]
    proposed = {(proposal.change, proposal.officeholder_id) for proposal in waiting}
    persons = persons_proposed(waiting)
    with_keys = persons_with_keys(reader.complex_id)
    there = [
        {
            **_officer(holder, reader, today),
            **_absence_of(away.get(holder.id)),
            "way": "패스키" if holder.person_id in with_keys else "확인 번호",
            "can_leave": (Change.LEAVE, holder.id) not in proposed
            and rules.may_propose(as_officer(reader), _leave(holder, today)),
            "can_change": (Change.CONTACT, holder.id) not in proposed
            and rules.may_propose(as_officer(reader), contact_planned(holder)),
        }
        for holder in sorted(everybody, key=lambda holder: ORDER.index(Office(holder.office)))
        if not _is_over(holder, today)
    ]
    former = [holder for holder in everybody if _is_over(holder, today)]
    former.sort(key=lambda holder: (holder.until, holder.id), reverse=True)
    return {
        "groups": [
            {"title": "관리사무소", "officers": [o for o in there if o["post"] in OFFICE_STAFF]},
            {"title": "입주자대표회의", "officers": [o for o in there if o["post"] in COUNCIL]},
        ],
        "proposals": [_proposal(proposal, reader, today, persons) for proposal in waiting],
        "former": [
            {"who": str(holder), "term": term(holder.since, holder.until)}
            for holder in former[:SHOWN]
        ],
        "answered": _answered(reader, OF_PEOPLE),
        "can_propose": bool(posts_for(reader)),
    }


def _is_over(holder: Officeholder, today: date) -> bool:
    """Whether the term has no day left; one that was cancelled has none from the first."""
    return holder.until is not None and holder.until < max(today, holder.since)


def _answered(reader: Officeholder, changes: Collection[Change]) -> list[dict[str, Any]]:
    return [
        {
            "id": outcome.proposal_id,
            "what": what(outcome.proposal),
            "answer": outcome.get_answer_display(),
            "proposed_by": str(outcome.proposal.proposed_by),
            "answered_by": str(outcome.answered_by),
            "answered_at": outcome.answered_at,
        }
        for outcome in answered_proposals(reader.complex_id, changes, limit=SHOWN)
    ]


def _leave(holder: Officeholder, today: date) -> Planned:
    return Planned(Change.LEAVE, holder.office, holder.person_id, holder.since, today)


def _absence_of(absence: Absence | None) -> dict[str, str]:
    return {
        "absence": _days(absence) if absence else "",
        "deputy": str(absence.deputy) if absence else "",
    }


def _officer(holder: Officeholder, reader: Officeholder, today: date) -> dict[str, Any]:
    return {
        "id": holder.id,
        "post": holder.office,
        "office": holder.get_office_display(),
        "name": holder.person.name,
        "term": term(holder.since, holder.until),
        "comes": holder.since > today,
        "invited": holder.person.last_login is None,
        "is_reader": holder.id == reader.id,
    }


def posts_for(reader: Officeholder) -> list[Office]:
    """The offices for which the reader may propose somebody."""
    return [office for office in Office if rules.TWO_FOR[office].has(reader.office)]


def appointment(reader: Officeholder, today: date, typed: Mapping[str, str]) -> dict[str, Any]:
    """The context of authority/appointment.html, but for `error`."""
    posts = posts_for(reader)
    chosen = typed.get("office", "")
    return {
        "posts": [
            {"value": post.value, "label": post.label, "chosen": post.value == chosen}
            for post in posts
        ],
        "rules": sorted({rules.who_decides(post) for post in posts}),
        "typed": {"since": today.isoformat(), **typed},
    }


def leaving(held: Officeholder, today: date, typed: Mapping[str, str]) -> dict[str, Any]:
    """The context of authority/leaving.html, but for `error`."""
    return {
        "id": held.id,
        "officer": str(held),
        "term": term(held.since, held.until),
        "rule": rules.who_decides(held.office),
        "typed": {"last_day": today.isoformat(), **typed},
    }


def contact(held: Officeholder, typed: Mapping[str, str]) -> dict[str, Any]:
    """The context of authority/contact.html, but for `error`."""
    now = {"email": held.person.email, "phone": shown_phone(held.person.phone)}
    return {
        "id": held.id,
        "officer": str(held),
        "now": now,
        "rule": contact_planned(held).who_decides,
        "typed": {**now, **typed},
    }


def shown_phone(phone: str) -> str:
    """A mobile number as it is read: "010-1234-5678"."""
    return f"{phone[:3]}-{phone[3:-4]}-{phone[-4:]}" if phone else ""


def proposal(found: Proposal, reader: Officeholder, today: date) -> dict[str, Any]:
    """The context of authority/proposal.html, but for `error`."""
    outcome = outcome_of(found)
    shown = _proposal(found, reader, today, persons_proposed([found]))
    is_about_reader = found.officeholder and found.officeholder.person_id == reader.person_id
    return {
        "proposal": shown,
        # Whoever has a say sees the addresses, and only until it is settled.
        "sees_contact": not outcome
        and (shown["can_confirm"] or shown["is_own"] or bool(is_about_reader)),
        "now": {
            "email": found.officeholder.person.email,
            "phone": shown_phone(found.officeholder.person.phone),
        }
        if found.change == Change.CONTACT
        else None,
        "rule": rules.who_decides(found.office, Change(found.change)),
        "answered": f"이미 {outcome.answered_by} 님이 {outcome.get_answer_display()}했습니다."
        if outcome
        else "",
        "answered_at": outcome.answered_at if outcome else None,
    }


def _proposal(
    found: Proposal, reader: Officeholder, today: date, persons: Mapping[str, Person]
) -> dict[str, Any]:
    planned = planned_of(found, persons)
    proposer = as_officer(found.proposed_by)
    return {
        "id": found.id,
        "what": what(found),
        "change": found.get_change_display(),
        "kind": found.change,
        "office": found.get_office_display(),
        "name": found.name,
        "email": found.email,
        "phone": shown_phone(found.phone),
        "setting": _setting_words(*setting_proposed(found)) if found.setting else None,
        "article": found.article,
        "since": found.since,
        "term": term(found.since, found.until),
        "last_day": found.until,
        "has_no_day": found.until is not None and found.until < found.since,
        "reason": Reason(found.reason).label if found.change == Change.ABSENCE else found.reason,
        "deputy": str(found.deputy) if found.deputy else "",
        "proposed_by": str(found.proposed_by),
        "proposed_at": found.proposed_at,
        "can_confirm": proposer.serves_on(today)
        and rules.may_confirm(as_officer(reader), proposer, planned),
        "is_own": found.proposed_by.person_id == reader.person_id,
    }


def what(found: Proposal) -> str:
    """A proposal in a few words: "담당 강하늘 취임"."""
    if found.change == Change.SETTING:
        setting, words = setting_proposed(found)
        return f"{setting.label}: {words}"
    return f"{found.get_office_display()} {found.name} {found.get_change_display()}"


def term(since: date, until: date | None) -> str:
    """A term as it is read: "2026. 1. 1. ~ 2027. 12. 31."."""
    if until is not None and until < since:
        return f"{format_date(since)}부터였으나 취소"
    return f"{format_date(since)} ~ {format_date(until) if until else '계속'}"


def invitation(holder: Officeholder, today: date) -> dict[str, Any]:
    """The context of authority/invitation.html."""
    return {
        "name": holder.person.name,
        "office": holder.get_office_display(),
        "complex_name": holder.complex.name,
        "since": holder.since,
        "until": holder.until,
        "is_over": _is_over(holder, today),
        "is_cancelled": as_officer(holder).is_cancelled,
        "comes": holder.since > today,
    }


# --- What the bylaws set -------------------------------------------------------------------------


def bylaws(reader: Officeholder, today: date, typed: Mapping[str, str]) -> dict[str, Any]:
    """The context of authority/bylaws.html, but for `error`."""
    known = settings_of(reader.complex_id)
    waiting = [p for p in open_proposals(reader.complex_id) if p.change == Change.SETTING]
    planned = Planned(Change.SETTING, "", None, today, None)
    return {
        "settings": [
            _setting(setting, [row for row in known if row.key == setting.key], today)
            for setting in SETTINGS.values()
        ],
        "proposals": [_proposal(proposal, reader, today, {}) for proposal in waiting],
        "answered": _answered(reader, (Change.SETTING,)),
        "can_propose": rules.may_propose(as_officer(reader), planned),
        "rule": planned.who_decides,
        "choices": [
            {"key": key, "label": setting.label, "chosen": key == typed.get("setting")}
            for key, setting in SETTINGS.items()
        ],
        "typed": {"effective_from": today.isoformat(), **typed},
    }


def _setting(setting: Setting, rows: Sequence[BylawSetting], today: date) -> dict[str, Any]:
    """One setting: what holds today, and what is to hold from later days on."""
    begun = [row for row in rows if row.effective_from <= today]
    now = begun[-1] if begun else None
    return {
        **_setting_words(setting, setting.words(now.value if now else setting.otherwise)),
        "article": now.article if now else "",
        "since": now.effective_from if now else None,
        "coming": [
            {
                "words": setting.words(row.value),
                "article": row.article,
                "since": row.effective_from,
            }
            for row in rows[len(begun) :]
        ],
    }


def _setting_words(setting: Setting, words: str) -> dict[str, str]:
    return {"label": setting.label, "told": setting.told, "words": words}


# --- Absences ------------------------------------------------------------------------------------


def absences(reader: Officeholder, today: date, typed: Mapping[str, str]) -> dict[str, Any]:
    """The context of authority/absences.html, but for `error`."""
    serving = [holder for holder in holders(reader.complex_id) if holder.covers(today)]
    serving.sort(key=lambda holder: ORDER.index(Office(holder.office)))
    absent = [h for h in serving if may_set(as_officer(reader), as_officer(h))]
    absent += [h for h in serving if _may_propose_absence(reader, h, today)]
    deputies = [
        holder for holder in serving if any(_can_stand_in(holder, other) for other in absent)
    ]
    known = absences_from(reader.complex_id)
    lasting = [absence for absence in known if last_day(absence) >= max(today, absence.since)]
    over = [absence for absence in known if absence not in lasting]
    return {
        "by_two": next((str(h) for h in absent if _may_propose_absence(reader, h, today)), ""),
        "absent": _choices(absent, typed.get("absent", str(reader.id))),
        "deputies": _choices(deputies, typed.get("deputy", "")),
        "reasons": [
            {
                "value": reason.value,
                "label": reason.label,
                "chosen": reason.value == typed.get("reason", Reason.LEAVE.value),
            }
            for reason in Reason
        ],
        "typed": {"since": today.isoformat(), "until": today.isoformat(), **typed},
        "lasting": [_absence(absence, reader, today) for absence in lasting],
        "over": [_absence(absence, reader, today) for absence in reversed(over[-SHOWN:])],
    }


def needs_second(reader: Officeholder, absent_id: UUID, today: date) -> bool:
    """Whether the reader can only propose the absence of this officer."""
    absent = holders(reader.complex_id).filter(id=absent_id).first()
    return absent is not None and _may_propose_absence(reader, absent, today)


def _may_propose_absence(reader: Officeholder, absent: Officeholder, today: date) -> bool:
    """Whether the reader may say, together with a second officer, that the manager is away."""
    planned = Planned(Change.ABSENCE, absent.office, absent.person_id, today, today)
    return (
        absent.office == Office.MANAGER
        and absent.person_id != reader.person_id
        and rules.may_propose(as_officer(reader), planned)
    )


def _can_stand_in(deputy: Officeholder, absent: Officeholder) -> bool:
    return deputy.person_id != absent.person_id and may_stand_in(deputy.office, absent.office)


def _choices(holders_: Sequence[Officeholder], chosen: str) -> list[dict[str, Any]]:
    return [
        {"value": str(holder.id), "label": str(holder), "chosen": str(holder.id) == chosen}
        for holder in holders_
    ]


def absence(found: Absence, reader: Officeholder, today: date) -> dict[str, Any]:
    """The context of authority/absence.html, but for `error`."""
    return {"absence": _absence(found, reader, today)}


def _absence(found: Absence, reader: Officeholder, today: date) -> dict[str, Any]:
    lasts = last_day(found) >= max(today, found.since)
    return {
        "id": found.id,
        "absent": str(found.absent),
        "deputy": str(found.deputy),
        "days": _days(found),
        "reason": found.get_reason_display(),
        "set_by": str(found.set_by),
        "set_at": found.set_at,
        "state": "끝남" if not lasts else "부재 중" if found.since <= today else "예정",
        "lasts": lasts,
        "began": found.since <= today,
        "can_end": lasts and may_end(as_officer(reader), away_of(found)),
    }


def _days(found: Absence) -> str:
    """The days away: "2026. 12. 1. ~ 2026. 12. 5."."""
    last = last_day(found)
    if last < found.since:
        return f"{format_date(found.since)}부터였으나 취소"
    if last == found.since:
        return f"{format_date(last)} 하루"
    return f"{format_date(found.since)} ~ {format_date(last)}"
