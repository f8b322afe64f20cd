"""Reads the text of one PDF from standard input and writes it as JSON, a list of pages.

Runs as a process of its own with little memory and time, because the file is a stranger's.
"""

import json
import resource
import sys

import pypdfium2

MEMORY = 1024 * 1024 * 1024  # bytes
SECONDS = 20  # of processor time
PAGES = 500


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    document = pypdfium2.PdfDocument(sys.stdin.buffer.read())
    if len(document) > PAGES:
        sys.exit(f"more than {PAGES} pages")
    pages = [page.get_textpage().get_text_bounded() for page in document]
    sys.stdout.buffer.write(json.dumps(pages).encode())


if __name__ == "__main__":
    main()
