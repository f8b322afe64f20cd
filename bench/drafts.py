"""Documents begun with a PDF of 100 kB attached, beside what disk and a bare page do.

Run: `python bench/drafts.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from documents import fill

import limits
import load
from installation import CSRF, installed, machine

SIZE = 100_000  # bytes of the PDF; no two are alike
CORES = os.cpu_count() or 1
MARK = b"16 other bytes.."  # in the PDF: each time they are others


def make_pdf() -> bytes:
    """A PDF of one empty page, and of bytes that no page shows."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
        b"<</Length %d>>stream\n%s%s\nendstream" % (SIZE, MARK, os.urandom(SIZE - len(MARK))),
    )
    pdf, starts = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        starts.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    return pdf + (
        b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
        % (table, len(pdf))
    )


PDF = make_pdf()


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
    pdf = PDF.replace(MARK, os.urandom(len(MARK)))
    path = f"{begun.header('location')}attachments/"
    load.expect((yield load.post_file(path, fields, "견적서.pdf", pdf, cookies=cookies)), 303)


def examined(seconds: float) -> float:
    """Files in a second that processes without rights read, as many at once as there are cores."""
    from danji.attachments.intake import examine

    until = time.perf_counter() + seconds

    def one_after_another(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            examine("견적서.pdf", PDF)
            done += 1
        return done

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(one_after_another, range(CORES))) / seconds


def main(seconds: float) -> None:
    with installed() as place:
        fill(place)
        with place.serving():
            made = load.drive(place.port, works, place.cookies("bookkeeper"), seconds=seconds)
        kept = limits.files_kept(place.home, SIZE, seconds / 4)
        read = examined(seconds / 2)
        page = limits.bare_page(place, seconds / 2)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"documents begun, PDF of 100 kB attached: 8 clients ({machine()})")
    print(f"  begun and attached        {made}   (what is read first takes most of it)")
    print("the machine's own limits, same disk and database")
    print(
        limits.compared(
            made.rate,
            {
                "a file read without rights": read,
                "a file of 100 kB, made durable": kept,
                tool: tps,
                "a page that reads one row": page.rate,
            },
        )
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
