"""T07: whoever runs the server enrols a signing key of its own in an officer's name."""

import pytest

from danji.accounts.queries import actor_value
from danji.base.ids import uuid7
from danji.outbox.models import Message
from danji.rules.refusal import Refusal
from danji.signing import passkeys
from danji.signing.actions import confirm_key, key_value
from danji.signing.models import KeyConfirmation
from danji.transparency.actions import append_event
from danji.transparency.models import Event as EventRow
from danji_verify.entry import Event
from danji_verify.report import Verdict
from logbook import failures, filed_as, judged
from papers import decide, submit
from signing.enrolment import enrol, new_device, register


def signs(officer, device):
    """What a page does: asks the device to sign the statement, and hands the answer in."""

    def sign(statement):
        assertion = device.assertion(passkeys.challenge([statement]))
        return passkeys.passkey_signer(officer, assertion)(statement)

    return sign


@pytest.fixture
def fake(manager, chief, at):
    """A device of the operator's, registered in the manager's name; nobody has confirmed it."""
    enrol(manager, chief, at)
    device = new_device()
    return device, register(device, manager, at, name="운영자의 기기")


def test_t07_a_key_that_no_second_officer_confirmed_signs_nothing(
    fake, bookkeeper, chief, manager, sign, at
):
    device, key = fake
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    with pytest.raises(Refusal, match="아직 확인을 받지 않았거나"):
        decide(document, manager, signs(manager, device), at)
    with pytest.raises(Refusal, match="스스로 확인할 수 없습니다"):
        confirm_key(key.id, actor=manager, at=at)
    assert not KeyConfirmation.objects.filter(key=key).exists()


def test_t07_an_enrolment_is_a_leaf_and_the_person_is_told(fake, chief, manager, at):
    _, key = fake
    confirm_key(key.id, actor=chief, at=at)
    assert EventRow.objects.filter(doc=key.id, name=Event.ENROLLED).exists()
    assert "기기" in Message.objects.filter(recipient=manager.person).latest("written_at").subject


@pytest.mark.parametrize("vouching", ["nobody", "the person"])
def test_t07_an_enrolment_written_past_the_server_is_refused_by_the_verifier(
    fake, bookkeeper, chief, manager, sign, at, alter, vouching
):
    """The operator writes the event and its row itself, and nobody vouched for the key."""
    device, key = fake
    officer = {"nobody": manager, "the person": manager}[vouching]
    leaf_hash = append_event(
        key.complex,
        key.id,
        Event.ENROLLED,
        {
            "key": key_value(key),
            "actor": actor_value(manager),
            "officer": b"null" if vouching == "nobody" else actor_value(officer),
        },
        at=at,
    )
    alter(
        "INSERT INTO signing_keyconfirmation (complex_id, id, key_id, officer_id, leaf_hash, "
        "confirmed_at) VALUES (%s, %s, %s, %s, %s, %s)",
        str(key.complex_id), str(uuid7()), str(key.id), str(chief.id), leaf_hash, at,
    )  # fmt: skip
    document = submit(bookkeeper, at, form="expense")
    decide(document, chief, sign, at)
    decide(document, manager, signs(manager, device), at)
    report = judged(filed_as(document))
    assert report.verdict is Verdict.REFUSED
    assert "관리사무소장 박정호" in failures(report)
