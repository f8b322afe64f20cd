"""Planning a line: what routing proposes, what the drafter changed of it, who holds each office."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of, others_in
from danji.approvals.citing import (
    adjustment_of,
    carried,
    check_corrections,
    cited_documents,
    corrected_by,
)
from danji.approvals.models import Circulation, Document, Enclosure
from danji.authority.queries import is_away
from danji.formbook.definition import FormDefinition
from danji.records.queries import superseded_docs
from danji.routing.queries import net_of, propose
from danji.rules import approval
from danji.rules.adjusting import CONSENT
from danji.rules.approval import FINAL, SEEING, SKIPPABLE, Act, Ending
from danji.rules.offices import AUDITOR, COUNCIL, OFFICE_STAFF
from danji.rules.periods import SEOUL, day_in_seoul, format_date
from danji.rules.refusal import Refusal
from danji.rules.routing import SPLIT_WITHIN, Place, Purchase, probable_split
from danji.rules.text import clean_line, particle

ADDABLE = (Act.REVIEW, Act.CONCUR, Act.CONFIRM, Act.AUDIT)
NAMED = tuple(kind for kind in Circulation.Kind if kind != Circulation.Kind.REPORT)
MOST = 20  # people added or shown a document
PURCHASES = 300  # of the last month, among which a larger one is looked for
REGULAR = "regular"  # 매달 나가는 지출: what comes every month is not one purchase cut up


@dataclass(frozen=True)
class Added:
    """Somebody put into the line; `beside` the place before, or after it."""

    act: Act
    officeholder: UUID
    beside: bool = False


@dataclass(frozen=True)
class Changes:
    """What a drafter changed of the proposed line: added, left out with a reason, shown to."""

    added: tuple[Added, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)  # reason by office
    readers: tuple[tuple[Circulation.Kind, UUID], ...] = ()

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Changes":
        """Read what a draft or a template keeps. Raises: Refusal for anything else."""
        try:
            added = tuple(
                Added(Act(row["act"]), UUID(row["officeholder"]), bool(row.get("beside")))
                for row in data.get("added", ())
            )
            readers = tuple(
                (Circulation.Kind(row["kind"]), UUID(row["officeholder"]))
                for row in data.get("readers", ())
            )
            skipped = {
                str(Office(row["office"])): clean_line(
                    row["reason"], "건너뛰는 까닭", limit=approval.REASON_LIMIT
                )
                for row in data.get("skipped", ())
            }
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise _unreadable() from problem
        if any(one.act not in ADDABLE for one in added) or any(k not in NAMED for k, _ in readers):
            raise _unreadable()
        if len(added) > MOST or len(readers) > MOST:
            raise Refusal(
                f"결재선에는 {MOST}명까지 더 넣을 수 있습니다.",
                next_step="꼭 필요한 분만 남겨 주세요.",
            )
        return cls(added, skipped, readers)

    def as_json(self) -> dict[str, Any]:
        return {
            "added": [
                {"act": one.act.value, "officeholder": one.officeholder.hex, "beside": one.beside}
                for one in self.added
            ],
            "skipped": [
                {"office": office, "reason": reason} for office, reason in self.skipped.items()
            ],
            "readers": [
                {"kind": kind.value, "officeholder": reader.hex} for kind, reader in self.readers
            ],
        }


def given_back(line: Mapping[str, Any], drafter: Officeholder) -> dict[str, Any]:
    """The changes of an earlier document's line, for another drafter too: nobody adds oneself."""

    def others(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["officeholder"] != drafter.id.hex]

    if not line:
        return {}
    return {**line, "added": others(line["added"]), "readers": others(line["readers"])}


@dataclass(frozen=True)
class PlannedStep:
    """One place of the line that a submission would take; `skipped` says why it is left out."""

    position: int
    stage: int
    act: Act
    officeholder: Officeholder
    basis: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Plan:
    """The line a submission would take, who else is shown it, and what is to be said about it.

    `resolution` is the clause that asks for a resolution of the council, or "", `resolved` number
    and title of those that are cited, `consent` the clause that asks for the consent of whoever is
    above the manager, or "".
    """

    steps: tuple[PlannedStep, ...]
    readers: tuple[tuple[Circulation.Kind, Officeholder], ...]
    resolution: str
    resolved: tuple[str, ...]
    consent: str
    notes: tuple[str, ...]


def plan_line(
    definition: FormDefinition,
    values: Mapping[str, Any],
    *,
    drafter: Officeholder,
    changes: Changes,
    attachments: Sequence[Mapping[str, Any]] = (),
    cites: Sequence[Mapping[str, str]] = (),
    on: date,
) -> Plan:
    """The line that routing and the drafter's changes give on a day.

    An office that nobody holds is left out, unless it decides finally; so is the drafter's own
    place and, for staff of the office, whoever comes before it: nobody's own superior reviews for
    the one below. Nobody of the council decides finally on what they drafted. Who holds two
    offices stands in the line once.

    Args: `attachments` and `cites` as in a draft.
    Raises: Refusal when nobody is in the deciding office, the changes cannot be followed, or what
    is cited cannot be corrected or changed so.
    """
    cited = cited_documents(drafter.complex_id, cites)
    check_corrections(definition, values, cited)
    adjusts = adjustment_of(definition, values, cited)
    proposal = propose(
        drafter.complex_id, definition, values, adjusts=adjusts, attached=len(attachments), on=on
    )
    planned = _held(proposal.places, drafter, changes, on=on)
    named = _officers(drafter.complex_id, changes, on=on)
    steps = _numbered(_each_person_once(_with_added(planned, changes.added, named)))
    approval.check_line(
        [
            approval.Step(step.position, step.stage, step.act, step.officeholder.person_id)
            for step in steps
        ]
    )
    notes = list(proposal.notes)
    decider = next(step for step in steps if step.act in FINAL)
    if decider.officeholder.person_id == drafter.person_id:
        notes.append("기안과 결재를 같은 분이 합니다. 기록에 그대로 남습니다.")
    corrected = corrected_by(cited)
    notes += _handed_in_before(drafter.complex_id, attachments, corrected)
    notes += _split(drafter.complex_id, definition, values, proposal.limits, corrected, on=on)
    is_late = adjusts is not None and adjusts.is_late(on)
    return Plan(
        steps,
        _readers(drafter, steps, changes, named, tell_auditors=is_late, on=on),
        proposal.resolution,
        carried(cited),
        CONSENT if is_late else "",
        tuple(notes),
    )


def _readers(
    drafter: Officeholder,
    steps: Sequence[PlannedStep],
    changes: Changes,
    named: Mapping[UUID, Officeholder],
    *,
    tell_auditors: bool,
    on: date,
) -> tuple[tuple[Circulation.Kind, Officeholder], ...]:
    """Whom the drafter chose, and the auditors where they are to be told and do not decide."""
    readers = [(kind, named[reader]) for kind, reader in changes.readers]
    if tell_auditors:
        known = {step.officeholder.person_id for step in steps}
        known |= {reader.person_id for _, reader in readers}
        auditors = others_in(drafter.complex_id, [AUDITOR], besides=drafter.person_id, on=on)
        readers += [
            (Circulation.Kind.REFERENCE, auditor)
            for auditor in auditors
            if auditor.person_id not in known
        ]
    return tuple(readers)


def _held(
    places: Iterable[Place], drafter: Officeholder, changes: Changes, *, on: date
) -> list[PlannedStep]:
    """The drafter's own place, and the proposed ones that somebody holds. Raises: Refusal."""
    planned = [PlannedStep(1, 0, Act.DRAFT, drafter)]
    following = [place for place in places if place.act is not Act.DRAFT]
    for place in following[_first_above(drafter, following) :]:
        if place.office == drafter.office and place.act not in FINAL:
            continue
        if place.office == drafter.office and drafter.office in COUNCIL:
            raise Refusal(
                f"{drafter.get_office_display()}이 결재하는 문서를 직접 기안하실 수 없습니다.",
                next_step="관리사무소에서 기안하게 해 주세요.",
            )
        holder = (
            drafter
            if place.office == drafter.office
            else holder_of(drafter.complex_id, place.office, on=on)
        )
        if holder is not None:
            reason = _reason(changes, place.act, holder, on=on)
            planned.append(PlannedStep(0, place.stage, place.act, holder, place.basis, reason))
        elif place.act in FINAL:
            raise Refusal(
                f"지금 {Office(place.office).label} 직을 맡은 분이 없어 결재할 사람이 없습니다.",
                next_step="그분이 등록된 뒤 다시 상신해 주세요. 쓰신 내용은 저장되어 있습니다.",
            )
    return planned


def _first_above(drafter: Officeholder, following: Sequence[Place]) -> int:
    """Where the line of a drafter of the office's staff begins: at the own place, if there is one
    and nobody has decided finally before it.
    """
    if drafter.office not in OFFICE_STAFF:
        return 0
    for number, place in enumerate(following):
        if place.office == drafter.office:
            return number
        if place.act in FINAL:
            break
    return 0


def text_of(field: str | None, values: Mapping[str, Any]) -> str:
    """What stands in a field that the form may not have, or ""."""
    return (values.get(field) or "") if field else ""


def _handed_in_before(
    complex_id: UUID, attachments: Sequence[Mapping[str, Any]], corrected: set[UUID]
) -> list[str]:
    """What is to be said of files that other documents carry too, such as a receipt used twice."""
    names = {file["sha256"]: file["name"] for file in attachments}
    if not names:
        return []
    rows = (
        Enclosure.objects.within(complex_id)
        .filter(sha256__in=names)
        .exclude(document__outcomes__ending__in=(Ending.RETURNED, Ending.WITHDRAWN))
        .exclude(document_id__in=corrected)
        .exclude(document_id__in=superseded_docs(complex_id))
        .order_by("sha256", "document__submitted_at")
        .values_list("sha256", "document__title", "document__submitted_at")
    )
    return [
        f"붙임 ‘{names[digest]}’{particle(names[digest], '은')} {format_date(day_in_seoul(at))} "
        f"올린 문서 ‘{title}’에도 붙어 있는 같은 파일입니다. 같은 일에 두 번 지출하는 것은 아닌지 "
        "견주어 봐 주세요."
        for digest, title, at in rows[:MOST]
    ]


def _split(
    complex_id: UUID,
    definition: FormDefinition,
    values: Mapping[str, Any],
    limits: Sequence[int],
    corrected: set[UUID],
    *,
    on: date,
) -> list[str]:
    """What is to be said when this purchase looks like a part of one above one of the limits."""
    net = net_of(definition, values)
    if net is None or not limits or values.get("spending") == REGULAR:
        return []
    current = Purchase(
        payee=text_of(definition.payee, values),
        account=text_of(definition.account, values),
        net=net,
        on=on,
    )
    since = datetime.combine(on - SPLIT_WITHIN, time.min, SEOUL)
    rows = (
        Document.objects.within(complex_id)
        .filter(net__isnull=False, submitted_at__gte=since)
        .exclude(outcomes__ending__in=(Ending.RETURNED, Ending.WITHDRAWN))
        .exclude(id__in=corrected)
        .exclude(id__in=superseded_docs(complex_id))
        .values_list("payee", "account", "net", "submitted_at")[:PURCHASES]
    )
    earlier = [
        Purchase(payee=payee, account=account, net=spent, on=day_in_seoul(at))
        for payee, account, spent, at in rows
    ]
    found = (probable_split(current, earlier, limit) for limit in limits)
    return [sentence for sentence in found if sentence]


def _reason(changes: Changes, act: Act, holder: Officeholder, *, on: date) -> str:
    """Why a place is left out; nobody is left out who is there.

    Raises: Refusal.
    """
    reason = changes.skipped.get(holder.office, "")
    if not reason or act not in SKIPPABLE:
        return ""
    if not is_away(holder, on=on):
        raise Refusal(
            f"{holder} 님은 부재로 등록되어 있지 않아 건너뛸 수 없습니다.",
            next_step="부재를 먼저 등록하거나, 건너뛰기를 빼고 상신해 주세요.",
        )
    return reason


def _officers(complex_id: UUID, changes: Changes, *, on: date) -> dict[UUID, Officeholder]:
    """Those whom the drafter named, all in office.

    Raises: Refusal.
    """
    wanted = {one.officeholder for one in changes.added} | {one for _, one in changes.readers}
    if not wanted:
        return {}
    found = {
        officer.id: officer
        for officer in Officeholder.objects.within(complex_id)
        .filter(id__in=wanted)
        .select_related("person")
    }
    for officer in found.values():
        if not officer.covers(on):
            raise Refusal(
                f"{officer} 님은 임기가 아니어서 결재선에 넣을 수 없습니다.",
                next_step="결재선에서 빼거나 지금 맡고 있는 분으로 바꿔 주세요.",
            )
    if missing := wanted - found.keys():
        raise Refusal(
            f"결재선에 넣은 {len(missing)}명을 찾을 수 없습니다.",
            next_step="결재선을 새로 열어 다시 골라 주세요.",
        )
    return found


def _with_added(
    planned: Sequence[PlannedStep],
    added: Iterable[Added],
    named: Mapping[UUID, Officeholder],
) -> list[PlannedStep]:
    """Whoever reviews or concurs comes before the one who decides; who sees, after.

    Somebody of the council is added to see only: a review could stop what is not theirs to stop.
    Raises: Refusal.
    """
    routed = {step.officeholder.person_id for step in planned}
    final = next(place for place, step in enumerate(planned) if step.act in FINAL)
    before, after = list(planned[:final]), list(planned[final + 1 :])
    # Stages are numbered anew afterwards; here only equal or not counts.
    fresh = max(step.stage for step in planned)
    for one in added:
        officer = named[one.officeholder]
        if officer.office in COUNCIL and one.act not in SEEING:
            raise Refusal(
                f"{officer} 님은 {one.act.label} 자리에 넣을 수 없습니다. "
                "입주자대표회의 임원은 관리사무소의 문서를 멈출 수 없습니다.",
                next_step="확인이나 감사 자리로 바꿔 주세요.",
            )
        if officer.person_id in routed:
            continue  # the place that the rules give is the one that counts
        group = after if one.act in SEEING else before
        fresh += 1
        beside = one.beside and group and group[-1].act is not Act.DRAFT
        stage = group[-1].stage if beside else fresh
        group.append(PlannedStep(0, stage, one.act, officer))
    return [*before, planned[final], *after]


def _each_person_once(planned: Sequence[PlannedStep]) -> list[PlannedStep]:
    """The one who decides finally keeps that place; of the others the first place counts."""
    decider = next(step for step in planned if step.act in FINAL)
    seen = {planned[0].officeholder.person_id, decider.officeholder.person_id}
    kept = [planned[0]]
    for step in planned[1:]:
        person = step.officeholder.person_id
        if step is decider or person not in seen:
            kept.append(step)
        seen.add(person)
    return kept


def _numbered(planned: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Positions from 1, and stages from 1 without a gap, equal where they were equal."""
    numbered: list[PlannedStep] = []
    stage, before = 0, None
    for position, step in enumerate(planned, 1):
        if before is None or step.stage != before:
            stage += 1
        before = step.stage
        numbered.append(replace(step, position=position, stage=stage))
    return tuple(numbered)


def _unreadable() -> Refusal:
    return Refusal("결재선을 읽을 수 없습니다.", next_step="결재선을 새로 열어 다시 골라 주세요.")
