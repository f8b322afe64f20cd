"""Reads the text of one PDF from standard input and writes it as JSON: `pages` and `about`.

`pages` holds one text for each page, `about` the title and author. A page on which a person may
see more than its text says is null: a scan, a large picture, a note or a form field; and so is
every page of a PDF that carries other files. Runs as a process of its own without rights, because
the file is a stranger's.
"""

import json
import sys

import pypdfium2
import pypdfium2.raw as pdfium

from danji.attachments.confinement import confine

MEMORY = 1024 * 1024 * 1024  # bytes
SECONDS = 20  # of processor time
OUTPUT = 64 * 1024 * 1024  # bytes
PAGES = 500
LARGE = 0.15  # of the page's area; a logo or a stamp is smaller


def main() -> None:
    confine(memory=MEMORY, seconds=SECONDS, output=OUTPUT)
    document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
    if len(document) > PAGES:
        sys.exit(f"more than {PAGES} pages")
    carries_files = "--carrier" not in sys.argv and document.count_attachments() > 0
    pages = [None if carries_files else read(page) for page in document]
    about = "\n".join(document.get_metadata_dict().values())
    sys.stdout.buffer.write(json.dumps({"pages": pages, "about": about}).encode())


def read(page: pypdfium2.PdfPage) -> str | None:
    """The text of a page, or None when there may be more to see on it."""
    text: str = page.get_textpage().get_text_range()  # also what lies outside the page's edges
    if not text.strip() or has_notes(page) or pictured(page) > LARGE:
        return None
    return text


def has_notes(page: pypdfium2.PdfPage) -> bool:
    """Whether anything but links and signatures' places stands on top of the page."""
    for place in range(pdfium.FPDFPage_GetAnnotCount(page)):
        note = pdfium.FPDFPage_GetAnnot(page, place)
        kind = pdfium.FPDFAnnot_GetSubtype(note)
        left_out = kind == pdfium.FPDF_ANNOT_LINK
        if kind == pdfium.FPDF_ANNOT_WIDGET:
            frame = pdfium.FS_RECTF()
            pdfium.FPDFAnnot_GetRect(note, frame)
            left_out = frame.left == frame.right or frame.top == frame.bottom
        pdfium.FPDFPage_CloseAnnot(note)
        if not left_out:
            return True
    return False


def pictured(page: pypdfium2.PdfPage) -> float:
    """The share of the page's area that pictures cover, overlaps counted twice."""
    width, height = page.get_size()
    covered = 0.0
    for picture in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = picture.get_bounds()
        covered += abs(right - left) * abs(top - bottom)
    return float(covered / (width * height))


if __name__ == "__main__":
    main()
