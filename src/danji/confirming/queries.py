"""What one officer asked for and a second has to confirm, of whatever kind, and who can; and whom
to believe about the log, for which whoever runs the server asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.accounts.queries import as_officer, holders, others_in
from danji.authority.links import proposal_link
from danji.authority.models import Proposal
from danji.authority.queries import open_proposals, persons_proposed, planned_of
from danji.disposal.links import disposal_link
from danji.disposal.models import Disposal
from danji.integration.links import token_link
from danji.integration.queries import unconfirmed_tokens
from danji.routing.links import revision_link
from danji.routing.models import RoutingRevision
from danji.routing.queries import CONFIRMING, revisions
from danji.rules import appointment
from danji.rules import disposal as disposal_rules
from danji.signing.links import signing_link
from danji.signing.models import RevocationRequest, SigningKey
from danji.signing.queries import VOUCHING, requested_keys, requested_revocations
from danji.transparency import proposing
from danji.transparency.models import WitnessProposal


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a second officer: `what` in words, and the page on which it is
    confirmed. `officers` are those who can confirm it, each person once.
    """

    id: UUID
    what: str
    asked_by: Officeholder | None  # None where whoever runs the server asked by command
    since: datetime
    link: str
    officers: tuple[Officeholder, ...]


def waiting_for_second(complex_id: UUID, *, on: date) -> list[Waiting]:
    """Everything that waits for a second officer, the longest waiting first."""
    if not _waits(complex_id, on):
        return []
    found = chain.from_iterable(kind(complex_id, on) for kind in KINDS)
    # What somebody asked for who has left office, nobody can confirm.
    lasting = (one for one in found if one.asked_by is None or one.asked_by.covers(on))
    return sorted(lasting, key=lambda waiting: waiting.since)


def confirmable(reader: Officeholder, *, on: date) -> list[Waiting]:
    """Of it, what the reader can confirm."""
    return [
        waiting
        for waiting in waiting_for_second(reader.complex_id, on=on)
        if any(officer.person_id == reader.person_id for officer in waiting.officers)
    ]


def _waits(complex_id: UUID, on: date) -> bool:
    """Whether anything may wait at all: asked with every look at the desk, in one question."""
    asked = (
        RoutingRevision.objects.within(complex_id).filter(outcomes=None),
        Proposal.objects.within(complex_id).filter(outcomes=None),
        SigningKey.objects.within(complex_id).filter(confirmations=None, revocations=None),
        RevocationRequest.objects.within(complex_id).filter(key__revocations=None),
        unconfirmed_tokens(complex_id, on=on),
        Disposal.objects.within(complex_id).filter(outcomes=None),
        WitnessProposal.objects.within(complex_id).filter(answers=None),
    )
    first, *others = (each.order_by().values("id")[:1] for each in asked)
    return bool(first.union(*others, all=True))


def _revisions(complex_id: UUID, on: date) -> Iterator[Waiting]:
    for revision in revisions(complex_id):
        if not revision.outcomes.all():
            asked = revision.proposer
            yield Waiting(
                revision.id,
                "결재선 규칙 개정안",
                asked,
                revision.proposed_at,
                revision_link(revision.id),
                _others(complex_id, CONFIRMING, {asked.person_id}, on),
            )


def _proposals(complex_id: UUID, on: date) -> Iterator[Waiting]:
    proposals = open_proposals(complex_id)
    persons = persons_proposed(proposals)
    serving = [holder for holder in holders(complex_id) if holder.covers(on)] if proposals else []
    for proposal in proposals:
        asked, planned = proposal.proposed_by, planned_of(proposal, persons)
        can_confirm = [
            holder
            for holder in serving
            if appointment.may_confirm(as_officer(holder), as_officer(asked), planned)
        ]
        yield Waiting(
            proposal.id,
            f"{proposal.get_change_display()} 제안 {proposal.name}".rstrip(),
            asked,
            proposal.proposed_at,
            proposal_link(proposal.id),
            tuple({holder.person_id: holder for holder in can_confirm}.values()),
        )


def _keys(complex_id: UUID, on: date) -> Iterator[Waiting]:
    for key in requested_keys(complex_id):
        yield Waiting(
            key.id,
            f"{key.requested_by} 님의 결재 서명 기기",
            key.requested_by,
            key.requested_at,
            signing_link(),
            _others(complex_id, VOUCHING, {key.person_id}, on),
        )


def _revocations(complex_id: UUID, on: date) -> Iterator[Waiting]:
    for request in requested_revocations(complex_id):
        yield Waiting(
            request.id,
            f"{request.key.person.name} 님의 결재 서명 기기 폐지",
            request.officer,
            request.requested_at,
            signing_link(),
            _others(complex_id, VOUCHING, {request.officer.person_id, request.key.person_id}, on),
        )


def _tokens(complex_id: UUID, on: date) -> Iterator[Waiting]:
    for token in unconfirmed_tokens(complex_id, on=on):
        yield Waiting(
            token.id,
            f"연계 열쇠 {token.name}",
            token.created_by,
            token.created_at,
            token_link(token.id),
            _others(complex_id, VOUCHING, {token.created_by.person_id}, on),
        )


def _disposals(complex_id: UUID, on: date) -> Iterator[Waiting]:
    disposals = Disposal.objects.within(complex_id).filter(outcomes=None)
    for disposal in disposals.select_related("proposed_by__person"):
        asked = disposal.proposed_by
        yield Waiting(
            disposal.id,
            "문서 파기 제안",
            asked,
            disposal.proposed_at,
            disposal_link(disposal.id),
            _others(complex_id, disposal_rules.CONFIRMING, {asked.person_id}, on),
        )


def _witnesses(complex_id: UUID, on: date) -> Iterator[Waiting]:
    for proposal in proposing.open_proposals(complex_id):
        yield Waiting(
            proposal.id,
            f"확인 기관 {proposal.label}",
            None,
            proposal.proposed_at,
            proposing.witness_link(proposal.id),
            tuple(proposing.confirming(complex_id, on=on)),
        )


def _others(
    complex_id: UUID, offices: frozenset[str], besides: set[UUID], on: date
) -> tuple[Officeholder, ...]:
    """Who holds one of these offices on a day, but for those whose own matter it is."""
    first, *more = besides
    found = others_in(complex_id, offices, besides=first, on=on)
    return tuple(holder for holder in found if holder.person_id not in more)


KINDS: tuple[Callable[[UUID, date], Iterator[Waiting]], ...] = (
    _revisions,
    _proposals,
    _keys,
    _revocations,
    _tokens,
    _disposals,
    _witnesses,
)
