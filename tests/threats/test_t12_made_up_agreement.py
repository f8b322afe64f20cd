"""T12, T13, T20, T27: the operator makes up that others agreed, or shows what they did not see."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from audited import agree, approved, audit, faults, said, settle
from danji.audit.findings import Severity
from danji.disclosure.models import Confirmation
from danji.transparency.models import ConfirmedHead, Log, LogKey, Witness
from danji.transparency.queries import policy
from danji.transparency.tree import log_folder
from danji_verify.checkpoint import log_key
from logbook import filed
from watching import SmallWitness, registered


@pytest.fixture
def witnesses(complex_):
    both = [SmallWitness("c.test", timezone.now), SmallWitness("g.test", timezone.now)]
    for witness, party in zip(both, ("complex", "city"), strict=True):
        registered(witness, party, complex_, timezone.now())
    return both


@pytest.fixture
def agreed(complex_, witnesses, bookkeeper, chief, manager, sign, at):
    """A document on which both parties agreed."""
    document = approved(bookkeeper, chief, manager, sign, at)
    settle()
    agree(complex_, witnesses, timezone.now())
    settle()
    assert faults(audit(complex_, timezone.now())) == ""
    return document


def test_t12_a_head_that_nobody_cosigned_is_no_confirmed_one(
    complex_, bookkeeper, chief, manager, sign, at
):
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    log = Log.objects.get()
    ConfirmedHead.objects.create(
        origin=log.origin, size=log.size, root=log.root, note=log.checkpoint, confirmed_at=at
    )
    assert "양쪽의 확인 서명이 없습니다" in faults(audit(complex_, timezone.now()))
    assert not policy(complex_).judge(bytes(log.checkpoint)).confirmed


@pytest.mark.parametrize("party", ["complex", "city", "outsider"])
def test_t12_a_witness_entered_below_the_log_is_told(complex_, agreed, at, party):
    own = SmallWitness("own.test", lambda: at)
    Witness.objects.create(
        id=uuid4(),
        name=own.name,
        label="감사",
        party=party,
        vkey=own.vkey,
        complex=complex_,
        since=at,
    )
    assert "확인 기관의 목록이 봉인 장부에 적힌 것과 다릅니다(own.test)" in faults(
        audit(complex_, timezone.now())
    )


def test_t12_agreement_by_witnesses_whom_the_log_never_named_is_none(
    complex_, bookkeeper, chief, manager, sign, at
):
    """Entered, used and ended again by their rows alone, so that today's are as they were."""
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    now = timezone.now()
    own = [SmallWitness("c.own", timezone.now), SmallWitness("g.own", timezone.now)]
    for witness, party in zip(own, ("complex", "city"), strict=True):
        Witness.objects.create(
            name=witness.name,
            label=party,
            party=party,
            vkey=witness.vkey,
            complex=complex_,
            since=now,
        )
    log = Log.objects.get()
    head = bytes(log.checkpoint)
    for witness in own:
        head = witness.signed_note(head)
    ConfirmedHead.objects.create(
        origin=log.origin, size=log.size, root=log.root, note=head, confirmed_at=now
    )
    Witness.objects.update(until=now)
    assert "양쪽의 확인 서명이 없습니다" in faults(audit(complex_, timezone.now()))


@pytest.mark.parametrize(
    "change",
    ["time = time + interval '300 days'", "line = 'nothing'", "size = size - 1"],
    ids=["time", "line", "size"],
)
def test_t27_a_cosignature_that_was_altered_is_told(complex_, agreed, alter, change):
    alter(f"UPDATE transparency_cosignature SET {change}")
    assert "확인 서명 1건이 맞지 않습니다" in faults(audit(complex_, timezone.now()))


def test_t20_a_log_key_entered_below_the_log_is_told(complex_, agreed, at):
    log = Log.objects.get()
    LogKey.objects.create(
        complex=complex_,
        name="log-1-2",
        vkey=str(log_key(log.origin, Ed25519PrivateKey.generate())),
        since=at,
    )
    assert "1번 장부의 열쇠가 봉인 장부에 적힌 것과 다릅니다" in faults(
        audit(complex_, timezone.now())
    )


def test_t20_a_key_that_was_changed_as_the_log_says_is_in_order(complex_, agreed, at):
    from danji.config.rotating import rotate_log

    rotate_log(complex_, at=timezone.now())
    settle()
    assert faults(audit(complex_, timezone.now())) == ""


def test_t13_an_old_head_put_back_is_told(complex_, bookkeeper, chief, manager, sign, at):
    settle()
    path = log_folder(complex_.code, 1) / "checkpoint"
    old = path.read_bytes()
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    path.write_bytes(old)
    assert "공개된 머리가 옛것입니다" in faults(audit(complex_, timezone.now()))


def test_t28_a_verifier_that_was_changed_is_told(complex_):
    from danji.disclosure.site import write_verifier

    settle()
    write_verifier()
    assert faults(audit(complex_, timezone.now())) == ""
    page = Path(settings.PUBLIC) / "verify.html"
    page.write_bytes(page.read_bytes().replace(b"<html", b"<html data-changed", 1))
    assert "verify.html" in faults(audit(complex_, timezone.now()))


def test_t28_a_policy_that_names_others_is_told(complex_, agreed):
    path = log_folder(complex_.code, 1) / "policy.txt"
    own = SmallWitness("own.test", timezone.now)
    path.write_bytes(path.read_bytes() + f"witness own.test {own.vkey}\n".encode())
    later = timezone.now() + timedelta(hours=1)
    assert "policy.txt" in faults(audit(complex_, later))


def test_another_address_alone_accuses_nobody(complex_, agreed, settings):
    later = timezone.now() + timedelta(hours=1)
    settings.SITE_URL = "https://other.test"
    audited = audit(complex_, later)
    assert faults(audited) == ""
    assert "주소" in said(audited, Severity.DOUBT)


def test_t12_a_page_that_says_confirmed_without_such_a_head_is_told(
    complex_, witnesses, clerk, manager, sign, at, alter
):
    filed(clerk, manager, sign, at)
    agree(complex_, witnesses, timezone.now())
    settle()
    assert Confirmation.objects.exists()
    assert faults(audit(complex_, timezone.now())) == ""
    alter("UPDATE disclosure_confirmation SET size = size + 1")
    assert "확정된 것으로 되어 있습니다" in faults(audit(complex_, timezone.now()))
