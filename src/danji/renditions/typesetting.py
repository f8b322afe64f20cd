"""Setting pages with Typst: the same input gives the same PDF/A-3a and PDF/UA-1, to the byte."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, Final

import segno
import typst

from danji.renditions import typeface

_TEMPLATES: Final = Path(__file__).parent / "typst"
_ONE_AT_A_TIME: Final = Lock()  # a Typst compiler refuses a second thread


def typeset(
    template: str,
    data: Mapping[str, Any],
    *,
    qr: str,
    at: datetime,
    files: Mapping[str, bytes] | None = None,
) -> bytes:
    """Set a template with its data, which it reads as `data.json` and never as markup.

    Args: `qr` is what `qr.svg` says; `files` are what the template attaches, by the name it reads
    them under; every date inside the PDF is `at`.
    """
    sources = {
        "main.typ": _template(template),
        "qr.svg": _qr(qr),
        "data.json": json.dumps(data, ensure_ascii=False).encode(),
    }
    # Typst takes texts from memory, but whatever else only from a folder, its root.
    with TemporaryDirectory(prefix="danji-pdf-") as root, _ONE_AT_A_TIME:
        for name, content in (files or {}).items():
            (Path(root) / name).write_bytes(content)
        pdf = _compiler().compile(
            sources, root=root, format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=at
        )
    if not isinstance(pdf, bytes):
        raise TypeError("Typst gave no PDF")
    return pdf


def _qr(text: str) -> bytes:
    svg = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        svg, kind="svg", border=0, xmldecl=False, svgclass=None, lineclass=None, omitsize=True
    )
    return svg.getvalue()


@cache
def _template(name: str) -> bytes:
    return (_TEMPLATES / f"{name}.typ").read_bytes()


@cache
def _compiler() -> Any:  # its type knows nothing of several files at once
    """One compiler for the process, so that the fonts are read once."""
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[typeface.FOLDER]
    )
    return typst.Compiler(font_paths=fonts, ignore_system_fonts=True)
