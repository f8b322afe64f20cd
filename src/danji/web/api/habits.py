"""What an officeholder does again and again: lines by name, forms at hand, recurring drafts."""

from uuid import UUID

from ninja import Router, Status

from danji.approvals import habits
from danji.approvals.models import LineTemplate, Recurring
from danji.integration.models import ApiScope
from danji.rules.periods import day_in_seoul
from danji.rules.recurring import Every
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.shapes import (
    DoneOut,
    NewRecurring,
    NewTemplate,
    RecurringOut,
    RecurringsOut,
    TemplateOut,
    TemplatesOut,
)

router = Router(tags=["자주 하는 일"])


@router.get("/line-templates", response=answers(TemplatesOut), summary="나의 결재선")
@needs(ApiScope.READ)
def line_templates(request: ApiRequest) -> TemplatesOut:
    found = habits.line_templates(request.officeholder)
    return TemplatesOut(items=[_template(one) for one in found])


@router.post("/line-templates", response=answers(TemplateOut, 201), summary="결재선 저장하기")
@needs(ApiScope.DRAFT)
def keep_line(request: ApiRequest, body: NewTemplate) -> Status[TemplateOut]:
    line = body.line.model_dump(mode="json")
    kept = habits.save_line_template(body.name, line, actor=request.officeholder, at=request.at)
    return Status(201, _template(kept))


@router.delete(
    "/line-templates/{uuid:template_id}", response=answers(DoneOut), summary="결재선 지우기"
)
@needs(ApiScope.DRAFT)
def forget_line(request: ApiRequest, template_id: UUID) -> DoneOut:
    habits.delete_line_template(template_id, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.put("/forms/{key}/favourite", response=answers(DoneOut), summary="서식 즐겨찾기")
@needs(ApiScope.DRAFT)
def keep_form(request: ApiRequest, key: str) -> DoneOut:
    habits.favourite_form(key, chosen=True, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.delete("/forms/{key}/favourite", response=answers(DoneOut), summary="즐겨찾기에서 빼기")
@needs(ApiScope.DRAFT)
def forget_form(request: ApiRequest, key: str) -> DoneOut:
    habits.favourite_form(key, chosen=False, actor=request.officeholder, at=request.at)
    return DoneOut()


@router.get("/recurring", response=answers(RecurringsOut), summary="반복 문서")
@needs(ApiScope.READ)
def recurring(request: ApiRequest) -> RecurringsOut:
    """The recurring documents of the officeholder that go on."""
    found = habits.recurring_of(request.officeholder, on=day_in_seoul(request.at))
    return RecurringsOut(items=[_recurring(one) for one in found])


@router.post("/recurring", response=answers(RecurringOut, 201), summary="반복 문서 시작하기")
@needs(ApiScope.DRAFT)
def start_recurring(request: ApiRequest, body: NewRecurring) -> Status[RecurringOut]:
    """Let a draft of a form be begun by itself again and again."""
    begun = habits.start_recurring(
        body.form,
        body.title,
        body.every,
        on_day=body.on_day,
        since=body.since,
        until=body.until,
        model=body.model,
        actor=request.officeholder,
        at=request.at,
    )
    return Status(201, _recurring(begun))


@router.delete("/recurring/{uuid:recurring_id}", response=answers(DoneOut), summary="반복 멈추기")
@needs(ApiScope.DRAFT)
def stop_recurring(request: ApiRequest, recurring_id: UUID) -> DoneOut:
    """Begin no more drafts of it; those begun stay."""
    habits.stop_recurring(recurring_id, actor=request.officeholder, at=request.at)
    return DoneOut()


def _template(kept: LineTemplate) -> TemplateOut:
    return TemplateOut(id=kept.id, name=kept.name, line=kept.line)


def _recurring(one: Recurring) -> RecurringOut:
    return RecurringOut(
        id=one.id,
        form=one.form_key,
        title=one.title,
        every=Every(one.every),
        on_day=one.on_day,
        since=one.since,
        until=one.until,
    )
