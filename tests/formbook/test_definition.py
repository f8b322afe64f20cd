import json
from hashlib import sha256
from pathlib import Path

import pytest

from danji.formbook.definition import FieldType, builtin_forms, load
from danji.rules.approval import Act
from danji_verify.canonical import canonical, parse_canonical

MEMO, EXPENSE, FEE_NOTICE, BID_NOTICE, *_ = builtin_forms()
PUBLISHED = Path(__file__).parent / "published"


@pytest.mark.parametrize("form", builtin_forms(), ids=lambda form: form.key)
def test_a_form_is_known_by_the_digest_of_its_canonical_bytes(form):
    assert form.sha256 == sha256(form.canonical).hexdigest()
    assert parse_canonical(form.canonical)
    assert load(form.canonical) == form


@pytest.mark.parametrize("form", builtin_forms(), ids=lambda form: form.key)
def test_a_form_asks_for_no_number_that_identifies_a_person(form):
    asked = "".join(f"{field.label}{field.help}" for field in form.fields)
    assert "주민등록번호" not in asked  # PII-02


def test_a_form_says_which_fields_the_rules_ask_about():
    assert (EXPENSE.net, EXPENSE.fund, EXPENSE.payee, EXPENSE.account) == (
        "supply", "fund", "payee", "account",
    )  # fmt: skip
    assert (MEMO.net, MEMO.fund, MEMO.payee, MEMO.account) == (None,) * 4


def test_a_version_that_was_published_still_reads_as_it_did():
    first = load((PUBLISHED / "expense-1.json").read_bytes())
    assert first.sha256 == "ca27ceba95bf94175d4c99d3763b509c47418ba4d53913b2dca29c5feecedc6d"
    assert (first.version, first.net, first.payee) == (1, None, None)


def test_the_forms_say_where_their_documents_go():
    assert [(form.series, form.retention, form.disclosure.scope) for form in builtin_forms()] == [
        ("기안", "office-5y", "withheld"),
        ("지출", "accounts-5y", "residents"),
        ("공고", "accounts-5y", "public"),
        ("공고", "selection-5y", "public"),
        ("일지", "office-5y", "withheld"),
        ("일지", "office-5y", "withheld"),
        ("의결", "permanent", "residents"),
        ("지출", "accounts-5y", "residents"),
    ]


def test_the_fee_notice_has_the_ten_items_of_management_fees():
    tables = [field for field in FEE_NOTICE.fields if field.type is FieldType.TABLE]
    assert [table.label for table in tables[:10]] == [
        "일반관리비", "청소비", "경비비", "소독비", "승강기유지비", "지능형 홈네트워크 설비 유지비",
        "난방비", "급탕비", "수선유지비", "위탁관리수수료",
    ]  # fmt: skip


def changed(**changes):
    return canonical({**json.loads(EXPENSE.canonical), **changes})


def with_field(**field):
    fields = json.loads(EXPENSE.canonical)["fields"]
    return changed(fields=[*fields, {"name": "extra", "label": "더", **field}])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (changed(colour="red"), "unknown keys"),
        (changed(key="Expense"), "key cannot be"),
        (changed(version=0), "version cannot be"),
        (changed(version=True), "version is missing or of the wrong type"),
        (changed(title=""), "title cannot be"),
        (changed(kind="secret"), "secret"),
        (changed(retention="a-while"), "retention"),
        (changed(amount="payee"), "amount is no money field"),
        (changed(net="fund"), "net is no money field"),
        (changed(fund="account"), "fund is no choice field"),
        (changed(payee="nobody"), "payee is no line field"),
        (changed(account=1), "account is of the wrong type"),
        (changed(result="payment"), "carried"),
        (changed(adjusts=1), "adjusts is of the wrong type"),
        (changed(routing=[{"act": "approve", "office": "manager"}]), "routing"),
        (changed(disclosure={"scope": "friends", "basis": "x"}), "friends"),
        (changed(fields=[{"name": "a", "label": "가", "type": "line"}]), "title"),
        (with_field(type="signature"), "signature"),
        (with_field(type="count"), "in a table"),
        (with_field(type="line", negative=True), "unknown keys"),
        (with_field(type="line", name="vat"), "a name twice"),
        (with_field(type="line", name="Vat"), "name cannot be"),
        (with_field(type="choice", choices=[]), "no choices"),
        (with_field(type="money", computed={"sum": ["items", "spec"]}), "nothing known"),
        (with_field(type="money", computed={"add": ["later"]}), "nothing known"),
        (with_field(type="money", computed={"divide": ["vat"]}), "divide"),
        (with_field(type="table", columns=[]), "its size"),
        (
            with_field(
                type="table",
                columns=[{"name": "a", "label": "가", "type": "line"}],
                open_columns={"from": "payee", "type": "money", "before": "a"},
            ),
            "no labels",
        ),
        (
            with_field(
                type="table",
                columns=[{"name": "a", "label": "가", "type": "line"}],
                totals="printed",
                total_columns=["a"],
            ),
            "no number",
        ),
    ],
)
def test_a_definition_that_means_nothing_is_refused(data, problem):
    with pytest.raises(ValueError, match=problem):
        load(data)


def test_a_definition_is_an_object():
    with pytest.raises(TypeError, match="object"):
        load(b"[]")


def test_the_chair_confirms_a_resolution_whatever_a_complex_has_ruled_of_other_forms():
    (form,) = [form for form in builtin_forms() if form.key == "resolution"]
    last = form.routing[-1]
    assert (last.act, last.office) == (Act.CONFIRM, "chair")
