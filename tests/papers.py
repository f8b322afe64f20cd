"""Documents to send through a line, and the acts on them, as the tests of approvals do them."""

from danji.approvals import deciding, drafting
from danji.formbook import values
from danji.formbook.definition import load
from danji.rules.approval import Choice, Decision

MEMO = {"title": "화단 정비", "purpose": ["1. 화단을 정비합니다."], "plan": ["1. 11월에 합니다."]}
EXPENSE = {
    "title": "제설 자재 구입",
    "reason": ["1. 겨울에 씁니다."],
    "items": {"rows": [{"name": "염화칼슘", "spec": None, "quantity": 10, "unit_price": 12_000}]},
    "payee": "(주)겨울상사",
    "payment": "transfer",
    "account": "소모품비",
    "fund": "management-fee",
}


def drafted(drafter, at, form="memo", line=None, **changes):
    draft = drafting.start_draft(form, actor=drafter, at=at)
    definition = load(bytes(draft.form.definition))
    content = (MEMO if form == "memo" else EXPENSE) | changes
    typed = values.to_inputs(
        definition,
        {field.name: content[field.name] for field in definition.fields if field.name in content},
    )
    draft = drafting.save_draft(draft.id, typed, revision=draft.revision, actor=drafter, at=at)
    return drafting.save_line(draft.id, line, actor=drafter, at=at) if line else draft


def submit(drafter, at, **options):
    return drafting.submit_draft(drafted(drafter, at, **options).id, actor=drafter, at=at)


def decide(document, actor, sign, at, decision=Decision.APPROVE, opinion="", *, to=None, **more):
    return deciding.decide_step(
        document.id, actor=actor, choice=Choice(decision, opinion, to), sign=sign, at=at, **more
    )
