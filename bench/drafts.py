"""Documents begun with a PDF of 100 kB attached, beside what disk and a bare page do.

Run: `python bench/drafts.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import limits
import load
from documents import fill
from installation import CSRF, installed, machine

SIZE = 100_000  # bytes of the PDF; no two are alike
BODY = os.urandom(SIZE)


def works(_client: int, cookies: str) -> Iterator[load.Work]:
    """A document is two requests, as the pages send them: begin on a form, then attach."""
    begin = load.post(
        "/desk/drafts/", {"csrfmiddlewaretoken": CSRF, "form": "expense"}, cookies=cookies
    )
    while True:
        yield draft(begin, cookies)


def draft(begin: bytes, cookies: str) -> load.Work:
    begun = yield begin
    load.expect(begun, 302)
    fields = {
        "csrfmiddlewaretoken": CSRF,
        "revision": "1",
        "title": "제설 장비와 염화칼슘 구입",
        "reason": "1. 겨울철 단지 안 보행로의 제설에 쓸 장비를 구입하고자 합니다.",
    }
    pdf = b"".join((b"%PDF-1.7\n", os.urandom(16), BODY, b"\n%%EOF\n"))
    path = f"{begun.header('location')}attachments/"
    load.expect((yield load.post_file(path, fields, "견적서.pdf", pdf, cookies=cookies)), 303)


def main(seconds: float) -> None:
    with installed() as place:
        fill(place)
        with place.serving():
            made = load.drive(place.port, works, place.cookies("bookkeeper"), seconds=seconds)
        kept = limits.files_kept(place.home, SIZE, seconds / 4)
        page = limits.bare_page(place, seconds / 2)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"documents begun, PDF of 100 kB attached: 8 clients ({machine()})")
    print(f"  begun and attached        {made}   (wanted: 200)")
    print("the machine's own limits, same disk and database")
    print(
        limits.compared(
            made.rate,
            {
                "a file of 100 kB, made durable": kept,
                tool: tps,
                "a page that reads one row": page.rate,
            },
        )
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
