"""T12: an operator, who holds the log's key and a witness's, shows two logs.

Shown here: two of three is not enough, because the operator is one of the three.
"""

import pytest

import made_document as made
from danji_verify.check import check_pdf
from danji_verify.checkpoint import Checkpoint, cosign, log_key, witness_key
from danji_verify.heads import check_head, check_heads
from danji_verify.memory import Memory
from danji_verify.note import format_note, parse_note
from danji_verify.policy import Group, Party, Policy
from danji_verify.report import State, Verdict

VENDOR = made.Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
KEYS = {**made.WITNESS_KEYS, "vendor": VENDOR}
PARTIES = {name: Party(witness_key(f"{name}.example", key)) for name, key in KEYS.items()}
LOG = (Party(log_key(made.ORIGIN, made.LOG_KEY)),)
TWO_OF_THREE = Policy(LOG, PARTIES, {"needed": Group(2, tuple(PARTIES))}, "needed")
COMPLEX_AND_CITY = made.policy(witnesses=True)


def shown(word, *witnesses):
    """One face of the log, cosigned by those who were shown it."""
    log = made.Log(entries=[b"entry %d" % number for number in range(5)] + [word])
    note = parse_note(log.note())
    head = Checkpoint.parse(note.text)
    lines = [
        cosign(head, name=f"{name}.example", private_key=KEYS[name], at=made.COSIGNED_AT)
        for name in witnesses
    ]
    return format_note(note.text, [*note.signatures, *lines])


TO_COMPLEX = shown(b"9,000,000", "vendor", "complex")
TO_CITY = shown(b"1,000,000", "vendor", "city")


@pytest.mark.parametrize("note", [TO_COMPLEX, TO_CITY], ids=["complex", "city"])
def test_t12_two_of_three_accepts_both_faces_and_complex_and_city_neither(note):
    assert check_head(note, TWO_OF_THREE).verdict is Verdict.ACCEPTED
    report = check_head(note, COMPLEX_AND_CITY)
    assert report.verdict is Verdict.UNKNOWN
    assert "잠정" in report.conclusion


def test_t12_whoever_meets_both_faces_holds_the_evidence():
    for policy in (TWO_OF_THREE, COMPLEX_AND_CITY):
        report = check_heads(TO_COMPLEX, TO_CITY, policy)
        assert report.verdict is Verdict.REFUSED
        assert report.evidence == [TO_COMPLEX.decode(), TO_CITY.decode()]
        assert "갈라져" in report.of(State.FAILED)[0].sentence


def test_t12_a_resident_who_saw_one_face_is_told_of_the_other(tmp_path):
    memory = Memory(tmp_path / "heads.json")
    for note, verdict in ((TO_CITY, Verdict.ACCEPTED), (TO_COMPLEX, Verdict.REFUSED)):
        report = check_head(note, TWO_OF_THREE)
        memory.weigh(report, TWO_OF_THREE)
        assert report.verdict is verdict


def test_t12_a_document_of_one_face_is_not_final_for_complex_and_city():
    document = made.make(sealed=True, cosigners=("city",))
    report = check_pdf(document.pdf, document.proof, COMPLEX_AND_CITY)
    assert report.verdict is Verdict.UNKNOWN
    assert not report.confirmed
