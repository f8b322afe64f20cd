"""Keys of logs and seals: in files or in a token, changed for others, and gone after a while."""

import io
import subprocess
from datetime import timedelta
from pathlib import Path

import pkcs11
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from pikepdf import Pdf

from danji.base import keys, tenancy
from danji.config import founding
from danji.config.rotating import keys_now, rotate_log, rotate_seal
from danji.config.schedule import run_jobs
from danji.disclosure import jobs, site
from danji.disclosure.queries import disclosed, proof_of
from danji.outbox.models import Message
from danji.renditions.seal import SealKey, certify_seal, seal
from danji.rules.refusal import Refusal
from danji.transparency import sequencer as sequencing
from danji.transparency.keys import BOTH_SIGN, log_keys
from danji.transparency.models import LogKey, PendingEvent
from danji.transparency.queries import log_of, policy, published_head
from danji.transparency.sequencer import Sequencer
from danji_verify.checkpoint import Checkpoint, log_key, sign_checkpoint
from danji_verify.note import open_note
from danji_verify.report import Verdict
from logbook import failures, filed, judged, settle

MODULES = [
    Path(folder) / "softhsm/libsofthsm2.so" for folder in ("/usr/lib", "/usr/lib/x86_64-linux-gnu")
]

INIT = [
    "softhsm2-util",
    "--init-token",
    "--free",
    "--label",
    "danji",
    "--pin=1234",
    "--so-pin=4321",
]


@pytest.fixture
def token(settings, tmp_path, monkeypatch):
    """A token of the test's own, of SoftHSM; returns what takes it away and puts it back."""
    module = str(next(path for path in MODULES if path.exists()))
    shelf = tmp_path / "tokens"
    shelf.mkdir()
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {shelf}\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    subprocess.run(
        INIT,
        check=True,
        capture_output=True,
    )
    (tmp_path / "pin").write_text("1234\n")
    settings.PKCS11_MODULE, settings.PKCS11_TOKEN = module, "danji"
    settings.PKCS11_PIN_FILE = str(tmp_path / "pin")
    pkcs11.unload(module)

    def pulled_out(gone: bool) -> None:
        drawer = tmp_path / "drawer"
        (shelf if gone else drawer).rename(drawer if gone else shelf)
        pkcs11.unload(module)

    yield pulled_out
    pkcs11.unload(module)


def signers_of(complex_) -> int:
    return len(
        open_note(published_head(complex_).note, log_keys(complex_, log_of(complex_.id))).verified
    )


@pytest.fixture
def file(clerk, manager, sign, at):
    """Put a notice on record; returns the record once everything is made of it."""
    return lambda **changes: filed(clerk, manager, sign, at, **changes)


@pytest.fixture
def later(monkeypatch):
    """Let the sequencer live some days later."""

    def pass_by(moment):
        monkeypatch.setattr(sequencing.timezone, "now", lambda: moment)

    return pass_by


# --- Changing them ------------------------------------------------------------------------------


def test_both_keys_sign_for_ninety_days_and_then_the_new_one_alone(complex_, at, later):
    Sequencer().tick()
    assert signers_of(complex_) == 1
    rotate_log(complex_, at=at)
    later(at + BOTH_SIGN)
    Sequencer().tick()
    assert signers_of(complex_) == 2
    rotate_seal(complex_, at=at + BOTH_SIGN)
    later(at + BOTH_SIGN + timedelta(1))
    Sequencer().tick()
    assert signers_of(complex_) == 1
    head = published_head(complex_).note
    assert open_note(head, log_keys(complex_, log_of(complex_.id))[:1])


def test_an_old_key_may_be_removed_when_its_time_is_over(complex_, at, later, settings):
    said = rotate_log(complex_, at=at)
    assert "2027. 2. 20." in said
    assert "함께 서명합니다" in keys_now(complex_, at=at + BOTH_SIGN)
    after = at + BOTH_SIGN + timedelta(1)
    assert "log-1: 2027. 2. 20.에 끝났습니다. 지워도 됩니다." in keys_now(complex_, at=after)
    later(after)
    (settings.KEYS / complex_.code / "log-1.pem").unlink()
    sequencer = Sequencer()
    sequencer.start()
    assert sequencer.tick() == 2
    assert not sequencer.frozen
    assert not sequencer.waiting


def test_a_log_goes_on_over_the_change_after_a_restart(complex_, at):
    Sequencer().tick()
    rotate_log(complex_, at=at)
    assert sequencing.recover(complex_).edge.size == 1  # its head is signed by the old key alone
    Sequencer().tick()
    assert sequencing.recover(complex_).edge.size == 2


def test_those_in_charge_are_told(complex_, manager, chair, clerk, at):
    rotate_log(complex_, at=at)
    rotate_seal(complex_, at=at)
    told = [message.subject for message in Message.objects.filter(recipient=chair.person)]
    assert told == ["봉인 장부의 열쇠가 바뀌었습니다", "문서의 봉인 열쇠가 바뀌었습니다"]
    assert not Message.objects.filter(recipient=clerk.person).exists()


def test_old_documents_stay_provable_after_the_log_key_was_changed(complex_, file, at):
    record = file()
    before = proof_of(disclosed(record), complex_)
    rotate_log(complex_, at=at)
    settle()
    assert judged(record).verdict is Verdict.ACCEPTED
    stale = judged(record, proof=before)  # nobody but the old key vouches for it
    assert stale.verdict is Verdict.REFUSED
    assert "옛 열쇠" in failures(stale)


def test_published_proofs_are_written_again_under_the_new_key(complex_, file, at, settings):
    record = file()
    path = settings.PUBLIC / complex_.code / record.doc.hex / "document.pdf.tlog-proof"
    before = path.read_bytes()
    rotate_log(complex_, at=at)
    run_jobs()
    assert path.read_bytes() == before  # the new key has not signed yet
    settle()
    assert judged(record, proof=path.read_bytes()).verdict is Verdict.ACCEPTED
    trusted = (settings.PUBLIC / complex_.code / "log/1/policy.txt").read_text()
    assert trusted.count("\nlog ") + trusted.startswith("log ") == 2


def test_proofs_are_written_again_document_by_document(complex_, file, at, monkeypatch):
    records = [file(title=f"{number}번째 입찰공고") for number in range(3)]
    real, written = jobs._write, []

    def write(shown, *more, **options):
        written.append(shown.record.id)
        if shown.record.id == records[0].id:
            raise FileNotFoundError("its PDF is gone")
        return real(shown, *more, **options)

    monkeypatch.setattr(jobs, "_write", write)
    monkeypatch.setattr(jobs, "BATCH", 1)
    rotate_log(complex_, at=at)
    settle()
    for _ in range(4):
        jobs.renew_proofs(complex_.id)
    for record in records[1:]:
        assert written.count(record.id) == 1
    monkeypatch.setattr(jobs, "_write", real)
    assert jobs.renew_proofs(complex_.id) == 1
    assert jobs.renew_proofs(complex_.id) == 0
    newest = str(policy(complex_).logs[0].key)
    assert site.proofs_signed_by(complex_) == newest


def test_after_the_seal_was_changed_old_and_new_documents_pass(complex_, file, at):
    first = file()
    said = rotate_seal(complex_, at=at)
    assert "새 열쇠로 봉인합니다" in said
    Sequencer().tick()
    second = file(title="두 번째 입찰공고")
    for record in (first, second):
        assert judged(record).verdict is Verdict.ACCEPTED
    certificates = {keys.read_key(complex_.code, f"{name}.crt") for name in ("seal", "seal-2")}
    assert len(certificates) == 2


def test_a_pdf_is_sealed_with_the_old_seal_until_the_change_has_its_place(complex_, file, at):
    first = file()
    with_old = judged(first)
    rotate_seal(complex_, at=at)
    assert with_old.verdict is judged(first).verdict is Verdict.ACCEPTED


def test_a_log_of_an_earlier_version_learns_its_key_when_the_sequencer_starts(
    complex_, at, alter, settings
):
    Sequencer().tick()
    alter("DELETE FROM transparency_logkey")
    with pytest.raises(Refusal, match="열쇠를 아직 읽지 못했습니다"):
        policy(complex_)
    Sequencer().start()
    assert policy(complex_).judge(published_head(complex_).note)
    alter("DELETE FROM transparency_logkey")
    (settings.KEYS / complex_.code / "log-1.pem").unlink()
    sequencer = Sequencer()
    sequencer.start()
    assert "열쇠 파일(log-1.pem)" in sequencer.waiting[complex_.id]
    assert not LogKey.objects.exists()  # a log that has a key gets no other made up


# --- In a token ----------------------------------------------------------------------------------


@pytest.mark.softhsm
def test_a_log_key_in_a_token_signs_what_everybody_can_check(token, settings, tmp_path):
    settings.KEYS = tmp_path / "keys"
    keys.make_log_key("A10000001", "log-1")
    signer = keys.log_signer("A10000001", "log-1")
    head = Checkpoint("danji.localhost/apt/A10000001/1", 1, bytes(32))
    note = sign_checkpoint(head, signer)
    assert open_note(note, [log_key(head.origin, signer)])
    assert keys.has_key("A10000001", "log-1")
    assert not keys.has_key("A10000001", "log-2")
    assert not settings.KEYS.exists()


@pytest.mark.softhsm
def test_a_private_key_never_leaves_the_token(token, settings):
    keys.make_log_key("A10000001", "log-1")
    keys.make_seal_key("A10000001", "seal")
    library = pkcs11.lib(settings.PKCS11_MODULE)
    with library.get_token(token_label="danji").open(user_pin="1234") as session:
        found = list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}))
        assert len(found) == 2
        for key in found:
            assert key[pkcs11.Attribute.SENSITIVE]
            assert not key[pkcs11.Attribute.EXTRACTABLE]
            assert key[pkcs11.Attribute.NEVER_EXTRACTABLE]
    with pytest.raises(TypeError, match="signs and does nothing else"):
        keys.seal_signer("A10000001", "seal").private_numbers()


@pytest.mark.softhsm
def test_a_seal_in_a_token_seals_a_pdf(token, at):
    keys.make_seal_key("A10000001", "seal")
    signer = keys.seal_signer("A10000001", "seal")
    assert signer.key_size == 3072
    certificate = certify_seal(signer, "들꽃마을아파트", "A10000001", at=at)
    signer.public_key().verify(
        signer.sign(b"held", padding.PKCS1v15(), hashes.SHA256()),
        b"held",
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    page = Pdf.new()
    page.add_blank_page()
    plain = io.BytesIO()
    page.save(plain)
    assert seal(plain.getvalue(), SealKey.load(signer, certificate), at).signature_sha256


@pytest.mark.softhsm
def test_a_whole_complex_lives_with_its_keys_in_a_token(token, found, at, monkeypatch):
    monkeypatch.setattr(founding, "make_seal_key", keys.make_seal_key)
    monkeypatch.setattr(founding, "certify_seal", certify_seal)
    other = found("T10000001", "토큰아파트")
    assert sorted(path.name for path in keys.key_path(other.code, "").iterdir()) == ["seal.crt"]
    rotate_log(other, at=at)
    rotate_seal(other, at=at)
    Sequencer().tick()
    with tenancy.within(other.id):
        assert signers_of(other) == 2
        assert [key.name for key in LogKey.objects.within(other.id)] == ["log-1", "log-1-2"]


@pytest.mark.softhsm
def test_a_token_that_is_away_keeps_no_other_complex_waiting(token, complex_, at, caplog):
    rotate_log(complex_, at=at)  # the new key is in the token, the old one in its file
    sequencer = Sequencer()
    token(True)
    sequencer.start()
    assert sequencer.tick() == 0
    assert "열쇠 장치(HSM)를 쓸 수 없습니다" in sequencer.waiting[complex_.id]
    assert PendingEvent.objects.count() == 2
    token(False)
    assert sequencer.tick() == 2
    assert not sequencer.waiting


@pytest.mark.softhsm
def test_a_wrong_pin_is_said_plainly(token, tmp_path):
    (tmp_path / "pin").write_text("0000")
    with pytest.raises(Refusal, match=r"열쇠 장치\(HSM\)를 쓸 수 없습니다.*PinIncorrect"):
        keys.make_log_key("A10000001", "log-1")


@pytest.mark.softhsm
def test_a_key_of_that_name_is_not_made_twice(token):
    keys.make_log_key("A10000001", "log-1")
    with pytest.raises(Refusal, match="이미 있습니다"):
        keys.make_log_key("A10000001", "log-1")
