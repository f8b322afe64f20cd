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

RESOLUTION = {
    "title": "외벽 보수 공사의 건",
    "held_on": "2026-11-20",
    "meeting": "2026년 제5차 정기회의",
    "item": "r10",
    "result": "carried",
    "decided": ["1. 외벽을 9,000,000원에 보수한다."],
}
FORMS = {"memo": MEMO, "resolution": RESOLUTION}


def spending(won, **more):
    """An expense of so many won without value-added tax."""
    row = {"name": "공사", "spec": None, "quantity": 1, "unit_price": won}
    return {"form": "expense", "items": {"rows": [row]}, **more}


def drafted(drafter, at, form="memo", line=None, **changes):
    draft = drafting.start_draft(form, actor=drafter, at=at)
    definition = load(bytes(draft.form.definition))
    content = FORMS.get(form, EXPENSE) | changes
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


def registered(drafter, officers, sign, at, **changes):
    """What the council resolved (의결), registered with its minutes and approved."""
    draft = drafted(drafter, at, form="resolution", **changes)
    minutes = ("회의록.pdf", b"%PDF-1.4 minutes", "application/pdf")
    drafting.attach_examined(draft.id, *minutes, actor=drafter, at=at)
    document = drafting.submit_draft(draft.id, actor=drafter, at=at)
    for officer in officers:
        decide(document, officer, sign, at)
    return document
