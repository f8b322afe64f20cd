"""My signing page: agreement, devices, and the second officer who vouches."""

import base64
import json

import pytest
from django.urls import reverse
from django.utils import timezone

from danji.signing import actions
from danji.signing.models import Agreement, KeyConfirmation, KeyRevocation, SigningKey
from signing.authenticator import SoftPasskey

SITE = "http://localhost:8000"
PAGE = "/desk/signing/"


@pytest.fixture(autouse=True)
def site(settings):
    settings.SITE_URL = SITE


def text(response):
    return response.content.decode()


def enrol(desk, **lies):
    """Register a device as the page's script does. Returns: the answer."""
    options = json.loads(desk.post(reverse("sign:key-options")).content)["publicKey"]
    padded = options["challenge"] + "=" * (-len(options["challenge"]) % 4)
    challenge = base64.urlsafe_b64decode(padded)
    response = SoftPasskey("localhost", SITE).registration(challenge, **lies)
    data = {"name": "내 전화", "response": json.dumps(response)}
    return desk.post(reverse("sign:keys"), data)


@pytest.fixture
def asked(chief, manager, at_desk):
    """The chief asked for a device."""
    enrol(at_desk(chief))
    return SigningKey.objects.get()


def test_the_page_says_by_what_one_signs(chief, at_desk):
    page = text(at_desk(chief).get(PAGE))
    assert page.index("전자서명 동의") < page.index("서명할 기기")
    assert "지금은 확인 번호로 결재합니다" in page
    assert "전자서명 동의서" in page


def test_agreeing_leads_back_to_where_one_was(chief, submitted, at_desk):
    here = reverse("desk:document", args=[submitted.id])
    answer = at_desk(chief).post(reverse("sign:own-agreement"), {"next": f"{here}#decision"})
    assert answer.url == f"{here}#decision"
    assert Agreement.objects.get().officeholder_id == chief.id


def test_agreeing_leads_to_no_foreign_page(chief, at_desk):
    answer = at_desk(chief).post(reverse("sign:own-agreement"), {"next": "https://evil.example/"})
    assert answer.url == PAGE


def test_a_new_device_waits_for_a_second_officer(chief, manager, at_desk):
    desk = at_desk(chief)
    answer = enrol(desk)
    page = text(desk.get(answer.url))
    assert "다른 임직원의 확인을 기다립니다" in page
    assert "내 전화" in page


def test_what_a_device_did_not_make_here_is_refused(chief, at_desk):
    answer = enrol(at_desk(chief), origin="https://evil.example")
    assert answer.status_code == 409
    assert not SigningKey.objects.exists()


@pytest.mark.parametrize("response", ["", "[]", "{", '{"id": 1}'])
def test_what_cannot_be_read_registers_nothing(chief, at_desk, response):
    desk = at_desk(chief)
    desk.post(reverse("sign:key-options"))
    answer = desk.post(reverse("sign:keys"), {"name": "내 전화", "response": response})
    assert answer.status_code == 409
    assert not SigningKey.objects.exists()


def test_an_answer_is_taken_once(chief, at_desk):
    desk = at_desk(chief)
    answer = desk.post(reverse("sign:keys"), {"name": "내 전화", "response": "{}"})
    assert answer.status_code == 409


def test_the_second_officer_vouches_in_person(asked, manager, at_desk):
    desk = at_desk(manager)
    page = text(desk.get(PAGE))
    assert "과장 이민호" in page
    assert "이 분이 맞습니다" in page
    here = reverse("sign:key-confirmation", args=[asked.id])
    assert desk.post(here).status_code == 409
    desk.post(here, {"seen": "1"})
    assert KeyConfirmation.objects.get().officer_id == manager.id


def test_nobody_vouches_for_the_own_device(asked, chief, at_desk):
    desk = at_desk(chief)
    assert "이 분이 맞습니다" not in text(desk.get(PAGE))
    answer = desk.post(reverse("sign:key-confirmation", args=[asked.id]), {"seen": "1"})
    assert answer.status_code == 409
    assert not KeyConfirmation.objects.exists()


def test_who_does_not_vouch_is_shown_nobody_elses_device(asked, clerk, at_desk):
    assert "과장 이민호" not in text(at_desk(clerk).get(PAGE))


def test_a_lost_device_is_given_up_at_once(asked, chief, at_desk):
    desk = at_desk(chief)
    here = reverse("sign:key-revocation", args=[asked.id])
    desk.post(here, {"reason": "잃어버렸습니다."})
    assert KeyRevocation.objects.get().officer_id is None
    assert "내 전화" not in text(desk.get(PAGE))


def test_anothers_device_is_revoked_by_two(asked, manager, appointed, at_desk):
    auditor = appointed("한지원", "auditor")
    here = reverse("sign:key-revocation", args=[asked.id])
    at_desk(manager).post(here, {"reason": "본인이 아닙니다."})
    assert not KeyRevocation.objects.exists()
    desk = at_desk(auditor)
    page = text(desk.get(PAGE))
    assert "본인이 아닙니다." in page
    request = asked.revocation_requests.get()
    desk.post(reverse("sign:revocation-confirmation", args=[request.id]))
    assert KeyRevocation.objects.get().officer_id == auditor.id


@pytest.mark.parametrize("name", ["key-confirmation", "key-revocation"])
def test_whoever_comes_by_address_sees_the_page(asked, manager, at_desk, name):
    assert at_desk(manager).get(reverse(f"sign:{name}", args=[asked.id])).url == PAGE


def test_the_agreement_is_shown_again_with_its_day(chief, at_desk):
    actions.accept_method(actor=chief, at=timezone.now())
    page = text(at_desk(chief).get(PAGE))
    assert "동의하셨습니다" in page
    assert "동의서 보기" in page
