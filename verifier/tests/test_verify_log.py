"""A whole log, as a folder or a ZIP: what is found in it, and every way it can be wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_bundle
import made_document as made
from danji_verify.entry import Entry, Event, build_entry
from danji_verify.errors import Unreadable, Wrong
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in, open_copy
from danji_verify.merkle import leaf_hash
from danji_verify.report import State, Verdict

ALONE = made.policy()
WITNESSED = made.policy(witnesses=True)
ZERO = bytes(32)


def entry(event, document, seq, prev, minutes, fields):  # noqa: PLR0917
    return build_entry(
        Entry(event, made.CODE, document, seq, prev, made.at(minutes), dict.fromkeys(fields, ZERO))
    )


OPENED = entry(Event.LOG_OPENED, made.COMPLEX_ID, 1, None, -60, ("complex", "seal"))
CONTINUED = entry(
    Event.LOG_CONTINUED, made.COMPLEX_ID, 2, ZERO, -60, ("complex", "seal", "previous")
)
DRAFT = ("body", "form", "actor")


def doc(number):
    return f"{number + 0xD000:032x}"


def submitted(number, minutes=0, seq=1, prev=None):
    return entry(Event.SUBMITTED, doc(number), seq, prev, minutes, DRAFT)


def withdrawn(before, number, minutes=1, seq=2):
    return entry(Event.WITHDRAWN, doc(number), seq, leaf_hash(before), minutes, ("body", "actor"))


def log(*entries, cosigners=()):
    return made.Log(cosigners, [OPENED, *entries])


def check(of, policy=ALONE, **options):
    return check_log(copy_in(of.files().__getitem__), policy, **options)


def failures(report):
    assert report.verdict is Verdict.REFUSED
    return " ".join(found.sentence for found in report.of(State.FAILED))


@pytest.fixture(scope="module")
def whole():
    """A log of 600 entries: 299 documents, each submitted and withdrawn."""
    entries = []
    for number in range(1, 300):
        entries.append(submitted(number, number))
        entries.append(withdrawn(entries[-1], number, number))
    return log(*entries, submitted(300, 300))


def test_a_whole_log_is_accepted(whole):
    read = []
    report = check(whole, progress=lambda done, of: read.append((done, of)))
    assert report.verdict is Verdict.ACCEPTED
    assert report.complex == made.CODE
    assert "600건과 모든 조각 파일이" in report.as_text()
    assert read == [(256, 600), (512, 600), (600, 600)]


def test_a_log_is_read_from_a_folder_and_from_a_zip(whole, tmp_path):
    for name, data in whole.files().items():
        (tmp_path / "log" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / name).write_bytes(data)
    (tmp_path / "log.zip").write_bytes(made_bundle.packed(whole.files()))
    for name in ("log", "log.zip"):
        assert check_log(open_copy(tmp_path / name), ALONE).verdict is Verdict.ACCEPTED


def test_what_is_no_log_cannot_be_read(tmp_path):
    (tmp_path / "text").write_text("no log")
    (tmp_path / "other.zip").write_bytes(made_bundle.packed({"a": b"b"}))
    for name in (".", "text", "other.zip", "nowhere.zip"):
        with pytest.raises(Unreadable):
            open_copy(tmp_path / name)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_byte_of_a_log_can_change(whole, data):
    files = whole.files()
    path = data.draw(st.sampled_from(sorted(files)))
    damaged = bytearray(files[path])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    copy = copy_in((files | {path: bytes(damaged)}).__getitem__)
    assert check_log(copy, ALONE).verdict is Verdict.REFUSED


def test_a_missing_file_is_told_by_name(whole):
    for path in whole.files().keys() - {"checkpoint"}:
        files = {name: data for name, data in whole.files().items() if name != path}
        told = failures(check_log(copy_in(files.__getitem__), ALONE))
        assert "빠져" in told


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([b"{}"], "사건이 아닌 것"),
        ([OPENED], "장부를 연 사건과 어긋납니다"),
        ([submitted(1, seq=2, prev=ZERO)], "앞 사건이 장부에 없습니다"),
        ([submitted(1), submitted(1)], "앞 사건에 이어지지 않습니다"),
        ([submitted(1), withdrawn(submitted(2), 1)], "앞 사건에 이어지지 않습니다"),
        ([submitted(1), withdrawn(submitted(1), 1, seq=3)], "앞 사건에 이어지지 않습니다"),
        ([submitted(1), withdrawn(submitted(1), 1, minutes=-1)], "앞 사건보다 이릅니다"),
        (
            [submitted(1).replace(made.CODE.encode(), b"B10000001")],
            "다른 단지의 것",
        ),
    ],
    ids=["junk", "reopened", "headless", "twice", "prev", "gap", "backwards", "stranger"],
)
def test_entries_that_do_not_follow_are_refused(entries, word):
    assert word in failures(check(log(*entries)))


def test_a_log_that_does_not_begin_with_its_opening_is_refused():
    assert "장부를 연 사건" in failures(check(made.Log((), [submitted(1)])))


def test_a_continued_log_may_begin_in_the_middle_of_chains():
    going_on = submitted(1, seq=5, prev=ZERO)
    report = check(made.Log((), [CONTINUED, going_on]))
    assert report.verdict is Verdict.ACCEPTED
    assert "앞 장부는 따로" in report.as_text()


def test_nothing_follows_the_end_of_a_log():
    end = entry(
        Event.LOG_CLOSED,
        made.COMPLEX_ID,
        2,
        leaf_hash(OPENED),
        5,
        ("reason", "proposer", "officer"),
    )
    assert "닫은 장부" in check(log(end)).as_text()
    assert "닫은 뒤에" in failures(check(log(end, submitted(1, 6))))


def test_an_erasure_is_told_as_an_erasure():
    gone = entry(
        Event.ERASED,
        doc(1),
        2,
        leaf_hash(submitted(1)),
        5,
        ("erasure", "proposer", "officer"),
    )
    report = check(log(submitted(1), gone))
    assert report.verdict is Verdict.ACCEPTED
    assert f"문서 {doc(1)}: 2번 자리의 사건으로 파기" in report.as_text()


@pytest.mark.parametrize(
    ("name", "field", "said"),
    [
        (Event.LOG_RECOVERED, "recovery", "2번 자리의 사건(데이터베이스 되살리기)"),
        (Event.LOG_LOST, "loss", "2번 자리의 사건(확정된 사건을 잃음)"),
        (Event.POLICY_CHANGED, "policy", "2번 자리의 사건(확인 기관 변경): 믿을 기관이나"),
        (Event.KEY_ROTATED, "key", "2번 자리의 사건(열쇠 바꾸기): 믿을 기관이나"),
    ],
)
def test_a_loss_and_a_change_of_whom_to_believe_are_told(name, field, said):
    event = entry(name, made.COMPLEX_ID, 2, leaf_hash(OPENED), 5, (field, "proposer", "officer"))
    report = check(log(submitted(1), event))
    assert report.verdict is Verdict.ACCEPTED
    assert said in report.as_text()


def test_an_event_dated_back_among_later_ones_is_told():
    report = check(log(submitted(1, 60), submitted(2, 49)))
    assert report.verdict is Verdict.ACCEPTED
    assert "10분 넘게 이릅니다" in report.as_text()
    assert "10분 넘게" not in check(log(submitted(1, 60), submitted(2, 50))).as_text()


def test_an_event_of_after_it_was_seen_is_told():
    """Witnesses saw it in the log, and it says it happened later: one of the clocks was wrong."""
    ahead = log(submitted(1, 11), cosigners=("complex", "city"))
    files = ahead.files() | {"confirmed": ahead.note()}
    report = check_log(copy_in(files.__getitem__), WITNESSED)
    assert report.verdict is Verdict.ACCEPTED
    assert "1번 사건의 시각이 확인 기관이 이미 본 때보다 늦습니다" in report.as_text()


def test_what_is_confirmed_and_what_waits_is_told_apart(whole):
    witnessed = replace(whole, cosigners=("complex", "city"))
    earlier = witnessed.note(100, cosigned_at=made.COSIGNED_AT + 86_400)
    files = whole.files() | {"confirmed": earlier}
    now = datetime.fromtimestamp(made.COSIGNED_AT, UTC) + timedelta(days=1)
    report = check_log(copy_in(files.__getitem__), WITNESSED, now=now)
    assert report.verdict is Verdict.ACCEPTED
    assert "마지막 500건은 아직" in report.as_text()
    stale = check_log(copy_in(files.__getitem__), WITNESSED, now=now + timedelta(hours=25))
    assert stale.verdict is Verdict.UNKNOWN
    assert "낡은 머리" in stale.conclusion


def test_a_confirmed_head_of_another_history_is_refused(whole):
    other = made.Log(("complex", "city"), [OPENED, *[submitted(n) for n in range(1, 40)]])
    for size in (40, None):
        note = other.note(size) if size else replace(other, entries=whole.entries * 2).note()
        files = whole.files() | {"confirmed": note}
        assert failures(check_log(copy_in(files.__getitem__), WITNESSED))


def test_without_a_policy_from_outside_the_log_is_read_and_not_judged(whole):
    inside = whole.files() | {"policy.txt": ALONE.format()}
    report = check_log(copy_in(inside.__getitem__), None)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.of(State.FAILED)
    assert check(whole, None).verdict is Verdict.UNKNOWN


def test_many_wrong_entries_are_counted():
    report = check(log(*[submitted(number, seq=2, prev=ZERO) for number in range(1, 40)]))
    assert "19건 더" in failures(report)


def test_a_zip_with_tricks_is_refused(tmp_path):
    path = tmp_path / "log.zip"
    path.write_bytes(made_bundle.packed(log().files() | {"../checkpoint": b""}))
    with pytest.raises(Wrong):
        open_copy(path)


# The log of logs: its entries are heads.


def collected(*notes):
    heads = replace(made_bundle.HEADS, entries=list(notes))
    policy = made.Policy((made.Party(made.log_key(heads.origin, heads.key)),), {}, {}, None)
    return check_log(copy_in(heads.files().__getitem__), policy)


def test_a_log_of_logs_is_accepted_while_every_log_in_it_grows(whole):
    other = made.Log(origin=made.ORIGIN_2, entries=[b"other"])
    report = collected(whole.note(5), other.note(), whole.note(5), whole.note())
    assert report.verdict is Verdict.ACCEPTED
    assert "장부 2개의 머리가 모두 커지기만" in report.as_text()


def test_a_log_of_logs_tells_a_log_that_shrank_or_split(whole):
    assert "작습니다" in failures(collected(whole.note(5), whole.note(4)))
    other = made.Log(entries=[b"other"] * 5)
    assert "갈라져" in failures(collected(whole.note(5), other.note()))
    assert "머리가 아닌" in failures(collected(whole.note(5), OPENED))
