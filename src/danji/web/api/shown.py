"""Rows and files of the house as programs are shown them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.lines import Plan
from danji.approvals.models import Document, Draft, Outcome, Step
from danji.approvals.queries import current, following, hold_on, line_of, said_afterwards
from danji.authority.queries import absence_of
from danji.base.prepared import Prepared
from danji.disclosure.queries import DisclosedRecord, readable_records
from danji.formbook.values import Parsed
from danji.rules import approval
from danji.rules.approval import Act, Decision, Ending
from danji.transparency.models import Seal
from danji.transparency.queries import seals_of
from danji.web.api.problems import PREFIX
from danji.web.api.shapes import (
    CitingOut,
    DocumentOut,
    DraftOut,
    HoldOut,
    LeftOutOut,
    OfficerOut,
    PlannedOut,
    PlanOut,
    ProgressOut,
    ReaderOut,
    RecordOut,
    ShownToOut,
    StepOut,
)

_ending: Prepared[Outcome] = Prepared(
    lambda complex_id, document_id: Outcome.objects.within(complex_id).filter(
        document_id=document_id
    ),
    UUID,
    UUID,
)


def officer(holder: Officeholder) -> OfficerOut:
    return OfficerOut(
        id=holder.id,
        office=holder.office,
        label=holder.get_office_display(),
        name=holder.person.name,
    )


def draft(row: Draft) -> DraftOut:
    return DraftOut(
        id=row.id,
        form=row.form.key,
        form_version=row.form.version,
        revision=row.revision,
        saved_at=row.saved_at,
        inputs={name: texts[-1] for name, texts in row.inputs.items() if texts},
        attachments=row.attachments,
        cites=row.cites,
        line=row.line,
        follows=row.follows,
    )


def plan(planned: Plan, parsed: Parsed, *, on: date) -> PlanOut:
    """The line that a draft would take on a day, and what stands in its way."""
    return PlanOut(
        line=[
            PlannedOut(
                position=step.position,
                stage=step.stage,
                act=step.act,
                officer=officer(step.officeholder),
                basis=step.basis,
                skipped=step.skipped,
                deputy=_deputy(step.officeholder, on=on),
            )
            for step in planned.steps
        ],
        readers=[
            ShownToOut(kind=kind.value, officer=officer(reader)) for kind, reader in planned.readers
        ],
        resolution=planned.resolution,
        resolved=list(planned.resolved),
        consent=planned.consent,
        notes=list(planned.notes),
        missing=dict(parsed.errors),
        doubts=dict(parsed.warnings),
    )


def outcome_of(document: Document) -> Outcome | None:
    """How the document's line ended; None while it has not."""
    return next(iter(_ending(document.complex_id, document.id)), None)


def progress(document: Document) -> ProgressOut:
    outcome = outcome_of(document)
    return ProgressOut(
        document=document.id,
        digest=document.digest,
        ending=Ending(outcome.ending) if outcome else None,
    )


def document(row: Document, *, on: date) -> DocumentOut:
    """A document of `document_for`, as it stands on a day."""
    content = row.parsed_content()
    steps = list(row.steps.all())
    line = line_of(steps, row)
    counting = {step.position: step.id for step in current(steps)}
    waiting = {counting[step.position] for step in approval.turns(line)}
    since: dict[UUID, datetime] = dict(row.turns.values_list("step_id", "since"))
    return DocumentOut(
        document=row.id,
        digest=row.digest,
        ending=approval.ending(line),
        form=row.form.key,
        form_version=row.form.version,
        title=row.title,
        amount=row.amount,
        net=row.net,
        payee=row.payee,
        drafter=officer(row.drafter),
        submitted_at=row.submitted_at,
        values=content["values"],
        attachments=content["attachments"],
        cites=content["cites"],
        notes=content["notes"],
        line=[_step(step, since.get(step.id), on=on, now=step.id in waiting) for step in steps],
        left_out=[
            LeftOutOut(
                **{name: place[name] for name in ("position", "stage", "act", "office", "name")},
                reason=place["skipped"],
            )
            for place in content["line"]
            if place["skipped"]
        ],
        readers=_readers(row),
        follows=row.follows,
        followed_by=following(row),
    )


def _readers(row: Document) -> list[ReaderOut]:
    said = said_afterwards(row)
    return [
        ReaderOut(
            kind=shown.kind,
            officer=officer(shown.recipient),
            sent_at=shown.sent_at,
            read_at=shown.read_at,
            confirmed_at=shown.confirmed_at,
            decision=said[shown.id].decision if shown.id in said else None,
            opinion=said[shown.id].opinion if shown.id in said else "",
        )
        for shown in row.circulations.all()
    ]


def citing(reader: Officeholder, record_id: UUID | None) -> dict[str, Any]:
    """What cites a record, the oldest first, and what took its place last."""
    names = ("id", "doc", "number", "title", "form", "citations__relation")
    rows = (
        readable_records(reader)
        .filter(citations__cited_id=record_id)
        .order_by("filed_at")
        .values_list(*names)
        if record_id
        else ()
    )
    cited_by = [
        CitingOut(
            record=citing_id, document=doc, number=number, title=title, form=form, relation=relation
        )
        for citing_id, doc, number, title, form, relation in rows
    ]
    newer = [one for one in cited_by if one.relation == "supersedes"]
    return {"cited_by": cited_by, "superseded_by": newer[-1] if newer else None}


def record_parts(row: Any, seal: Seal | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "document": row.doc,
        "number": row.number,
        "title": row.title,
        "form": row.form,
        "folder": row.folder.name,
        "digest": row.digest,
        "filed_at": row.filed_at,
        "retained_until": row.retained_until,
        "seal": seal,
    }


def records(rows: Sequence[Any]) -> list[RecordOut]:
    """Records of one complex, with how firmly each is sealed."""
    seals = seals_of(rows[0].complex_id, [row.doc for row in rows]) if rows else {}
    return [RecordOut(**record_parts(row, seals.get(row.doc))) for row in rows]


def record(shown: DisclosedRecord) -> dict[str, Any]:
    """A record and where its files are."""
    row = shown.record
    seal = seals_of(row.complex_id, [row.doc]).get(row.doc)
    here = f"{PREFIX}records/{row.id}/"
    bundle = f"{here}bundle" if seal is Seal.CONFIRMED else None
    return record_parts(row, seal) | files_of(shown) | {"bundle": bundle}


def files_of(shown: DisclosedRecord) -> dict[str, Any]:
    """Where the PDF and its proof are, once they are."""
    here = f"{PREFIX}records/{shown.record.id}/"
    return {
        "pdf": f"{here}rendition" if shown.rendition else None,
        "proof": f"{here}proof" if shown.finalized else None,
    }


def _step(row: Step, since: datetime | None, *, on: date, now: bool) -> StepOut:
    hold = hold_on(row) if now else None
    return StepOut(
        position=row.position,
        stage=row.stage,
        round=row.round,
        act=Act(row.act),
        officer=officer(row.approver),
        basis=row.basis,
        decision=Decision(row.decision) if row.decision else None,
        decided_by=officer(row.decided_by) if row.decided_by else None,
        decided_at=row.decided_at,
        opinion=row.opinion,
        is_waiting=now,
        since=since if now else None,
        deputy=_deputy(row.approver, on=on) if now else None,
        hold=HoldOut(reason=hold.reason, held_at=hold.held_at) if hold else None,
    )


def _deputy(held: Officeholder, *, on: date) -> OfficerOut | None:
    """Who stands in for an officer on a day."""
    absence = absence_of(held, on=on)
    return officer(absence.deputy) if absence else None


def first(rows: Iterable[Any], count: int, show: Callable[[Any], Any]) -> tuple[list[Any], bool]:
    """At most `count` of the rows, shown, and whether there are more."""
    found = list(rows)
    return [show(row) for row in found[:count]], len(found) > count
