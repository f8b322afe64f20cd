"""Heads of logs: alone, against each other, against what was remembered, and their age."""

import contextlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import made_document as made
from danji_verify.check import check_proof
from danji_verify.checkpoint import witness_key
from danji_verify.heads import check_head, check_heads
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in
from danji_verify.memory import Memory
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Head
from danji_verify.report import Report, State, Verdict

WITNESSED = made.policy(witnesses=True)
ALONE = made.policy()
ELSEWHERE = made.Policy(made.policy(logs=2).logs[1:], {}, {}, None)
UNLISTED = (
    f"이 정책에는 이 장부({made.ORIGIN})가 없습니다. 그 단지의 정책을 받아 다시 확인해 주세요."
)
COSIGNED = datetime.fromtimestamp(made.COSIGNED_AT, UTC)


def log(count=11, *, cosigners=(), word=b"entry"):
    made_log = made.Log(cosigners)
    for number in range(count):
        made_log.append(b"%s %d" % (word, number))
    return made_log


def copy(of):
    return copy_in(of.files().__getitem__)


def sentences(report, state):
    return " ".join(found.sentence for found in report.of(state))


def seen(note, policy, memory, log_copy=None):
    report = check_head(note, policy)
    memory.weigh(report, policy, log_copy)
    return report


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path / "below" / "heads.json")


def test_a_head_says_who_signed_and_who_saw_it():
    report = check_head(log(cosigners=("complex", "city")).note(), WITNESSED)
    assert report.verdict is Verdict.ACCEPTED
    assert "확정" in report.conclusion
    assert "장부의 서명이 있습니다: 11건" in sentences(report, State.OK)
    assert "city의 확인 서명이 맞습니다" in sentences(report, State.OK)


def test_a_head_without_the_needed_cosignatures_is_provisional():
    report = check_head(log(cosigners=("city",)).note(), WITNESSED)
    assert report.verdict is Verdict.UNKNOWN
    assert "잠정" in report.conclusion


def test_a_head_of_another_key_is_refused_and_without_a_policy_nothing_is_said():
    other = made.Log(key=made.LOG_KEY_2, entries=log().entries)
    assert check_head(other.note(), ALONE).verdict is Verdict.REFUSED
    assert check_head(log().note(), None).verdict is Verdict.UNKNOWN
    assert check_heads(log().note(), log().note(), None).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("policy", [ELSEWHERE, made.Policy((), {}, {}, None)], ids=["2", "none"])
def test_a_log_that_the_policy_does_not_name_is_a_question(policy):
    one = log()
    for report in (
        check_head(one.note(), policy, COSIGNED),
        check_heads(one.note(7), one.note(), policy, copy(one)),
        check_log(copy(one), policy),
    ):
        assert report.verdict is Verdict.UNKNOWN
        assert report.questions == [UNLISTED]


def test_a_named_log_signed_by_an_unknown_key_and_a_head_nobody_signed_as_its_log_are_refused():
    stranger = made.Log(key=made.LOG_KEY_2, entries=log().entries)
    signed = parse_note(log().note())
    broken = replace(signed.signatures[0], signature=bytes(64))
    renamed = replace(signed.signatures[0], name="other.example")
    for note, policy in (
        (stranger.note(), ALONE),
        (format_note(signed.text, [broken]), ALONE),
        (format_note(signed.text, [renamed]), ELSEWHERE),
    ):
        assert check_head(note, policy).verdict is Verdict.REFUSED


def test_true_heads_beside_a_copy_of_a_log_that_nobody_named_stay_a_question():
    other = made.Log(origin=made.ORIGIN_2, key=made.LOG_KEY_2, entries=log().entries)
    report = check_heads(log().note(7), log().note(), ALONE, copy(other))
    assert report.questions == ["장부 사본이 다른 장부의 것입니다."]


@pytest.mark.parametrize(
    ("after", "verdict", "word"),
    [
        (timedelta(hours=24), Verdict.ACCEPTED, "24시간 안에"),
        (timedelta(hours=24, seconds=1), Verdict.UNKNOWN, "낡은 머리"),
        (timedelta(minutes=-5), Verdict.ACCEPTED, "24시간 안에"),
        (timedelta(minutes=-6), Verdict.UNKNOWN, "시계를"),
    ],
)
def test_a_head_is_old_after_a_day(after, verdict, word):
    note = log(cosigners=("complex", "city")).note()
    report = check_head(note, WITNESSED, now=COSIGNED + after)
    assert report.verdict is verdict
    assert word in report.as_text()


def test_the_age_counts_only_from_those_the_quorum_asks():
    """A witness that nobody needs cannot keep an old head fresh."""
    policy = made.Policy(WITNESSED.logs, WITNESSED.witnesses, {}, "complex")
    note = log(cosigners=("city",)).note()
    report = check_head(note, policy, now=COSIGNED)
    assert "얼마나 오래된 머리인지 알 수 없습니다" in sentences(report, State.UNCHECKED)


@pytest.mark.parametrize(
    ("needed", "ages", "agreed"),
    [
        ("all", (1, 2, 3), 3),
        ("any", (1, 2, 3), 1),
        ("2", (3, 1, 2), 2),
        ("2", (3, None, 2), 3),
        ("2", (None, None, 2), None),
    ],
)
def test_a_group_agreed_when_as_many_as_it_needs_had(needed, ages, agreed):
    keys = [witness_key(f"{n}.example", Ed25519PrivateKey.generate()) for n in range(3)]
    lines = [f"witness w{n} {key}" for n, key in enumerate(keys)]
    lines += [f"group needed {needed} w0 w1 w2", "quorum needed", ""]
    policy = made.Policy.parse("\n".join(lines).encode())
    hours = {f"w{n}": age for n, age in enumerate(ages) if age is not None}
    times = {name: COSIGNED - timedelta(hours=age) for name, age in hours.items()}
    assert policy.agreed_at(times) == (agreed and COSIGNED - timedelta(hours=agreed))


def test_the_proof_of_a_document_does_not_grow_old(sealed):
    assert check_proof(sealed.proof, ALONE).verdict is Verdict.ACCEPTED


def test_two_heads_that_are_the_same_agree():
    note = log().note()
    assert check_heads(note, note, ALONE).verdict is Verdict.ACCEPTED


def test_two_heads_of_one_size_and_two_roots_are_two_logs():
    one, other = log().note(), log(word=b"other").note()
    report = check_heads(one, other, ALONE)
    assert report.verdict is Verdict.REFUSED
    assert "갈라져" in sentences(report, State.FAILED)
    text = report.as_text()
    for note in (one, other):
        assert note.decode().splitlines()[2] in text  # the root, as evidence
    assert report.as_json()["evidence"] == [one.decode(), other.decode()]


def test_heads_of_two_sizes_need_the_log():
    whole = log()
    report = check_heads(whole.note(7), whole.note(), ALONE)
    assert report.verdict is Verdict.UNKNOWN
    assert "log.zip" in report.conclusion
    for pair in ((7, 11), (11, 7), (0, 11)):
        notes = [whole.note(size) for size in pair]
        assert check_heads(*notes, ALONE, copy(whole)).verdict is Verdict.ACCEPTED


def test_a_log_that_was_rewritten_between_two_heads_is_told_by_its_copy():
    before, after = log(), log(20)
    after.entries[3] = b"rewritten"
    report = check_heads(before.note(), after.note(), ALONE, copy(after))
    assert report.verdict is Verdict.REFUSED
    assert len(report.evidence) == 2


def test_a_copy_that_is_short_damaged_or_of_another_log_leaves_the_question_open():
    whole = log()
    pair = whole.note(7), whole.note()
    damaged = whole.files()
    damaged["tile/entries/000.p/11"] = damaged["tile/entries/000.p/11"].replace(
        b"entry 3", b"Entry 3"
    )
    missing = {key: data for key, data in whole.files().items() if "entries" not in key}
    elsewhere = made.Log(origin=made.ORIGIN_2, key=made.LOG_KEY_2, entries=whole.entries)
    policy = made.policy(logs=2)
    for files in (log(9).files(), damaged, missing, elsewhere.files()):
        report = check_heads(*pair, policy, copy_in(files.__getitem__))
        assert report.verdict is Verdict.UNKNOWN
        assert not report.of(State.FAILED)


def test_heads_of_two_logs_cannot_be_compared():
    other = made.Log(origin=made.ORIGIN_2, key=made.LOG_KEY_2, entries=log().entries)
    report = check_heads(log().note(), other.note(), made.policy(logs=2))
    assert report.verdict is Verdict.UNKNOWN
    assert "서로 다른 장부" in report.conclusion


def test_the_largest_head_is_remembered(memory):
    whole = log(cosigners=("complex", "city"))
    for size in (5, 11, 7):
        assert seen(whole.note(size), WITNESSED, memory).verdict is Verdict.ACCEPTED
    held = json.loads(memory.path.read_text())["heads"]
    assert list(held.values()) == [whole.note(11).decode()]


def changed_key(quorum=None):
    """A policy of a log that changed its key, and what the old key still signs."""
    keys = made.LOG_KEY_2, made.LOG_KEY
    parties = tuple(made.Party(made.log_key(made.ORIGIN, key)) for key in keys)
    return made.Policy(parties, WITNESSED.witnesses, WITNESSED.groups, quorum)


def test_t20_the_old_key_alone_makes_no_pair_and_no_log_and_is_not_remembered(memory):
    policy = changed_key()
    thief = log()
    for report in (
        check_heads(thief.note(7), thief.note(), policy, copy(thief)),
        check_log(copy(thief), policy),
    ):
        assert report.verdict is Verdict.REFUSED
        assert "옛 열쇠로만 서명한" in sentences(report, State.FAILED)
    shown = Report(trusted=True)
    shown.saw([Head(thief.note(), policy.judge(thief.note()))])
    memory.weigh(shown, policy)
    assert not memory.path.exists()
    honest = replace(log(), key=made.LOG_KEY_2)
    assert seen(honest.note(), policy, memory).verdict is Verdict.ACCEPTED


def test_t20_the_copy_of_a_thief_accuses_nobody():
    """Two true heads, and a copy that only the old key signed."""
    honest, thief = replace(log(), key=made.LOG_KEY_2), log(12, word=b"other")
    report = check_heads(honest.note(7), honest.note(), changed_key(), copy(thief))
    assert report.verdict is Verdict.UNKNOWN
    assert not report.evidence


def test_a_remembered_head_of_a_key_no_longer_known_is_told(memory):
    seen(log().note(), ALONE, memory)
    policy = made.Policy((made.Party(made.log_key(made.ORIGIN, made.LOG_KEY_2)),), {}, {}, None)
    other = replace(log(word=b"other"), key=made.LOG_KEY_2)
    report = seen(other.note(), policy, memory)
    assert "받지 않는 열쇠의 것이라 견주지 못했습니다" in sentences(report, State.UNCHECKED)
    assert "받지 않는 열쇠" not in seen(other.note(), policy, memory).as_text()


def test_two_runs_at_once_both_remember(memory, monkeypatch):
    """Each reads what there is before either writes, unless one waits for the other."""
    logs = log(), made.Log(origin=made.ORIGIN_2, key=made.LOG_KEY_2, entries=log().entries)
    both, load = threading.Barrier(2, timeout=0.5), Memory._load

    def load_together(self):
        notes = load(self)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()
        return notes

    monkeypatch.setattr(Memory, "_load", load_together)
    policy = made.policy(logs=2)
    runs = [threading.Thread(target=seen, args=(one.note(), policy, memory)) for one in logs]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(json.loads(memory.path.read_text())["heads"]) == 2


def test_a_log_that_shows_another_face_is_refused_with_both_notes(memory):
    one, other = log(), log(word=b"other")
    assert seen(one.note(), ALONE, memory).verdict is Verdict.ACCEPTED
    report = seen(other.note(), ALONE, memory)
    assert report.verdict is Verdict.REFUSED
    assert report.evidence == [one.note().decode(), other.note().decode()]
    assert seen(one.note(), ALONE, memory).verdict is Verdict.ACCEPTED  # still remembered


def test_the_witnesses_are_believed_for_what_was_not_computed(memory):
    whole = log(cosigners=("complex", "city"))
    seen(whole.note(5), WITNESSED, memory)
    report = seen(whole.note(), WITNESSED, memory)
    assert report.verdict is Verdict.ACCEPTED
    assert "확인 기관의 서명을 믿었고" in sentences(report, State.UNCHECKED)


@pytest.mark.parametrize("sizes", [(5, 11), (11, 5)])
def test_a_provisional_head_needs_the_log_to_be_compared(memory, sizes):
    whole = log()
    first, second = (whole.note(size) for size in sizes)
    assert seen(first, ALONE, memory).verdict is Verdict.ACCEPTED
    report = seen(second, ALONE, memory)
    assert report.verdict is Verdict.UNKNOWN
    assert "--log" in report.conclusion
    assert seen(second, ALONE, memory, copy(whole)).verdict is Verdict.ACCEPTED


def test_a_short_copy_leaves_a_confirmed_head_as_it_was(memory):
    whole = log(cosigners=("complex", "city"))
    seen(whole.note(5), WITNESSED, memory)
    report = seen(whole.note(), WITNESSED, memory, copy(log(9)))
    assert report.verdict is Verdict.ACCEPTED
    assert "한 장부가 이어서 자란 것입니다: 5건" in sentences(report, State.OK)
    assert "장부 사본이 9건뿐이라" in sentences(report, State.UNCHECKED)
    assert seen(whole.note(), WITNESSED, memory, copy(log(3))).verdict is Verdict.ACCEPTED


def test_a_short_copy_still_leaves_a_provisional_head_open(memory):
    report = seen(log().note(), ALONE, memory, copy(log(9)))
    assert report.verdict is Verdict.UNKNOWN
    assert "더 새 사본을 받아 주세요" in report.conclusion


def test_a_short_copy_hides_no_fork(memory):
    whole, other = (log(cosigners=("complex", "city"), word=word) for word in (b"entry", b"other"))
    seen(whole.note(), WITNESSED, memory)
    for shown, short in ((other.note(), log(9)), (whole.note(), log(11, word=b"other"))):
        report = seen(shown, WITNESSED, memory, copy(short))
        assert report.verdict is Verdict.REFUSED
        assert len(report.evidence) == 2


def test_two_confirmed_heads_are_not_called_one_history_for_a_copy_too_short_to_tell():
    whole = log(cosigners=("complex", "city"))
    report = check_heads(whole.note(7), whole.note(), WITNESSED, copy(log(9)))
    assert report.verdict is Verdict.UNKNOWN


def test_the_copy_tells_a_fork_that_sizes_hide(memory):
    before, after = log(), log(20, cosigners=("complex", "city"))
    after.entries[3] = b"rewritten"
    seen(before.note(), ALONE, memory)
    assert seen(after.note(), WITNESSED, memory, copy(after)).verdict is Verdict.REFUSED


def test_a_log_of_another_key_under_the_same_name_is_another_log(memory):
    seen(log().note(), ALONE, memory)
    stranger = made.Log(key=made.LOG_KEY_2, entries=log(word=b"other").entries)
    policy = made.Policy((made.Party(made.log_key(made.ORIGIN, made.LOG_KEY_2)),), {}, {}, None)
    assert seen(stranger.note(), policy, memory).verdict is Verdict.ACCEPTED
    assert len(json.loads(memory.path.read_text())["heads"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"v": 2, "heads": {}}',
        b'{"v": 1, "heads": [1]}',
        b"[" * 100_000,
        b'{"v": 1, "heads": {"a": 5}}',
        b"\xff",
    ],
    ids=["empty", "cut", "list", "version", "heads", "deep", "number", "latin"],
)
def test_a_damaged_memory_is_told_and_kept(memory, content):
    memory.path.parent.mkdir()
    memory.path.write_bytes(content)
    report = seen(log().note(), ALONE, memory)
    assert report.verdict is Verdict.ACCEPTED
    assert "읽을 수 없어 견주지 못했습니다" in sentences(report, State.UNCHECKED)
    assert memory.path.read_bytes() == content


def test_a_memory_that_holds_what_nobody_signed_is_not_believed(memory):
    seen(log().note(), ALONE, memory)
    text = memory.path.read_text().replace("11", "12", 1)
    memory.path.write_text(text)
    assert seen(log(word=b"other").note(), ALONE, memory).verdict is Verdict.ACCEPTED


def test_what_cannot_be_written_down_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    report = seen(log().note(), ALONE, Memory(tmp_path / "file" / "heads.json"))
    assert report.verdict is Verdict.ACCEPTED
    assert report.of(State.UNCHECKED)


def test_a_policy_from_inside_the_file_makes_nothing_memorable(memory, sealed):
    report = Report(trusted=False)
    memory.weigh(report, ALONE)
    assert not memory.path.exists()


def test_two_documents_of_one_log_are_held_together(memory):
    """Two proofs under one size and two roots: somebody was shown another log."""
    first, second = log(), log(word=b"other")
    for number, shown in ((0, first), (1, second)):
        report = Report(trusted=True)
        report.saw(check_head(shown.note(), ALONE).heads)
        memory.weigh(report, ALONE)
        assert report.has_failed() is bool(number)
