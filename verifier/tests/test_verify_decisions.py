"""The line of a document, followed event by event: every kind of decision, and every way around."""

import json
from pathlib import Path

import pytest

import made_document as made
from danji_verify.entry import Event
from danji_verify.policy import Policy
from danji_verify.record import check_document
from danji_verify.report import Report, State
from made_document import Act, Changes

LONG = (
    *made.LINE[:2],
    {"position": 3, "stage": 3, "act": "concur", "office": "담당", "name": "최다섯"},
    {"position": 4, "stage": 3, "act": "audit", "office": "감사", "name": "정여섯"},
    {"position": 5, "stage": 4, "act": "approve", "office": "관리사무소장", "name": "박세찬"},
)
SEEN = (
    *made.LINE,
    {"position": 4, "stage": 4, "act": "confirm", "office": "회장", "name": "오일곱"},
)
DRAFTER, CHIEF, MANAGER = ({key: at[key] for key in ("office", "name")} for at in made.LINE)
NOT_LEFT_OUT = "건너뛸 수 없는 사람이"
DEPUTY = {"office": "과장", "name": "이두리", "absence": "0" * 32, "delegation": "basis-1"}


def officer(step, **changed):
    writer = made._Writer(made.Log(), Changes())
    return json.loads(writer.actor(step)) | changed


def away(absent=made.LINE[2], deputy=made.LINE[1], **changed):
    """The event that named a deputy for somebody absent."""
    delegation = {
        "absence": "0" * 32,
        "absent": officer(absent),
        "deputy": officer(deputy),
        "since": "2026-11-22",
        "until": "2026-11-23",
        "reason": "출장",
    }
    return (
        Event.DELEGATION_SET,
        {"delegation": delegation | changed, "actor": officer(absent)},
    )


ACTED = (Act(2), Act(3, acting=DEPUTY))


def check(document):
    report = Report()
    chain = check_document(document.parts, made.policy(), report)
    failed = " ".join(found.sentence for found in report.of(State.FAILED))
    assert bool(chain) is not bool(failed)
    return report, failed


@pytest.mark.parametrize(
    ("line", "acts", "shown"),
    [
        (made.LINE, (Act(2, "dissent", opinion="견적이 하나"), Act(3)), "검토(의견 있음)"),
        (made.LINE, (Act(2, "skip", opinion="출장"), Act(3)), "검토(생략)"),
        (made.LINE, (Act(2), Act(3, acting=DEPUTY)), "결재(대결 과장 이두리)"),
        (
            made.LINE,
            (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(2, round=2), Act(3, round=2)),
            "결재 관리사무소장",
        ),
        (LONG, (Act(2), Act(4), Act(3), Act(5)), "감사 감사 정여섯"),
        ((made.LINE[0], made.LINE[1] | {"skipped": "출장"}, made.LINE[2]), (Act(3),), "결재"),
        (made.LINE, (Act(2, "skip", acting=DRAFTER, opinion="출장"), Act(3)), "검토(생략)"),
        (SEEN, (Act(2), Act(3), Act(4, "skip", acting=DRAFTER, opinion="기한")), "확인(생략)"),
        (SEEN, (Act(2), Act(3), Act(4, "skip", acting=MANAGER, opinion="기한")), "확인(생략)"),
    ],
)
def test_a_line_that_was_followed_holds(line, acts, shown):
    report, failed = check(made.make(line=line, acts=acts, basis=(away(),)))
    assert not failed
    assert shown in " ".join(report.decisions)


@pytest.mark.parametrize(
    ("line", "acts", "sentence"),
    [
        (made.LINE, (Act(3), Act(2)), "앞사람보다 먼저"),
        (made.LINE, (Act(2), Act(2), Act(3)), "두 번"),
        (made.LINE, (Act(2),), "장부에 없습니다"),
        (LONG, (Act(2), Act(4), Act(5)), "앞사람보다 먼저"),
        (made.LINE, (Act(2), Act(3, "skip", opinion="출장")), "결재할 사람을 건너뛴"),
        (
            made.LINE,
            (Act(2), Act(3, "send_back", to=3, opinion="다시"), Act(3, round=2)),
            "앞자리가 아닙니다",
        ),
        (made.LINE, (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(3, round=2)), "먼저"),
        (
            made.LINE,
            (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(2), Act(3, round=2)),
            "되돌린 횟수",
        ),
        (
            (made.LINE[0], made.LINE[1] | {"skipped": "출장"}, made.LINE[2]),
            (Act(2), Act(3)),
            "없는",
        ),
        ((*made.LINE[:2], made.LINE[2] | {"skipped": "출장"}), (Act(2),), "한 명이 아닙니다"),
        (made.LINE, (Act(2, "return"), Act(3)), "다른 사건"),
        (made.LINE, (Act(2, "skip", acting=MANAGER, opinion="출장"), Act(3)), NOT_LEFT_OUT),
        (SEEN, (Act(2), Act(3), Act(4, "skip", acting=CHIEF, opinion="기한")), NOT_LEFT_OUT),
        (
            LONG,
            (Act(2), Act(3), Act(4, "skip", acting=MANAGER, opinion="기한"), Act(5)),
            NOT_LEFT_OUT,
        ),
    ],
)
def test_a_line_that_was_not_followed_is_refused(line, acts, sentence):
    assert sentence in check(made.make(line=line, acts=acts))[1]


def test_acting_for_another_is_recorded_with_both_names():
    def alter(record):
        record["decisions"][1]["by"] = None

    document = made.make(Changes(record=alter), acts=ACTED, basis=(away(),))
    assert "기록에 다르게" in check(document)[1]


def test_acting_is_only_what_the_log_says_it_is():
    def alter(actor):
        if actor["name"] == "이두리":
            actor["name"] = "한일곱"

    document = made.make(Changes(actor=alter), acts=ACTED, basis=(away(),))
    assert "아닌 사람이" in check(document)[1]


def test_what_was_sent_back_is_not_left_out_of_the_record():
    def alter(record):
        record["history"].pop()

    acts = (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(2, round=2), Act(3, round=2))
    assert "수가 다릅니다" in check(made.make(Changes(record=alter), acts=acts))[1]


@pytest.mark.parametrize(
    ("basis", "sentence"),
    [
        ((), "정한 사건이 들어 있지 않습니다"),
        ((away(deputy=made.LINE[0]),), "정해진 사람이나 날이 아닙니다"),
        ((away(absent=made.LINE[0]),), "정해진 사람이나 날이 아닙니다"),
        ((away(since="2026-11-23"),), "정해진 사람이나 날이 아닙니다"),
        ((away(until="2026-11-21", since="2026-11-20"),), "정해진 사람이나 날이 아닙니다"),
    ],
)
def test_acting_rests_on_an_absence_that_names_the_deputy_and_the_day(basis, sentence):
    assert sentence in check(made.make(acts=ACTED, basis=basis))[1]


def test_nobody_acts_on_the_own_document():
    own = {"office": "경리", "name": "김하나", "absence": "0" * 32, "delegation": "basis-1"}
    acts = (Act(2), Act(3, acting=own))
    document = made.make(acts=acts, basis=(away(deputy=made.LINE[0]),))
    assert "직접 기안한 문서" in check(document)[1]


def test_the_opinion_of_the_drafter_is_not_put_into_the_record():
    def alter(record):
        record["decisions"].insert(
            0,
            {
                "position": 1,
                "act": "draft",
                "office": "경리",
                "name": "김하나",
                "by": None,
                "decision": "approve",
                "at": "2026-11-22T00:00:00Z",
                "opinion": "소장이 시켜서 씁니다.",
                "leaf": made.b64encode(made.make().leaves[0]),
            },
        )

    assert "기안이 기록에 다르게" in check(made.make(Changes(record=alter)))[1]


def test_what_was_sent_back_was_signed_too():
    def alter(auth):
        if auth["signed_in_at"] == "2026-11-22T00:01:00Z":
            auth["signed_in_at"] = "2026-11-22T05:00:00Z"

    acts = (Act(2), Act(3, "send_back", to=2, opinion="다시"), Act(2, round=2), Act(3, round=2))
    assert "로그인이 늦은" in check(made.make(Changes(auth=alter), acts=acts))[1]


def test_a_document_of_the_first_version_holds_as_it_did():
    kept = Path(__file__).with_name("document-0.1.0.json").read_text("utf-8")
    parts = {name: text.encode() for name, text in json.loads(kept).items()}
    report = Report()
    assert check_document(parts, Policy.parse(parts["policy.txt"]), report)
    assert not report.of(State.FAILED)
    assert report.number == "기안-2026-0001"
