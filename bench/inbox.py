"""The page of what waits for me, beside a bare page that reads one row.

Run: `python bench/inbox.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import limits
import load
from documents import fill
from installation import installed, machine

WAITING = 200


def works(client: int, readers: list[str]) -> Iterator[load.Work]:
    """Each client opens the first page again and again, as one of the officers."""
    request = load.get("/desk/", cookies=readers[client % len(readers)])
    while True:
        yield look(request)


def look(request: bytes) -> load.Work:
    load.expect((yield request), 200)


def main(seconds: float) -> None:
    with installed() as place:
        fill(place, approving=WAITING)
        with place.serving():
            opened = load.drive(place.port, works, [place.cookies("manager")], seconds=seconds)
            mixed = load.drive(
                place.port,
                works,
                [place.cookies(office) for office in ("bookkeeper", "chief", "manager", "chair")],
                seconds=seconds,
            )
        page = limits.bare_page(place, seconds / 2)

    print(f"what waits for me: 8 clients, 10,000 documents in the complex ({machine()})")
    print(f"  the manager, {WAITING} waiting    {opened}   (wanted: 400)")
    print(f"  four officers in turn     {mixed}")
    print("the machine's own limits, same database")
    print(limits.compared(opened.rate, {"a page that reads one row": page.rate}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
