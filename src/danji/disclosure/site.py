"""The public pages of a complex: files that any web server serves and anyone mirrors."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max, Q
from django.template.loader import render_to_string

from danji.base.files import sync_folder, write_durably
from danji.complexes.models import Complex
from danji.complexes.queries import count_units
from danji.disclosure.endings import ERASED, WITHDRAWN, Tombstone, withdrawals_of
from danji.disclosure.models import Confirmation, Publication, Withdrawal
from danji.disclosure.queries import (
    DisclosedRecord,
    agreement_on,
    confirmed_records,
    public_docs,
    public_successors,
    published_records,
)
from danji.records.models import Record, Relation
from danji.renditions.monthly import published_sheets
from danji.rules.approval import Act, Decision, box_mark
from danji.rules.disclosure import Scope
from danji.rules.periods import day_in_seoul, format_date
from danji.transparency.models import Seal
from danji.transparency.publishing import publish_policy
from danji.transparency.queries import log_of, policy
from danji.transparency.standing import standing_of
from danji.transparency.tree import log_folder, pack, whole_log
from danji.transparency.witnessing import watched_log
from danji_verify.errors import VerifyError
from danji_verify.policy import Policy
from danji_verify.proof import Proof

NEWEST = 20  # documents on the complex's first page
BUNDLE = "proof.zip"
WHOLE_LOG = "log.zip"
# After how many seconds the copy of a log that grew is made anew: a small one soon, for whoever has
# just taken a document along; a large one once a day.
SMALL_COPY, SMALL_AGE, COPY_AGE = 2**20, 60, 24 * 60 * 60
PROOF_OF_END = {ERASED: "erasure.tlog-proof", WITHDRAWN: "withdrawal.tlog-proof"}
PROOFS = "proofs-key.txt"  # under which key the proofs were last written
STATE = "lists.json"  # what the lists were last written from


def complex_folder(code: str) -> Path:
    """Where the public files of a complex are."""
    return Path(settings.PUBLIC) / code


def document_folder(code: str, doc: str) -> Path:
    """Where the public files of a document are; `doc` in 32 hex digits."""
    return complex_folder(code) / doc


def write_document(
    shown: DisclosedRecord,
    complex_: Complex,
    *,
    pdf: bytes,
    proof: bytes,
    bundle: bytes | None,
    at: datetime,
) -> None:
    """Write a document's files: PDF, proof, the bundle where the record is confirmed, record, and
    last the page that leads to them.
    """
    folder = document_folder(complex_.code, shown.record.doc.hex)
    write_durably(folder / "document.pdf", pdf)
    write_durably(folder / "document.pdf.tlog-proof", proof)
    if bundle is not None:
        write_durably(folder / BUNDLE, bundle)
    write_durably(folder / "record.json", bytes(shown.record.payload))
    write_page(shown, complex_, at=at)


def is_written(complex_: Complex, record: Record) -> bool:
    """Whether the page of a published document is there."""
    return (document_folder(complex_.code, record.doc.hex) / "index.html").exists()


def write_page(shown: DisclosedRecord, complex_: Complex, *, at: datetime) -> None:
    """Write the page of a document, again when another document has replaced it."""
    content = shown.payload["content"]
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
                    "act": _mark(decision),
                    "office": decision["office"],
                    "name": decision["name"],
                    "at": datetime.fromisoformat(decision["at"]),
                    "opinion": decision["opinion"],
                }
                for decision in shown.payload["decisions"]
            ],
            "cites": _cites(complex_.id, content["cites"]),
            "superseded_by": _successors(complex_.id, shown.record),
            "attachments": content["attachments"],
            "pdf": "document.pdf",
            "pdf_size": shown.rendition.size if shown.rendition else 0,
            "proof": "document.pdf.tlog-proof",
            "bundle": BUNDLE,
            "agreement": agreement_on(shown, complex_),
            "digest": shown.record.digest,
        },
        blocks=content["blocks"],
    )


def _cites(complex_id: UUID, cites: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """What a document cites, each with a link where everybody can read it."""
    readable = public_docs(complex_id, [UUID(cite["doc"]) for cite in cites])
    return [
        {
            "number": cite["number"],
            "relation": Relation(cite["relation"]).label,
            "supersedes": cite["relation"] == Relation.SUPERSEDES,
            "href": f"../{cite['doc']}/" if UUID(cite["doc"]) in readable else "",
        }
        for cite in cites
    ]


def _successors(complex_id: UUID, record: Record) -> list[dict[str, str]]:
    """What replaced a document; without a title where it is disclosed no more."""
    gone = withdrawals_of(complex_id)
    return [
        {
            "number": successor.number,
            "title": "" if successor.id in gone else successor.title,
            "href": f"../{successor.doc.hex}/",
        }
        for successor in public_successors(record)
    ]


def write_tombstone(tombstone: Tombstone, complex_: Complex, *, published_at: datetime) -> None:
    """Write the page that stands in a document's place, and take away what was beside it."""
    folder = document_folder(complex_.code, tombstone.doc.hex)
    _write(
        folder / "index.html",
        "public/tombstone.html",
        complex_,
        tombstone=tombstone,
        published_at=published_at,
        proof=PROOF_OF_END[tombstone.word],
    )
    for path in folder.iterdir():
        if path.name != "index.html":
            path.unlink()
    sync_folder(folder)


def write_proof_of_end(tombstone: Tombstone, complex_: Complex, proof: bytes) -> None:
    """Write the proof that belongs beside that page: with it, everything is done."""
    folder = document_folder(complex_.code, tombstone.doc.hex)
    write_durably(folder / PROOF_OF_END[tombstone.word], proof)


def is_buried(complex_: Complex, doc: UUID, *, is_erased: bool) -> bool:
    """Whether nothing but the page stands in the place of a document, with its proof."""
    word = ERASED if is_erased else WITHDRAWN
    folder = document_folder(complex_.code, doc.hex)
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    return there == {"index.html", PROOF_OF_END[word]}


def _mark(decision: dict[str, Any]) -> str:
    by = decision.get("by")
    who = f"{by['office']} {by['name']}" if by else ""
    return box_mark(Act(decision["act"]), Decision(decision["decision"]), who)


def write_lists(complex_: Complex, *, at: datetime) -> None:
    """Write the complex's first page, its list, and the key by which its log is checked."""
    folder = complex_folder(complex_.code)
    state = _state(complex_)
    confirmed = confirmed_records(complex_.id)
    gone = withdrawals_of(complex_.id)
    rows = [
        _row(
            publication,
            confirmed=publication.record.id in confirmed,
            withdrawal=gone.get(publication.record.id),
        )
        for publication in published_records(complex_.id)
    ]
    publish_policy(watched_log(complex_), at)
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
    write_durably(_state_file(complex_), state)


def write_log(complex_: Complex, *, at: datetime) -> None:
    """Write the page that says where the complex's log stands, and the copy of all of it.

    The page whenever something on it is new; the copy when that is old. Before the first head,
    nothing.
    """
    try:
        standing = standing_of(complex_)
    except FileNotFoundError:
        return
    folder, seen = log_folder(complex_.code, standing.number), _log_state_file(complex_)
    shown, copied = json.loads(seen.read_bytes()) if seen.exists() else ["", []]
    sheets = published_sheets(folder)
    state = repr((standing, sheets, version("danji")))
    heads = [standing.origin, standing.size, standing.confirmed]
    page, copy = folder / "index.html", folder / WHOLE_LOG
    if not copied or not copy.exists() or (copied != heads and _is_old(copy, at)):
        write_durably(copy, pack(whole_log(folder)))
        copied = heads
    elif shown == state and page.exists():
        return
    _write(
        page,
        "public/log.html",
        complex_,
        standing=standing,
        copy={"name": WHOLE_LOG, "size": copy.stat().st_size, "events": copied[1]},
        sheets=sheets,
        written_at=at,
    )
    write_durably(seen, json.dumps([state, copied]).encode())


def is_proof_believed(complex_: Complex, doc: UUID, agreed: Policy) -> bool:
    """Whether the proof beside a document's PDF stands under a head that a policy believes."""
    path = document_folder(complex_.code, doc.hex) / "document.pdf.tlog-proof"
    try:
        judged = agreed.judge(Proof.parse(path.read_bytes()).checkpoint)
    except (FileNotFoundError, VerifyError):
        return False
    return judged.confirmed or not judged.retired


def proofs_signed_by(complex_: Complex) -> str:
    """The log key under which the published proofs were written last; empty before the first."""
    try:
        return _proof_state_file(complex_).read_text()
    except FileNotFoundError:
        return ""


def note_proofs_signed_by(complex_: Complex, vkey: str) -> None:
    write_durably(_proof_state_file(complex_), vkey.encode())


def _proof_state_file(complex_: Complex) -> Path:
    return Path(settings.STAGING) / complex_.code / PROOFS


def _log_state_file(complex_: Complex) -> Path:
    """What the page of the log was last written from."""
    return Path(settings.STAGING) / complex_.code / "log.json"


def _is_old(copy: Path, at: datetime) -> bool:
    found = copy.stat()
    age = SMALL_AGE if found.st_size < SMALL_COPY else COPY_AGE
    return at.timestamp() - found.st_mtime > age


def write_verifier() -> None:
    """Offer the page that checks a document in the reader's own browser, also from a disk."""
    page = resources.files("danji_verify") / "verify.html"
    write_durably(Path(settings.PUBLIC) / "verify.html", page.read_bytes())


def is_current(complex_: Complex) -> bool:
    """Whether the lists say what is published now."""
    try:
        return _state_file(complex_).read_bytes() == _state(complex_)
    except FileNotFoundError:
        return False


def _state_file(complex_: Complex) -> Path:
    return Path(settings.STAGING) / complex_.code / STATE


def _state(complex_: Complex) -> bytes:
    """All that the lists depend on."""
    said = Publication.objects.within(complex_.id).filter(scope=Scope.PUBLIC)
    published = said.aggregate(
        Count("id"),
        Max("published_at"),
        erased=Count("id", filter=Q(record__erased_at__isnull=False)),
    )
    of_complex = {"complex_id": complex_.id}
    ended = Withdrawal.objects.filter(**of_complex).count()
    confirmed = Confirmation.objects.filter(**of_complex, stamped=False).count()
    about = [complex_.name, complex_.address, complex_.phone, version("danji")]
    about.append(policy(complex_).format().decode())
    state = [*map(str, published.values()), ended, confirmed, *about]
    return json.dumps(state).encode()


def _log(complex_: Complex) -> str:
    """The folder of the log below the complex's own."""
    return f"log/{log_of(complex_.id).number}"


def _row(
    publication: Publication, *, confirmed: bool, withdrawal: Withdrawal | None
) -> dict[str, Any]:
    record = publication.record
    return {
        "href": f"{record.doc.hex}/",
        "number": record.number,
        "title": "" if withdrawal else record.title,
        "withdrawn": withdrawal.reason if withdrawal else "",
        "is_erased": record.erased_at is not None,
        "folder": record.folder.name,
        "published_at": publication.published_at,
        "date": format_date(day_in_seoul(publication.published_at)),
        "year": day_in_seoul(publication.published_at).year,
        "seal": (Seal.CONFIRMED if confirmed else Seal.PROVISIONAL).label,
    }


def _write(path: Path, template: str, complex_: Complex, **context: Any) -> None:
    html = render_to_string(
        template,
        {
            "complex": complex_,
            "root": f"{settings.PUBLIC_URL}{complex_.code}/",
            "log": f"{settings.PUBLIC_URL}{complex_.code}/{_log(complex_)}/",
            "demo": complex_.demonstration,
            **context,
        },
    )
    write_durably(path, html.encode())
