"""Codes: good for what they were sent for, once, for ten minutes and five tries."""

import re
from datetime import date, timedelta

import pytest
from django.db import transaction

from danji.accounts.models import Person
from danji.outbox.models import PendingDelivery
from danji.rules.refusal import Refusal
from danji.signing import codes
from danji.signing.evidence import Level
from danji.signing.models import CodeRequest
from danji_verify.shapes import Fields
from danji_verify.signature import check_auth
from signing.enrolment import statement_of

pytestmark = pytest.mark.usefixtures("agreed")
SHOWN = ["배수펌프 교체 · 1,430,000원 · 승인"]


def sent_code(nth=-1):
    """The code in the nth letter that waits to be sent, and the letter."""
    letter = PendingDelivery.objects.filter(message__code=True).order_by("id")
    text = list(letter)[nth].secret
    return re.search(r"확인 번호: (\d{6})", text)[1], text


@pytest.fixture
def request_(manager, statement, at):
    return codes.send_code(manager, [statement], SHOWN, at=at)


@pytest.fixture
def try_code(manager, request_, at):
    def attempt(code, *, holder=manager, later=timedelta()):
        return codes.code_signer(request_.id, code, officeholder=holder, at=at + later)

    return attempt


def other(code):
    return f"{(int(code) + 1) % 10**6:06}"


def test_the_right_code_signs_and_says_honestly_how_little_that_is(
    request_, try_code, statement, agreed
):
    code, _ = sent_code()
    evidence = try_code(code)(statement)
    assert (evidence.level, evidence.method) == (Level.SIMPLE, "mail-code")
    assert evidence.agreement == agreed.id
    assert evidence.details["request"] == request_.id.hex
    assert "서명은 없습니다" in check_auth(Fields(evidence.as_json()), statement)


def test_the_message_says_what_is_signed(request_):
    _, letter = sent_code()
    assert SHOWN[0] in letter
    assert "10분" in letter


def test_a_long_list_is_cut_and_says_so(manager, at):
    statements = [statement_of(manager, seq=seq) for seq in range(12)]
    codes.send_code(manager, statements, [f"문서 {n}" for n in range(12)], at=at)
    _, letter = sent_code()
    assert "문서 9" in letter
    assert "그 밖에 2건" in letter


def test_the_code_itself_is_kept_nowhere_but_in_the_letter(request_):
    code, _ = sent_code()
    row = CodeRequest.objects.values().get()
    assert code not in str(row)
    assert len(bytes(row["code_hash"])) == 32


def test_a_code_goes_to_the_phone_where_there_is_one(manager, statement, settings, at):
    settings.GATEWAY_KEY = "key"
    Person.objects.filter(id=manager.person_id).update(phone="01012345678")
    manager.person.refresh_from_db()
    request = codes.send_code(manager, [statement], SHOWN, at=at)
    code, _ = sent_code()
    signer = codes.code_signer(request.id, code, officeholder=manager, at=at)
    assert signer(statement).method == "message-code"


def test_a_code_may_be_typed_as_people_do(try_code, statement):
    code, _ = sent_code()
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert try_code(f" {wide[:3]} {wide[3:]} ")(statement)


def test_a_code_is_used_once(try_code, statement):
    code, _ = sent_code()
    try_code(code)(statement)
    with pytest.raises(Refusal, match="이미 쓴"):
        try_code(code)


def test_a_code_is_good_for_its_statements_only(try_code, manager):
    code, _ = sent_code()
    signer = try_code(code)
    with pytest.raises(Refusal, match="내용이 바뀌었습니다"):
        signer(statement_of(manager, amount=9430000))


def test_a_code_signs_each_of_several_statements(manager, at):
    statements = [statement_of(manager, seq=seq) for seq in (2, 3)]
    request = codes.send_code(manager, statements, SHOWN * 2, at=at)
    code, _ = sent_code()
    signer = codes.code_signer(request.id, code, officeholder=manager, at=at)
    assert [signer(statement).method for statement in statements] == ["mail-code"] * 2


def test_a_code_expires(try_code):
    code, _ = sent_code()
    with pytest.raises(Refusal, match="10분이 지났습니다"):
        try_code(code, later=codes.LASTS)


def test_five_wrong_tries_end_a_code_and_each_counts_though_refused(try_code):
    code, _ = sent_code()
    for left in (4, 3, 2, 1):
        with pytest.raises(Refusal, match=f"{left}번 더"):
            try_code(other(code))
    with pytest.raises(Refusal, match="5번 잘못"):
        try_code(other(code))
    assert CodeRequest.objects.get().attempts == 5
    with pytest.raises(Refusal, match="5번 잘못"):
        try_code(code)
    assert CodeRequest.objects.get().used_at is None


def test_a_try_cannot_be_made_inside_a_transaction_that_may_be_undone(try_code):
    code, _ = sent_code()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        try_code(code)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５", "12 34"])
def test_what_is_no_code_is_refused_without_a_try(try_code, typed):
    with pytest.raises(Refusal, match="여섯 자리"):
        try_code(typed)
    assert CodeRequest.objects.get().attempts == 0


def test_somebody_elses_code_is_unknown(try_code, chief, at):
    from danji.signing.actions import accept_method

    accept_method(actor=chief, at=at)
    code, _ = sent_code()
    with pytest.raises(Refusal, match="보낸 확인 번호가 없습니다"):
        try_code(code, holder=chief)
    assert CodeRequest.objects.get().attempts == 0


def test_a_code_of_another_complex_is_unknown(request_, neighbour, at):
    from danji.base import tenancy
    from danji.signing.actions import accept_method

    tenancy._enter("app.complex", neighbour.complex_id)
    accept_method(actor=neighbour, at=at)
    with pytest.raises(Refusal, match="보낸 확인 번호가 없습니다"):
        codes.code_signer(request_.id, "123456", officeholder=neighbour, at=at)


def test_another_code_is_sent_after_a_minute(request_, manager, statement, at):
    with pytest.raises(Refusal, match="방금 확인 번호를 보냈습니다"):
        codes.send_code(manager, [statement], SHOWN, at=at + timedelta(seconds=59))
    assert codes.send_code(manager, [statement], SHOWN, at=at + codes.PAUSE)


def test_after_a_used_code_the_next_is_sent_at_once(request_, try_code, manager, statement, at):
    try_code(sent_code()[0])
    assert codes.send_code(manager, [statement], SHOWN, at=at)


def test_who_keeps_guessing_is_sent_no_more_codes(manager, statement, at):
    for minute in range(3):
        now = at + timedelta(minutes=minute)
        request = codes.send_code(manager, [statement], SHOWN, at=now)
        wrong = other(sent_code()[0])
        for _ in range(codes.TRIES):
            with pytest.raises(Refusal):
                codes.code_signer(request.id, wrong, officeholder=manager, at=now)
    with pytest.raises(Refusal, match="너무 많이"):
        codes.send_code(manager, [statement], SHOWN, at=at + timedelta(minutes=3))
    assert codes.send_code(manager, [statement], SHOWN, at=at + timedelta(minutes=63))


def test_without_agreement_no_code_is_sent(chief, at):
    with pytest.raises(Refusal, match="동의서"):
        codes.send_code(chief, [statement_of(chief)], SHOWN, at=at)


def test_who_is_out_of_office_gets_no_code(appointed, at):
    former = appointed("전임자", "clerk", until=date(2020, 1, 1))
    with pytest.raises(Refusal, match="임기"):
        codes.send_code(former, [statement_of(former)], SHOWN, at=at)
