"""Reads one file from standard input and answers in JSON. A process of its own, without rights.

    python -I -m danji.attachments.examiner TASK ABOUT

| task | about | answer |
| --- | --- | --- |
| look | ending of its name | `{"media_type", "pages"}`, or `{"fault", "media_type", "inside"}` |
| draw | media type | `{"pictures": [base64], "pages"}`: its first pages |
| excerpt | media type | `{"sections": [{"title", "rows"}]}`: as many words as fit on a screen |
| read | media type | `{"texts"}`: all its words |

Whatever goes wrong otherwise ends the process, and its exit code says so.
"""

import json
import os
import sys
import warnings
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from danji.attachments.confinement import confine
from danji.attachments.kinds import KINDS, FaultError
from danji.attachments.looking import look
from danji.attachments.showing import excerpt, pictures, sections

MEMORY = 1024 * 1024 * 1024  # bytes
OUTPUT = 64 * 1024 * 1024  # bytes
SECONDS = {"look": 6, "draw": 40, "excerpt": 20, "read": 20}  # of processor time


def main(task: str, about: str) -> None:
    confine(memory=MEMORY, seconds=SECONDS[task], output=OUTPUT)
    warnings.simplefilter("ignore")  # what a library finds odd in a file is not for our log
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nor is it part of the answer
    data = sys.stdin.buffer.read()
    with answer:
        json.dump(TASKS[task](data, about), answer)


def looked(data: bytes, ending: str) -> dict[str, Any]:
    try:
        kind, pages = look(data, ending)
    except FaultError as fault:
        media_type = fault.kind.media_type if fault.kind else None
        return {"fault": fault.fault, "media_type": media_type, "inside": fault.inside}
    return {"media_type": kind.media_type, "pages": pages}


def drawn(data: bytes, media_type: str) -> dict[str, Any]:
    found, pages = pictures(data, KINDS[media_type])
    return {"pictures": [b64encode(picture).decode() for picture in found], "pages": pages}


def excerpted(data: bytes, media_type: str) -> dict[str, Any]:
    return {"sections": [asdict(part) for part in excerpt(data, KINDS[media_type])]}


def read(data: bytes, media_type: str) -> dict[str, Any]:
    parts = sections(data, KINDS[media_type])
    return {"texts": [" ".join(row) for part in parts for row in [[part.title], *part.rows]]}


TASKS: Mapping[str, Callable[[bytes, str], dict[str, Any]]] = {
    "look": looked,
    "draw": drawn,
    "excerpt": excerpted,
    "read": read,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
