"""A witness (확인 기관) that was entered by command for one complex, and an officer's answer.

Whom to believe about a complex is not for whoever runs the server to say alone: until an officer of
the complex confirms it, nobody follows the log and nobody is believed.
"""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from danji.accounts.models import Officeholder
from danji.accounts.queries import as_officer, holders
from danji.complexes.models import Complex
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import particle
from danji.rules.watching import check_answer, who_confirms
from danji.transparency.actions import grow_alone
from danji.transparency.models import Party, WitnessAnswer, WitnessProposal
from danji.transparency.troubles import seal_link, tell_in_charge
from danji.transparency.witnesses import register_witness, usable_key


@transaction.atomic
def propose_witness(
    *, label: str, party: Party, vkey: str, url: str, complex_: Complex, at: datetime
) -> WitnessProposal:
    """Ask the officers of a complex to let somebody follow its log.

    Raises: Refusal when the key cannot be used, was used before or waits already, or the address
    is none.
    """
    grow_alone(complex_)
    key = usable_key(vkey, party=party, url=url, complex_=complex_)
    if any(waiting.vkey == str(key) for waiting in open_proposals(complex_.id)):
        raise Refusal(
            "같은 확인 기관이 이미 확인을 기다립니다.",
            next_step="회장이나 감사께 ‘봉인과 확인’ 화면에서 확인해 달라고 해 주세요.",
        )
    proposal: WitnessProposal = WitnessProposal.objects.create(
        complex_id=complex_.id,
        label=label,
        party=party,
        vkey=str(key),
        url=url,
        proposed_at=at,
    )
    for officer in confirming(complex_.id, on=day_in_seoul(at)):
        tell(
            officer,
            f"확인 기관 확인 요청: {label}",
            f"운영자가 {party.label} 쪽 확인 기관 ‘{label}’{particle(label, '을')} "
            "등록하려고 합니다. 그 기관에 열쇠가 맞는지 물어본 뒤 확인하거나 거절해 주세요. "
            "확인하기 전에는 아무 효력이 없습니다.",
            link=witness_link(proposal.id),
            at=at,
        )
    return proposal


@transaction.atomic
def confirm_witness(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> WitnessAnswer:
    """Let the witness follow the log and count from now on; the log names the officer.

    Raises: Refusal when it is not the actor's to confirm, it was answered already, or what could be
    used when it was proposed no longer can.
    """
    proposal = _answerable(proposal_id, actor, at)
    register_witness(
        label=proposal.label,
        party=Party(proposal.party),
        vkey=proposal.vkey,
        url=proposal.url,
        complex_=actor.complex,
        officer=actor,
        at=at,
    )
    return _answer(proposal, actor, at, is_confirmed=True)


@transaction.atomic
def reject_witness(proposal_id: UUID, *, actor: Officeholder, at: datetime) -> WitnessAnswer:
    """Say no to a witness; those in charge are told.

    Raises: Refusal when it is not the actor's to answer, or it was answered already.
    """
    proposal = _answerable(proposal_id, actor, at)
    tell_in_charge(
        actor.complex_id,
        f"확인 기관 거절: {proposal.label}",
        f"운영자가 등록하려던 확인 기관 ‘{proposal.label}’"
        f"{particle(proposal.label, '을')} {actor} 님이 거절했습니다. 봉인 "
        "장부는 전과 같은 기관이 확인합니다.",
        at=at,
    )
    return _answer(proposal, actor, at, is_confirmed=False)


def open_proposals(complex_id: UUID) -> list[WitnessProposal]:
    """The witnesses of which no officer has said anything yet, the oldest first."""
    return list(WitnessProposal.objects.within(complex_id).filter(answers=None))


def answer_to(proposal: WitnessProposal) -> WitnessAnswer | None:
    """What an officer answered; None while nobody has."""
    answers = WitnessAnswer.objects.within(proposal.complex_id).filter(proposal_id=proposal.id)
    found: WitnessAnswer | None = answers.select_related("officer__person").first()
    return found


def witness_link(proposal_id: UUID) -> str:
    """The whole address of the page on which an officer answers."""
    return f"{seal_link()}{proposal_id}/"


def confirming(complex_id: UUID, *, on: date) -> list[Officeholder]:
    """Who can answer on a day, each person once; nobody where the complex has no such officers."""
    serving = [holder for holder in holders(complex_id) if holder.covers(on)]
    offices = who_confirms([holder.office for holder in serving])
    found = {holder.person_id: holder for holder in serving if holder.office in offices}
    return list(found.values())


def _answerable(proposal_id: UUID, actor: Officeholder, at: datetime) -> WitnessProposal:
    """The proposal, locked against a second answer. Raises: Refusal."""
    grow_alone(actor.complex)
    today = day_in_seoul(at)
    held = [holder.office for holder in holders(actor.complex_id) if holder.covers(today)]
    check_answer(as_officer(actor), held, today=today)
    found = next((one for one in open_proposals(actor.complex_id) if one.id == proposal_id), None)
    if found is None:
        raise Refusal(
            "이미 처리되었거나 없는 제안입니다.", next_step="‘봉인과 확인’ 화면을 새로 열어 주세요."
        )
    return found


def _answer(
    proposal: WitnessProposal, actor: Officeholder, at: datetime, *, is_confirmed: bool
) -> WitnessAnswer:
    answer: WitnessAnswer = WitnessAnswer.objects.create(
        complex_id=actor.complex_id,
        proposal=proposal,
        is_confirmed=is_confirmed,
        officer=actor,
        answered_at=at,
    )
    return answer
