"""The public pages of a complex: files that any web server serves and anyone mirrors."""

import json
from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from danji.base.files import write_durably
from danji.complexes.models import Complex
from danji.complexes.queries import count_units
from danji.disclosure.models import Publication
from danji.disclosure.queries import DisclosedRecord
from danji.records.queries import superseded_by
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul, format_date
from danji.transparency.queries import policy

NEWEST = 20  # documents on the complex's first page
STATE = ".lists"  # what the lists were last written from


def complex_folder(code: str) -> Path:
    """Where the public files of a complex are."""
    return Path(settings.PUBLIC) / code


def document_folder(code: str, doc: str) -> Path:
    """Where the public files of a document are; `doc` in 32 hex digits."""
    return complex_folder(code) / doc


def write_document(
    shown: DisclosedRecord, complex_: Complex, *, pdf: bytes, proof: bytes, at: datetime
) -> None:
    """Write a document's files: PDF, proof, record, and last the page that leads to them."""
    folder = document_folder(complex_.code, shown.record.doc.hex)
    write_durably(folder / "document.pdf", pdf)
    write_durably(folder / "document.pdf.tlog-proof", proof)
    write_durably(folder / "record.json", bytes(shown.record.payload))
    write_page(shown, complex_, at=at)


def write_page(shown: DisclosedRecord, complex_: Complex, *, at: datetime) -> None:
    """Write the page of a document, again when another document has replaced it."""
    content = shown.payload["content"]
    replaced = [
        {"number": record.number, "title": record.title, "href": f"../{record.doc.hex}/"}
        for record in superseded_by(shown.record)
    ]
    _write(
        document_folder(complex_.code, shown.record.doc.hex) / "index.html",
        "public/document.html",
        complex_,
        document={
            "title": shown.record.title,
            "form_title": content["form"]["title"],
            "number": shown.record.number,
            "filed_at": shown.record.filed_at,
            "published_at": at,
            "basis": content["disclosure"]["basis"],
            "approvals": [
                {
                    "act": Act(decision["act"]).label,
                    "office": decision["office"],
                    "name": decision["name"],
                    "at": datetime.fromisoformat(decision["at"]),
                    "opinion": decision["opinion"],
                }
                for decision in shown.payload["decisions"]
            ],
            "cites": [
                {
                    "number": cite["number"],
                    "relation": {"refers": "관련", "supersedes": "대체"}[cite["relation"]],
                    "supersedes": cite["relation"] == "supersedes",
                    "href": f"../{cite['doc']}/",
                }
                for cite in content["cites"]
            ],
            "superseded_by": replaced,
            "attachments": content["attachments"],
            "pdf": "document.pdf",
            "pdf_size": shown.rendition.size if shown.rendition else 0,
            "proof": "document.pdf.tlog-proof",
            "digest": shown.record.digest,
        },
        blocks=content["blocks"],
    )


def write_lists(complex_: Complex, publications: Sequence[Publication]) -> None:
    """Write the complex's first page, its list, and the key by which its log is checked."""
    folder = complex_folder(complex_.code)
    rows = [_row(publication) for publication in publications]
    write_durably(folder / "log" / "1" / "policy.txt", policy(complex_).format())
    _write(
        folder / "list" / "index.html",
        "public/list.html",
        complex_,
        years=[
            {"year": year, "documents": list(of_year)}
            for year, of_year in groupby(rows, key=lambda row: row["year"])
        ],
        count=len(rows),
    )
    _write(
        folder / "index.html",
        "public/index.html",
        complex_,
        newest=rows[:NEWEST],
        count=len(rows),
        units=count_units(complex_.id),
    )
    write_durably(folder / STATE, _state(publications))


def write_verifier() -> None:
    """Offer the page that checks a document in the reader's own browser, also from a disk."""
    page = resources.files("danji_verify") / "verify.html"
    write_durably(Path(settings.PUBLIC) / "verify.html", page.read_bytes())


def is_current(complex_: Complex, publications: Sequence[Publication]) -> bool:
    """Whether the lists were written from these publications."""
    try:
        return (complex_folder(complex_.code) / STATE).read_bytes() == _state(publications)
    except FileNotFoundError:
        return False


def _state(publications: Sequence[Publication]) -> bytes:
    newest = publications[0].id.hex if publications else ""
    return json.dumps({"count": len(publications), "newest": newest}).encode()


def _row(publication: Publication) -> dict[str, Any]:
    record = publication.record
    return {
        "href": f"{record.doc.hex}/",
        "number": record.number,
        "title": record.title,
        "folder": record.folder.name,
        "published_at": publication.published_at,
        "date": format_date(day_in_seoul(publication.published_at)),
        "year": day_in_seoul(publication.published_at).year,
    }


def _write(path: Path, template: str, complex_: Complex, **context: Any) -> None:
    html = render_to_string(
        template,
        {
            "complex": complex_,
            "root": f"{settings.PUBLIC_URL}{complex_.code}/",
            "demo": complex_.demonstration,
            **context,
        },
    )
    write_durably(path, html.encode())
