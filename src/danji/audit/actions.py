"""Keeping what an audit found, and letting those in charge know."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from danji.audit.findings import Area, Findings, Severity
from danji.audit.models import AuditRun
from danji.audit.report import as_json, as_text
from danji.audit.run import Audited, audit_complex
from danji.base import tenancy
from danji.base.files import write_durably
from danji.complexes.models import Complex
from danji.rules.periods import day_in_seoul
from danji.transparency.collection import Mismatch
from danji.transparency.keys import origin_of
from danji.transparency.models import Log, TroubleKind
from danji.transparency.troubles import end_trouble, open_trouble

logger = logging.getLogger(__name__)

# The subjects of the troubles that an audit opens: it found something, or could not be done.
SUBJECT, NOT_DONE = "audit", "audit-not-done"
COMPARED = 2  # audits before this one, with which it is compared


def audit_and_note(
    complex_: Complex,
    *,
    at: datetime,
    mismatches: Sequence[Mismatch] = (),
    anew: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Audited | None:
    """Audit a complex, keep what was found, and let those in charge know.

    Whoever edits rows can make them such that they cannot be read. That ends an audit, and is told
    like anything else that was found. Args: as of `audit_complex`.
    Returns: None where it could not be done to its end.
    """
    try:
        audited = audit_complex(
            complex_, at=at, mismatches=mismatches, anew=anew, progress=progress
        )
        note_audit(audited)
    except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError):
        raise  # the database is away, and it is tried again
    except Exception as problem:
        logger.exception("the audit of %s failed", complex_)
        note_failure(complex_, at, problem)
        return None
    return audited


def note_audit(audited: Audited) -> AuditRun:
    """Keep what was found, as a row and as files; a fault is a trouble until none is found."""
    write_report(audited)
    with tenancy.within(audited.complex.id):
        before = _told_before(audited.complex.id)
        run = _keep(audited)
        is_more = bool(_faults(run.findings) - before)
        origin = _origin(audited.complex)
        _note_trouble(origin, run.faults, is_more, audited.finished_at)
        end_trouble(origin, TroubleKind.FOUND, NOT_DONE, audited.finished_at)
    return run


def note_failure(complex_: Complex, started_at: datetime, problem: Exception) -> AuditRun:
    """Keep that an audit could not be done to its end; it is tried again the next night."""
    found = Findings()
    sentence = (
        "점검을 끝까지 하지 못했습니다. 저장된 자료에 읽을 수 없는 것이 있습니다. 누가 자료를 "
        "고쳤을 수 있으니 운영자에게 알려 주세요."
    )
    found.fault(Area.LOG, sentence, repr(problem))
    now = timezone.now()
    with tenancy.within(complex_.id):
        run = _keep(Audited(complex_, started_at, now, found, {}, frozenset()))
        open_trouble(_origin(complex_), TroubleKind.FOUND, NOT_DONE, sentence, now)
    return run


def _keep(audited: Audited) -> AuditRun:
    run: AuditRun = AuditRun.objects.create(
        complex=audited.complex,
        started_at=audited.started_at,
        finished_at=audited.finished_at,
        rows=audited.rows,
        faults=audited.found.counts[Severity.FAULT],
        doubts=audited.found.counts[Severity.DOUBT],
        findings=as_json(audited),
        report=as_text(audited),
    )
    return run


def _origin(complex_: Complex) -> str:
    """The name of the log that goes on, also where its row is gone."""
    log = Log.objects.within(complex_.id).order_by("-number").first()
    return str(log.origin) if log else origin_of(complex_.code, 1)


Fault = tuple[str, str | None, int | None]


def _faults(findings: Mapping[str, Any]) -> set[Fault]:
    """The faults of a report, each by what was found of which document at which place."""
    return {
        (found["sentence"], found["document"], found["index"])
        for found in findings["findings"]
        if found["severity"] == Severity.FAULT
    }


def _told_before(complex_id: UUID) -> set[Fault]:
    runs = AuditRun.objects.within(complex_id)[:COMPARED]
    return {fault for run in runs for fault in _faults(run.findings)}


def _note_trouble(origin: str, faults: int, is_more: bool, at: datetime) -> None:
    """Whoever is in charge is told by `tell_troubles`: once, and again when there is more."""
    if not faults:
        end_trouble(origin, TroubleKind.FOUND, SUBJECT, at)
        return
    sentence = (
        f"저장된 자료를 봉인 장부와 견준 점검에서 이상이 {faults:,}건 나왔습니다. 누가 자료를 "
        "고쳤거나 지웠을 수 있습니다. ‘점검’ 화면에서 무엇인지 볼 수 있습니다."
    )
    open_trouble(origin, TroubleKind.FOUND, SUBJECT, sentence, at, again=is_more)


def write_report(audited: Audited) -> None:
    """Write the reports of a day: `reports/<code>/2026-11-22.txt` and `.json`."""
    name = day_in_seoul(audited.started_at).isoformat()
    folder = settings.REPORTS / audited.complex.code
    write_durably(folder / f"{name}.txt", as_text(audited).encode(), mode=0o600)
    write_durably(folder / f"{name}.json", as_bytes(audited), mode=0o600)


def as_bytes(audited: Audited) -> bytes:
    """The report for programs, as a file holds it."""
    return json.dumps(as_json(audited), ensure_ascii=False, indent=1).encode()
