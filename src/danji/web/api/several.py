"""Deciding on several documents at once, each signed for itself."""

from ninja import Router

from danji.accounts.models import Officeholder
from danji.integration.models import ApiScope
from danji.integration.tokens import token_signer
from danji.rules.approval import Choice, Decision
from danji.rules.refusal import Refusal
from danji.signing import passkeys
from danji.signing.evidence import Signer
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.shapes import (
    DecidingSeveral,
    RefusedOut,
    Several,
    SeveralOut,
    SignedOut,
    StatementsOut,
)
from danji.web.sign import ceremony
from danji.web.sign.ceremony import Item, Pressed, Refused
from danji_verify.canonical import b64encode

router = Router(tags=["결재"])


@router.post(
    "/decisions/statement", response=answers(StatementsOut), summary="여러 건의 서명할 내용 받기"
)
@needs(ApiScope.DECIDE, once=False)
def state_several(request: ApiRequest, body: Several) -> StatementsOut:
    """What is signed with one gesture by deciding so now. Nothing is written."""
    actor = request.officeholder
    frozen = ceremony.freeze(_pressed(body), actor, at=request.at)
    if not frozen.statements:
        raise frozen.refused[0].refusal
    return StatementsOut(
        statements=[
            SignedOut(
                document=item.document_id,
                statement=b64encode(said.data),
                title=said.title,
                amount=said.amount,
                payee=said.payee,
            )
            for item, said in frozen.statements
        ],
        refused=[_refused(one) for one in frozen.refused],
        challenge=passkeys.websafe(
            passkeys.challenge([said.data for _, said in frozen.statements])
        ),
        stated_at=frozen.stated_at,
        **passkeys.assertion_options(actor),
    )


@router.post("/decisions", response=answers(SeveralOut), summary="여러 건을 한 번에 결재하기")
@needs(ApiScope.DECIDE)
def decide_several(request: ApiRequest, body: DecidingSeveral) -> SeveralOut:
    """Decide on each; one that is refused undoes no other."""
    actor, pressed = request.officeholder, _pressed(body)
    decided = ceremony.decide_each(
        pressed,
        actor,
        _signer(request, body, pressed, actor),
        at=request.at,
        stated_at=body.stated_at,
    )
    if not decided.done:
        raise decided.refused[0].refusal
    return SeveralOut(
        done=[shown.progress(document) for document in decided.done],
        refused=[_refused(one) for one in decided.refused],
    )


def _pressed(body: Several) -> Pressed:
    """What is wanted, each document once."""
    items = (Item(one.document, one.digest, one.acting_for) for one in body.items)
    return Pressed(tuple(dict.fromkeys(items)), Choice(Decision(body.decision), body.opinion))


def _signer(
    request: ApiRequest, body: DecidingSeveral, pressed: Pressed, actor: Officeholder
) -> Signer:
    """By the token, or by the person's passkey, which has signed all at once. Raises: Refusal."""
    if body.assertion is None:
        return token_signer(request.token)
    if body.stated_at is None:
        raise Refusal(
            "언제 받은 내용에 서명했는지 알 수 없습니다.",
            next_step="서명할 내용과 함께 받은 ‘stated_at’을 넣어 주세요.",
        )
    frozen = ceremony.freeze(pressed, actor, at=body.stated_at)
    if frozen.refused:
        # The device signed all of them at once, so without one of them nothing can be shown.
        raise Refusal(
            "서명한 문서 가운데 하나가 바뀌었습니다. 아무것도 결재하지 않았습니다.",
            next_step="서명할 내용을 새로 받아 주세요.",
        )
    batch = [said.data for _, said in frozen.statements]
    return passkeys.passkey_signer(
        actor, body.assertion.model_dump(), batch=batch if len(batch) > 1 else None
    )


def _refused(one: Refused) -> RefusedOut:
    return RefusedOut(
        document=one.item.document_id, fact=one.refusal.fact, next_step=one.refusal.next_step
    )
