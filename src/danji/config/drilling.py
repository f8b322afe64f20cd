"""The drill (복구 연습): every way of recovering a log, done on a copy that nobody needs.

The copy has a folder and a database of its own. What is broken there on purpose is broken as in
earnest, below everything that guards it, and mended by the same commands.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.utils import timezone

from danji.accounts.models import Person
from danji.audit.findings import Severity
from danji.audit.run import audit_complex
from danji.base import tenancy
from danji.base.models import ComplexScoped
from danji.base.postgres import SUPERUSER, Cluster
from danji.complexes.models import Complex
from danji.config.entering import complex_of
from danji.config.founding import found_complex
from danji.config.recovering import recover_database, recover_files, retire_log
from danji.config.rotating import rotate_log
from danji.rules.refusal import Refusal
from danji.transparency.actions import append_event
from danji.transparency.keys import log_signers
from danji.transparency.models import Leaf
from danji.transparency.queries import events_of, log_of, policy, prove, published_head
from danji.transparency.repair import as_owner
from danji.transparency.retiring import INCIDENT
from danji.transparency.sequencer import LogError, Sequencer, recover
from danji.transparency.tree import log_folder
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Event
from danji_verify.heads import check_head
from danji_verify.proof import Proof
from danji_verify.tiles import changed_bundles, entries_path

logger = logging.getLogger(__name__)

MARK = "drill"  # a file in the folder of a copy: only there anything is broken on purpose
CODE = "Z00000001"  # of the made-up complex
_PERSON = "accounts_person"
_SHARED = ("formbook_form", "transparency_confirmedhead", "transparency_witness")


class Failed(Exception):
    """A step of the drill did not end as it should."""


def run_drill(code: str) -> tuple[str, bool]:
    """Do the drill on a copy of a complex, or of a made-up one. Returns: what to show, and whether
    every step went well.

    Raises: Refusal when no copy can be made.
    """
    if code and settings.PKCS11_MODULE:
        raise Refusal(
            "열쇠가 열쇠 장치 안에 있어 사본으로 연습할 수 없습니다.",
            next_step="--code 없이 지어낸 단지로 연습해 주세요.",
        )
    complex_ = complex_of(code) if code else None
    with tempfile.TemporaryDirectory(prefix="danji-drill-") as name:
        home = Path(name)
        home.chmod(0o755)  # the database's own account has to reach it
        (home / MARK).touch()
        with Cluster(home, Path(settings.PG_BINDIR) if settings.PG_BINDIR else None) as cluster:
            _manage(home, "prepare", "-v", "0")
            if complex_ is not None:
                _copy_complex(complex_, home, cluster.url(SUPERUSER))
            done = _manage(home, "drill", "--here", *(["--code", code] if code else []))
    went_well = done.returncode == 0
    said = [done.stdout.rstrip(), "" if went_well else done.stderr.rstrip()]
    return "\n".join(filter(None, said)), went_well


def _manage(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours in the copy. Raises: Refusal when the copy cannot be prepared."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DANJI_")}
    env = own | {
        "DANJI_HOME": str(home),
        "DANJI_DOMAIN": settings.DOMAIN,
        "DATABASE_URL": "",
        "DATABASE_OWNER_URL": "",
    }
    command = [sys.executable, "-m", "danji.config.manage", *words]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    if done.returncode and words[0] != "drill":
        raise Refusal(
            f"연습할 사본을 만들지 못했습니다.\n{done.stderr}",
            next_step="위의 말을 관리자에게 보여 주세요.",
        )
    return done


def _copy_complex(complex_: Complex, home: Path, url: str) -> None:
    """The rows, the keys and the published files of one complex."""
    of_complex = [model for model in apps.get_models() if issubclass(model, ComplexScoped)]
    own = f"complexes_complex WHERE id = '{complex_.id}'"
    tables = [*_SHARED, *(model._meta.db_table for model in of_complex)]
    with (
        tenancy.within(complex_.id),
        psycopg.connect(url) as copy,
        connections["default"].cursor() as source,
    ):
        copy.execute("SET session_replication_role = replica")  # in whichever order they come
        copy.execute(f"TRUNCATE complexes_complex, {_PERSON}, {', '.join(tables)} CASCADE")
        for table in [own, *tables, f"{_PERSON} WHERE id IN ({_people(of_complex)})"]:
            _copy_table(table, source, copy)
        copy.execute("UPDATE accounts_person SET password = ''")  # nobody signs in there
    for root, below in ((settings.PUBLIC, "public"), (settings.KEYS, "keys")):
        if (Path(root) / complex_.code).exists():
            shutil.copytree(Path(root) / complex_.code, home / below / complex_.code)


def _people(models: Sequence[type[Model]]) -> str:
    """What selects the people whom these tables name; of the others nothing is copied."""
    return " UNION ".join(
        f"SELECT {field.column} FROM {model._meta.db_table}"  # noqa: S608 (our own tables)
        for model in models
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model is Person
    )


def _copy_table(chosen: str, source: CursorWrapper, copy: psycopg.Connection[Any]) -> None:
    """Args: `chosen` is a table, or a table and which of its rows."""
    table = chosen.partition(" ")[0]
    columns = copy.execute(f"SELECT * FROM {table} LIMIT 0").description  # noqa: S608 (our own)
    names = ", ".join(column.name for column in columns or ())
    out = f"COPY (SELECT {names} FROM {chosen}) TO STDOUT"  # noqa: S608
    into = f"COPY {table} ({names}) FROM STDIN"
    with source.copy(out) as rows, copy.cursor().copy(into) as kept:
        for data in rows:
            kept.write(data)


def practise(code: str, *, at: datetime) -> Iterator[tuple[str, str]]:
    """Break and mend the log of a complex in every way. Only in a copy.

    Yields: each step's name and, where it did not go well, why.
    Raises: Refusal anywhere but in a copy.
    """
    if not (settings.HOME / MARK).exists():
        raise Refusal(
            "이곳은 연습할 사본이 아닙니다. 아무것도 하지 않았습니다.",
            next_step="drill 명령을 --here 없이 실행해 주세요.",
        )
    complex_ = complex_of(code) if code else _made_up(at)
    _seal(complex_)
    kept = _happen(complex_)
    steps: list[tuple[str, Callable[[Complex], None]]] = [
        ("① 옛 데이터베이스를 공개된 장부에서 되살리기", _lose_database),
        ("② 상하고 없어진 파일을 다시 만들기", _damage_files),
        ("③ 어디에도 성한 사본이 없는 장부를 닫고 다음 장부로 잇기", _retire),
        ("④ 새어 나간 열쇠를 바꾸고 그 열쇠로 꾸민 장부를 알아보기", _change_key),
    ]
    for name, step in steps:
        try:
            step(complex_)
            _demand_going_on(complex_)
            _demand_proven(complex_, kept)
        except (Failed, Refusal, LogError) as problem:
            yield name, str(problem)
        except Exception as problem:
            logger.exception("a step of the drill failed")
            yield name, f"예상하지 못한 일이 생겼습니다({problem!r})."
        else:
            yield name, ""


def _made_up(at: datetime) -> Complex:
    return found_complex(code=CODE, name="연습아파트", address="가상시", at=at)


def _happen(complex_: Complex) -> str:
    """Add an event that says nothing, and seal it. Returns: its chain, in hex."""
    doc = uuid4()
    with tenancy.within(complex_.id):
        value = {"publication": b"drill"}
        append_event(complex_, doc, Event.DISCLOSED, value, at=timezone.now())
    _seal(complex_)
    return doc.hex


def _seal(complex_: Complex) -> None:
    sequencer = Sequencer()
    sequencer.start()
    while sequencer.tick():
        pass
    if problem := sequencer.frozen.get(complex_.id) or sequencer.waiting.get(complex_.id):
        raise Failed(problem)


def _lose_database(complex_: Complex) -> None:
    with tenancy.within(complex_.id):
        old = log_of(complex_.id)
    _happen(complex_)
    with as_owner() as owner:
        owner.execute(
            "UPDATE transparency_log SET size = %s, root = %s, checkpoint = %s WHERE id = %s",
            [old.size, bytes(old.root), bytes(old.checkpoint), str(old.id)],
        )
        lost = (
            "SELECT event_id FROM transparency_leaf "
            "WHERE complex_id = %s AND log_number = %s AND index >= %s"
        )
        owner.execute(lost, [str(complex_.id), old.number, old.size])
        events = [str(row[0]) for row in owner.fetchall()]
        for table, column in (("leaf", "event_id"), ("opening", "event_id"), ("event", "id")):
            owner.execute(
                f"DELETE FROM transparency_{table} WHERE {column} = ANY(%s::uuid[])",  # noqa: S608
                [events],
            )
    _demand_refused(complex_)
    recover_database(complex_.code, source="", do=True, at=timezone.now())


def _damage_files(complex_: Complex) -> None:
    with tenancy.within(complex_.id):
        folder = log_folder(complex_.code, log_of(complex_.id).number)
    files = sorted(path for path in (folder / "tile").rglob("*") if path.is_file())
    data = bytearray(files[-1].read_bytes())
    data[len(data) // 2] ^= 1
    files[-1].write_bytes(data)
    newest = max(files, key=lambda path: (path.stat().st_mtime_ns, str(path)))
    newest.unlink()
    (folder / "checkpoint").unlink()
    _demand_refused(complex_)
    recover_files(complex_.code, number=None, source="", do=True, at=timezone.now())


def _retire(complex_: Complex) -> None:
    doc = _happen(complex_)
    given = _proofs(complex_, doc)
    _happen(complex_)
    destroyed = _destroy_newest(complex_)
    _demand_refused(complex_)
    _demand_told(complex_, destroyed)
    try:
        recover_files(complex_.code, number=None, source="", do=True, at=timezone.now())
    except Refusal:
        pass
    else:
        raise Failed("어디에도 없는 사건을 지어내 장부의 파일을 다시 만들었습니다.")
    with tenancy.within(complex_.id):
        before = log_of(complex_.id).number
    retire_log(complex_.code, reason="복구 연습입니다.", do=True, at=timezone.now())
    with tenancy.within(complex_.id):
        if log_of(complex_.id).number != before + 1:
            raise Failed("다음 장부가 열리지 않았습니다.")
        trusted = policy(complex_)
    if not (log_folder(complex_.code, before) / INCIDENT).exists():
        raise Failed("닫은 장부에 사고 알림이 없습니다.")
    for entry, proof in given:
        Proof.parse(proof).verify(entry, trusted)
    _demand_proven(complex_, doc)


def _destroy_newest(complex_: Complex) -> int:
    """Flip a bit of the newest entry wherever it is kept: nothing leads to the signed head.

    Returns: its index.
    """
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        leaves = Leaf.objects.within(complex_.id).filter(log_number=log.number, index=log.size - 1)
        event_id, entry = leaves.values_list("event_id", "event__entry").get()
    with as_owner() as owner:
        owner.execute(
            "UPDATE transparency_event SET entry = %s WHERE complex_id = %s AND id = %s",
            [_flipped(bytes(entry)), str(complex_.id), str(event_id)],
        )
    *_, bundle = changed_bundles(log.size - 1, log.size)
    path = log_folder(complex_.code, log.number) / entries_path(*bundle)
    path.write_bytes(_flipped(path.read_bytes()))
    return log.size - 1


def _flipped(data: bytes) -> bytes:
    """The same bytes but for the last bit."""
    return data[:-1] + bytes([data[-1] ^ 1])


def _change_key(complex_: Complex) -> None:
    with tenancy.within(complex_.id):
        log = log_of(complex_.id)
        stolen = log_signers(complex_, log.number, timezone.now())[0]
    rotate_log(complex_, at=timezone.now())
    _seal(complex_)
    with tenancy.within(complex_.id):
        trusted, head = policy(complex_), published_head(complex_)
    if check_head(head.note, trusted).has_failed():
        raise Failed("새 열쇠가 서명하지 않았습니다.")
    # What a thief would show: a longer log, signed by the key of before alone.
    fork = Checkpoint(log.origin, head.checkpoint.size + 1, sha256(b"drill").digest())
    if not check_head(sign_checkpoint(fork, stolen), trusted).has_failed():
        raise Failed("새어 나간 열쇠로만 서명한 장부를 확인 프로그램이 받아들였습니다.")


def _demand_refused(complex_: Complex) -> None:
    try:
        recover(complex_)
    except LogError:
        return
    raise Failed("망가진 장부를 봉인 처리기가 알아채지 못했습니다.")


def _demand_told(complex_: Complex, index: int) -> None:
    kept = audit_complex(complex_, at=timezone.now()).found.kept
    if not any(one.severity is Severity.FAULT and one.index == index for one in kept):
        raise Failed("점검이 바뀐 사건을 알아채지 못했습니다.")


def _demand_going_on(complex_: Complex) -> None:
    _demand_proven(complex_, _happen(complex_))


def _demand_proven(complex_: Complex, doc: str) -> None:
    proofs = _proofs(complex_, doc)
    with tenancy.within(complex_.id):
        trusted = policy(complex_)
    if not proofs:
        raise Failed("적은 사건이 장부에 없습니다.")
    for entry, proof in proofs:
        Proof.parse(proof).verify(entry, trusted)


def _proofs(complex_: Complex, doc: str) -> list[tuple[bytes, bytes]]:
    """The entries of a chain, and the proof of each as it is given today."""
    with tenancy.within(complex_.id):
        events = events_of(complex_.id, UUID(hex=doc))
        return [(event.entry, prove(complex_, event)) for event in events]
