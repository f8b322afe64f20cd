"""Taking a complex along to another operator: everything it has in one folder, and its log goes on.

The log is ended here and continued there: the first leaf of the next log names the last head of
this one, so that nobody can drop what came before.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from danji.base import tenancy
from danji.base.keys import key_path
from danji.base.models import ComplexScoped
from danji.complexes.models import Complex
from danji.disclosure.bundles import bundle_of
from danji.disclosure.queries import DisclosedRecord, disclosed, pdf_of, proof_of
from danji.formbook.models import Form
from danji.records.queries import sealed_records
from danji.rules.refusal import Refusal
from danji.transparency.models import Log, LogKey
from danji.transparency.queries import (
    PublishedHead,
    confirmed_docs,
    confirmed_head,
    log_of,
    newest_head,
    policy,
)
from danji.transparency.retiring import INCIDENT, is_whole
from danji.transparency.tree import HEADS, file_reader, log_folder, paths_of

COMPLEX = "complex.json"  # what is exported, and with which heads its logs stand
_HEADS = (*HEADS, "policy.txt", INCIDENT)
_README = """{name}({code})의 자료를 모두 담은 폴더입니다.

- documents: 등록한 문서마다 봉인된 PDF와 증명. 확정된 문서는 증명 묶음(proof.zip)도 있습니다.
- log: 봉인 장부. 누구나 danji_verify로 확인할 수 있습니다.
- policy.txt: 장부의 열쇠와 확인 기관.
- rows: 데이터베이스의 모든 줄(JSON). 개인정보가 들어 있으니 잠글 수 있는 곳에 두어 주세요.
- files: 붙임과 PDF. 이름은 그 파일의 SHA-256입니다.
{keys}
다른 운영자는 이 폴더로 장부를 이어 열 수 있습니다:
  python -m danji.config.manage found --continuing 이-폴더
"""


def export_complex(complex_: Complex, folder: Path, *, with_keys: bool) -> str:
    """Write everything of a complex into a new folder. Returns: a sentence for the screen.

    Raises: Refusal when the folder holds something already.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Refusal(
            f"{folder} 폴더에 이미 무엇이 들어 있습니다. 아무것도 쓰지 않았습니다.",
            next_step="비어 있는 새 폴더를 적어 주세요.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with tenancy.within(complex_.id):
        logs = [_export_log(complex_, log, folder) for log in _logs(complex_)]
        (folder / "policy.txt").write_bytes(policy(complex_).format())
        rows, files = _export_rows(complex_, folder)
        documents = _export_documents(complex_, folder)
    if with_keys:
        shutil.copytree(key_path(complex_.code, ""), folder / "keys")
    about = {
        "v": 1,
        "id": str(complex_.id),
        "code": complex_.code,
        "name": complex_.name,
        "address": complex_.address,
        "phone": complex_.phone,
        "logs": logs,
    }
    (folder / COMPLEX).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")
    keys = "- keys: 서명 열쇠. 남에게 보이지 마세요.\n" if with_keys else ""
    readme = _README.format(name=complex_.name, code=complex_.code, keys=keys)
    (folder / "읽어주세요.txt").write_text(readme, "utf-8")
    return (
        f"{complex_.name}의 자료를 {folder}에 담았습니다: 문서 {documents:,}건, 파일 {files:,}개, "
        f"데이터베이스 {rows:,}줄, 장부 {len(logs)}개.\n"
        "개인정보가 들어 있으니 잠글 수 있는 곳에 두어 주세요."
    )


def _logs(complex_: Complex) -> list[Log]:
    return list(Log.objects.within(complex_.id).order_by("number"))


def _export_log(complex_: Complex, log: Log, folder: Path) -> dict[str, Any]:
    """Copy the published files of a log. Its head is the newest to which they lead; `confirmed` is
    the newest on which the witnesses agreed, which may be older.
    """
    published, copy = log_folder(complex_.code, log.number), folder / "log" / str(log.number)
    # The heads first: the log may grow meanwhile, and all they speak of is there already.
    head, confirmed = newest_head(complex_, log), confirmed_head(log.origin)
    heads = {name: data for name in _HEADS if (data := _read(published / name)) is not None}
    if log.number == log_of(complex_.id).number:
        heads["checkpoint"] = head.note
    sizes = {head.checkpoint.size} | {
        PublishedHead.read(heads[name]).checkpoint.size for name in HEADS if name in heads
    }
    for path in dict.fromkeys(path for size in sorted(sizes) for path in paths_of(size)):
        if (data := _read(published / path)) is not None:
            _keep(copy / path, data)
    for name, data in heads.items():
        _keep(copy / name, data)
    if confirmed is not None and not is_whole(head.checkpoint, file_reader(copy)):
        head = confirmed
    keys = LogKey.objects.within(complex_.id).filter(log_number=log.number)
    return {
        "number": log.number,
        "origin": log.origin,
        "keys": list(keys.order_by("-since", "-id").values_list("vkey", flat=True)),
        "head": b64encode(head.note).decode(),
        "confirmed": b64encode(confirmed.note).decode() if confirmed else "",
    }


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _export_rows(complex_: Complex, folder: Path) -> tuple[int, int]:
    """Every row of the complex as JSON, and the files they name. Returns: how many of each."""
    count, people = 0, set[UUID]()
    digests = set(Form.objects.values_list("sha256", flat=True))
    (folder / "rows").mkdir()
    for model in apps.get_models():
        if not issubclass(model, ComplexScoped):
            continue
        table = model._meta.db_table
        with (folder / "rows" / f"{table}.jsonl").open("w", encoding="utf-8") as out:
            chosen = f"SELECT * FROM {table} WHERE complex_id = %s"  # noqa: S608 (our own tables)
            for row in _rows(chosen, complex_.id):
                digests |= _files_of(table, row)
                people |= _people(model, row)
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
    with (folder / "rows" / "people.jsonl").open("w", encoding="utf-8") as out:
        chosen = "SELECT id, email, name, phone FROM accounts_person WHERE id = ANY(%s::uuid[])"
        for row in _rows(chosen, [str(person) for person in people]):
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count, sum(_export_file(digest, folder / "files") for digest in sorted(digests))


def _rows(sql: str, *values: UUID | list[str]) -> Iterator[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(chosen)::text FROM ({sql}) AS chosen", values)  # noqa: S608
        while rows := cursor.fetchmany(1000):
            yield from (json.loads(row) for (row,) in rows)


def _files_of(table: str, row: dict[str, Any]) -> set[str]:
    """The kept files that a row names, by the SHA-256 of what they hold."""
    match table:
        case "approvals_enclosure" | "attachments_attached":
            found = {row["sha256"]}
        case "approvals_draft":
            found = {file["sha256"] for file in row["attachments"]}
        case "attachments_preview":
            found = {*row["pictures"], row["sections"]}
        case "renditions_rendition":
            found = {row["file"]}
        case _:
            found = set()
    return found - {""}


def _people(model: type[models.Model], row: dict[str, Any]) -> set[UUID]:
    return {
        UUID(row[field.attname])
        for field in model._meta.fields
        if field.is_relation
        and getattr(field.related_model, "__name__", "") == "Person"
        and row.get(field.attname)
    }


def _export_file(digest: str, folder: Path) -> bool:
    kept = Path(settings.FILES) / digest[:2] / digest[2:]
    if not kept.is_file():
        return False  # gone, which the audit tells
    (folder / digest[:2]).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, folder / digest[:2] / digest[2:])
    return True


def _export_documents(complex_: Complex, folder: Path) -> int:
    count = 0
    for record in sealed_records(complex_.id):
        shown = disclosed(record)
        if shown.finalized is not None:
            _export_document(complex_, shown, folder / "documents" / record.number)
            count += 1
    return count


def _export_document(complex_: Complex, shown: DisclosedRecord, folder: Path) -> None:
    record = shown.record
    folder.mkdir(parents=True)
    (folder / "document.pdf").write_bytes(pdf_of(shown))
    (folder / "document.pdf.tlog-proof").write_bytes(proof_of(shown, complex_))
    (folder / "record.json").write_bytes(bytes(record.payload))
    if record.doc in confirmed_docs(complex_.id, [record.doc]):
        (folder / "proof.zip").write_bytes(bundle_of(shown, complex_))
