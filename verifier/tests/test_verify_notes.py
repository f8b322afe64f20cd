"""Signed notes, checkpoints and cosignatures, against the examples of their specifications."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

import made_document as made
from danji_verify.checkpoint import Checkpoint, cosign, log_key, sign_checkpoint, witness_key
from danji_verify.errors import FormatError, NoteError, VerifyError, WeakKey
from danji_verify.merkle import EMPTY_ROOT
from danji_verify.note import (
    COSIGNATURE,
    ED25519,
    MAX_SIGNATURES,
    MLDSA_COSIGNATURE,
    Note,
    Signature,
    VerifierKey,
    format_note,
    open_note,
    parse_note,
    subtree_message,
)

# c2sp.org/signed-note, its example.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2"
    "ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

# golang.org/x/mod/sumdb/note, its documentation and tests.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33"
    "WWd1RvMc+QQ=\n"
).encode()

# transparency-dev/formats: a witness's key, type 0x04.
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

# c2sp.org/tlog-cosignature, its example; the keys are not given there.
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
    "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()

HEAD = Checkpoint(made.ORIGIN, 0, EMPTY_ROOT)


def test_the_example_of_the_specification_verifies():
    opened = open_note(EXAMPLE_NOTE, [VerifierKey.parse(EXAMPLE_KEY)])
    assert opened.text == "This is an example message.\n"
    assert [found.key.name for found in opened.verified] == ["example.com/foo"]


def test_a_note_of_another_implementation_verifies_for_each_of_its_signers():
    peter, enoch = VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)
    assert len(open_note(GO_NOTE, [peter, enoch]).verified) == 2
    assert open_note(GO_NOTE, [enoch]).by(peter) is None


@pytest.mark.parametrize("vkey", [EXAMPLE_KEY, PETER, ENOCH, REMORA])
def test_a_verifier_key_is_written_back_as_it_was(vkey):
    assert str(VerifierKey.parse(vkey)) == vkey


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/bar"),
        EXAMPLE_KEY[:-1],
        EXAMPLE_KEY[:-1] + "l",
        "example.com/foo+530d903a+" + "Bw" + EXAMPLE_KEY[-42:],
        " " + EXAMPLE_KEY,
    ],
)
def test_a_verifier_key_that_is_not_exact_is_refused(vkey):
    with pytest.raises(NoteError):
        VerifierKey.parse(vkey)


@settings(deadline=None)
@given(st.integers(0, len(EXAMPLE_NOTE) - 1), st.integers(1, 255))
def test_no_byte_of_a_note_can_change(place, change):
    damaged = bytearray(EXAMPLE_NOTE)
    damaged[place] ^= change
    with pytest.raises(NoteError):
        open_note(bytes(damaged), [VerifierKey.parse(EXAMPLE_KEY)])


def test_signatures_by_strangers_are_ignored_and_a_broken_known_one_is_not():
    stranger = GO_NOTE.replace("— PeterNeumann".encode(), "— PeterNewman".encode())
    assert len(open_note(stranger, [VerifierKey.parse(ENOCH)]).verified) == 1
    with pytest.raises(NoteError):
        open_note(stranger, [VerifierKey.parse(PETER)])
    broken = GO_NOTE.replace(b"x08go/ZJ", b"x08go/ZK")
    with pytest.raises(NoteError):
        open_note(broken, [VerifierKey.parse(PETER), VerifierKey.parse(ENOCH)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        EXAMPLE_NOTE[:-1],
        EXAMPLE_NOTE + b"\n",
        EXAMPLE_NOTE.replace(b"\n", b"\r\n"),
        EXAMPLE_NOTE.replace(b"example", b"exam\tple"),
        EXAMPLE_NOTE.replace("—".encode(), b"-"),
        EXAMPLE_NOTE.replace(b"aQM=", b"aQN="),
        b"\xff" + EXAMPLE_NOTE,
        EXAMPLE_NOTE + EXAMPLE_NOTE[-110:] * 64,
        EXAMPLE_NOTE.replace(b"example", b"exam\x00ple"),
        EXAMPLE_NOTE.replace(b"example", b"exam\x1bple"),
        EXAMPLE_NOTE.replace(b"aQM=", b"aQM"),
        EXAMPLE_NOTE.replace(b"aQM=\n", b"aQM= \n"),
        EXAMPLE_NOTE.replace(b"aQM=\n", b"aQM=\n\n"),
    ],
)
def test_a_note_of_another_shape_is_refused(data):
    with pytest.raises(NoteError):
        open_note(data, [VerifierKey.parse(EXAMPLE_KEY)])


def test_the_text_may_hold_empty_lines():
    note = Note("a\n\nb\n", parse_note(EXAMPLE_NOTE).signatures)
    assert parse_note(format_note(note.text, note.signatures)) == note


def test_a_line_that_is_there_twice_is_refused():
    once = parse_note(EXAMPLE_NOTE)
    with pytest.raises(NoteError, match="twice"):
        format_note(once.text, once.signatures * 2)


# The points of small order (RFC 8032, 5.1), as libsodium lists them, and ways to write them.
ORDER_EIGHT = (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
SMALL = (0, 1, 2**255 - 20, *(int.from_bytes(bytes.fromhex(key), "little") for key in ORDER_EIGHT))
NOT_REDUCED = (2**255 - 19, 2**255 - 18, 2**255 - 1)
WEAK = [y + sign for y in (*SMALL, *NOT_REDUCED) for sign in (0, 2**255)]


@pytest.mark.parametrize("key_type", [ED25519, COSIGNATURE])
def test_a_key_that_anybody_can_sign_for_is_none(key_type):
    for y in WEAK:
        with pytest.raises(WeakKey):
            VerifierKey("a.example", key_type, y.to_bytes(32, "little"))
    VerifierKey("a.example", key_type, (2**255 - 21).to_bytes(32, "little"))


def test_a_signature_over_nothing_holds_for_a_weak_key():
    """Why they are refused: this is not a signature that anybody made."""
    weak = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(weak).verify(weak + bytes(32), b"any head at all")


def test_a_signed_checkpoint_is_read_back():
    head = Checkpoint(made.ORIGIN, 5, bytes(range(32)))
    opened = open_note(sign_checkpoint(head, made.LOG_KEY), [log_key(made.ORIGIN, made.LOG_KEY)])
    assert Checkpoint.parse(opened.text) == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n0\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "origin\n00\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n٣\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n9223372036854775808\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
        "origin\n0\nAAAA\n",
        "origin\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n",
    ],
)
def test_a_checkpoint_that_is_not_exact_is_refused(text):
    with pytest.raises(FormatError):
        Checkpoint.parse(text)


def test_extension_lines_are_kept():
    text = "origin\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n"
    assert Checkpoint.parse(text).text() == text


def test_a_cosignature_says_when():
    key = made.WITNESS_KEYS["city"]
    note = parse_note(sign_checkpoint(HEAD, made.LOG_KEY))
    line = cosign(HEAD, name="city.example", private_key=key, at=1727964367)
    data = format_note(note.text, [*note.signatures, line])
    verified = open_note(data, [witness_key("city.example", key)]).verified
    assert [found.time for found in verified] == [1727964367]
    assert len(line.key_id + line.signature) == 76


def test_a_cosignature_for_another_time_or_text_is_refused():
    key = made.WITNESS_KEYS["city"]
    line = cosign(HEAD, name="city.example", private_key=key, at=1727964367)
    later = line.signature[:7] + bytes([line.signature[7] ^ 1]) + line.signature[8:]
    for text, signature in ((HEAD.text(), later), (HEAD.text() + "more\n", line.signature)):
        changed = type(line)(line.name, line.key_id, signature)
        with pytest.raises(NoteError):
            open_note(format_note(text, [changed]), [witness_key("city.example", key)])


def test_the_example_of_a_cosignature_has_the_layout_of_the_specification():
    note = parse_note(COSIGNED)
    log, witness = note.signatures
    assert Checkpoint.parse(note.text).size == 20852163
    assert (len(log.signature), len(witness.signature)) == (64, 8 + 64)
    said = datetime.fromtimestamp(int.from_bytes(witness.signature[:8], "big"), UTC)
    assert said == datetime(2023, 3, 20, 12, 25, 47, tzinfo=UTC)  # 1679315147


def test_more_signatures_than_the_specification_demands_are_accepted():
    signed = parse_note(sign_checkpoint(HEAD, made.LOG_KEY))
    strangers = [Signature(f"w{number}.example", bytes(4), bytes(72)) for number in range(63)]
    data = format_note(signed.text, [*signed.signatures, *strangers])
    assert MAX_SIGNATURES == 64
    assert len(open_note(data, [log_key(made.ORIGIN, made.LOG_KEY)]).signatures) == 64
    with pytest.raises(NoteError):
        format_note(signed.text, [*signed.signatures, *strangers, strangers[0]])


def mldsa_cosigned(text, *, name="city.example", time=1727964367, signed=None):
    """A note with one ML-DSA-44 cosignature, made as the specification says, and its key."""
    key = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    known = VerifierKey(name, MLDSA_COSIGNATURE, key.public_key().public_bytes_raw())
    signature = key.sign(subtree_message(name, (signed or text).encode(), time))
    line = Signature(name, known.key_id, time.to_bytes(8, "big") + signature)
    return format_note(text, [line]), known


def test_a_cosignature_of_the_second_type_says_when():
    data, key = mldsa_cosigned(HEAD.text())
    assert [found.time for found in open_note(data, [key]).verified] == [1727964367]
    assert VerifierKey.parse(str(key)) == key
    assert len(parse_note(data).signatures[0].signature) == 8 + 2420


def test_the_second_type_signs_the_layout_of_the_specification():
    message = subtree_message("city.example", HEAD.text().encode(), 258)
    origin = made.ORIGIN.encode()
    assert message == b"".join(
        [
            b"subtree/v1\n\x00",
            bytes([12]) + b"city.example",
            bytes([0, 0, 0, 0, 0, 0, 1, 2]),
            bytes([len(origin)]) + origin,
            bytes(8),
            bytes(8),
            EMPTY_ROOT,
        ]
    )


def test_the_second_type_holds_for_its_head_and_its_name_only():
    other = Checkpoint(made.ORIGIN, 1, bytes(32))
    data, key = mldsa_cosigned(other.text(), signed=HEAD.text())
    with pytest.raises(NoteError):
        open_note(data, [key])
    data, _key = mldsa_cosigned(HEAD.text())
    renamed = VerifierKey("town.example", MLDSA_COSIGNATURE, key.public)
    line = Signature(renamed.name, renamed.key_id, parse_note(data).signatures[0].signature)
    with pytest.raises(NoteError):
        open_note(format_note(HEAD.text(), [line]), [renamed])
    for text in ("no checkpoint\n", "a\n01\nAAAA\n", f"{made.ORIGIN}\n1\nAAAA\n"):
        line = Signature(key.name, key.key_id, bytes(8 + 2420))
        with pytest.raises(NoteError):
            open_note(format_note(text, [line]), [key])


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_stumble(data):
    for parse in (parse_note, lambda junk: Checkpoint.parse(junk.decode("latin-1"))):
        try:
            parse(data)
        except VerifyError:
            continue
