"""The forms (서식) there are."""

import json

from ninja import Router

from danji.approvals.habits import favourites_of
from danji.approvals.queries import published_form
from danji.formbook.definition import builtin_forms, load
from danji.integration.models import ApiScope
from danji.rules.refusal import Refusal
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.problems import Missing
from danji.web.api.shapes import DefinitionOut, FormsOut, ListedFormOut

router = Router(tags=["서식"])


@router.get("/forms", response=answers(FormsOut), summary="서식 목록")
@needs(ApiScope.READ)
def forms(request: ApiRequest) -> FormsOut:
    """The newest version of each form."""
    favourites = favourites_of(request.officeholder)
    return FormsOut(
        items=[
            ListedFormOut(
                key=form.key,
                version=form.version,
                title=form.title,
                is_favourite=form.key in favourites,
            )
            for form in builtin_forms()
        ]
    )


@router.get("/forms/{key}", response=answers(DefinitionOut), summary="서식의 정의")
@needs(ApiScope.READ)
def form(request: ApiRequest, key: str) -> DefinitionOut:  # noqa: ARG001 - as ninja calls it
    """What a document on this form consists of, as `docs/spec/record.md` says."""
    try:
        found = published_form(key)
    except Refusal as refusal:
        raise Missing(refusal.fact, next_step="‘/api/forms’에서 서식을 골라 주세요.") from refusal
    definition = load(bytes(found.definition))
    return DefinitionOut(
        key=found.key,
        version=found.version,
        title=definition.title,
        sha256=found.sha256,
        definition=json.loads(definition.canonical),
    )
