"""Documents over two logs, and seals that were changed on the way."""

from dataclasses import replace

import pytest

import made_bundle
import made_document as made
from danji_verify.bundle import Trust, check_bundle
from danji_verify.canonical import b64encode
from danji_verify.chain import collects_heads
from danji_verify.check import check_pdf
from danji_verify.entry import Event
from danji_verify.heads import check_head
from danji_verify.memory import Memory
from danji_verify.note import format_note, parse_note
from danji_verify.record import check_document
from danji_verify.report import Report, State, Verdict
from made_document import Changes

BOTH = made.policy(logs=2)


def judge(document, policy=BOTH):
    report = Report()
    check_document(document.parts, policy, report)
    return report


def failures(report):
    assert report.verdict is Verdict.REFUSED
    return " ".join(found.sentence for found in report.of(State.FAILED))


@pytest.fixture(scope="module")
def moved():
    """A document whose decisions fell into the second log."""
    return made.make(sealed=True, move_before=3)


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 5])
def test_a_document_may_go_on_in_the_next_log(seq):
    document = made.make(sealed=True, move_before=seq)
    report = check_pdf(document.pdf, document.proof, BOTH)
    assert report.verdict is Verdict.ACCEPTED
    bundle = check_bundle(made_bundle.packed(made_bundle.parts(document)), Trust(BOTH))
    assert bundle.verdict is Verdict.ACCEPTED
    assert "이어 연 다음 장부" not in bundle.as_text()
    assert ("이어 연 다음 장부" in report.as_text()) is (seq == 5)


def test_both_logs_must_be_known(moved):
    report = judge(moved, made.policy())
    assert report.verdict is Verdict.UNKNOWN
    assert f"이 정책에는 이 장부({made.ORIGIN_2})가 없습니다." in report.conclusion


def test_the_opening_of_each_log_is_needed(moved):
    parts = {name: data for name, data in moved.parts.items() if "opened-1" not in name}
    openings = made.parse_openings(moved)
    del openings[b64encode(made.merkle.leaf_hash(moved.parts["leaf-opened-1.json"]))]
    parts["openings.json"] = made.canonical(openings)
    assert "서로 다른 장부" in failures(judge(replace(moved, parts=parts)))


def test_an_opening_under_the_number_of_another_log_is_refused(moved):
    parts = {name.replace("opened-1", "opened-3"): data for name, data in moved.parts.items()}
    assert "그 장부의 것이 아닙니다" in failures(judge(replace(moved, parts=parts)))


def test_what_the_first_log_grew_after_its_end_counts_nothing():
    """The second log names an end of the first that came before the document's events."""
    complex_ = made.make()
    end = made.Log(entries=complex_.log.entries[:1]).note()
    document = made.make(Changes(previous=lambda _head: end), move_before=3)
    assert "끝난 뒤에 덧붙은" in failures(judge(document))


def test_a_log_that_names_another_end_is_refused():
    split = made.Log(entries=[b"another", b"log of", b"that size"]).note()
    document = made.make(Changes(previous=lambda _head: split), move_before=3)
    report = judge(document)
    assert "갈라져" in failures(report)
    assert len(report.evidence) == 2
    for previous in (b"no head", made.Log(key=made.LOG_KEY_2, entries=[b"x"]).note()):
        document = made.make(Changes(previous=lambda _head, it=previous: it), move_before=3)
        assert judge(document).has_failed()


COSIGNED = made.policy(witnesses=True, logs=2)


def bundled(document):
    return check_bundle(made_bundle.packed(made_bundle.parts(document)), Trust(COSIGNED))


def test_where_a_log_ended_is_said_and_whether_anybody_agreed():
    def uncosigned(note):
        found = parse_note(note)
        return format_note(found.text, found.signatures[:1])

    changes = Changes(previous=uncosigned)
    for changed, state in ((None, State.OK), (changes, State.UNCHECKED)):
        document = made.make(changed, sealed=True, cosigners=("complex", "city"), move_before=3)
        told = [found for found in bundled(document).findings if "1번째 장부" in found.sentence]
        assert [found.state for found in told] == [state]
        assert "3건에서 끝났" in told[0].sentence


@pytest.mark.parametrize("cosigners", [("complex", "city"), ()])
def test_an_end_before_what_was_seen_of_a_log_is_told_by_memory(tmp_path, cosigners):
    """The next log goes on from an older head: what was confirmed after it would be gone."""
    policy = COSIGNED if cosigners else BOTH
    document = made.make(sealed=True, cosigners=cosigners, move_before=3)
    first, _index = document.named["opened-1"]
    longer = replace(first, entries=[*first.entries, b"confirmed", b"as well"])
    memory = Memory(tmp_path / "heads.json")
    memory.weigh(check_head(longer.note(), policy), policy)
    files = made_bundle.packed(made_bundle.parts(document))
    report = check_bundle(files, Trust(policy))
    memory.weigh(report, policy)
    assert "앞 장부가 3건에서 끝났다고 하는데, 전에 본 것은 5건입니다" in report.as_text()
    assert report.has_failed() is bool(cosigners)
    if cosigners:
        assert report.evidence == [longer.note().decode(), first.note().decode()]


def test_another_end_of_the_size_that_was_seen_is_a_fork(tmp_path):
    document = made.make(sealed=True, cosigners=("complex", "city"), move_before=5)
    first, _index = document.named["opened-1"]
    other = replace(first, entries=[*first.entries[:-1], b"another"])
    memory = Memory(tmp_path / "heads.json")
    memory.weigh(check_head(other.note(), COSIGNED), COSIGNED)
    report = bundled(document)
    memory.weigh(report, COSIGNED)
    assert report.verdict is Verdict.REFUSED
    assert other.note().decode() in report.evidence


def test_an_opening_that_continues_nothing_is_refused():
    """The second log begins as if there had been none before."""

    def begin_anew(_seq, fields):
        if fields["event"] is Event.LOG_CONTINUED:
            fields["event"] = Event.LOG_OPENED
            del fields["commitments"]["previous"]

    document = made.make(Changes(entry=begin_anew), move_before=3)
    openings = made.parse_openings(document)
    leaf = b64encode(made.merkle.leaf_hash(document.parts["leaf-opened.json"]))
    del openings[leaf]["previous"]
    document.parts["openings.json"] = made.canonical(openings)
    assert "이어 연 장부가 아닙니다" in failures(judge(document))


def test_a_log_of_logs_is_known_by_its_whole_name():
    assert collects_heads("danji.example/heads/1")
    assert collects_heads("danji.localhost:8000/heads/12")
    for origin in (
        "danji.example/heads/apt/A10000001/1",
        "danji.example/apt/heads/1",
        "danji.example/heads",
        "danji.example/heads/0",
        "/heads/1",
        made.ORIGIN,
    ):
        assert not collects_heads(origin)


def rotated(number=2, *, use="seal"):
    return (
        Event.KEY_ROTATED,
        {
            "key": {
                "v": 1,
                "use": use,
                "old": made.sha256(made.seal_key(1)[1]).hexdigest(),
                "new": b64encode(made.seal_key(number)[1]),
                "until": "",
            },
            "proposer": {"operator": "rotate"},
            "officer": None,
        },
    )


def check(document):
    return check_pdf(document.pdf, document.proof, made.policy())


def test_a_seal_that_was_changed_in_the_log_is_accepted():
    document = made.make(sealed=True, basis=(rotated(),), seal_number=2)
    report = check(document)
    assert report.verdict is Verdict.ACCEPTED
    assert "장부에서 새로 바꾼 것입니다" in report.as_text()


def test_the_newest_seal_counts():
    both = (rotated(3), rotated(2))
    assert check(made.make(sealed=True, basis=both, seal_number=2)).verdict is Verdict.ACCEPTED
    assert "새로 바꾼 것이 아닙니다" in failures(
        check(made.make(sealed=True, basis=both, seal_number=3))
    )


def test_the_old_seal_is_refused_once_it_was_changed():
    told = failures(check(made.make(sealed=True, basis=(rotated(),), seal_number=1)))
    assert "새로 바꾼 것이 아닙니다" in told


def test_a_seal_that_no_event_named_is_refused():
    log_key = (rotated(use="log"),)
    for basis in ((), log_key):
        told = failures(check(made.make(sealed=True, basis=basis, seal_number=2)))
        assert "장부를 열 때 적은 것이 아닙니다" in told
