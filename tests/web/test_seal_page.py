"""What the desk says of the log and of those who watch it, and where witnesses hand in."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from danji.outbox.models import Message
from danji.transparency.models import Cosignature, Party, Trouble, TroubleKind
from danji.transparency.proposing import propose_witness
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.troubles import end_trouble, open_trouble, tell_troubles, watch_queue
from watching import SmallWitness, registered

PAGE = "/desk/seal/"
HAND_IN = "/witness/cosignature"


@pytest.fixture
def origin(complex_):
    return policy(complex_).logs[0].key.name


@pytest.fixture
def silent(origin, at):
    open_trouble(origin, TroubleKind.SILENT, "city", "확인 기관(구청)의 답이 없습니다.", at)


@pytest.fixture
def ours(complex_):
    witness = SmallWitness("auditor.example/1", timezone.now)
    registered(witness, "complex", complex_, timezone.now())
    Sequencer().tick()
    return witness


def test_the_page_says_where_the_log_stands_and_who_watches(complex_, clerk, at_desk, ours):
    page = at_desk(clerk).get(PAGE).content.decode()
    assert "2건" in page
    assert "단지 확인" in page
    assert "아직 확인하지 않았습니다" in page
    assert "모두 잠정" in page
    assert "/public/A10000001/log/1/" in page
    assert "지금까지 문제가 없었습니다" in page


def test_the_page_can_be_read_before_anything_is_sealed(clerk, at_desk):
    assert "아직 봉인한 일이 없습니다" in at_desk(clerk).get(PAGE).content.decode()


def test_the_page_shows_what_is_and_what_was_wrong(clerk, at_desk, origin, silent, at):
    open_trouble(origin, TroubleKind.FROZEN, "", "옛 백업입니다.", at)
    end_trouble(origin, TroubleKind.FROZEN, "", at + timedelta(hours=1))
    page = at_desk(clerk).get(PAGE).content.decode()
    now, _, past = page.partition("지난 문제")
    assert "확인 기관(구청)의 답이 없습니다." in now
    assert "업무는 그대로 하실 수 있습니다" in now
    assert "옛 백업입니다." in past


@pytest.mark.parametrize("office", ["manager", "chair", "auditor", "director"])
def test_those_in_charge_are_told_on_their_desk(office, appointed, at_desk, silent):
    page = at_desk(appointed("정순자", office)).get("/desk/").content.decode()
    assert "확인 기관(구청)의 답이 없습니다." in page
    assert 'href="/desk/seal/"' in page


def test_whoever_cannot_do_anything_about_it_is_not_disturbed(clerk, at_desk, silent):
    assert "확인 기관" not in at_desk(clerk).get("/desk/").content.decode()


def test_a_neighbour_is_told_nothing_of_ours(neighbour, at_desk, silent):
    desk = at_desk(neighbour)
    for page in ("/desk/", PAGE):
        assert "구청" not in desk.get(page).content.decode()


# --- Telling ---


def test_a_trouble_is_told_once_to_those_in_charge(complex_, manager, chair, clerk, silent):
    assert tell_troubles(complex_.id) == 1
    assert tell_troubles(complex_.id) == 0
    told = Message.objects.filter(subject=TroubleKind.SILENT.label)
    assert {message.recipient for message in told} == {manager.person, chair.person}
    assert "업무는 그대로" in told.first().body
    assert told.first().link.endswith(PAGE)


def test_the_same_again_is_the_same_trouble(origin, silent, at):
    open_trouble(origin, TroubleKind.SILENT, "city", "아직도 답이 없습니다.", at)
    assert Trouble.objects.get().sentence == "아직도 답이 없습니다."


def test_what_mends_itself_in_a_moment_is_not_told(complex_, manager, origin):
    now = timezone.now()
    open_trouble(origin, TroubleKind.WAITING, "", "저장 공간이 부족합니다.", now)
    assert tell_troubles(complex_.id) == 0
    end_trouble(origin, TroubleKind.WAITING, "", now)
    open_trouble(
        origin, TroubleKind.WAITING, "", "저장 공간이 부족합니다.", now - timedelta(minutes=11)
    )
    assert tell_troubles(complex_.id) == 1


def test_an_event_without_a_place_is_noticed_after_ten_minutes(complex_, alter, at):
    watch_queue(complex_.id)
    assert not Trouble.objects.exists()
    # An id says when it was made: this one long ago.
    alter("UPDATE transparency_pendingevent SET id = '01900000-0000-7000-8000-000000000000'")
    watch_queue(complex_.id)
    assert Trouble.objects.get(until=None).kind == TroubleKind.WAITING
    Sequencer().tick()
    watch_queue(complex_.id)
    assert not Trouble.objects.filter(until=None).exists()


def test_a_log_that_stands_still_is_a_trouble_until_it_is_mended(complex_, settings):
    Sequencer().tick()
    checkpoint = settings.PUBLIC / complex_.code / "log" / "1" / "checkpoint"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(b"damaged")
    Sequencer().start()
    assert Trouble.objects.get(until=None).kind == TroubleKind.FROZEN
    checkpoint.write_bytes(whole)
    Sequencer().start()
    assert not Trouble.objects.filter(until=None).exists()


def test_a_log_that_has_to_wait_is_a_trouble_while_it_does(complex_, settings):
    settings.FREE_SPACE_FLOOR = 2**62
    sequencer = Sequencer()
    for _ in range(2):
        sequencer.tick()
    assert "저장 공간" in Trouble.objects.get(until=None).sentence
    settings.FREE_SPACE_FLOOR = 0
    sequencer.tick()
    assert not Trouble.objects.filter(until=None).exists()


# --- Handing in ---


def post(body):
    client = Client(enforce_csrf_checks=True)
    return client.post(HAND_IN, body, content_type="application/octet-stream")


def test_a_witness_hands_in_without_logging_in(complex_, ours):
    answer = post(ours.signed_note(published_head(complex_).note))
    assert (answer.status_code, answer.content.decode()) == (200, "확인 서명을 받았습니다.\n")
    assert Cosignature.objects.get().witness.name == ours.name


def test_garbage_is_refused_in_a_sentence(complex_):
    assert post(b"garbage").status_code == 400
    assert post(b"x" * (64 * 1024 + 1)).status_code == 413
    assert Client().get(HAND_IN).status_code == 405


def test_a_stranger_hands_in_nothing(complex_, ours):
    stranger = SmallWitness("stranger.example/1", timezone.now)
    assert post(stranger.signed_note(published_head(complex_).note)).status_code == 403


# --- A witness that waits for an officer ---


@pytest.fixture
def proposed(complex_, at):
    key = SmallWitness("auditor.example/1", timezone.now).vkey
    return propose_witness(
        label="감사의 PC", party=Party.COMPLEX, vkey=key, url="", complex_=complex_, at=at
    )


def test_an_officer_confirms_a_witness_and_the_page_says_who_did(
    complex_, clerk, appointed, at_desk, proposed
):
    Sequencer().tick()
    auditor = appointed("한동철", "auditor")
    address = f"{PAGE}{proposed.id}/"
    assert f'href="{address}"' in at_desk(clerk).get(PAGE).content.decode()
    page = at_desk(clerk).get(address).content.decode()
    assert "감사 한동철 님 가운데 한 분의 확인을 기다립니다" in page
    assert "<form" not in page.partition('id="main"')[2].partition("</main>")[0]
    refused = at_desk(clerk).post(f"{address}confirmation/")
    assert (refused.status_code, "직책이 아닙니다" in refused.content.decode()) == (422, True)
    desk = at_desk(auditor)
    assert proposed.vkey in desk.get(address).content.decode()
    page = desk.post(f"{address}confirmation/", follow=True).content.decode()
    assert "운영자가 올리고 감사 한동철 님이 확인했습니다" in page
    assert "이미 감사 한동철 님이" in desk.get(address).content.decode()


def test_a_neighbour_does_not_see_it(neighbour, at_desk, proposed):
    assert at_desk(neighbour).get(f"{PAGE}{proposed.id}/").status_code == 404
