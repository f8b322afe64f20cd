"""Rows and files of the house as programs are shown them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from danji.accounts.models import Officeholder
from danji.approvals.models import Document, Draft, Outcome, Step
from danji.approvals.queries import current, following, line_of
from danji.base.prepared import Prepared
from danji.disclosure.queries import DisclosedRecord
from danji.rules import approval
from danji.rules.approval import Act, Decision, Ending
from danji.transparency.models import Seal
from danji.transparency.queries import seals_of
from danji.web.api.problems import PREFIX
from danji.web.api.shapes import (
    DocumentOut,
    DraftOut,
    OfficerOut,
    ProgressOut,
    ReaderOut,
    RecordOut,
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


def document(row: Document) -> DocumentOut:
    """A document of `document_for`."""
    content = row.parsed_content()
    steps = list(row.steps.all())
    line = line_of(steps, row)
    counting = {step.position: step.id for step in current(steps)}
    waiting = {counting[step.position] for step in approval.turns(line)}
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
        notes=content.get("notes", []),
        line=[_step(step, is_waiting=step.id in waiting) for step in steps],
        readers=[
            ReaderOut(
                kind=shown.kind,
                officer=officer(shown.recipient),
                sent_at=shown.sent_at,
                read_at=shown.read_at,
                confirmed_at=shown.confirmed_at,
            )
            for shown in row.circulations.all()
        ],
        follows=row.follows,
        followed_by=following(row),
    )


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


def _step(row: Step, *, is_waiting: bool) -> StepOut:
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
        is_waiting=is_waiting,
    )


def first(rows: Iterable[Any], count: int, show: Callable[[Any], Any]) -> tuple[list[Any], bool]:
    """At most `count` of the rows, shown, and whether there are more."""
    found = list(rows)
    return [show(row) for row in found[:count]], len(found) > count
