"""Proof bundles: whole, damaged, hostile; and the time stamps in them."""

import struct
import warnings
import zipfile
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_bundle
import made_document as made
from danji_verify import bundle as bundle_module
from danji_verify.archive import Limits
from danji_verify.bundle import Trust, check_bundle
from danji_verify.errors import Unreadable, VerifyError
from danji_verify.proof import Proof
from danji_verify.report import State, Verdict
from danji_verify.stamp import check_stamp, load_roots

WITNESSED = made.policy(witnesses=True)


@pytest.fixture(scope="module")
def files(witnessed):
    return made_bundle.stamped(witnessed)


@pytest.fixture(scope="module")
def trust():
    return Trust(WITNESSED, load_roots(made_bundle.authority().pem), made_bundle.STAMPED_AT)


@pytest.fixture(scope="module")
def token():
    return made_bundle.authority().stamp(b"note")


def failures(report):
    assert report.verdict is Verdict.REFUSED
    return " ".join(found.sentence for found in report.of(State.FAILED))


def without(files, *names):
    return {name: data for name, data in files.items() if name not in names}


def test_a_whole_bundle_is_accepted(files, trust):
    report = check_bundle(made_bundle.packed(files), trust)
    assert report.verdict is Verdict.ACCEPTED
    assert "확정" in report.conclusion
    told = report.as_text()
    assert "상신부터 봉인까지 사건 5건이 모두 같은 머리 아래에" in told
    assert "2026-11-23 00:00 전에 장부에 있었다고 믿는 시각 기관이" in told


def test_without_authorities_the_time_is_told_and_not_vouched_for(files):
    report = check_bundle(made_bundle.packed(files), Trust(WITNESSED))
    assert report.verdict is Verdict.ACCEPTED
    assert any("--tsa" in found.sentence for found in report.of(State.UNCHECKED))


def test_without_a_policy_from_outside_nothing_is_concluded(files):
    report = check_bundle(made_bundle.packed(files), Trust())
    assert report.verdict is Verdict.UNKNOWN
    assert not report.of(State.FAILED)


def test_a_bundle_whose_head_is_not_confirmed_is_provisional(sealed):
    report = check_bundle(made_bundle.packed(made_bundle.parts(sealed)), Trust(WITNESSED))
    assert report.verdict is Verdict.UNKNOWN
    assert "잠정" in report.conclusion


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("document.pdf", "빠졌습니다"),
        ("document.pdf.tlog-proof", "빠졌습니다"),
        ("openings.json", "빠졌습니다"),
        ("leaf-1.json", "사건이 하나도"),
        ("leaf-3.tlog-proof", "빠졌습니다"),
        ("leaf-5.json", "들어 있지 않은 사건의 값"),
        ("leaf-opened.json", "빠졌습니다"),
        ("record.json", "PDF 안의 것과 다릅니다"),
        ("form.json", "PDF 안의 것과 다릅니다"),
        ("auth-3.json", "서명 자료(auth-3.json)가 빠졌습니다"),
        ("stamp.note", "시각 도장의 파일이 빠졌습니다"),
    ],
)
def test_a_missing_part_is_refused(files, trust, name, word):
    assert word in failures(check_bundle(made_bundle.packed(without(files, name)), trust))


@pytest.mark.parametrize("name", ["record.json", "form.json", "auth-2.json", "openings.json"])
def test_a_changed_part_is_refused(files, trust, name):
    changed = files | {name: files[name].replace(b":", b": ", 1)}
    assert failures(check_bundle(made_bundle.packed(changed), trust))


def test_evidence_of_what_is_no_decision_is_refused(files, trust):
    more = files | {"auth-1.json": b"{}"}
    assert "결재한 사건이 아닌" in failures(check_bundle(made_bundle.packed(more), trust))


def test_a_proof_under_another_head_is_refused(files, trust, witnessed):
    log, index = witnessed.named["2"]
    earlier = files | {"leaf-2.tlog-proof": log.proof(index, size=index + 1)}
    assert "다른 머리 아래" in failures(check_bundle(made_bundle.packed(earlier), trust))


def test_two_faces_inside_one_bundle_are_evidence(files, trust, witnessed):
    log, index = witnessed.named["1"]
    other = replace(log, entries=[*log.entries[:-1], b"other"])
    report = check_bundle(
        made_bundle.packed(files | {"leaf-1.tlog-proof": other.proof(index)}), trust
    )
    assert "아래 증거를 보관하고 확인 기관에" in failures(report)
    assert sorted(report.evidence) == sorted([log.note().decode(), other.note().decode()])


def test_a_bundle_without_its_last_event_says_which_is_missing(files, trust, witnessed):
    openings = made.parse_openings(witnessed) | witnessed.openings
    del openings[made.b64encode(witnessed.leaves[-1])]
    cut = without(files, "leaf-5.json", "leaf-5.tlog-proof") | {
        "openings.json": made.canonical(openings)
    }
    told = failures(check_bundle(made_bundle.packed(cut), trust))
    assert "봉인한 사건(leaf-5.json)이 들어 있지 않습니다" in told


def test_the_pdf_of_another_document_is_refused(files, trust, sealed):
    other = files | {"document.pdf": sealed.pdf}
    assert failures(check_bundle(made_bundle.packed(other), trust))


def test_a_page_of_another_version_is_told(files, trust):
    other = files | {"verify.html": b"<!doctype html>"}
    report = check_bundle(made_bundle.packed(other), trust)
    assert report.verdict is Verdict.ACCEPTED
    assert "verify.html" in report.as_text()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_byte_of_the_proofs_can_change(files, trust, data):
    names = [name for name in files if name.endswith(".json") or "tlog-proof" in name]
    name = data.draw(st.sampled_from(sorted(names)))
    damaged = bytearray(files[name])
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    report = check_bundle(made_bundle.packed(files | {name: bytes(damaged)}), trust)
    assert report.verdict is not Verdict.ACCEPTED


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_zip_never_stumbles(files, trust, data):
    damaged = bytearray(made_bundle.packed(files))
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([None, place]))
    check_bundle(bytes(damaged[:cut]), trust)


# Hostile archives: each is answered with a sentence.


def named(name):
    return lambda archive: archive.writestr(name, b"")


def twice(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says so itself
        archive.writestr("record.json", b"")


def linked(archive):
    info = zipfile.ZipInfo("leaf-9.json")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, b"/etc/passwd")


def bomb(archive):
    archive.writestr("leaf-9.json", bytes(3 * 2**20))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (named("../leaf-9.json"), "밖을 가리키는"),
        (named("/leaf-9.json"), "밖을 가리키는"),
        (named("a/./leaf-9.json"), "밖을 가리키는"),
        (named("a\\leaf-9.json"), "밖을 가리키는"),
        (named("c:leaf-9.json"), "밖을 가리키는"),
        (named("run.exe"), "아닌 파일이 들어 있습니다"),
        (twice, "이름이 같은"),
        (linked, "밖을 가리키는"),
    ],
    ids=["up", "root", "dot", "backslash", "drive", "stranger", "twice", "link"],
)
def test_a_zip_that_is_not_what_it_seems_is_refused(files, trust, change, word):
    assert word in failures(check_bundle(made_bundle.packed(files, change), trust))


def test_a_zip_too_large_or_too_full_is_not_unpacked(files, trust, monkeypatch):
    monkeypatch.setattr(bundle_module, "LIMITS", Limits(files=100, one=2**20, total=2**21))
    assert check_bundle(made_bundle.packed(files), trust).verdict is Verdict.ACCEPTED
    report = check_bundle(made_bundle.packed(files, bomb), trust)
    assert report.verdict is Verdict.UNKNOWN
    assert "너무 커서" in report.conclusion
    many = {f"leaf-{number}.json": b"" for number in range(1, 200)}
    assert "너무 많습니다" in check_bundle(made_bundle.packed(many), trust).conclusion


def test_a_file_that_is_longer_than_it_says_is_cut_off(files, trust):
    """The stated size is what the limits look at: nothing beyond it is unpacked."""
    whole = bytearray(made_bundle.packed(files, bomb))
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = whole.rfind(mark)
        if mark == b"PK\x03\x04":
            at = whole.rfind(b"leaf-9.json", 0, whole.rfind(b"PK\x01\x02")) - 30
        whole[at + place : at + place + 4] = struct.pack("<I", 10)
    report = check_bundle(bytes(whole), trust)
    assert report.verdict is Verdict.UNKNOWN
    assert "손상" in report.conclusion


def test_an_encrypted_zip_cannot_be_judged(files, trust):
    data = bytearray(made_bundle.packed(files))
    with zipfile.ZipFile(BytesIO(bytes(data))) as archive:
        start = archive.start_dir
    data[start + 8] |= 1
    assert "암호" in check_bundle(bytes(data), trust).conclusion


def test_what_is_no_zip_cannot_be_judged(trust):
    for data in (b"", b"PK", b"PK\x03\x04", b"PK\x03\x04" + bytes(100), b"MZ" + bytes(100)):
        assert check_bundle(data, trust).verdict is Verdict.UNKNOWN


# Time stamps. The threats (T27) stand in tests/threats.


def test_a_stamp_over_another_note_is_refused(files, trust):
    other = files | {"stamp.tsr": made_bundle.authority().stamp(b"another note")}
    assert "이 머리에 찍은 것이" in failures(check_bundle(made_bundle.packed(other), trust))


def test_a_stamp_that_does_not_reach_the_document_is_refused(files, trust, witnessed):
    heads = made.Log((), [b"another", b"and another"], made_bundle.HEADS.origin)
    proof = heads.proof(1)
    elsewhere = files | {
        "stamp.note": heads.note(),
        "stamp.tlog-proof": proof,
        "stamp.tsr": made_bundle.authority().stamp(heads.note()),
    }
    assert failures(check_bundle(made_bundle.packed(elsewhere), trust))
    log, _index = witnessed.named["5"]
    older = log.note(3)
    heads.entries[1] = older
    collected = files | {
        "stamp.note": heads.note(),
        "stamp.tlog-proof": heads.proof(1, extra=older),
        "stamp.tsr": made_bundle.authority().stamp(heads.note()),
    }
    told = failures(check_bundle(made_bundle.packed(collected), trust))
    assert "이 문서를 증명하는 머리의 것이" in told


def test_the_head_that_was_stamped_is_the_one_of_the_proof(files, trust):
    proof = Proof.parse(files["stamp.tlog-proof"])
    other = made.Log((), [b"x"], made_bundle.HEADS.origin, made_bundle.HEADS.key).note()
    swapped = files | {
        "stamp.tlog-proof": Proof(proof.index, proof.path, other, proof.extra).format()
    }
    assert "머리가 다릅니다" in failures(check_bundle(made_bundle.packed(swapped), trust))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_no_bytes_make_the_stamp_stumble(token, data):
    damaged = bytearray(token)
    place = data.draw(st.integers(0, len(token) - 1))
    damaged[place] ^= data.draw(st.integers(1, 255))
    roots = load_roots(made_bundle.authority().pem)
    cut = data.draw(st.sampled_from([None, place]))
    try:
        stamp = check_stamp(bytes(damaged[:cut]), b"note", roots)
    except VerifyError:
        return
    assert stamp.at == made_bundle.STAMPED_AT


def test_a_stamp_holds_for_its_note_and_its_authority():
    token = made_bundle.authority().stamp(b"note")
    roots = load_roots(made_bundle.authority().pem)
    stamp = check_stamp(token, b"note", roots)
    assert (stamp.at, stamp.pinned) == (made_bundle.STAMPED_AT, True)
    assert not check_stamp(token, b"note", []).pinned
    late = made_bundle.STAMPED_AT + timedelta(days=7300)
    expired = made_bundle.authority().stamp(b"note", late)
    for wrong, about in ((token, b"other"), (expired, b"note"), (b"", b"note"), (b"0\0", b"note")):
        with pytest.raises(VerifyError):
            check_stamp(wrong, about, roots)


def test_certificates_that_are_none_cannot_be_read():
    with pytest.raises(Unreadable):
        load_roots(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(Unreadable):
        load_roots(b"")
