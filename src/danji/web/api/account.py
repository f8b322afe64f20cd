"""Whose token it is, and who else holds an office."""

from ninja import Router

from danji.accounts.queries import holders
from danji.integration.models import ApiScope, ApiToken
from danji.rules.periods import day_in_seoul
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.shapes import MeOut, OfficersOut

router = Router(tags=["열쇠"])


@router.get("/me", response=answers(MeOut), summary="이 열쇠")
@needs(ApiScope.READ)
def me(request: ApiRequest) -> MeOut:
    """Whose token it is, and what it lets its holder do."""
    token, holder = request.token, request.officeholder
    return MeOut(
        complex=holder.complex.code,
        complex_name=holder.complex.name,
        officer=shown.officer(holder),
        kind=ApiToken.Kind(token.kind),
        scopes=token.scopes,
        expires_on=token.expires_on,
    )


@router.get("/officers", response=answers(OfficersOut), summary="지금 직을 맡은 사람들")
@needs(ApiScope.READ)
def officers(request: ApiRequest) -> OfficersOut:
    """Who may be put into a line, or shown a document, today."""
    today = day_in_seoul(request.at)
    found = holders(request.officeholder.complex_id)
    return OfficersOut(items=[shown.officer(held) for held in found if held.covers(today)])
