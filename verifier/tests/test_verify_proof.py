"""Proof files and policies."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import made_document as made
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.errors import FormatError, NoteError, ProofError, VerifyError
from danji_verify.note import (
    MLDSA_COSIGNATURE,
    Signature,
    VerifierKey,
    format_note,
    parse_note,
    subtree_message,
)
from danji_verify.policy import Policy
from danji_verify.proof import Proof

LOG_LINE = f"log {made.policy().logs[0].key}\n"
WITNESSES = made.policy(witnesses=True).witnesses
CITY = f"witness city {WITNESSES['city'].key}\n"
COMPLEX = f"witness complex {WITNESSES['complex'].key} https://complex.example/\n"


@pytest.fixture(scope="module")
def log():
    log = made.Log(cosigners=("city",))
    for number in range(11):
        log.append(b"entry %d" % number)
    return log


def test_a_proof_leads_from_the_entry_to_the_signed_head(log):
    judgement = Proof.parse(log.proof(4)).verify(b"entry 4", made.policy())
    assert judgement.checkpoint.size == 11
    assert judgement.log.name == made.ORIGIN


def test_a_proof_is_written_back_as_it_was(log):
    for data in (log.proof(4), log.proof(0, extra=b""), log.proof(10, extra=b"more")):
        assert Proof.parse(data).format() == data


def test_another_entry_is_refused(log):
    with pytest.raises(ProofError):
        Proof.parse(log.proof(4)).verify(b"entry 5", made.policy())


def still_final(data):
    """Whether a damaged proof is taken for one that the log and its witness signed."""
    policy = Policy.parse((LOG_LINE + CITY + "quorum city\n").encode())
    try:
        return Proof.parse(data).verify(b"entry 4", policy).confirmed
    except VerifyError:
        return False


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_byte_of_a_proof_can_change(log, data):
    whole = log.proof(4)
    assert still_final(whole)
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    assert not still_final(bytes(damaged))


def test_every_byte_of_a_proof_matters(log):
    whole = log.proof(4)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        assert not still_final(bytes(damaged))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"@v1", b"@v2"),
        lambda data: data.replace(b"index 4", b"index 04"),
        lambda data: data.replace(b"index 4", b"index  4"),
        lambda data: data.replace(b"index 4\n", b""),
        lambda data: data.replace(b"index 4\n", b"index 4\nindex 4\n"),
        lambda data: data.replace(b"index 4\n", b"extra !\nindex 4\n"),
        lambda data: data.replace(b"index 4\n", b"index 4\n" + b"A" * 44 + b"\n"),
        lambda data: data.replace(b"\n\n", b"\n \n", 1),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"),
        lambda data: b" " + data,
        lambda data: data[:0],
    ],
)
def test_a_proof_of_another_shape_is_refused(log, change):
    with pytest.raises(VerifyError):
        Proof.parse(change(log.proof(4))).verify(b"entry 4", made.policy())


def test_a_head_of_another_log_is_refused(log):
    other = made.Ed25519PrivateKey.generate()
    key = replace(made.policy().logs[0], key=made.log_key(made.ORIGIN, other))
    with pytest.raises(NoteError):
        Proof.parse(log.proof(4)).verify(b"entry 4", replace(made.policy(), logs=(key,)))


def test_a_log_may_not_sign_for_another_origin(log):
    """The key of the policy is named like the log it may speak for."""
    elsewhere = replace(
        made.policy().logs[0], key=made.log_key("danji.example/apt/B1/1", made.LOG_KEY)
    )
    with pytest.raises(NoteError):
        Proof.parse(log.proof(4)).verify(b"entry 4", replace(made.policy(), logs=(elsewhere,)))


@pytest.mark.parametrize(
    ("quorum", "confirmed"),
    [
        ("quorum none\n", False),
        ("quorum city\n", True),
        ("quorum complex\n", False),
        ("group needed any city complex\nquorum needed\n", True),
        ("group needed 1 city complex\nquorum needed\n", True),
        ("group needed all city complex\nquorum needed\n", False),
        ("group needed 2 city complex\nquorum needed\n", False),
        ("group a any city\ngroup b all complex\ngroup c any a b\nquorum c\n", True),
        ("group a any city\ngroup b all complex\ngroup c all a b\nquorum c\n", False),
    ],
)
def test_a_head_is_final_once_the_quorum_cosigned(log, quorum, confirmed):
    policy = Policy.parse((LOG_LINE + CITY + COMPLEX + quorum).encode())
    judgement = Proof.parse(log.proof(4)).verify(b"entry 4", policy)
    assert judgement.confirmed is confirmed
    assert [f"{at:%Y-%m-%d}" for at in judgement.cosigned.values()] == ["2026-11-22"]


def test_a_policy_is_read_with_comments_and_blanks_and_written_back():
    text = f"# whom we trust\n\n\t {LOG_LINE}  {CITY}{COMPLEX}group g all city complex\nquorum g"
    policy = Policy.parse(text.encode())
    assert Policy.parse(policy.format()) == policy
    assert policy.witnesses["complex"].url == "https://complex.example/"


@pytest.mark.parametrize(
    "text",
    [
        "",
        LOG_LINE,
        LOG_LINE + "quorum none\nquorum none\n",
        LOG_LINE + "quorum city\n",
        LOG_LINE + "quorum city\n" + CITY,
        LOG_LINE + LOG_LINE + "quorum none\n",
        LOG_LINE + CITY + CITY.replace("witness city", "witness town") + "quorum none\n",
        LOG_LINE + CITY + COMPLEX.replace("witness complex", "witness city") + "quorum none\n",
        LOG_LINE + CITY + "group g 2 city\nquorum g\n",
        LOG_LINE + CITY + "group g 0 city\nquorum g\n",
        LOG_LINE + CITY + "group g 01 city\nquorum g\n",
        LOG_LINE + CITY + "group g any\nquorum g\n",
        LOG_LINE + CITY + "group g any city city\nquorum g\n",
        LOG_LINE + CITY + "group g any city\ngroup h any city\nquorum g\n",
        LOG_LINE + CITY + "group g any none\nquorum g\n",
        LOG_LINE + CITY + "group none any city\nquorum none\n",
        LOG_LINE + CITY.replace("witness city", "witness none") + "quorum none\n",
        CITY.replace("witness city", "log") + "quorum none\n",
        LOG_LINE.replace("log", "witness log") + "quorum none\n",
        LOG_LINE.replace("\n", " a b\n") + "quorum none\n",
        LOG_LINE + "quorum none\r\n",
        LOG_LINE + "quorum none\x00\n",
        LOG_LINE + "trust me\nquorum none\n",
        "log nonsense\nquorum none\n",
    ],
)
def test_a_policy_that_is_not_exact_is_refused(text):
    with pytest.raises(FormatError):
        Policy.parse(text.encode())


def test_thirty_two_logs_and_witnesses_are_accepted():
    lines = []
    for number in range(32):
        key = made.Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        other = made.Ed25519PrivateKey.from_private_bytes(bytes([100 + number]) * 32)
        lines.append(f"log {made.log_key(f'log{number}.example', key)}\n")
        lines.append(f"witness w{number} {made.witness_key(f'w{number}.example', other)}\n")
    policy = Policy.parse("".join([*lines, "quorum none\n"]).encode())
    assert (len(policy.logs), len(policy.witnesses)) == (32, 32)


OLD, NEW = made.LOG_KEY, made.LOG_KEY_2
ROTATING = Policy.parse(
    f"log {made.log_key(made.ORIGIN, OLD)}\nlog {made.log_key(made.ORIGIN, NEW)}\n"
    "quorum none\n".encode()
)


def both_signed(log):
    """A proof whose head the old and the new key signed."""
    proof = Proof.parse(log.proof(4))
    note = parse_note(proof.checkpoint)
    by_new = parse_note(sign_checkpoint(Checkpoint.parse(note.text), NEW)).signatures
    signed = format_note(note.text, [note.signatures[0], *by_new])
    return replace(proof, checkpoint=signed)


def test_while_a_log_changes_its_key_either_signature_is_enough(log):
    proof = both_signed(log)
    old_alone = Proof.parse(log.proof(4))
    new_alone = replace(made.Log(key=NEW, entries=log.entries), cosigners=()).proof(4)
    for given_ in (proof, old_alone, Proof.parse(new_alone)):
        assert given_.verify(b"entry 4", ROTATING).checkpoint.size == 11
    assert Policy.parse(ROTATING.format()) == ROTATING


def test_while_a_log_changes_its_key_a_signature_that_is_there_must_hold(log):
    proof = both_signed(log)
    for place in (0, 1):
        note = parse_note(proof.checkpoint)
        lines = list(note.signatures)
        broken = bytes([lines[place].signature[0] ^ 1]) + lines[place].signature[1:]
        lines[place] = replace(lines[place], signature=broken)
        damaged = replace(proof, checkpoint=format_note(note.text, lines))
        with pytest.raises(NoteError):
            damaged.verify(b"entry 4", ROTATING)


def test_the_retired_key_is_a_strangers(log):
    """A policy that no longer names it reads the new signature and passes over the old one."""
    only_new = Policy.parse(f"log {made.log_key(made.ORIGIN, NEW)}\nquorum none\n".encode())
    assert both_signed(log).verify(b"entry 4", only_new).log.public == ROTATING.logs[1].key.public
    with pytest.raises(NoteError):
        Proof.parse(log.proof(4)).verify(b"entry 4", only_new)


def test_a_witness_may_have_a_key_of_the_second_type(log):
    key = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    city = VerifierKey("city.example", MLDSA_COSIGNATURE, key.public_key().public_bytes_raw())
    policy = Policy.parse(f"{LOG_LINE}witness city {city}\nquorum city\n".encode())
    proof = Proof.parse(replace(log, cosigners=()).proof(4))
    assert not proof.verify(b"entry 4", policy).confirmed
    note = parse_note(proof.checkpoint)
    at = 1795305600
    signature = key.sign(subtree_message("city.example", note.text.encode(), at))
    line = Signature(city.name, city.key_id, at.to_bytes(8, "big") + signature)
    cosigned = replace(proof, checkpoint=format_note(note.text, [*note.signatures, line]))
    assert cosigned.verify(b"entry 4", policy).confirmed
    with pytest.raises(FormatError):
        Policy.parse(f"log {city}\nquorum none\n".encode())


def test_a_policy_says_whose_cosignatures_count():
    text = LOG_LINE + CITY + COMPLEX
    assert Policy.parse(f"{text}quorum none\n".encode()).needed() == set()
    assert Policy.parse(f"{text}quorum city\n".encode()).needed() == {"city"}
    nested = f"{text}group a any city\ngroup b all a complex\nquorum b\n"
    assert Policy.parse(nested.encode()).needed() == {"city", "complex"}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parsers_stumble(data):
    for parse in (Proof.parse, Policy.parse):
        try:
            parse(data)
        except FormatError:
            continue
