"""What the pages of the rules show, as plain data for their templates."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from danji.accounts.models import Officeholder
from danji.routing.models import RoutingOutcome, RoutingRevision
from danji.routing.queries import (
    CONFIRMING,
    Preview,
    newest_table,
    previews,
    revisions,
    table_before,
    table_in_force,
)
from danji.routing.rows import load
from danji.rules.money import grouped
from danji.rules.routing import LAW, Row
from danji.web.routing.editor import row_words


def rules(reader: Officeholder, *, on: date) -> dict[str, Any]:
    """The context of routing/rules.html."""
    table = table_in_force(reader.complex_id, on=on)
    known = revisions(reader.complex_id)
    waiting = next((revision for revision in known if not revision.outcomes.all()), None)
    coming = newest_table(reader.complex_id)
    return {
        "rows": [row_words(row) for row in table.rows if row.in_force(on)],
        "law": [row_words(row) for row in LAW if row.in_force(on)],
        "since": table.revision.effective_from if table.revision else None,
        "coming": coming.revision if coming.number != table.number else None,
        "waiting": waiting,
        "history": [_settled(revision) for revision in known if revision.outcomes.all()],
    }


def revision(shown: RoutingRevision, reader: Officeholder, *, on: date) -> dict[str, Any]:
    """The context of routing/revision.html."""
    rows = load(bytes(shown.rows))
    before = table_before(shown).rows
    outcome = next(iter(shown.outcomes.all()), None)
    own = shown.proposer.person_id == reader.person_id
    return {
        "revision": shown,
        "outcome": _outcome(outcome) if outcome else None,
        "rows": [row_words(row) | {"is_new": True} for row in rows if row not in before],
        "kept": [row_words(row) for row in rows if row in before],
        "gone": [row_words(row) for row in before if row not in rows],
        "previews": preview_words(rows, before, on=shown.effective_from),
        "can_confirm": outcome is None and not own and reader.office in CONFIRMING,
        "can_withdraw": outcome is None and own,
        "proposer_left": not shown.proposer.covers(on),
    }


def preview_words(
    rows: Sequence[Row], before: Sequence[Row], *, on: date
) -> dict[str, list[dict[str, Any]]]:
    """What documents around each limit would take: see routing/_previews.html."""
    groups: dict[str, list[dict[str, Any]]] = {"changed": [], "same": []}
    for group in previews(rows, before, on=on):
        changes = any(one.was for one in group.lines)
        groups["changed" if changes else "same"].append(
            {"about": group.about, "lines": [_preview(one) for one in group.lines]}
        )
    return groups


def _preview(one: Preview) -> dict[str, Any]:
    return {
        "amount": "" if one.net is None else f"{grouped(one.net)}원",
        "total": "" if one.total is None else f"{grouped(one.total)}원",
        "line": one.line,
        "resolution": one.resolution,
        "was": one.was,
    }


def _settled(revision: RoutingRevision) -> dict[str, Any]:
    return {"revision": revision, "outcome": _outcome(revision.outcomes.all()[0])}


def _outcome(outcome: RoutingOutcome) -> dict[str, Any]:
    return {
        "word": outcome.get_verdict_display(),
        "officer": str(outcome.officer),
        "at": outcome.at,
        "reason": outcome.reason,
    }
