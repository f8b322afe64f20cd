"""What the pages of disposal and readings show, as plain data for their templates."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from danji.accounts.models import Officeholder
from danji.accounts.queries import as_officer
from danji.disposal.models import Disposal
from danji.disposal.queries import (
    Item,
    disposals_of,
    earlier_versions,
    expired_records,
    items_of,
    look_at,
    outcome_of,
    places_of_erasures,
)
from danji.disposal.readings import MANY, readings_by_day
from danji.rules import disposal as rules
from danji.rules.appointment import Answer
from danji.rules.disposal import AT_ONCE, Basis

EARLIER = 50  # disposals on the page that were answered
DAYS = 31  # of readings on the page


def disposals(reader: Officeholder, *, today: date) -> dict[str, Any]:
    """The context of disposal/disposals.html."""
    found = list(disposals_of(reader.complex_id)[: EARLIER + 1])
    expired: QuerySet[Any] = expired_records(reader.complex_id, today=today)
    return {
        "waiting": [_line(one) for one in found if one.answer is None],
        "over": [_line(one) for one in found if one.answer is not None],
        "expired": [
            {
                "doc": str(record.doc),
                "id": record.id,
                "number": record.number,
                "title": record.title,
                "folder": record.folder.name,
                "retained_until": record.retained_until,
                "citing": record.citing,
            }
            for record in expired[:AT_ONCE]
        ],
        "expired_count": expired.count(),
        "at_once": AT_ONCE,
        "may_propose": rules.may_propose(reader.office),
        "basis": Basis.EXPIRED,
    }


def _line(one: Disposal) -> dict[str, Any]:
    return {
        "id": one.id,
        "basis": Basis(one.basis).label,
        "reason": one.reason,
        "documents": one.documents,
        "proposer": str(one.proposed_by),
        "proposed_at": one.proposed_at,
        "answer": Answer(one.answer).label if one.answer else "",
    }


def proposal(reader: Officeholder, doc: UUID) -> dict[str, Any]:
    """The context of disposal/proposal.html. Raises: Document.DoesNotExist."""
    docs = [doc, *earlier_versions(reader.complex_id, [doc])]
    items = look_at(reader.complex_id, docs, named=[doc])
    return {
        "doc": doc,
        "items": [_item(item) for item in items],
        "citing": sum(item.citing for item in items),
        "bases": [{"value": basis.value, "label": basis.label} for basis in Basis],
        "limit": rules.REASON_LIMIT,
    }


def disposal(one: Disposal, reader: Officeholder, *, today: date) -> dict[str, Any]:
    """The context of disposal/disposal.html."""
    items, outcome = items_of(one), outcome_of(one)
    officer, proposer = as_officer(reader), as_officer(one.proposed_by)
    return {
        "disposal": {
            "id": one.id,
            "basis": Basis(one.basis).label,
            "reason": one.reason,
            "proposer": str(one.proposed_by),
            "proposed_at": one.proposed_at,
        },
        "outcome": outcome
        and {
            "word": Answer(outcome.answer).label,
            "officer": str(outcome.answered_by),
            "at": outcome.answered_at,
            "is_confirmed": outcome.answer == Answer.CONFIRMED,
        },
        "items": _items(items, one.complex_id),
        "citing": sum(item.citing for item in items if item.erased_at is None),
        "can_confirm": outcome is None and rules.may_confirm(officer, proposer),
        "can_withdraw": outcome is None and officer.person == proposer.person,
        "proposer_left": not proposer.serves_on(today),
    }


def _items(items: Sequence[Item], complex_id: UUID) -> list[dict[str, Any]]:
    """The documents of a disposal, with the place in the log of what was erased."""
    places = places_of_erasures(complex_id, [item.doc for item in items if item.erased_at])
    return [_item(item) | {"index": places.get(item.doc)} for item in items]


def _item(item: Item) -> dict[str, Any]:
    return {
        "doc": item.doc,
        "record_id": item.record_id,
        "number": item.number,
        "title": item.title,
        "filed_at": item.filed_at,
        "retained_until": item.retained_until,
        "citing": item.citing,
        "named": item.named,
        "erased_at": item.erased_at,
    }


def readings(reader: Officeholder, *, today: date) -> dict[str, Any]:
    """The context of disposal/readings.html."""
    days = readings_by_day(reader.complex_id, since=today - timedelta(days=DAYS))
    return {"rows": days, "many": MANY, "days": DAYS}
