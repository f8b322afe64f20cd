"""A whole document: true as made, and refused in a sentence after each way of tampering."""

import json
from datetime import timedelta

import pytest

import made_document as made
from danji_verify.canonical import b64encode, canonical
from danji_verify.entry import Event
from danji_verify.record import check_document
from danji_verify.report import Report, State
from made_document import Changes


def check(parts, policy=None):
    report = Report()
    chain = check_document(parts, policy or made.policy(), report)
    return chain, report


def refusals(parts):
    """The sentences of what does not hold; nobody gets a chain to build on."""
    chain, report = check(parts)
    failed = report.of(State.FAILED)
    assert failed
    assert chain is None
    return " ".join(found.sentence for found in failed)


def test_a_document_as_it_was_made_holds(document):
    chain, report = check(document.parts)
    assert not report.of(State.FAILED)
    assert chain.filed.leaf == document.leaves[-1]
    assert (report.number, report.title) == ("지출-2026-0001", "승강기 부품 구입")
    assert report.decisions == [
        "기안 경리 김하나, 2026-11-22 09:00",
        "검토 과장 이두리, 2026-11-22 09:01",
        "결재 관리사무소장 박세찬, 2026-11-22 09:02",
    ]


def test_what_cannot_be_known_is_said(document):
    unchecked = " ".join(found.sentence for found in check(document.parts)[1].of(State.UNCHECKED))
    assert "관리사무소장 박세찬" in unchecked
    assert "전자우편으로 받은 번호" in unchecked


@pytest.mark.parametrize(
    "name",
    ["record.json", "form.json", "openings.json", "leaf-opened.json", "leaf-opened.tlog-proof",
     "leaf-1.json", "leaf-2.tlog-proof", "leaf-3.json", "leaf-4.json", "붙임1-견적서.pdf"],
)  # fmt: skip
def test_a_missing_part_is_refused(document, name):
    assert refusals({key: data for key, data in document.parts.items() if key != name})


def test_a_file_slipped_in_is_refused(document):
    for name in ("각서.txt", "붙임2-각서.txt", "leaf-9.json.bak"):
        assert refusals(document.parts | {name: b"..."})
    assert refusals(document.parts | {"붙임1-다른 견적서.pdf": made.QUOTATION})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("record.json", "다릅니다"),
        ("form.json", "서식이"),
        ("openings.json", "장부와 다릅니다"),
        ("leaf-2.json", "증명이 맞지 않습니다"),
        ("leaf-2.tlog-proof", "증명이 맞지 않습니다"),
        ("leaf-opened.json", "증명이 맞지 않습니다"),
        ("붙임1-견적서.pdf", "붙임1이 상신할 때와 다릅니다"),
    ],
)
def test_one_changed_digit_or_letter_is_refused(document, name, sentence):
    old, new = {
        "record.json": (b"113560", b"113561"),
        "form.json": (b"true", b"false"),
        "openings.json": (b'"salt":"', b'"salt":"'),
        "leaf-2.json": (b'"seq":2', b'"seq":3'),
        "leaf-2.tlog-proof": (b"index 2", b"index 1"),
        "leaf-opened.json": (b"A10000001", b"A10000002"),
        "붙임1-견적서.pdf": (b"quotation", b"quotatiom"),
    }[name]
    changed = document.parts[name].replace(old, new)
    if name == "openings.json":
        openings = json.loads(document.parts[name])
        first = openings[b64encode(document.leaves[1])]["stmt"]
        first["salt"] = b64encode(bytes(32))
        changed = canonical(openings)
    assert sentence in refusals(document.parts | {name: changed})


def test_every_byte_of_the_small_parts_matters(document):
    for name in ("leaf-3.json", "leaf-3.tlog-proof", "form.json"):
        data = document.parts[name]
        for place in range(0, len(data), 7):
            damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert refusals(document.parts | {name: damaged})


def test_events_exchanged_or_left_out_are_refused(document):
    parts = dict(document.parts)
    for ending in ("json", "tlog-proof"):
        parts[f"leaf-2.{ending}"], parts[f"leaf-3.{ending}"] = (
            parts[f"leaf-3.{ending}"],
            parts[f"leaf-2.{ending}"],
        )
    assert "이어지지 않습니다" in refusals(parts)
    without_filing = {key: data for key, data in document.parts.items() if "leaf-4" not in key}
    assert refusals(without_filing)


def test_openings_of_events_that_are_not_there_are_refused(document):
    openings = json.loads(document.parts["openings.json"])
    openings[b64encode(bytes(32))] = {}
    assert "섞여 있습니다" in refusals(document.parts | {"openings.json": canonical(openings)})


@pytest.mark.parametrize("field", ["stmt", "body", "form", "actor", "auth"])
def test_a_decision_whose_values_are_withheld_is_refused(document, field):
    openings = json.loads(document.parts["openings.json"])
    del openings[b64encode(document.leaves[2])][field]
    assert "열어 볼 수 없습니다" in refusals(
        document.parts | {"openings.json": canonical(openings)}
    )


def test_a_log_of_another_key_is_refused(document):
    policy = made.policy(witnesses=False)
    other = made.log_key(made.ORIGIN, made.WITNESS_KEYS["city"])
    stranger = type(policy)((type(policy.logs[0])(other),), {}, {}, None)
    chain, report = check(document.parts, stranger)
    assert chain is None
    assert "증명이 맞지 않습니다" in report.of(State.FAILED)[0].sentence


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("complex", "A10000002", "단지"),
        ("doc", "f" * 32, "문서"),
        ("seq", 9, "순번"),
        ("prev", b64encode(bytes(32)), "앞 사건"),
        ("round", 2, "되돌린 횟수"),
        ("payee", "다른 업체", "받는 곳"),
        ("act", "draft", "결재 종류"),
        ("body", "0" * 64, "본문"),
        ("form", "0" * 64, "서식"),
        ("title", "다른 제목", "제목"),
        ("amount", 13560, "금액"),
        ("amount", None, "금액"),
        ("office", "감사", "직위"),
        ("name", "최다섯", "이름"),
    ],
)
def test_an_approver_who_saw_something_else_is_told(key, value, word):
    def alter(statement):
        if statement["step"] == 2:
            statement[key] = value

    sentence = refusals(made.make(Changes(statement=alter)).parts)
    assert sentence == f"과장 이두리의 결재에 적힌 것이 이 문서와 다릅니다: {word}"


def test_a_statement_of_another_minute_than_its_event_is_refused():
    def alter(statement):
        statement["at"] = "2026-11-22T00:00:59Z"

    assert refusals(made.make(Changes(statement=alter)).parts)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("opinion", "이의 있음"),
        ("at", "2026-11-23T00:00:00Z"),
        ("leaf", b64encode(bytes(32))),
        ("name", "최다섯"),
        ("decision", "return"),
        ("position", 4),
    ],
)
def test_a_decision_recorded_otherwise_is_refused(key, value):
    def alter(record):
        record["decisions"][1][key] = value

    assert "기록에 다르게 적혀 있습니다" in refusals(made.make(Changes(record=alter)).parts)


def test_a_document_returned_once_holds_and_says_what_is_missing():
    chain, report = check(made.make(returned=True).parts)
    assert not report.of(State.FAILED)
    assert chain.filed.entry.seq == 6
    assert "지난 상신 1번의 본문은 들어 있지 않습니다" in " ".join(
        found.sentence for found in report.of(State.UNCHECKED)
    )


def test_a_missing_decision_is_refused():
    def alter(record):
        record["decisions"].pop()

    assert "수가 다릅니다" in refusals(made.make(Changes(record=alter)).parts)


@pytest.mark.parametrize(
    ("spoiled", "holds"),
    [
        ({}, True),
        ({"name": "최다섯"}, False),
        ({"leaf": b64encode(bytes(32))}, False),
        ({"at": "2026-11-21T00:00:00Z"}, False),
        ({"position": 2}, False),
    ],
)
def test_the_drafter_may_stand_first_among_the_decisions(document, spoiled, holds):
    drafted = {
        "position": 1,
        "act": "draft",
        "office": "경리",
        "name": "김하나",
        "decision": "approve",
        "at": "2026-11-22T00:00:00Z",
        "opinion": "",
        "leaf": b64encode(document.leaves[0]),
    }

    def alter(record):
        record["decisions"].insert(0, drafted | spoiled)

    _chain, report = check(made.make(Changes(record=alter)).parts)
    assert bool(report.of(State.FAILED)) is not holds


@pytest.mark.parametrize(
    "days",
    [
        {"from": "2026-11-23", "until": "2027-11-22"},
        {"from": "2025-01-01", "until": "2026-11-21"},
    ],
)
def test_an_approval_outside_the_term_is_refused(days):
    def alter(actor):
        if actor["name"] == "박세찬":
            actor |= days

    assert "임기가 아닌 날" in refusals(made.make(Changes(actor=alter)).parts)


def test_a_term_ends_with_its_last_day_in_korea():
    def alter(actor):
        actor |= {"from": "2026-11-22", "until": "2026-11-22"}

    assert not check(made.make(Changes(actor=alter)).parts)[1].of(State.FAILED)


def test_an_approval_by_another_person_is_refused():
    def alter(actor):
        if actor["name"] == "박세찬":
            actor["name"] = "최다섯"

    assert "아닌 사람이" in refusals(made.make(Changes(actor=alter)).parts)


def test_a_login_after_the_approval_is_refused():
    def alter(auth):
        auth["signed_in_at"] = "2026-11-22T01:00:00Z"

    assert "로그인이 늦은" in refusals(made.make(Changes(auth=alter)).parts)


def test_a_line_out_of_order_is_refused():
    def alter(content):
        content["line"][1], content["line"][2] = content["line"][2], content["line"][1]

    assert refusals(made.make(Changes(content=alter)).parts)


def test_content_of_another_document_or_complex_is_refused():
    for change in (
        lambda content: content.update(doc="f" * 32),
        lambda content: content["complex"].update(code="A10000002"),
        lambda content: content.update(submitted_at="2026-11-21T00:00:00Z"),
        lambda content: content["form"].update(sha256="0" * 64),
        lambda content: content["form"].update(version=2),
        lambda content: content.update(v=3),
        lambda content: content["line"][0].update(act="review"),
        lambda content: content["line"][0].update(position=0),
    ):
        assert refusals(made.make(Changes(content=change)).parts)


def test_a_record_backdated_is_refused():
    def alter(record):
        record["filed_at"] = "2026-11-20T00:00:00Z"

    assert "등록한 시각" in refusals(made.make(Changes(record=alter)).parts)


def test_an_event_before_the_one_it_follows_is_refused():
    def alter(seq, entry):
        if entry["event"] is Event.FILED:
            entry["at"] -= timedelta(hours=1)

    assert "먼저 적혀 있습니다" in refusals(made.make(Changes(entry=alter)).parts)


def test_a_gap_in_the_chain_is_refused():
    def alter(seq, entry):
        if entry["event"] is Event.FILED:
            entry["seq"] += 1

    assert "이어지지 않습니다" in refusals(made.make(Changes(entry=alter)).parts)


def test_a_log_opened_for_another_complex_is_refused():
    for change in ({"code": "A10000002"}, {"origin": "danji.example/apt/A10000002/1"}):
        sentence = refusals(made.make(Changes(origin=lambda c, x=change: c.update(x))).parts)
        assert "이 단지의 것이 아닙니다" in sentence


def test_two_faces_of_one_log_are_recognised(document):
    """A second tree of the same size, signed with the same key, shows in one bundle."""
    fork = made.Log(entries=[*document.log.entries])
    fork.entries[-1] = b"something else"
    parts = document.parts | {"leaf-2.tlog-proof": fork.proof(2)}
    proof = made.Log(entries=document.log.entries[:]).proof(1)
    parts["leaf-1.tlog-proof"] = proof
    assert "둘로 갈라져" in refusals(parts)


JUNK = [None, 7, True, "x", [], {}, [1], {"x": 1}, "9999-12-31T23:59:59Z"]


def spoil(value, junk):
    """Every value like this one with one thing in it replaced by junk of another kind."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        old = value[key]
        if isinstance(old, dict | list):
            for inner in spoil(old, junk):
                value[key] = inner
                yield value
        value[key] = junk
        yield value
        value[key] = old


@pytest.mark.parametrize("name", ["record.json", "form.json", "openings.json"])
def test_no_shape_makes_it_stumble(document, name):
    whole = json.loads(document.parts[name])
    for junk in JUNK:
        for spoiled in spoil(whole, junk):
            data = canonical(spoiled)
            if data != document.parts[name]:
                assert refusals(document.parts | {name: data})


@pytest.mark.parametrize("what", ["statement", "actor", "auth", "origin", "record", "form"])
@pytest.mark.parametrize("junk", JUNK)
def test_no_shape_that_the_log_vouches_for_makes_it_stumble(what, junk):
    keys: set[str] = set()
    made.make(Changes(**{what: keys.update}))
    for key in sorted(keys - {"content"}):
        parts = made.make(Changes(**{what: lambda value, k=key: value.update({k: junk})})).parts
        check(parts)
