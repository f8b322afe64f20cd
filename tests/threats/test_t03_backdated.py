"""T03: somebody puts the clock back, and dates a decision before it was made."""

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audited import approved, audit, faults
from danji.audit.findings import Severity
from danji.transparency.models import Cosignature, Log, Trouble, TroubleKind, Witness
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji_verify.checkpoint import Checkpoint, cosign, witness_key
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in, folder_reader
from danji_verify.report import State
from papers import submit
from signing.enrolment import enrol

KEY = Ed25519PrivateKey.generate()
NAME = "witness.example/city"


def seen(log, at):
    """A witness cosigns the newest head of the log."""
    witness, _ = Witness.objects.get_or_create(
        name=NAME,
        defaults={
            "label": "가상구청",
            "party": "city",
            "vkey": str(witness_key(NAME, KEY)),
            "since": at,
        },
    )
    head = Checkpoint(log.origin, log.size, bytes(log.root))
    line = cosign(head, name=NAME, private_key=KEY, at=int(at.timestamp()))
    Cosignature.objects.create(
        witness=witness,
        origin=log.origin,
        size=log.size,
        root=log.root,
        time=at,
        line=str(line),
        received_at=at,
    )


def test_t03_what_is_dated_back_is_told_by_the_witnessed_interval(
    complex_, bookkeeper, chief, manager, sign, at
):
    approved(bookkeeper, chief, manager, sign, at)
    Sequencer().tick()
    log = Log.objects.get()
    seen(log, at + timedelta(minutes=1))
    assert faults(audit(complex_, at)) == ""
    submit(bookkeeper, at - timedelta(days=2), form="expense", title="이틀 앞당긴 구입")
    Sequencer().tick()
    log.refresh_from_db()
    seen(log, at + timedelta(minutes=2))
    told = [found for found in audit(complex_, at).found.kept if "앞당긴" in found.sentence]
    assert [found.severity for found in told] == [Severity.FAULT]
    assert told[0].index is not None
    copy = copy_in(folder_reader(log_folder(complex_.code, 1)))
    report = check_log(copy, policy(complex_))
    unsure = " ".join(
        found.sentence for found in [*report.of(State.UNCHECKED), *report.of(State.FAILED)]
    )
    assert "10분 넘게 이릅니다" in unsure


def test_t03_without_a_witness_the_order_of_the_log_raises_a_question(
    complex_, bookkeeper, chief, manager, at
):
    enrol(chief, manager, at)
    Sequencer().tick()
    submit(bookkeeper, at - timedelta(days=2), form="expense")
    Sequencer().tick()
    told = [found for found in audit(complex_, at).found.kept if "앞당겼는지" in found.sentence]
    assert [found.severity for found in told] == [Severity.DOUBT]


def test_t03_that_sealing_stood_still_excuses_nothing_by_our_own_word(
    complex_, bookkeeper, chief, manager, sign, at
):
    approved(bookkeeper, chief, manager, sign, at)
    Sequencer().tick()
    log, now = Log.objects.get(), at + timedelta(hours=48)
    for hours in (0, 48):
        seen(log, at + timedelta(hours=hours, minutes=1))
    for title in ("이틀 앞당긴 구입", "그날의 다른 구입"):
        submit(bookkeeper, at + timedelta(hours=1), form="expense", title=title)
    Sequencer().tick()
    log.refresh_from_db()
    seen(log, now + timedelta(minutes=2))
    told = [found for found in audit(complex_, now).found.kept if "앞당겼는지" in found.sentence]
    assert [found.severity for found in told] == [Severity.DOUBT, Severity.DOUBT]
    Trouble.objects.create(
        origin=log.origin, kind=TroubleKind.WAITING, sentence="기다립니다.", since=at, until=now
    )
    found = audit(complex_, now)
    told = [one for one in found.found.kept if "앞당겼는지" in one.sentence]
    assert [one.severity for one in told] == [Severity.DOUBT]
    assert "사건 가운데 2건" in told[0].sentence
    assert "서버는 그때 봉인이 멈추어 있었다고 적어 두었습니다" in told[0].sentence
    assert not found.clean
