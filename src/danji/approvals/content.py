"""What is frozen when a draft is submitted: the content, laid out in `docs/spec/record.md`."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from danji.approvals.lines import Plan
from danji.approvals.models import Draft
from danji.approvals.statements import said_at
from danji.formbook import present
from danji.formbook.definition import FormDefinition
from danji.records.queries import sealed_record
from danji.rules import retention
from danji.rules.periods import day_in_seoul


def content_of(
    draft: Draft,
    definition: FormDefinition,
    filled: Mapping[str, Any],
    plan: Plan,
    at: datetime,
) -> dict[str, Any]:
    """The content of a submission, before it is made canonical.

    Args: `filled` are the values of the form, checked.
    Raises: Refusal when a cited record is not sealed.
    """
    complex_ = draft.complex
    return {
        "v": 2,
        "complex": {"code": complex_.code, "name": complex_.name},
        "doc": draft.id.hex,
        "form": {
            "key": definition.key,
            "version": definition.version,
            "title": definition.title,
            "kind": definition.kind.value,
            "sha256": draft.form.sha256,
        },
        "title": filled["title"],
        "values": dict(filled),
        "blocks": [asdict(block) for block in present.present(definition, filled)],
        "attachments": draft.attachments,
        "cites": [
            cite | {"sha256": sealed_record(complex_.id, UUID(cite["doc"])).digest}
            for cite in draft.cites
        ],
        "follows": draft.follows.hex if draft.follows else None,
        "line": _line(plan),
        "readers": [
            {"kind": kind.value, "office": reader.get_office_display(), "name": reader.person.name}
            for kind, reader in plan.readers
        ],
        "notes": list(plan.notes),
        "folder": definition.folder,
        "retention": {
            "class": definition.retention,
            "basis": retention.class_of(definition.retention, day_in_seoul(at)).basis,
        },
        "disclosure": {
            "scope": definition.disclosure.scope.value,
            "basis": definition.disclosure.basis,
        },
        "submitted_at": said_at(at),
    }


def _line(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "position": step.position,
            "stage": step.stage,
            "act": step.act.value,
            "office": step.officeholder.get_office_display(),
            "name": step.officeholder.person.name,
            "basis": step.basis,
            "skipped": step.skipped,
        }
        for step in plan.steps
    ]
