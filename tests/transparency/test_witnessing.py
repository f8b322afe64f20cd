"""Witnesses: who counts, how they are asked, what they hand in, and when a head is certain."""

import threading
from datetime import timedelta
from hashlib import sha256

import pytest

from danji.base import tenancy
from danji.base.outside import outside_session
from danji.outbox.models import Message
from danji.rules.refusal import Refusal
from danji.transparency import notary as module
from danji.transparency import publishing
from danji.transparency.models import ConfirmedHead, Cosignature, Log, Party, Trouble, Witness
from danji.transparency.models import Event as EventRow
from danji.transparency.notary import AwayError, Notary
from danji.transparency.publishing import publish_confirmed, watch_silence
from danji.transparency.queries import confirmed_docs, confirmed_head, policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.witnesses import end_witness, register_witness
from danji.transparency.witnessing import NotTaken, hand_in, take_note, watched_log
from danji_verify.canonical import b64encode
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Event
from danji_verify.note import COSIGNATURE, VerifierKey
from danji_verify.policy import Policy
from watching import SmallWitness, happen, look_and_ask, registered, served

ROOT = b64encode(bytes(32)).encode()


@pytest.fixture
def city(complex_, at):
    with served(SmallWitness("city.example/1", lambda: at)) as witness:
        registered(witness, "city", None, at)
        yield witness


@pytest.fixture
def ours(complex_, at):
    """The complex's own witness, which asks us and is not asked."""
    witness = SmallWitness("auditor.example/1", lambda: at)
    registered(witness, "complex", complex_, at)
    return witness


@pytest.fixture
def pushed(complex_, at):
    """The complex's own witness, which is asked."""
    with served(SmallWitness("auditor.example/1", lambda: at)) as witness:
        registered(witness, "complex", complex_, at)
        yield witness


def published(complex_):
    with tenancy.within(complex_.id):
        return published_head(complex_).note


def troubles(kind=None):
    found = Trouble.objects.filter(until=None)
    return [(one.kind, one.subject) for one in (found.filter(kind=kind) if kind else found)]


# --- The policy ---


def test_without_both_parties_nothing_is_certain(complex_, city):
    agreed = policy(complex_)
    assert agreed.quorum is None
    assert list(agreed.witnesses) == ["city.example/1"]


def test_complex_and_city_both_have_to_agree(complex_, city, ours):
    agreed = policy(complex_)
    assert Policy.parse(agreed.format()) == agreed
    assert agreed.needed() == {"city.example/1", "auditor.example/1"}
    assert agreed.groups["needed"].needed == 2


def test_an_outsider_is_listed_and_not_needed(complex_, city, ours, at):
    registered(SmallWitness("university.example/1", lambda: at), "outsider", None, at)
    agreed = policy(complex_)
    assert "university.example/1" in agreed.witnesses
    assert "university.example/1" not in agreed.needed()


def test_the_witness_of_a_neighbour_is_not_ours(complex_, ours, neighbour):
    assert not policy(neighbour.complex).witnesses


def test_the_published_policy_follows_the_witnesses(complex_, city, ours, at):
    path = log_folder(complex_.code, 1) / "policy.txt"
    notary = Notary()
    notary.look(at)
    assert Policy.parse(path.read_bytes()).quorum == "needed"
    end_witness(ours.name, at=at)
    notary.look(at + timedelta(seconds=1))
    assert Policy.parse(path.read_bytes()).quorum == "needed"  # until the log says so
    assert not troubles()
    Sequencer().tick()
    notary.look(at + timedelta(seconds=2))
    assert Policy.parse(path.read_bytes()).quorum is None


# --- Entering and ending ---


def test_a_new_witness_is_a_leaf_and_those_in_charge_are_told(complex_, manager, chair, city):
    (event,) = EventRow.objects.filter(name=Event.POLICY_CHANGED)
    assert event.doc == complex_.id
    assert {message.recipient for message in Message.objects.all()} == {
        manager.person,
        chair.person,
    }
    assert "확인 기관" in Message.objects.first().subject


def test_every_log_says_that_the_city_watches(complex_, neighbour, city):
    with tenancy.within(neighbour.complex_id):
        assert EventRow.objects.filter(name=Event.POLICY_CHANGED).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vkey": "no key"}, "읽을 수 없습니다"),
        ({"vkey": "name with+spaces"}, "읽을 수 없습니다"),
        ({"url": "ftp://x"}, "주소를 읽을 수 없습니다"),
        ({"url": "http://x:99999"}, "주소를 읽을 수 없습니다"),
        ({"complex_": None}, "어느 단지"),
    ],
    ids=["no key", "spaces", "scheme", "port", "whose"],
)
def test_what_cannot_be_a_witness_is_refused(complex_, at, changes, said):
    typed = {
        "label": "감사",
        "party": Party.COMPLEX,
        "vkey": SmallWitness("auditor.example/1", lambda: at).vkey,
        "url": "",
        "complex_": complex_,
    }
    with pytest.raises(Refusal, match=said):
        register_witness(**(typed | changes), at=at)
    assert not Witness.objects.exists()


def test_a_key_of_a_log_is_no_witness(complex_, at):
    with pytest.raises(Refusal, match="확인 기관의 열쇠가 아닙니다"):
        register_witness(
            label="장부",
            party=Party.COMPLEX,
            vkey=str(policy(complex_).logs[0].key),
            url="",
            complex_=complex_,
            at=at,
        )


def test_the_log_cannot_watch_itself_under_another_name(complex_, at):
    own = VerifierKey("auditor.example/1", COSIGNATURE, policy(complex_).logs[0].key.public)
    with pytest.raises(Refusal, match="장부 자신의 열쇠"):
        register_witness(
            label="감사", party=Party.COMPLEX, vkey=str(own), url="", complex_=complex_, at=at
        )


def test_a_key_that_anybody_can_sign_for_is_no_witness(complex_, at):
    material = bytes([COSIGNATURE, 1, *bytes(31)])  # y = 1
    key_id = sha256(b"a.example\n" + material).hexdigest()[:8]
    vkey = f"a.example+{key_id}+{b64encode(material)}"
    with pytest.raises(Refusal, match="누구나 대신 서명할 수 있는"):
        register_witness(
            label="감사", party=Party.COMPLEX, vkey=vkey, url="", complex_=complex_, at=at
        )


@pytest.mark.parametrize("name", ["auditor.example/1", "another.example/1"])
def test_a_name_or_a_key_is_used_once(complex_, ours, at, name):
    end_witness("auditor.example/1", at=at)
    again = SmallWitness(name, lambda: at)
    if name != ours.name:
        again.key = ours.key
    with pytest.raises(Refusal, match="이미 등록했던"):
        registered(again, "complex", complex_, at)


@pytest.mark.parametrize("name", ["complex", "needed", "none"])
def test_words_of_the_policy_are_no_names(complex_, at, name):
    with pytest.raises(Refusal, match="이름으로 쓸 수 없는"):
        registered(SmallWitness(name, lambda: at), "complex", complex_, at)


def test_a_witness_is_ended_once(complex_, ours, at):
    end_witness(ours.name, at=at)
    assert not policy(complex_).witnesses
    assert EventRow.objects.filter(name=Event.POLICY_CHANGED).count() == 2
    with pytest.raises(Refusal, match="이미 끝났습니다"):
        end_witness(ours.name, at=at)
    with pytest.raises(Refusal, match="없습니다"):
        end_witness("nobody", at=at)


# --- Asking ---


def test_a_head_that_both_cosigned_is_certain_and_published(complex_, at, city, pushed):
    doc = happen(complex_, at, Event.FINALIZED)
    assert not confirmed_docs(complex_.id, [doc])
    look_and_ask(complex_, at)
    assert confirmed_docs(complex_.id, [doc]) == {doc}
    head = confirmed_head(policy(complex_).logs[0].key.name)
    assert (log_folder(complex_.code, 1) / "confirmed").read_bytes() == head.note
    judged = policy(complex_).judge(head.note)
    assert judged.confirmed
    assert set(judged.cosigned) == {"city.example/1", "auditor.example/1"}


def test_one_party_alone_makes_nothing_certain(complex_, at, city, ours):
    doc = happen(complex_, at, Event.FINALIZED)
    look_and_ask(complex_, at)
    assert Cosignature.objects.count() == 1
    assert not confirmed_docs(complex_.id, [doc])
    assert not (log_folder(complex_.code, 1) / "confirmed").exists()


def test_a_grown_log_is_put_with_its_proof(complex_, at, city):
    happen(complex_, at)
    look_and_ask(complex_, at)
    for _ in range(5):
        happen(complex_, at)
    look_and_ask(complex_, at)
    assert city.known[policy(complex_).logs[0].key.name].size == Log.objects.get().size
    assert not troubles()


def test_nothing_is_asked_twice_for_the_same(complex_, at, city):
    happen(complex_, at)
    notary = Notary()
    assert look_and_ask(complex_, at, notary) == 2  # put to it, and looked at what it shows
    assert look_and_ask(complex_, at, notary) == 0
    later = Notary()  # as after a restart
    look_and_ask(complex_, at, later)
    assert len(city.asked) == 1


def test_between_two_heads_a_minute_passes(complex_, at, city):
    notary = Notary()
    happen(complex_, at)
    look_and_ask(complex_, at, notary)
    happen(complex_, at)
    look_and_ask(complex_, at + timedelta(seconds=50), notary)
    assert len(city.asked) == 1
    look_and_ask(complex_, at + timedelta(seconds=60), notary)
    assert len(city.asked) == 2


def test_a_document_that_waits_to_be_certain_is_put_at_once(complex_, at, city):
    notary = Notary()
    happen(complex_, at)
    look_and_ask(complex_, at, notary)
    happen(complex_, at, Event.FINALIZED)
    look_and_ask(complex_, at + timedelta(seconds=6), notary)
    assert len(city.asked) == 2


def test_an_unchanged_head_is_refreshed_every_day(complex_, at, city, pushed):
    happen(complex_, at)
    notary = Notary()
    look_and_ask(complex_, at, notary)
    later = at + timedelta(hours=21)
    city.clock = pushed.clock = lambda: later
    look_and_ask(complex_, later, notary)
    head = confirmed_head(policy(complex_).logs[0].key.name)
    assert set(policy(complex_).judge(head.note).cosigned.values()) == {later}


def test_a_witness_that_forgot_only_the_answer_is_asked_from_where_it_is(complex_, at, city, alter):
    """As when we were killed after it had cosigned, and before we had kept it."""
    happen(complex_, at)
    look_and_ask(complex_, at)
    happen(complex_, at)
    alter("DELETE FROM transparency_cosignature")
    look_and_ask(complex_, at)
    assert Cosignature.objects.get().size == Log.objects.get().size


def test_a_head_becomes_certain_with_what_is_kept_when_a_witness_goes(complex_, at, city, pushed):
    other = SmallWitness("second.example/1", lambda: at)
    registered(other, "complex", complex_, at)
    happen(complex_, at)
    look_and_ask(complex_, at)
    end_witness(other.name, at=at)
    end_witness(pushed.name, at=at)
    assert policy(complex_).quorum is None
    third = SmallWitness("third.example/1", lambda: at)
    registered(third, "complex", complex_, at)
    Sequencer().tick()
    look_and_ask(complex_, at)
    hand_in(third.signed_note(published(complex_)), at=at)
    head = confirmed_head(policy(complex_).logs[0].key.name)
    assert policy(complex_).judge(head.note).confirmed


@pytest.mark.parametrize("answer", [(500, b""), (503, b""), (429, b""), (302, b""), (409, b"x")])
def test_a_witness_that_is_away_is_left_for_later(complex_, at, city, answer):
    happen(complex_, at)
    city.answer = answer
    with pytest.raises(AwayError):
        look_and_ask(complex_, at)
    city.answer = None
    look_and_ask(complex_, at)
    assert Cosignature.objects.count() == 1


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_log_that_a_witness_does_not_know_is_left_aside_for_a_while(complex_, at, city, status):
    happen(complex_, at)
    city.answer = (status, b"unknown")
    notary = Notary()
    look_and_ask(complex_, at, notary)
    look_and_ask(complex_, at + timedelta(minutes=1), notary)
    assert len(city.asked) == 1
    look_and_ask(complex_, at + timedelta(minutes=11), notary)
    assert len(city.asked) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((422, b""), "이어지지 않는다"),
        ((409, b"999\n"), "되돌려졌을"),
        ((200, b""), "맞지 않습니다"),
        ((200, b"no signature\n"), "맞지 않습니다"),
    ],
    ids=["inconsistent", "ahead of us", "empty", "garbage"],
)
def test_a_witness_that_does_not_agree_is_a_trouble_until_it_does(complex_, at, city, answer, said):
    happen(complex_, at)
    city.answer = answer
    look_and_ask(complex_, at)
    assert said in Trouble.objects.get().sentence
    assert troubles() == [("disagrees", city.name)]
    city.answer = None
    look_and_ask(complex_, at)
    assert not troubles()


def test_a_cosignature_of_another_key_does_not_hold(complex_, at, city):
    happen(complex_, at)
    thief = SmallWitness(city.name, lambda: at)
    head = Checkpoint.parse(published(complex_).decode().partition("\n\n")[0] + "\n")
    city.answer = (200, f"{thief.sign(head)}\n".encode())
    look_and_ask(complex_, at)
    assert troubles() == [("disagrees", city.name)]
    assert not Cosignature.objects.exists()


def test_a_clock_that_is_ahead_is_told(complex_, at, city):
    happen(complex_, at)
    city.clock = lambda: at + timedelta(minutes=11)
    look_and_ask(complex_, at)
    assert "시계" in Trouble.objects.get().sentence
    assert not Cosignature.objects.exists()


def test_a_damaged_log_keeps_no_other_from_its_witnesses(complex_, neighbour, at, city):
    happen(complex_, at)
    notary = Notary()
    look_and_ask(complex_, at, notary)
    happen(complex_, at)
    folder = log_folder(complex_.code, 1)
    for tile in folder.glob("tile/0/*.p/*"):
        tile.unlink()
    later = at + timedelta(minutes=1)
    happen(neighbour.complex, later)
    look_and_ask(complex_, later, notary)
    sizes = {origin.split("/")[2]: head.size for origin, head in city.known.items()}
    assert sizes == {complex_.code: Log.objects.get().size - 1, neighbour.complex.code: 3}


def test_a_full_disk_ends_nothing(complex_, at, city, pushed, monkeypatch):
    happen(complex_, at)
    with monkeypatch.context() as full:

        def refuse(*_, **__):
            raise OSError(28, "No space left on device")

        full.setattr(publishing, "write_durably", refuse)
        publishing.publish(watched_log(complex_), at)
    publishing.publish(watched_log(complex_), at)
    assert (log_folder(complex_.code, 1) / "policy.txt").exists()


# --- Handing in ---


def test_what_a_witness_hands_in_counts(complex_, at, city, ours):
    doc = happen(complex_, at, Event.FINALIZED)
    look_and_ask(complex_, at)
    hand_in(ours.signed_note(published(complex_)), at=at)
    assert confirmed_docs(complex_.id, [doc]) == {doc}


def test_the_same_again_is_the_same(complex_, at, ours):
    happen(complex_, at)
    for _ in range(2):
        hand_in(ours.signed_note(published(complex_)), at=at)
    assert Cosignature.objects.count() == 1


def test_an_earlier_head_may_be_handed_in(complex_, at, ours):
    happen(complex_, at)
    earlier = published(complex_)
    happen(complex_, at)
    hand_in(ours.signed_note(earlier), at=at)
    assert Cosignature.objects.get().size == Log.objects.get().size - 1


def test_a_certain_head_never_shrinks(complex_, at, city, pushed):
    happen(complex_, at)
    earlier = published(complex_)
    happen(complex_, at)
    look_and_ask(complex_, at)
    for witness in (city, pushed):
        hand_in(witness.signed_note(earlier, at - timedelta(minutes=1)), at=at)
    assert ConfirmedHead.objects.get().size == Log.objects.get().size


def test_only_registered_witnesses_of_that_log_count(complex_, at, ours, neighbour):
    happen(complex_, at)
    stranger = SmallWitness("stranger.example/1", lambda: at)
    with pytest.raises(NotTaken) as problem:
        hand_in(stranger.signed_note(published(complex_)), at=at)
    assert problem.value.status == 403
    with pytest.raises(NotTaken) as problem:
        hand_in(ours.signed_note(published(neighbour.complex)), at=at)
    assert problem.value.status == 403


def test_a_witness_that_was_ended_does_not_count(complex_, at, ours):
    happen(complex_, at)
    end_witness(ours.name, at=at)
    with pytest.raises(NotTaken):
        hand_in(ours.signed_note(published(complex_)), at=at)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"text\n\nno signature\n", 400),
        (b"danji.localhost/apt/A99999999/1\n1\n%s\n\n\xe2\x80\x94 a AAAAAAA=\n" % ROOT, 404),
        (b"elsewhere.example\n1\n%s\n\n\xe2\x80\x94 a AAAAAAA=\n" % ROOT, 404),
        (b"danji.localhost/apt/A10000001/1\n0\nx\n\n\xe2\x80\x94 a AAAAAAA=\n", 400),
    ],
    ids=["empty", "bytes", "no note", "no complex", "no log", "no head"],
)
def test_what_is_no_cosigned_head_of_ours_is_refused(complex_, at, data, status):
    with pytest.raises(NotTaken) as problem:
        hand_in(data, at=at)
    assert problem.value.status == status


def test_a_head_that_the_log_did_not_sign_is_refused(complex_, at, ours):
    happen(complex_, at)
    thief = SmallWitness("thief", lambda: at)
    head = Checkpoint.parse(published(complex_).decode().partition("\n\n")[0] + "\n")
    forged = sign_checkpoint(head, thief.key)
    with pytest.raises(NotTaken) as problem:
        hand_in(ours.signed_note(forged), at=at)
    assert problem.value.status == 403


def test_a_witness_that_forgot_what_it_signed_is_told(complex_, at, ours):
    happen(complex_, at)
    earlier = published(complex_)
    happen(complex_, at)
    hand_in(ours.signed_note(published(complex_)), at=at)
    with pytest.raises(NotTaken, match="되돌려졌습니다"):
        hand_in(ours.signed_note(earlier, at + timedelta(minutes=1)), at=at)
    assert troubles() == [("disagrees", ours.name)]


# --- Publishing and silence ---


def test_what_was_published_as_certain_is_never_replaced_by_less(complex_, at, city, pushed, alter):
    happen(complex_, at)
    look_and_ask(complex_, at)
    there = (log_folder(complex_.code, 1) / "confirmed").read_bytes()
    alter("DELETE FROM transparency_confirmedhead")
    assert not publish_confirmed(watched_log(complex_), at)
    assert (log_folder(complex_.code, 1) / "confirmed").read_bytes() == there
    assert troubles() == [("disagrees", "confirmed")]


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_or_lost_certain_head_is_written_again(complex_, at, city, pushed, damage):
    happen(complex_, at)
    look_and_ask(complex_, at)
    path = log_folder(complex_.code, 1) / "confirmed"
    there = path.read_bytes()
    path.write_bytes(damage)
    assert publish_confirmed(watched_log(complex_), at)
    assert path.read_bytes() == there
    assert not publish_confirmed(watched_log(complex_), at)


def test_a_day_without_a_cosignature_is_a_trouble(complex_, at, ours):
    happen(complex_, at)
    watch_silence(watched_log(complex_), at + timedelta(hours=24))
    assert not troubles()
    late = at + timedelta(hours=24, seconds=1)
    watch_silence(watched_log(complex_), late)
    assert troubles() == [("silent", ours.name)]
    take_note(watched_log(complex_), ours.signed_note(published(complex_), late), at=late)
    assert not troubles()


def test_troubles_of_a_witness_end_with_it(complex_, at, ours):
    watch_silence(watched_log(complex_), at + timedelta(days=2))
    end_witness(ours.name, at=at)
    assert not troubles()


def test_one_slow_witness_delays_no_other(complex_, at, city, pushed, monkeypatch):
    """Each has a thread of its own; here the city's stands still in the middle of an answer."""
    happen(complex_, at)
    notary, stands, go_on = Notary(), threading.Event(), threading.Event()
    notary.look(at)

    def slow(body):
        stands.set()
        go_on.wait(20)
        return 503, b""

    monkeypatch.setattr(city, "add_checkpoint", slow)
    by_name = {one.name: one for one in notary.witnesses().values()}
    asking = threading.Thread(target=_ask_without_database, args=(by_name[city.name], module))
    asking.start()
    try:
        assert stands.wait(20)
        with outside_session(may_lead_inside=True) as session:
            assert notary.ask(by_name[pushed.name], session, at)
        assert Cosignature.objects.get().witness.name == pushed.name
    finally:
        go_on.set()
        asking.join()


def _ask_without_database(witness, notary):
    with outside_session(may_lead_inside=True) as session, pytest.raises(AwayError):
        notary._ask(session, witness, "add-checkpoint", b"old 0\n\n")
