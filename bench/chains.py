"""Three-step approvals through the API: filed by one program, decided by two other officers'.

Run: `python bench/chains.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

from documents import fill

import limits
import load
from installation import installed, machine

OFFICES = ("bookkeeper", "chief", "manager")


def works(client: int, tokens: dict[str, str], filing: dict[str, Any]) -> Iterator[load.Work]:
    """A chain is three calls: the bookkeeper's program files an expense (지출결의서), which drafts
    and submits it at once; then the chief reviews it, and the manager approves it, which files the
    record. The expense is one that comes every month, so no earlier ones are looked through for a
    purchase that was split.
    """
    for number in itertools.count():
        yield chain(f"{client}-{number}", tokens, filing)


def chain(key: str, tokens: dict[str, str], filing: dict[str, Any]) -> load.Work:
    filed = yield load.post_json("/api/documents", filing, token=tokens["bookkeeper"], key=key)
    load.expect(filed, 201)
    document = json.loads(filed.body)
    body = {"decision": "approve", "digest": document["digest"]}
    path = f"/api/documents/{document['document']}/decision"
    for office in ("chief", "manager"):
        load.expect((yield load.post_json(path, body, token=tokens[office], key=key)), 200)


def main(seconds: float) -> None:
    with installed() as place:
        from danji.config.demonstration.documents import EXPENSE

        fill(place)
        tokens = {office: place.token(office) for office in OFFICES}
        values = EXPENSE | {"spending": "regular"}
        filing = {"form": "expense", "values": values, "seen_doubts": True}
        with place.serving():
            made = load.drive(place.port, works, tokens, filing, seconds=seconds)
        page = limits.bare_page(place, seconds / 2)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"chains of filing, review and approval by API: 8 clients ({machine()})")
    print(f"  chains                    {made}   (wanted: 100)")
    print(f"  calls                     {made.rate * 3:8.0f} /s")
    print("the machine's own limits, same database")
    print(limits.compared(made.rate * 3, {tool: tps, "a page that reads one row": page.rate}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
