"""The boxes of officers among 50,000 documents, beside a bare page that reads one row.

Run: `python bench/inbox.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from documents import fill

import limits
import load
from installation import installed, machine

TOTAL = 50_000
WAITING = 200
RETURNED = 1_000
BOXES = ("drafts", "ongoing", "returned", "finished", "reference", "circulation")


def works(client: int, readers: list[str], boxes: tuple[str, ...]) -> Iterator[load.Work]:
    """Each client opens boxes again and again, as one of the officers."""
    reader = readers[client % len(readers)]
    requests = [load.get(f"/desk/?box={box}", cookies=reader) for box in boxes]
    while True:
        for request in requests:
            yield look(request)


def look(request: bytes) -> load.Work:
    load.expect((yield request), 200)


def main(seconds: float) -> None:
    with installed() as place:
        fill(place, total=TOTAL, approving=WAITING, returned=RETURNED)
        manager = [place.cookies("manager")]
        several = [place.cookies(one) for one in ("bookkeeper", "chief", "manager", "chair")]
        first = ("waiting",)
        with place.serving():
            opened = load.drive(place.port, works, manager, first, seconds=seconds)
            mixed = load.drive(place.port, works, several, first, seconds=seconds)
            others = load.drive(place.port, works, several, BOXES, seconds=seconds)
        page = limits.bare_page(place, seconds / 2)

    print(f"boxes: 8 clients, {TOTAL:,} documents in the complex ({machine()})")
    print(f"  the manager, {WAITING} waiting    {opened}   (wanted: 300, p95 50 ms)")
    print(f"  four officers in turn     {mixed}")
    print(f"  their other boxes         {others}")
    print("the machine's own limits, same database")
    print(limits.compared(opened.rate, {"a page that reads one row": page.rate}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
