"""T30: a witness is away, somebody floods us, a clock is wrong. The office goes on; what is not
agreed on is called provisional (잠정), and is made up for later.
"""

from datetime import timedelta

import pytest

from danji.outbox.models import Message
from danji.transparency.models import Cosignature, Trouble, TroubleKind
from danji.transparency.notary import AwayError, Notary
from danji.transparency.publishing import watch_silence
from danji.transparency.queries import confirmed_docs, policy, published_head
from danji.transparency.tree import log_folder
from danji.transparency.troubles import tell_troubles
from danji.transparency.witnessing import NotTaken, hand_in, watched_log
from danji_verify.entry import Event
from papers import decide, submit
from watching import SmallWitness, happen, look_and_ask, registered, served


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


def test_t30_two_days_without_the_city(
    complex_, city, ours, clerk, chief, manager, sign, at, monkeypatch
):
    notary = Notary()
    certain = happen(complex_, at, Event.FINALIZED)
    look_and_ask(complex_, at, notary)
    assert confirmed_docs(complex_.id, [certain]) == {certain}

    city.answer = (503, b"")
    later = at + timedelta(hours=23)
    ours.clock = city.clock = lambda: later
    document = submit(clerk, later)  # the office goes on
    decide(document, chief, sign, later)
    waiting = happen(complex_, later, Event.FINALIZED)
    with pytest.raises(AwayError):
        look_and_ask(complex_, later, notary)
    watch_silence(watched_log(complex_), later)
    assert not Trouble.objects.exists()
    assert not confirmed_docs(complex_.id, [waiting])  # 잠정
    assert not policy(complex_).judge(published_head(complex_).note).confirmed

    later = at + timedelta(hours=48)
    watch_silence(watched_log(complex_), later)
    assert Trouble.objects.get(until=None, subject=city.name).kind == TroubleKind.SILENT
    tell_troubles(complex_.id)
    message = Message.objects.get(
        subject=TroubleKind.SILENT.label, recipient=manager.person, body__contains="시·군·구"
    )
    assert "업무는 그대로 하실 수 있습니다" in message.body
    assert certain in confirmed_docs(complex_.id, [certain, waiting])

    city.answer = None
    look_and_ask(complex_, later, Notary())
    assert confirmed_docs(complex_.id, [certain, waiting]) == {certain, waiting}
    assert not Trouble.objects.filter(until=None, subject=city.name).exists()


def test_t30_a_flood_of_bad_requests_leaves_nothing(complex_, ours, at, client, settings):
    happen(complex_, at)
    whole = ours.signed_note(published_head(complex_).note)
    for number in range(60):
        place = number * len(whole) // 60
        body = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        answer = client.post("/witness/cosignature", body, content_type="text/plain")
        assert answer.status_code in {400, 403, 404}
    assert not Cosignature.objects.exists()
    assert not Trouble.objects.exists()
    assert not settings.EVIDENCE.exists()


def test_t30_what_we_published_comes_back_again_and_again(complex_, city, ours, at, client, caplog):
    """Everybody has it, and it says nothing new: no alarm goes out, and nobody is told again."""
    happen(complex_, at)
    look_and_ask(complex_, at)
    certain = (log_folder(complex_.code, 1) / "confirmed").read_bytes()
    watch_silence(watched_log(complex_), at + timedelta(days=2))
    for _ in range(5):
        answer = client.post("/witness/cosignature", certain, content_type="text/plain")
        assert answer.status_code == 200
    assert Trouble.objects.filter(until=None, kind=TroubleKind.SILENT).count() == 2
    assert not [line for line in caplog.records if line.name == "danji.web.witness"]


def test_t30_a_stranger_fills_no_log(complex_, ours, at, client, caplog):
    happen(complex_, at)
    stranger = SmallWitness("stranger.example/1", lambda: at)
    body = stranger.signed_note(published_head(complex_).note)
    answer = client.post("/witness/cosignature", body, content_type="text/plain")
    assert answer.status_code == 403
    assert not [line for line in caplog.records if line.name == "danji.web.witness"]


def test_t30_a_witness_that_floods_is_kept_once(complex_, ours, at):
    happen(complex_, at)
    for number in range(20):
        later = at + timedelta(seconds=number)
        hand_in(ours.signed_note(published_head(complex_).note, later), at=later)
    assert Cosignature.objects.count() == 1


def test_t30_a_clock_far_ahead_is_not_believed(complex_, ours, at):
    happen(complex_, at)
    with pytest.raises(NotTaken, match="시계"):
        hand_in(ours.signed_note(published_head(complex_).note, at + timedelta(days=1)), at=at)
    assert not Cosignature.objects.exists()
    assert Trouble.objects.get().kind == TroubleKind.DISAGREES


def test_t30_our_own_clock_far_behind_ends_nothing(complex_, city, ours, at):
    """Heads are put to the witnesses by what they say, not by when."""
    happen(complex_, at)
    look_and_ask(complex_, at)
    happen(complex_, at)
    look_and_ask(complex_, at - timedelta(minutes=5))
    assert Cosignature.objects.order_by("-size").first().size == (
        published_head(complex_).checkpoint.size
    )
