"""Keeping what an audit found, and letting those in charge know."""

import json
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from danji.audit.findings import Severity
from danji.audit.models import AuditRun
from danji.audit.report import as_json, as_text
from danji.audit.run import Audited
from danji.base import tenancy
from danji.base.files import write_durably
from danji.rules.periods import day_in_seoul
from danji.transparency.models import TroubleKind
from danji.transparency.queries import log_of
from danji.transparency.troubles import end_trouble, open_trouble

SUBJECT = "audit"  # of the trouble that an audit opens


def note_audit(audited: Audited) -> AuditRun:
    """Keep what was found, as a row and as files; a fault is a trouble until none is found."""
    write_report(audited)
    with tenancy.within(audited.complex.id), transaction.atomic():
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
        _note_trouble(audited.complex.id, run.faults, audited.finished_at)
    return run


def _note_trouble(complex_id: UUID, faults: int, at: datetime) -> None:
    """Whoever is in charge is told of a trouble once, by `tell_troubles`."""
    origin = log_of(complex_id).origin
    if not faults:
        end_trouble(origin, TroubleKind.FOUND, SUBJECT, at)
        return
    sentence = (
        f"저장된 자료를 봉인 장부와 견준 점검에서 이상이 {faults:,}건 나왔습니다. 누가 자료를 "
        "고쳤거나 지웠을 수 있습니다. ‘점검’ 화면에서 무엇인지 볼 수 있습니다."
    )
    open_trouble(origin, TroubleKind.FOUND, SUBJECT, sentence, at)


def write_report(audited: Audited) -> None:
    """Write the reports of a day: `reports/<code>/2026-11-22.txt` and `.json`."""
    name = day_in_seoul(audited.started_at).isoformat()
    folder = settings.REPORTS / audited.complex.code
    write_durably(folder / f"{name}.txt", as_text(audited).encode(), mode=0o600)
    write_durably(folder / f"{name}.json", as_bytes(audited), mode=0o600)


def as_bytes(audited: Audited) -> bytes:
    """The report for programs, as a file holds it."""
    return json.dumps(as_json(audited), ensure_ascii=False, indent=1).encode()
