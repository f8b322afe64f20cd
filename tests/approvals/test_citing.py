"""What a document cites: who may replace, what may be changed, and what the council resolved."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from danji.approvals import drafting
from danji.approvals.citing import resolutions_of
from danji.approvals.models import Draft
from danji.records.models import Relation
from danji.routing import actions
from danji.rules.approval import Act
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer
from danji.rules.routing import Place, Row
from danji.transparency.sequencer import Sequencer
from papers import decide, drafted, registered, spending, submit

MINUTES = ("승인서.pdf", b"%PDF-1.4 consent", "application/pdf")


@pytest.fixture
def approve(bookkeeper, chief, manager, sign):
    """Let a document be approved, and sealed."""

    def of(document, at):
        for officer in (chief, manager):
            decide(document, officer, sign, at)
        Sequencer().tick()
        return document

    return of


@pytest.fixture
def spent(bookkeeper, approve, at):
    """An approved expense of so many won."""
    return lambda won, at=at, **more: approve(submit(bookkeeper, at, **spending(won, **more)), at)


@pytest.fixture
def resolved(clerk, manager, sign, at):
    def of(**changes):
        document = registered(clerk, [manager], sign, at, **changes)
        Sequencer().tick()
        return document

    return of


def cite(draft, document, actor, at, relation=Relation.REFERS):
    drafting.cite_record(draft.id, document.id, relation, actor=actor, at=at)
    return drafting.submit_draft(draft.id, actor=actor, at=at)


def notes(document):
    return document.parsed_content()["notes"]


# --- Corrections -------------------------------------------------------------------------------


def test_no_memo_takes_the_place_of_an_expense(spent, bookkeeper, at):
    expense = spent(120_000)
    memo = drafted(bookkeeper, at)
    with pytest.raises(Refusal, match="다른 서식"):
        cite(memo, expense, bookkeeper, at, Relation.SUPERSEDES)
    drafting.cite_record(memo.id, expense.id, Relation.REFERS, actor=bookkeeper, at=at)
    cites = [one | {"relation": "supersedes"} for one in Draft.objects.get(id=memo.id).cites]
    Draft.objects.filter(id=memo.id).update(cites=cites)
    with pytest.raises(Refusal, match="다른 서식"):
        drafting.submit_draft(memo.id, actor=bookkeeper, at=at)


def test_a_correction_is_no_second_purchase_and_carries_no_second_receipt(
    bookkeeper, spent, approve, at
):
    draft = drafted(bookkeeper, at, **spending(3_000_000))
    receipt = ("영수증.pdf", b"%PDF-1.4 receipt", "application/pdf")
    drafting.attach_examined(draft.id, *receipt, actor=bookkeeper, at=at)
    expense = approve(drafting.submit_draft(draft.id, actor=bookkeeper, at=at), at)
    again = drafting.correct_document(expense.id, actor=bookkeeper, at=at)
    drafting.attach_examined(again.id, *receipt, actor=bookkeeper, at=at)
    corrected = drafting.submit_draft(again.id, actor=bookkeeper, at=at)
    assert notes(corrected) == []
    approve(corrected, at)
    # What was corrected counts no more: these are 3,000,000 and 1,500,000.
    assert notes(submit(bookkeeper, at, **spending(1_500_000))) == []


def test_an_approved_amount_is_not_corrected(spent, bookkeeper, at):
    expense = spent(120_000)
    draft = drafting.correct_document(expense.id, actor=bookkeeper, at=at)
    inputs = draft.inputs | {"items-0-unit_price": ["10,000"]}
    drafting.save_draft(draft.id, inputs, revision=draft.revision, actor=bookkeeper, at=at)
    with pytest.raises(Refusal, match="금액은 결재가 끝나 정정할 수 없습니다") as refused:
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    assert "취소·증감 결의서 쓰기" in refused.value.next_step


# --- Changed amounts ---------------------------------------------------------------------------


@pytest.fixture
def change(bookkeeper, at):
    """A document that changes what an expense spends by so many won."""

    def of(expense, won, at=at):
        draft = drafting.adjust_document(expense.id, actor=bookkeeper, at=at)
        inputs = draft.inputs | {"reason": ["1. 수량이 바뀝니다."], "supply": [str(won)]}
        return drafting.save_draft(
            draft.id, inputs, revision=draft.revision, actor=bookkeeper, at=at
        )

    return of


def test_what_changes_an_amount_goes_the_way_of_the_whole(
    spent, change, approve, bookkeeper, chair, at
):
    expense = spent(4_000_000)
    first = drafting.submit_draft(change(expense, 900_000).id, actor=bookkeeper, at=at)
    assert [step.approver.office for step in first.steps.all()] == [
        "bookkeeper", "chief", "manager",
    ]  # fmt: skip
    approve(first, at)
    second = change(expense, 200_000)  # 5,100,000 in all
    with pytest.raises(Refusal, match="의결이 있어야"):
        drafting.submit_draft(second.id, actor=bookkeeper, at=at)
    # Its correction changes the same expense, and is not counted beside it: 4,900,000.
    again = drafting.correct_document(first.id, actor=bookkeeper, at=at)
    assert drafting.submit_draft(again.id, actor=bookkeeper, at=at)


def test_no_more_is_taken_back_than_was_approved(spent, change, bookkeeper, at):
    expense = spent(4_000_000)
    with pytest.raises(Refusal, match="남은 금액 4,000,000원보다 많습니다"):
        drafting.submit_draft(change(expense, -4_000_001).id, actor=bookkeeper, at=at)
    cancelled = drafting.submit_draft(change(expense, -4_000_000).id, actor=bookkeeper, at=at)
    assert (cancelled.amount, cancelled.net) == (-4_400_000, -4_000_000)


def test_one_change_of_an_expense_waits_for_the_other(
    spent, change, approve, bookkeeper, chair, at
):
    expense, other = spent(4_000_000), spent(500_000)
    first = drafting.submit_draft(change(expense, -4_000_000).id, actor=bookkeeper, at=at)
    second = change(expense, -4_000_000)
    with pytest.raises(Refusal, match="아직 결재 중"):
        drafting.submit_draft(second.id, actor=bookkeeper, at=at)
    # Another expense is changed meanwhile, and this one by whoever comes first after a withdrawal.
    assert drafting.submit_draft(change(other, -1_000).id, actor=bookkeeper, at=at)
    drafting.withdraw_document(first.id, actor=bookkeeper, at=at)
    approve(drafting.submit_draft(second.id, actor=bookkeeper, at=at), at)
    with pytest.raises(Refusal, match="남은 금액 0원보다 많습니다"):
        drafting.submit_draft(change(expense, -1).id, actor=bookkeeper, at=at)


def test_two_changes_submitted_at_one_moment_see_each_other(spent, change, bookkeeper, at):
    draft = change(spent(4_000_000), -4_000_000)
    with CaptureQueriesContext(connection) as ran:
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    said = [query["sql"] for query in ran]
    locked = next(
        n for n, sql in enumerate(said) if "approvals_step" in sql and "FOR UPDATE" in sql
    )
    judged = next(n for n, sql in enumerate(said) if "approvals_turn" in sql)
    assert locked < judged


def test_a_correction_of_the_expense_forgets_no_change_of_it(
    spent, change, approve, bookkeeper, at
):
    expense = spent(4_000_000)
    approve(drafting.submit_draft(change(expense, -3_000_000).id, actor=bookkeeper, at=at), at)
    for _ in range(2):
        again = drafting.correct_document(expense.id, actor=bookkeeper, at=at)
        expense = approve(drafting.submit_draft(again.id, actor=bookkeeper, at=at), at)
    with pytest.raises(Refusal, match="남은 금액 1,000,000원보다 많습니다"):
        drafting.submit_draft(change(expense, -1_000_001).id, actor=bookkeeper, at=at)
    assert drafting.submit_draft(change(expense, -1_000_000).id, actor=bookkeeper, at=at)


@pytest.mark.parametrize(("field", "known"), [("payee", "(주)겨울상사"), ("account", "소모품비")])
def test_what_is_changed_stays_with_the_payee_and_the_account(
    spent, change, bookkeeper, at, field, known
):
    draft = change(spent(4_000_000), 900_000)
    drafting.save_draft(
        draft.id,
        draft.inputs | {field: ["다른가게"]},
        revision=draft.revision,
        actor=bookkeeper,
        at=at,
    )
    with pytest.raises(Refusal) as refused:
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)
    assert f"‘{known}’인데 여기에는 ‘다른가게’라고" in refused.value.fact


def test_after_the_month_was_closed_consent_is_shown_and_the_auditor_told(
    spent, change, bookkeeper, appointed, at
):
    auditor = appointed("한동철", "auditor")
    later = at + timedelta(days=10)
    draft = change(spent(4_000_000), -100_000, later)
    with pytest.raises(Refusal, match="달이 지난 뒤의 취소·증감"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=later)
    drafting.attach_examined(draft.id, *MINUTES, actor=bookkeeper, at=later)
    document = drafting.submit_draft(draft.id, actor=bookkeeper, at=later)
    assert [reader.recipient_id for reader in document.circulations.all()] == [auditor.id]
    assert "달이 지난 뒤에 고칩니다" in notes(document)[0]


def test_a_change_names_the_expense_that_it_changes(bookkeeper, chief, manager, at):
    draft = drafting.start_draft("expense-change", actor=bookkeeper, at=at)
    inputs = {
        name: [text]
        for name, text in {
            "title": "증액", "reason": "1. 늘립니다.", "supply": "1000",
            "payee": "(주)겨울상사", "account": "소모품비",
        }.items()
    }  # fmt: skip
    drafting.save_draft(draft.id, inputs, revision=1, actor=bookkeeper, at=at)
    with pytest.raises(Refusal, match="어느 지출결의서를 고치는지"):
        drafting.submit_draft(draft.id, actor=bookkeeper, at=at)


# --- The line, given back ----------------------------------------------------------------------


def test_whoever_begins_anew_has_the_own_line_again(
    bookkeeper, clerk, chief, manager, sign, approve, at
):
    line = {
        "added": [{"act": "concur", "officeholder": clerk.id.hex, "beside": False}],
        "skipped": [],
        "readers": [{"kind": "circulation", "officeholder": chief.id.hex}],
    }
    first = submit(bookkeeper, at, line=line)
    assert drafting.withdraw_document(first.id, actor=bookkeeper, at=at).line == line
    assert drafting.redraft_document(first.id, actor=bookkeeper, at=at).line == line
    # The chief is not shown what the chief writes.
    second = submit(bookkeeper, at, line=line)
    copied = drafting.copy_document(second.id, actor=chief, at=at)
    assert copied.line == line | {"readers": []}


# --- Splitting ---------------------------------------------------------------------------------


def test_a_limit_of_the_complex_is_looked_at_for_splitting_too(
    bookkeeper, chief, manager, chair, at
):
    on = day_in_seoul(at)
    row = Row(
        form="expense",
        over=1_000_000,
        places=(Place(Act.APPROVE, "manager", 2), Place(Act.CONFIRM, "chair", 3)),
        layer=Layer.BYLAW,
        basis="관리규약 제45조",
        effective_from=on,
    )
    revision = actions.propose_revision(
        (row,), follows=0, reason="규약", effective_from=on, actor=manager, at=at
    )
    actions.confirm_revision(revision.id, actor=chair, at=at)
    submit(bookkeeper, at, **spending(900_000))
    (note,) = notes(submit(bookkeeper, at, **spending(900_000)))
    assert "1,800,000원으로 1,000,000원을 넘습니다" in note


# --- Resolutions -------------------------------------------------------------------------------


def test_only_what_the_council_carried_is_a_resolution(
    resolved, bookkeeper, clerk, chief, manager, sign, approve, at
):
    def wanted():
        return drafted(bookkeeper, at, **spending(1_000_000, fund="long-term-repair"))

    memo = approve(submit(bookkeeper, at), at)
    for paper in (memo, resolved(result="rejected")):
        with pytest.raises(Refusal, match="의결이 있어야"):
            cite(wanted(), paper, bookkeeper, at)
    carried = resolved(title="다른 안건")
    assert cite(wanted(), carried, bookkeeper, at)
    # Once it is taken back, it is the reason for nothing any more.
    again = drafting.correct_document(carried.id, actor=clerk, at=at)
    drafting.attach_examined(again.id, *MINUTES, actor=clerk, at=at)
    inputs = again.inputs | {"result": ["reconsidered"]}
    drafting.save_draft(again.id, inputs, revision=again.revision + 1, actor=clerk, at=at)
    corrected = drafting.submit_draft(again.id, actor=clerk, at=at)
    decide(corrected, manager, sign, at)
    Sequencer().tick()
    for paper in (carried, corrected):
        with pytest.raises(Refusal, match="의결이 있어야"):
            cite(wanted(), paper, bookkeeper, at)


def test_an_altered_resolution_does_not_hide_what_rests_on_it(
    resolved, bookkeeper, clerk, alter, at
):
    resolution = resolved()
    draft = drafted(bookkeeper, at, **spending(1_000_000, fund="long-term-repair"))
    expense = cite(draft, resolution, bookkeeper, at)
    (before,) = resolutions_of(expense)
    alter("UPDATE approvals_document SET content = content || ' ' WHERE id = %s", resolution.id)
    (after,) = resolutions_of(expense)
    assert after == f"{before.split()[0]} (내용이 바뀌어 읽을 수 없음)"
    again = drafted(bookkeeper, at, **spending(1_000_000, fund="long-term-repair"))
    with pytest.raises(Refusal, match="바뀌어"):
        cite(again, resolution, bookkeeper, at)


def test_a_resolution_is_registered_with_its_minutes(clerk, manager, at):
    draft = drafted(clerk, at, form="resolution")
    with pytest.raises(Refusal, match="회의록"):
        drafting.submit_draft(draft.id, actor=clerk, at=at)


def test_the_chair_says_that_the_council_resolved_so(clerk, manager, chair, sign, at):
    document = registered(clerk, [manager], sign, at)
    assert [(step.act, step.approver.office) for step in document.steps.all()] == [
        ("draft", "clerk"), ("approve", "manager"), ("confirm", "chair"),
    ]  # fmt: skip
