"""Decisions over HTTP, beside what the database and a bare page do on the same machine.

Run: `python bench/decisions.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from uuid import UUID

import limits
import load
from documents import fill, waiting
from installation import CSRF, installed, machine

REVIEWING = 6_000  # enough for the time it takes


def works(
    client: int, documents: list[tuple[UUID, str]], deciders: list[str]
) -> Iterator[load.Work]:
    """Each client takes documents of its own along: the chief reviews, then the manager approves.

    Args: `deciders` are the cookies of the two.
    """
    for document_id, digest in documents[client :: load.CLIENTS]:
        fields = {
            "csrfmiddlewaretoken": CSRF,
            "digest": digest,
            "opinion": "",
            "decision": "approve",
        }
        path = f"/desk/documents/{document_id}/decision/"
        for cookies in deciders:
            yield decide(load.post(path, fields, cookies=cookies))


def decide(request: bytes) -> load.Work:
    load.expect((yield request), 302)


def main(seconds: float) -> None:
    with installed() as place:
        fill(place, reviewing=REVIEWING)
        documents = waiting(place, "chief")
        deciders = [place.cookies(office) for office in ("chief", "manager")]
        with place.serving():
            decided = load.drive(place.port, works, documents, deciders, seconds=seconds)
        page = limits.bare_page(place, seconds / 2)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"decisions: 8 clients, 10,000 documents in the complex ({machine()})")
    print(f"  decided                   {decided}   (wanted: 400, 40 ms)")
    print("the machine's own limits, same database")
    print(limits.compared(decided.rate, {tool: tps, "a page that reads one row": page.rate}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
