"""What whoever runs the server did alone is told, and asked about where an officer could have
confirmed it.
"""

from datetime import date, timedelta

import pytest

from audited import audit, faults, said, settle
from danji.accounts.models import Office
from danji.audit.findings import Severity
from danji.authority.actions import enter_officeholder
from danji.transparency.models import Party
from danji.transparency.proposing import confirm_witness, propose_witness
from danji.transparency.witnesses import end_witness, register_witness
from watching import SmallWitness


@pytest.fixture
def auditor(complex_, at):
    return enter_officeholder(
        complex_,
        Office.AUDITOR,
        name="한동철",
        email="auditor@example.com",
        since=date(2026, 1, 1),
        at=at,
    )


def told(complex_, at, severity):
    settle()
    audited = audit(complex_, at)
    assert faults(audited) == ""
    return said(audited, severity)


def witness(name, complex_, at):
    return {
        "label": "감사의 PC",
        "party": Party.COMPLEX,
        "vkey": SmallWitness(name, lambda: at).vkey,
        "url": "",
        "complex_": complex_,
        "at": at,
    }


def test_whom_the_operator_entered_before_anybody_is_noted(complex_, at):
    register_witness(**witness("c.test", complex_, at))
    end_witness("c.test", at=at + timedelta(seconds=1))
    notes = told(complex_, at, Severity.NOTE)
    alone = "운영자가 명령으로 한 일이고, 확인한 임직원은 없습니다."
    for change in ("더함", "끝냄"):
        assert f"2026. 11. 22. 확인 기관을 바꾸었습니다({change} c.test). {alone}" in notes
    register_witness(**witness("d.test", complex_, at + timedelta(seconds=2)))
    assert told(complex_, at, Severity.DOUBT) == ""


def test_t12_whom_the_operator_let_speak_for_the_complex_is_doubted_until_it_ends(
    complex_, auditor, at
):
    register_witness(**witness("own.test", complex_, at))
    assert "단지 쪽 확인 기관 own.test" in told(complex_, at, Severity.DOUBT)
    assert "취임을 등록했습니다(감사 한동철)" in told(complex_, at, Severity.NOTE)
    end_witness("own.test", at=at)
    assert told(complex_, at, Severity.DOUBT) == ""


def test_whom_an_officer_confirmed_is_in_order(complex_, auditor, at):
    proposal = propose_witness(**witness("c.test", complex_, at))
    confirm_witness(proposal.id, actor=auditor, at=at)
    assert "확인 기관" not in told(complex_, at, Severity.NOTE)
    assert told(complex_, at, Severity.DOUBT) == ""
