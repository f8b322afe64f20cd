"""The rows of a revision as canonical JSON: what is kept, and what the log commits to."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from danji.rules.approval import Act
from danji.rules.retention import Layer
from danji.rules.routing import Condition, Place, Row
from danji_verify.canonical import canonical


def dump(rows: Sequence[Row]) -> bytes:
    """Canonical JSON of the rows, in their order."""
    return canonical([as_json(row) for row in rows])


@lru_cache(maxsize=256)
def load(data: bytes) -> tuple[Row, ...]:
    """Read what `dump` wrote. What was read is remembered: each submission asks again.

    Raises: ValueError, KeyError or TypeError when it is anything else.
    """
    return tuple(_row(row) for row in json.loads(data))


def as_json(row: Row) -> dict[str, Any]:
    """One row; days as `YYYY-MM-DD`, what is open as null."""
    return {
        "form": row.form,
        "fund": row.fund,
        "over": row.over,
        "up_to": row.up_to,
        "conditions": [
            {"field": asked.field, "values": list(asked.values)} for asked in row.conditions
        ],
        "line": [
            {"act": place.act.value, "office": place.office, "stage": place.stage}
            for place in row.places
        ],
        "resolution": row.resolution,
        "layer": row.layer.value,
        "basis": row.basis,
        "effective_from": row.effective_from.isoformat(),
        "effective_until": row.effective_until.isoformat() if row.effective_until else None,
    }


def _row(row: Mapping[str, Any]) -> Row:
    until = row["effective_until"]
    return Row(
        form=row["form"],
        fund=row["fund"],
        over=row["over"],
        up_to=row["up_to"],
        conditions=tuple(
            Condition(asked["field"], tuple(asked["values"])) for asked in row["conditions"]
        ),
        places=tuple(
            Place(Act(place["act"]), place["office"], place["stage"]) for place in row["line"]
        ),
        resolution=row["resolution"],
        layer=Layer(row["layer"]),
        basis=row["basis"],
        effective_from=date.fromisoformat(row["effective_from"]),
        effective_until=date.fromisoformat(until) if until else None,
    )
