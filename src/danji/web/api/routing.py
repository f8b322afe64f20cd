"""The rules for approval lines (결재선 규칙): what holds, what a change would do, and doing it."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from ninja import Router, Status

from danji.integration.models import ApiScope
from danji.routing import actions
from danji.routing.checking import check_revision
from danji.routing.models import RoutingRevision, Verdict
from danji.routing.queries import (
    Preview,
    Table,
    about_words,
    line_words,
    newest_table,
    previews,
    revision_of,
    revisions,
    table_before,
    table_in_force,
    waiting_revision,
)
from danji.routing.rows import as_json, load
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul
from danji.rules.retention import Layer
from danji.rules.routing import LAW, Condition, Place, Row
from danji.rules.text import clean_line
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.given import wrong
from danji.web.api.managing import (
    KindOut,
    NewRules,
    PreviewOut,
    Returning,
    RevisionOut,
    RevisionsOut,
    RoutingOut,
    RuleOut,
    RuleRow,
    Rules,
    SettledOut,
    TableOut,
    TakesOut,
)

router = Router(tags=["결재선 규칙"])
HERE = "/routing/revisions/{uuid:revision_id}"
BASIS_LIMIT = 100  # characters


@router.get("/routing", response=answers(RoutingOut), summary="결재선 규칙")
@needs(ApiScope.READ)
def routing(request: ApiRequest) -> RoutingOut:
    """What holds today, what was confirmed last, what the law asks, and what waits."""
    complex_id, on = request.officeholder.complex_id, day_in_seoul(request.at)
    waiting = waiting_revision(complex_id)
    return RoutingOut(
        in_force=_table(table_in_force(complex_id, on=on)),
        newest=_table(newest_table(complex_id)),
        law=_rows(row for row in LAW if row.in_force(on)),
        waiting=waiting.id if waiting else None,
    )


@router.post("/routing/preview", response=answers(PreviewOut), summary="규칙을 바꾸면 갈 결재선")
@needs(ApiScope.READ, once=False)
def preview_rules(request: ApiRequest, body: Rules) -> PreviewOut:
    """What documents would take under such rules. Nothing is written."""
    table = newest_table(request.officeholder.complex_id)
    today = day_in_seoul(request.at)
    dated = check_revision(_read(body.rows), table, body.effective_from, today=today)
    return _preview(dated, table.rows, on=body.effective_from)


@router.get("/routing/revisions", response=answers(RevisionsOut), summary="개정안")
@needs(ApiScope.READ)
def rule_revisions(request: ApiRequest) -> RevisionsOut:
    """All revisions ever proposed, the newest first."""
    found = revisions(request.officeholder.complex_id)
    return RevisionsOut(items=[_revision(revision) for revision in found])


@router.post("/routing/revisions", response=answers(RevisionOut, 201), summary="규칙 개정 제안")
@needs(ApiScope.MANAGE)
def propose_rules(request: ApiRequest, body: NewRules) -> Status[RevisionOut]:
    """Propose a whole table of rules. Nothing changes until a second officer confirms it."""
    made = actions.propose_revision(
        _read(body.rows),
        follows=body.follows,
        reason=body.reason,
        effective_from=body.effective_from,
        actor=request.officeholder,
        at=request.at,
    )
    return Status(201, _again(request, made.id))


@router.get(HERE, response=answers(RevisionOut), summary="개정안 하나")
@needs(ApiScope.READ)
def rule_revision(request: ApiRequest, revision_id: UUID) -> RevisionOut:
    return _again(request, revision_id)


@router.get(f"{HERE}/preview", response=answers(PreviewOut), summary="개정안대로이면 갈 결재선")
@needs(ApiScope.READ)
def preview_revision(request: ApiRequest, revision_id: UUID) -> PreviewOut:
    """What a second officer looks at before confirming."""
    found = revision_of(request.officeholder, revision_id)
    rows = load(bytes(found.rows))
    return _preview(rows, table_before(found).rows, on=found.effective_from)


@router.post(f"{HERE}/confirmation", response=answers(RevisionOut), summary="개정안 확정하기")
@needs(ApiScope.MANAGE)
def confirm_rules(request: ApiRequest, revision_id: UUID) -> RevisionOut:
    """Confirm, as the second officer, what another proposed; it holds from its day on."""
    actions.confirm_revision(revision_id, actor=request.officeholder, at=request.at)
    return _again(request, revision_id)


@router.post(f"{HERE}/rejection", response=answers(RevisionOut), summary="개정안 돌려보내기")
@needs(ApiScope.MANAGE)
def reject_rules(request: ApiRequest, revision_id: UUID, body: Returning) -> RevisionOut:
    actions.reject_revision(
        revision_id, reason=body.reason, actor=request.officeholder, at=request.at
    )
    return _again(request, revision_id)


@router.post(f"{HERE}/withdrawal", response=answers(RevisionOut), summary="개정안 거두기")
@needs(ApiScope.MANAGE)
def withdraw_rules(request: ApiRequest, revision_id: UUID) -> RevisionOut:
    """Take the officeholder's own proposal back."""
    actions.withdraw_revision(revision_id, actor=request.officeholder, at=request.at)
    return _again(request, revision_id)


def _read(sent: Sequence[RuleRow]) -> list[Row]:
    return [_row(row, number) for number, row in enumerate(sent)]


def _row(sent: RuleRow, number: int) -> Row:
    """A row that was sent; on which day it begins is said elsewhere. Raises: BadFields, Refusal."""
    stages = [place.stage for place in sent.line]
    if stages != sorted(stages):
        raise wrong({f"rows.{number}.line": "차례(‘stage’)가 뒤로 갑니다."})
    return Row(
        form=sent.form,
        fund=sent.fund,
        over=sent.over,
        up_to=sent.up_to,
        conditions=tuple(Condition(asked.field, tuple(asked.values)) for asked in sent.conditions),
        places=tuple(Place(Act(place.act), place.office, place.stage) for place in sent.line),
        resolution=clean_line(sent.resolution, "의결 조항", limit=BASIS_LIMIT),
        layer=Layer(sent.layer),
        basis=clean_line(sent.basis, "근거 조항", limit=BASIS_LIMIT),
        effective_from=date.min,
        effective_until=sent.effective_until,
    )


def _again(request: ApiRequest, revision_id: UUID) -> RevisionOut:
    return _revision(revision_of(request.officeholder, revision_id))


def _revision(found: RoutingRevision) -> RevisionOut:
    outcome = next(iter(found.outcomes.all()), None)
    return RevisionOut(
        id=found.id,
        proposer=shown.officer(found.proposer),
        proposed_at=found.proposed_at,
        follows=found.follows,
        effective_from=found.effective_from,
        reason=found.reason,
        rows=_rows(load(bytes(found.rows))),
        outcome=SettledOut(
            verdict=Verdict(outcome.verdict),
            officer=shown.officer(outcome.officer),
            at=outcome.at,
            reason=outcome.reason,
        )
        if outcome
        else None,
    )


def _table(table: Table) -> TableOut:
    return TableOut(
        number=table.number,
        effective_from=table.revision.effective_from if table.revision else None,
        rows=_rows(table.rows),
    )


def _rows(rows: Iterable[Row]) -> list[RuleOut]:
    return [
        RuleOut(about=about_words(row), line_words=line_words(row.places), **as_json(row))
        for row in rows
    ]


def _preview(rows: Sequence[Row], before: Sequence[Row], *, on: date) -> PreviewOut:
    return PreviewOut(
        groups=[
            KindOut(about=group.about, lines=[_takes(one) for one in group.lines])
            for group in previews(rows, before, on=on)
        ]
    )


def _takes(one: Preview) -> TakesOut:
    return TakesOut(
        net=one.net,
        total=one.total,
        line=one.line,
        resolution=one.resolution,
        was=_takes(one.was) if one.was else None,
    )
