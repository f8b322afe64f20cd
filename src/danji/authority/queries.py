"""Who stands in for whom, and what is proposed about whom and what."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Lower

from danji.accounts.models import Officeholder, Person
from danji.accounts.queries import as_officer
from danji.authority.models import Absence, AbsenceEnd, Proposal, ProposalOutcome
from danji.base.prepared import Prepared
from danji.complexes.models import BylawSetting
from danji.rules.absence import Away
from danji.rules.appointment import Change, Planned
from danji.rules.bylaws import SETTINGS, Setting


def _lasting(complex_id: UUID, on: date) -> QuerySet[Absence]:
    """The absences of a day, of officers whose term covers it."""
    over = AbsenceEnd.objects.filter(
        complex_id=complex_id, absence_id=OuterRef("id"), back_on__lte=on
    )
    absences: QuerySet[Absence] = (
        Absence.objects.within(complex_id)
        .filter(~Exists(over), since__lte=on, until__gte=on)
        .select_related("absent__person", "absent__complex", "deputy__person", "deputy__complex")
    )
    return absences


_stood_in_for: Prepared[Absence] = Prepared(
    lambda complex_id, deputy_id, on: _lasting(complex_id, on).filter(deputy_id=deputy_id),
    UUID,
    UUID,
    date,
)
_absence: Prepared[Absence] = Prepared(
    lambda complex_id, absent_id, on: _lasting(complex_id, on).filter(absent_id=absent_id),
    UUID,
    UUID,
    date,
)


def deputising(actor: Officeholder, *, on: date) -> list[Officeholder]:
    """Whom the actor stands in for on a day (대결). Asked with every inbox and every decision.

    Nobody, when the actor is out of office on that day; and only for those who are in it.
    """
    if not actor.covers(on):
        return []
    found = _stood_in_for(actor.complex_id, actor.id, on)
    return [absence.absent for absence in found if absence.absent.covers(on)]


def is_away(officeholder: Officeholder, *, on: date) -> bool:
    """Whether an officer is out of office or absent on a day, whoever stands in."""
    return not officeholder.covers(on) or bool(
        _absence(officeholder.complex_id, officeholder.id, on)
    )


def absence_of(officeholder: Officeholder, *, on: date) -> Absence | None:
    """The absence of an officer on a day, with `.deputy`; None when the officer is there.

    None too when either has left office, so that nobody stands in.
    """
    if not officeholder.covers(on):
        return None
    for absence in _absence(officeholder.complex_id, officeholder.id, on):
        if absence.deputy.covers(on):
            return absence
    return None


def absences_from(complex_id: UUID, *, on: date | None = None) -> list[Absence]:
    """The absences of a complex that are not over on a day, or all; the first to begin first.

    Each with `.back_on`, from which day on it was ended early, or None. Those ended before they
    began are left out of the first.
    """
    absences = (
        Absence.objects.within(complex_id)
        .annotate(back_on=F("ends__back_on"))
        .select_related("absent__person", "deputy__person", "set_by__person")
        .order_by("since", "id")
    )
    found: list[Absence] = list(absences.filter(until__gte=on) if on else absences)
    if on is None:
        return found
    return [absence for absence in found if last_day(absence) >= max(on, absence.since)]


def last_day(absence: Absence) -> date:
    """The last day away of an absence of `absences_from`; before `since` when it never began."""
    if absence.back_on is None:
        return absence.until
    return min(absence.until, absence.back_on - timedelta(days=1))


def away_of(absence: Absence) -> Away:
    """An absence of `absences_from` as the rules see it."""
    return Away(
        as_officer(absence.absent), as_officer(absence.deputy), absence.since, last_day(absence)
    )


def open_proposals(complex_id: UUID) -> list[Proposal]:
    """The proposals that nobody has answered, the oldest first."""
    answered = ProposalOutcome.objects.filter(complex_id=complex_id, proposal_id=OuterRef("id"))
    return list(
        Proposal.objects.within(complex_id)
        .filter(~Exists(answered))
        .select_related("proposed_by__person", "officeholder__person", "deputy__person")
    )


def proposal_of(complex_id: UUID, proposal_id: UUID) -> Proposal | None:
    """A proposal of a complex, answered or not."""
    found: Proposal | None = (
        Proposal.objects.within(complex_id)
        .filter(id=proposal_id)
        .select_related("proposed_by__person", "officeholder__person", "deputy__person")
        .first()
    )
    return found


def outcome_of(proposal: Proposal) -> ProposalOutcome | None:
    """What became of a proposal; None while nobody has answered it."""
    found: ProposalOutcome | None = (
        ProposalOutcome.objects.within(proposal.complex_id)
        .filter(proposal_id=proposal.id)
        .select_related("answered_by__person")
        .first()
    )
    return found


def answered_proposals(
    complex_id: UUID, changes: Collection[Change], *, limit: int
) -> list[ProposalOutcome]:
    """What became of proposals of these kinds, the newest first."""
    return list(
        ProposalOutcome.objects.within(complex_id)
        .filter(proposal__change__in=changes)
        .select_related("proposal__proposed_by__person", "answered_by__person")
        .order_by("-answered_at", "-id")[:limit]
    )


def persons_proposed(proposals: Sequence[Proposal]) -> dict[str, Person]:
    """Who signs in at the mail addresses of those who are to take an office, by the address in
    lower case.
    """
    emails = {p.email.lower() for p in proposals if p.change == Change.TAKE}
    if not emails:
        return {}
    found = Person.objects.annotate(address=Lower("email")).filter(address__in=emails)
    return {person.email.lower(): person for person in found}


def planned_of(proposal: Proposal, persons: Mapping[str, Person]) -> Planned:
    """A proposal as the rules see it.

    Whoever is to take an office is whom their mail address leads to now; anybody else is the
    officer whom the proposal names, wherever they are reached.

    Args: `persons` is from `persons_proposed`.
    """
    named = proposal.officeholder
    person = named.person if named else persons.get(proposal.email.lower())
    return Planned(
        Change(proposal.change),
        proposal.office,
        person.id if person else None,
        proposal.since,
        proposal.until,
    )


def last_day_proposed(proposal: Proposal) -> date:
    """The last day of an absence that is proposed, which always names one."""
    if proposal.until is None:
        raise ValueError(f"proposal {proposal.id} names no last day")
    return proposal.until


def contact_planned(held: Officeholder) -> Planned:
    """That an officer is reached elsewhere, as the rules see it."""
    return Planned(Change.CONTACT, held.office, held.person_id, held.since, held.until)


def setting_proposed(proposal: Proposal) -> tuple[Setting, str]:
    """What a proposal of the bylaws sets, and to what, as it is read.

    Raises: ValueError for a proposal about anything else.
    """
    if proposal.value is None:
        raise ValueError(f"proposal {proposal.id} sets nothing")
    setting = SETTINGS[proposal.setting]
    return setting, setting.words(proposal.value)


def settings_of(complex_id: UUID) -> list[BylawSetting]:
    """What the bylaws set, by key, what holds first before what holds from later days on."""
    return list(BylawSetting.objects.within(complex_id).order_by("key", "effective_from"))
