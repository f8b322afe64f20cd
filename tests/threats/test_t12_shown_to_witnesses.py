"""T12, T20, T21 at the server: a log shown differently to complex and city, a stolen log key, and a
stolen key of a witness. Nothing of it becomes certain, and each leaves a trouble and evidence.
"""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from danji.transparency.models import ConfirmedHead, Cosignature, Trouble, TroubleKind
from danji.transparency.queries import policy, published_head
from danji.transparency.tree import file_reader, log_folder
from danji.transparency.witnessing import NotTaken, hand_in
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.heads import check_heads
from danji_verify.note import format_note, parse_note
from danji_verify.report import Verdict
from watching import Past, SmallWitness, happen, look_and_ask, registered, served


@pytest.fixture
def city(complex_, at):
    with served(SmallWitness("city.example/1", lambda: at)) as witness:
        registered(witness, "city", None, at)
        yield witness


@pytest.fixture
def ours(complex_, at):
    with served(SmallWitness("auditor.example/1", lambda: at)) as witness:
        registered(witness, "complex", complex_, at)
        yield witness


@pytest.fixture
def log_key(complex_, settings):
    """The real key, as somebody took it."""
    pem = (settings.KEYS / complex_.code / "log-1.pem").read_bytes()
    return load_pem_private_key(pem, password=None)


def forked(complex_, log_key):
    """A head of the size that is published, with another root and the true signature."""
    head = published_head(complex_).checkpoint
    return sign_checkpoint(Checkpoint(head.origin, head.size, sha256(b"fork").digest()), log_key)


def evidence(settings):
    return [path.read_bytes() for path in settings.EVIDENCE.rglob("*.note")]


def disagreements():
    return Trouble.objects.filter(kind=TroubleKind.DISAGREES, until=None)


@pytest.fixture
def two_faces(complex_, ours, city, alter, at, tmp_path):
    """The complex was shown one log and the city another. Returns: the cosigned heads."""
    happen(complex_, at)
    look_and_ask(complex_, at)
    ConfirmedHead.objects.get()
    past = Past.of(complex_, alter, tmp_path / "past")
    happen(complex_, at, said=b"9,000,000")
    look_and_ask(complex_, at, only=ours)
    past.restore(files=True)
    happen(complex_, at, said=b"1,000,000")
    look_and_ask(complex_, at, only=city)
    origin = published_head(complex_).checkpoint.origin
    return ours.shown[origin], city.shown[origin]


def test_t12_complex_and_city_never_agree_on_either_face(complex_, two_faces):
    agreed = policy(complex_)
    for face in two_faces:
        assert not agreed.judge(face).confirmed
    assert ConfirmedHead.objects.get().size < agreed.judge(two_faces[0]).checkpoint.size


def test_t12_the_witness_that_saw_the_other_face_refuses_and_is_heard(
    complex_, two_faces, ours, at, settings
):
    look_and_ask(complex_, at)
    subjects = set(disagreements().values_list("subject", flat=True))
    assert ours.name in subjects
    assert len(subjects) == 2  # what it answered, and what it shows to others
    assert evidence(settings) == [two_faces[0]]


def test_t12_both_faces_side_by_side_convict_offline(complex_, two_faces):
    report = check_heads(*two_faces, policy(complex_))
    assert report.verdict is Verdict.REFUSED


def test_t12_a_face_that_is_handed_in_is_kept_as_evidence(
    complex_, two_faces, at, settings, tmp_path
):
    with pytest.raises(NotTaken) as problem:
        hand_in(two_faces[0], at=at)
    assert problem.value.status == 422
    assert evidence(settings) == [two_faces[0]]
    assert disagreements().exists()


# --- T20: the log's key is stolen ---


def test_t20_a_forked_head_with_the_true_key_is_evidence_and_never_certain(
    complex_, ours, city, log_key, at, settings
):
    happen(complex_, at)
    look_and_ask(complex_, at)
    forged = forked(complex_, log_key)
    with pytest.raises(NotTaken):
        hand_in(ours.signed_note(forged), at=at)
    assert len(evidence(settings)) == 1
    assert disagreements().get().sentence.endswith(".note에 있습니다.")
    assert not policy(complex_).judge(ours.signed_note(forged)).confirmed
    true = ConfirmedHead.objects.get()
    assert check_heads(bytes(true.note), forged, policy(complex_)).verdict is Verdict.REFUSED


@pytest.mark.parametrize("beyond", [1, 1000])
def test_t20_a_head_beyond_the_log_is_evidence(complex_, ours, log_key, at, settings, beyond):
    happen(complex_, at)
    head = published_head(complex_).checkpoint
    longer = Checkpoint(head.origin, head.size + beyond, sha256(b"more").digest())
    with pytest.raises(NotTaken):
        hand_in(ours.signed_note(sign_checkpoint(longer, log_key)), at=at)
    assert len(evidence(settings)) == 1


def test_t20_such_a_trouble_ends_by_no_later_agreement(complex_, ours, log_key, at):
    happen(complex_, at)
    with pytest.raises(NotTaken):
        hand_in(ours.signed_note(forked(complex_, log_key)), at=at)
    hand_in(ours.signed_note(published_head(complex_).note), at=at)
    assert disagreements().exists()


def test_t20_the_thief_without_a_witness_leaves_nothing(complex_, ours, log_key, at, settings):
    happen(complex_, at)
    stranger = SmallWitness("thief.example/1", lambda: at)
    with pytest.raises(NotTaken) as problem:
        hand_in(stranger.signed_note(forked(complex_, log_key)), at=at)
    assert problem.value.status == 403
    assert not evidence(settings)


# --- T21: a witness's key is stolen ---


def test_t21_the_key_of_one_witness_makes_nothing_certain(complex_, ours, city, log_key, at):
    happen(complex_, at)
    forged = ours.signed_note(forked(complex_, log_key))
    judged = policy(complex_).judge(forged)
    assert set(judged.cosigned) == {ours.name}
    assert not judged.confirmed


def test_t21_two_cosignatures_for_one_size_raise_an_alarm(
    complex_, ours, city, log_key, at, settings
):
    happen(complex_, at)
    look_and_ask(complex_, at)
    conflicting = ours.signed_note(forked(complex_, log_key))
    ours.shown[policy(complex_).judge(conflicting).checkpoint.origin] = conflicting
    look_and_ask(complex_, at)
    assert evidence(settings) == [conflicting]
    assert disagreements().exists()
    true = bytes(ConfirmedHead.objects.get().note)
    assert check_heads(true, conflicting, policy(complex_)).verdict is Verdict.REFUSED


def test_t21_a_cosignature_without_the_log_is_believed_by_nobody(complex_, ours, at, settings):
    happen(complex_, at)
    thief = SmallWitness("thief", lambda: at)
    head = parse_note(forked(complex_, thief.key))
    alone = format_note(head.text, [ours.sign(Checkpoint.parse(head.text))])
    with pytest.raises(NotTaken) as problem:
        hand_in(alone, at=at)
    assert problem.value.status == 403
    assert not Cosignature.objects.exists()
    assert not evidence(settings)
    assert file_reader(log_folder(complex_.code, 1))("checkpoint")
