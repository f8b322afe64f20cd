"""A document with the whole log at hand: what the log says that the document does not."""

from dataclasses import replace

import pytest
from test_verify_decisions import ACTED, away

import made_document as made
from danji_verify.__main__ import main
from danji_verify.beside import check_beside
from danji_verify.check import check_pdf, check_proof
from danji_verify.entry import FIELDS, Entry, Event, build_entry, parse_entry
from danji_verify.logcopy import copy_in
from danji_verify.merkle import leaf_hash
from danji_verify.record import check_document
from danji_verify.report import Report, Verdict
from made_passkey import ES256, by_passkey, enrolled

ALONE = made.policy()
NO_OTHER = "이 문서의 사건이 이 파일에 든 것과 그 뒤의 것뿐입니다"


def beside(report, log, policy=ALONE):
    check_beside(copy_in(log.files().__getitem__), policy, report)
    return report


def gone_on(log, *events, **changed):
    """A copy of the log in which the newest chain goes on."""
    entries = list(log.entries)
    for event in events:
        last = parse_entry(entries[-1])
        later = Entry(
            event,
            last.complex,
            last.document,
            last.seq + 1,
            leaf_hash(entries[-1]),
            last.at,
            dict.fromkeys(FIELDS[event], bytes(32)),
        )
        entries.append(build_entry(replace(later, **changed)))
    return replace(log, entries=entries)


def checked(document):
    return check_pdf(document.pdf, document.proof, ALONE)


def test_a_document_is_held_against_every_entry_of_its_log(sealed):
    report = beside(checked(sealed), sealed.log)
    assert report.verdict is Verdict.ACCEPTED
    assert NO_OTHER in report.as_text()


@pytest.mark.parametrize(
    "other",
    [
        lambda log: gone_on(log, Event.FILED),
        lambda log: gone_on(log, Event.FILED, seq=4),
        lambda log: gone_on(log, Event.DECIDED),
        lambda log: gone_on(log, Event.FINALIZED),
        lambda log: gone_on(log, Event.ERASED, seq=9),
    ],
    ids=["filed again", "filed beside", "decided again", "sealed again", "out of order"],
)
def test_t06_a_document_of_which_the_log_says_something_else_is_refused(sealed, other):
    report = beside(checked(sealed), other(sealed.log))
    assert report.verdict is Verdict.REFUSED
    assert "장부 사본에 이 문서의 다른 사건이 있습니다" in report.as_text()


def test_t22_what_happened_to_a_document_afterwards_is_told(sealed):
    events = Event.DISCLOSED, Event.DISCLOSURE_WITHDRAWN, Event.ERASED
    report = beside(checked(sealed), gone_on(sealed.log, *events))
    assert report.verdict is Verdict.ACCEPTED
    at = len(sealed.log.entries)
    assert f"장부의 {at + 1}번 자리에서 공개를 거두었습니다." in report.as_text()
    assert f"장부의 {at + 2}번 자리에서 이 문서를 파기했습니다." in report.as_text()


def by_key(**options):
    event = enrolled(ES256)
    leaf = leaf_hash(made.make(basis=(event,)).parts["leaf-basis-1.json"])
    line = (made.LINE[0], made.LINE[2] | {"position": 2, "stage": 2})
    sign = by_passkey(ES256, leaf)
    return made.make(line=line, acts=(made.Act(2),), sign=sign, basis=(event,), **options)


def by_deputy(**options):
    return made.make(acts=ACTED, basis=(away(),), **options)


ENDS = {
    by_key: (Event.REVOKED, {"key": {}, "reason": "잃어버림", "actor": {}, "officer": {}}),
    by_deputy: (Event.DELEGATION_ENDED, {"delegation": {}, "actor": {}}),
}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (by_key, "서명 열쇠가 서명하기 전에 폐지되었습니다. 장부의 2번"),
        (by_deputy, "대신 결재하는 일이 그 전에 끝났습니다. 장부의 2번"),
    ],
)
def test_t08_what_ended_before_it_was_used_is_refused_and_else_settled(make, words):
    document = make(ended=ENDS[make])
    report = Report(trusted=True)
    check_document(document.parts, ALONE, report)
    assert not report.has_failed()
    assert words in beside(report, document.log).as_text()
    assert report.has_failed()

    document = make()
    report = Report(trusted=True)
    check_document(document.parts, ALONE, report)
    short = replace(document.log, entries=document.log.entries[:3])
    before = list(report.findings)
    assert beside(report, short).findings == before
    later = gone_on(document.log, ENDS[make][0], document=report.claims[0].begun.entry.document)
    assert not beside(report, later).has_failed()
    assert report.claims[0].holds in report.as_text()
    assert "폐지되지 않았는지는 확인하지 않았습니다" not in report.as_text()


def test_t12_a_copy_with_something_else_in_a_place_is_evidence(sealed):
    entries = list(sealed.log.entries)
    entries[3] = entries[2]
    report = beside(checked(sealed), replace(sealed.log, entries=entries))
    assert len(report.evidence) == 2


def test_a_copy_that_is_damaged_leaves_the_question_open(sealed):
    files = sealed.log.files()
    for held in ({**files, "tile/entries/000.p/6": b"0"}, {"checkpoint": files["checkpoint"]}):
        report = checked(sealed)
        check_beside(copy_in(held.__getitem__), ALONE, report)
        assert report.verdict is Verdict.UNKNOWN
        assert "온전하지 않아" in report.conclusion


def test_a_copy_of_another_log_says_nothing(sealed):
    other = made.Log(entries=sealed.log.entries, origin=made.ORIGIN_2, key=made.LOG_KEY_2)
    report = checked(sealed)
    before = list(report.findings)
    assert beside(report, other, made.policy(logs=2)).findings == before
    assert beside(report, other).findings == before


def test_a_proof_alone_is_only_held_against_its_place(sealed):
    report = beside(check_proof(sealed.proof, ALONE), gone_on(sealed.log, Event.FILED))
    assert report.verdict is Verdict.ACCEPTED


def test_the_program_holds_a_document_against_the_log_it_is_given(tmp_path, sealed, capfd):
    (tmp_path / "document.pdf").write_bytes(sealed.pdf)
    (tmp_path / "document.pdf.tlog-proof").write_bytes(sealed.proof)
    (tmp_path / "policy.txt").write_bytes(ALONE.format())
    for name, data in gone_on(sealed.log, Event.FILED).files().items():
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    arguments = [tmp_path / "document.pdf", "--policy", tmp_path / "policy.txt"]
    arguments += ["--log", tmp_path / "log", "--memory", "none"]
    assert main([str(argument) for argument in arguments]) == 1
    assert "이 문서의 다른 사건" in capfd.readouterr().out
