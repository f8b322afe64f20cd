"""What the audits of the nights found (점검), for those in charge."""

import json
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from danji.audit.findings import Area, Severity
from danji.audit.models import AuditRun
from danji.audit.queries import runs_for
from danji.audit.report import MEANING
from danji.rules.periods import day_in_seoul
from danji.web.desk.access import DeskRequest, officer_required
from danji.web.downloads import download

SHOWN = 30  # earlier audits


@require_safe
@officer_required
def audits(request: DeskRequest) -> HttpResponse:
    """The newest audit, and those before it."""
    runs = list(runs_for(request.officeholder)[: SHOWN + 1])
    newest = _shown(runs[0], is_newest=True) if runs else None
    context = {"run": newest, "earlier": runs[1:]}
    return render(request, "audit/audits.html", context)


@require_safe
@officer_required
def audit(request: DeskRequest, run_id: UUID) -> HttpResponse:
    """One audit of an earlier night."""
    run = _run(request, run_id)
    context = {"run": _shown(run, is_newest=False), "earlier": []}
    return render(request, "audit/audits.html", context)


@require_safe
@officer_required
def report(request: DeskRequest, run_id: UUID) -> HttpResponse:
    """The report for people, as a file."""
    run = _run(request, run_id)
    return download(run.report.encode(), f"{_name(run)}.txt", "text/plain; charset=utf-8")


@require_safe
@officer_required
def findings(request: DeskRequest, run_id: UUID) -> HttpResponse:
    """The report for programs, as a file."""
    run = _run(request, run_id)
    data = json.dumps(run.findings, ensure_ascii=False, indent=1).encode()
    return download(data, f"{_name(run)}.json", "application/json")


def _run(request: DeskRequest, run_id: UUID) -> AuditRun:
    run: AuditRun | None = runs_for(request.officeholder).filter(id=run_id).first()
    if run is None:
        raise Http404
    return run


def _name(run: AuditRun) -> str:
    return f"점검-{run.complex.code}-{day_in_seoul(run.started_at).isoformat()}"


def _shown(run: AuditRun, *, is_newest: bool) -> dict[str, Any]:
    """What audit/audits.html shows of an audit."""
    told = run.findings["findings"]
    return {
        "id": run.id,
        "started_at": run.started_at,
        "rows": run.rows,
        "faults": run.faults,
        "doubts": run.doubts,
        "is_newest": is_newest,
        "logs": run.findings["logs"],
        "groups": [
            {
                "severity": severity.value,
                "label": severity.label,
                "count": run.findings["counts"][severity.value],
                "meaning": MEANING[severity],
                "findings": [_finding(f) for f in told if f["severity"] == severity.value],
            }
            for severity in Severity
            if run.findings["counts"][severity.value]
        ],
    }


def _finding(finding: dict[str, Any]) -> dict[str, str]:
    """One finding, as it was kept."""
    title = f"‘{finding['title']}’" if finding["title"] else ""
    index = finding["index"]
    return {
        "about": " ".join(part for part in (finding["number"], title) if part),
        "text": f"[{Area(finding['area']).label}] {finding['sentence']}",
        "place": "" if index is None else f"봉인 장부 {index:,}번 자리",
    }
