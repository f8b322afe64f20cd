"""What a document cites, and what follows: corrections, changed amounts, resolutions cited."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from danji.approvals.models import Document, Turn
from danji.formbook.definition import CARRIED, FormDefinition, builtin_forms, load
from danji.records.models import Relation
from danji.records.queries import Filed, docs_citing, filings, versions_of
from danji.routing.queries import case_of, net_of
from danji.rules.adjusting import Adjustment
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.text import particle


@dataclass(frozen=True)
class Cited:
    """A document that another cites, with what became of it."""

    document: Document
    definition: FormDefinition
    number: str
    relation: Relation
    filed: Filed

    @property
    def values(self) -> Mapping[str, Any]:
        """What was written in it. Raises: Refusal when it was erased, or altered."""
        values: Mapping[str, Any] = self.document.parsed_content()["values"]
        return values


def cited_documents(complex_id: UUID, cites: Sequence[Mapping[str, str]]) -> list[Cited]:
    """Those that a draft cites and that are on record, in its order.

    Args: `cites` as in a draft.
    """
    if not cites:
        return []
    docs = [UUID(cite["doc"]) for cite in cites]
    found = Document.objects.within(complex_id).filter(id__in=docs).select_related("form")
    documents = {document.id: document for document in found}
    filed = filings(complex_id, docs)
    return [
        Cited(
            documents[doc],
            load(bytes(documents[doc].form.definition)),
            cite["number"],
            Relation(cite["relation"]),
            filed[doc],
        )
        for doc, cite in zip(docs, cites, strict=True)
        if doc in documents and doc in filed
    ]


# --- Corrections -------------------------------------------------------------------------------


def check_same_form(number: str, form_key: str, wanted: str) -> None:
    """Refuse to let a document take the place of one on another form (정정).

    Raises: Refusal. Another form takes another line, and asks for nothing that this one asked for.
    Source: 행정업무의 운영 및 혁신에 관한 규정 제17조(결재받은 문서의 수정, 관행으로 따름).
    """
    if form_key != wanted:
        raise Refusal(
            f"{number}{particle(number, '은')} 다른 서식의 문서라서 이 문서로 바꿀 수 없습니다.",
            next_step="‘참고합니다’를 고르거나, 그 문서 화면에서 ‘정정 문서 쓰기’를 눌러 주세요.",
        )


def check_corrections(
    definition: FormDefinition, values: Mapping[str, Any], cited: Sequence[Cited]
) -> None:
    """Refuse a correction (정정) by another form, and one of an approved amount.

    Raises: Refusal.
    Source: 공동주택 회계처리기준 제26조제4항(지출결의의 취소와 증감).
    """
    changing = adjusting_form(definition.key)
    for one in cited:
        if one.relation != Relation.SUPERSEDES:
            continue
        check_same_form(one.number, one.definition.key, definition.key)
        amount = values.get(definition.amount) if definition.amount else None
        if changing and amount is not None and amount != one.document.amount:
            raise Refusal(
                f"{one.number}의 금액은 결재가 끝나 정정할 수 없습니다.",
                next_step="금액은 앞선 문서와 같게 적어 주세요. 금액을 고치려면 앞선 문서 화면에서 "
                f"‘{changing.title} 쓰기’를 눌러 주세요.",
            )


def corrected_by(cited: Sequence[Cited]) -> set[UUID]:
    """The documents of which this one takes the place."""
    return {one.document.id for one in cited if one.relation == Relation.SUPERSEDES}


# --- Changed amounts ---------------------------------------------------------------------------


def adjusting_form(form_key: str) -> FormDefinition | None:
    """The form on which an amount approved on a form is changed (취소·증감), if there is one."""
    return next((form for form in builtin_forms() if form.adjusts == form_key), None)


def adjustment_of(
    definition: FormDefinition, values: Mapping[str, Any], cited: Sequence[Cited]
) -> Adjustment | None:
    """What a document changes of an expense that it cites; None on a form that changes none.

    Changes of what the expense corrected, or of what corrected it, are changes of it.
    Raises: Refusal when it does not cite that expense, names another payee or account, takes away
    more than there is, or another change of it is still under way.
    """
    if definition.adjusts is None:
        return None
    expenses = [one for one in cited if one.definition.key == definition.adjusts]
    if len(expenses) != 1 or expenses[0].filed.is_superseded:
        raise Refusal(
            "어느 지출결의서를 고치는지 알 수 없습니다.",
            next_step="고칠 지출결의서 하나를 ‘관련 문서’에 넣어 주세요. 정정된 것이면 정정한 "
            "문서를 넣어 주세요.",
        )
    expense = expenses[0]
    _check_same_payee(definition, values, expense)
    complex_id = expense.document.complex_id
    versions = versions_of(complex_id, expense.document.id)
    # Asked first: what is approved in between is then found on record.
    _check_none_open(complex_id, definition.key, versions)
    others = docs_citing(complex_id, versions, form=definition.key)
    changes = Document.objects.within(complex_id).filter(id__in=others)
    adjustment = Adjustment(
        case_of(expense.definition, expense.values),
        day_in_seoul(expense.filed.at),
        earlier=sum(
            net or 0
            for net in changes.exclude(id__in=corrected_by(cited)).values_list("net", flat=True)
        ),
        change=net_of(definition, values) or 0,
    )
    adjustment.check()
    return adjustment


def _check_same_payee(
    definition: FormDefinition, values: Mapping[str, Any], expense: Cited
) -> None:
    """Refuse a change that pays somebody, or out of an account, for whom nothing was approved.

    Raises: Refusal. Fields that are still blank pass.
    """
    approved = expense.document
    for field, label, known in (
        (definition.payee, "지급처", approved.payee),
        (definition.account, "계정과목", approved.account),
    ):
        written = values.get(field) if field else None
        if written and written != known:
            raise Refusal(
                f"{label}{particle(label, '이')} {expense.number}에서는 ‘{known}’인데 여기에는 "
                f"‘{written}’라고 적혀 있습니다.",
                next_step=f"‘{known}’ 그대로 적어 주세요. 다른 {label}의 지출이면 새 지출결의서를 "
                "올려 주세요.",
            )


def _check_none_open(complex_id: UUID, form_key: str, expenses: Collection[UUID]) -> None:
    """Refuse a change while another one of the same expense is under way: neither counts it.

    Raises: Refusal.
    """
    waiting = Turn.objects.within(complex_id).values("document_id")
    for document in Document.objects.within(complex_id).filter(form__key=form_key, id__in=waiting):
        cites = document.parsed_content()["cites"]
        if any(UUID(cite["doc"]) in expenses for cite in cites):
            raise Refusal(
                f"같은 지출을 고치는 ‘{document.title}’ 문서가 아직 결재 중입니다.",
                next_step="그 문서의 결재가 끝난 뒤 올려 주세요. 쓰신 내용은 저장되어 있습니다.",
            )


# --- Resolutions -------------------------------------------------------------------------------


def carried(cited: Sequence[Cited]) -> tuple[str, ...]:
    """Number and title of the cited records by which the council resolved (의결), and still does.

    Raises: Refusal when one was altered.
    Source: 공동주택관리법 시행령 제14조제2항(의결사항).
    """
    return tuple(
        f"{one.number} {one.document.title}"
        for one in cited
        if one.definition.result
        and not one.filed.is_superseded
        and one.document.erased_at is None
        and one.values.get(one.definition.result) == CARRIED
    )


def resolutions_of(document: Document) -> tuple[str, ...]:
    """Number and title of the resolutions on which a document rests, as of now.

    One that was altered is told by its number: what rests on it can be read all the same.
    """
    found: list[str] = []
    for one in cited_documents(document.complex_id, document.parsed_content()["cites"]):
        try:
            found += carried([one])
        except Refusal:
            found.append(f"{one.number} (내용이 바뀌어 읽을 수 없음)")
    return tuple(found)
