"""Signing with an enrolled device: by link, at the desk, and several documents with one gesture."""

import base64
import json
import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from danji.accounts.actions import appoint, register_person
from danji.accounts.models import Office, Officeholder
from danji.approvals import deciding, drafting
from danji.approvals.links import link_token
from danji.approvals.models import Circulation, Step
from danji.base import tenancy
from danji.outbox.models import PendingDelivery
from danji.rules.approval import Choice, Decision
from danji.signing import actions as signing
from danji.signing import passkeys
from danji.transparency.models import Event, Opening
from signing.authenticator import SoftPasskey

SITE = "http://localhost:8000"


@pytest.fixture(autouse=True)
def site(settings):
    settings.SITE_URL = SITE


def unwebsafe(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def enrol(holder, officer):
    """A device of the holder's, confirmed by the officer."""
    at = timezone.now()
    device = SoftPasskey("localhost", SITE)
    options, state = passkeys.registration_options(holder)
    response = device.registration(unwebsafe(options["publicKey"]["challenge"]))
    key = signing.request_key(state, response, name="내 전화", actor=holder, at=at)
    signing.confirm_key(key.id, actor=officer, at=at)
    return device


def item(document, seat=""):
    return f"{document.id.hex}/{document.digest}/{seat}"


def text(response):
    return response.content.decode()


class Screen:
    """A page with a decision on it, and the device that signs there."""

    def __init__(self, client, complex_id, device, *, statement, decision):
        self.client, self.complex_id, self.device = client, complex_id, device
        self.statement, self.decision = statement, decision

    def offer(self, **form):
        answer = self.client.post(self.statement, form, headers={"Accept": "application/json"})
        tenancy._enter("app.complex", self.complex_id)
        return answer

    def signed(self, form, **lies):
        """The form as the script of the page sends it."""
        offer = json.loads(self.offer(**form).content)
        challenge = unwebsafe(offer["challenge"])
        assert unwebsafe(offer["allow"][0]) == self.device.credential_id
        assertion = self.device.assertion(challenge, **lies)
        return form | assertion | {"stated_at": offer["stated_at"], "signed": offer["signed"]}

    def send(self, form):
        answer = self.client.post(self.decision, form)
        tenancy._enter("app.complex", self.complex_id)
        return answer

    def open(self, address):
        answer = self.client.get(address)
        tenancy._enter("app.complex", self.complex_id)
        return answer

    def arrive(self, form):
        """Send the form and open the page that says what came of it."""
        return self.open(self.send(form).url)

    def press(self, *items, decision="approve", **more):
        form = {"item": list(items), "decision": decision} | more
        return self.send(self.signed(form))


@pytest.fixture
def device(chief, manager, complex_):
    signing.accept_method(actor=chief, at=timezone.now())
    return enrol(chief, manager)


@pytest.fixture
def phone(submitted, chief, device, complex_):
    token = link_token(chief, submitted.id)
    return Screen(
        Client(),
        complex_.id,
        device,
        statement=reverse("sign:statement", args=[token]),
        decision=reverse("sign:decision", args=[token]),
    )


@pytest.fixture
def sit(sign_in):
    """Sit somebody with a device down at a desk, signed in by mail as in a real complex."""

    def down(holder, device, decision):
        client = sign_in(Client(), holder)
        session = client.session
        session["signed_in"] = {"method": "mail-code", "at": "2026-11-22T00:00:00+00:00"}
        session.save()
        return Screen(
            client,
            holder.complex_id,
            device,
            statement=reverse("sign:decisions-statement"),
            decision=decision,
        )

    return down


@pytest.fixture
def several(clerk, chief, manager, at):
    """Some documents that wait for the chief."""

    def submit(count):
        made = []
        for number in range(count):
            begun = drafting.start_draft("memo", actor=clerk, at=at)
            typed = {"title": [f"문서 {number}"], "purpose": ["합니다."], "plan": ["합니다."]}
            drafting.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
            made.append(drafting.submit_draft(begun.id, actor=clerk, at=at))
        return made

    return submit


def decisions():
    return list(Step.objects.filter(position=2).values_list("decision", flat=True))


def test_the_link_screen_asks_the_device(phone):
    page = text(phone.client.get(phone.decision.replace("decision/", "")))
    assert 'data-sign="passkey"' in page
    assert "sign.js" in page


def test_one_gesture_signs(phone, submitted):
    answer = phone.press(item(submitted))
    assert answer.status_code == 303
    step = Step.objects.get(position=2)
    assert step.decision == "approve"
    assert step.leaf_hash


def test_a_place_is_left_out_with_a_gesture_too(sit, submitted, clerk, chief, manager):
    """Who takes a control out of the line signs that, as who decides does."""
    Officeholder.objects.filter(id=chief.id).update(until=date(2026, 1, 1))
    here = reverse("desk:omission", args=[submitted.id])
    skip = {"item": item(submitted, "skip-2"), "decision": "skip", "opinion": "퇴직"}
    desk = sit(clerk, None, here)
    page = text(desk.open(reverse("desk:document", args=[submitted.id])))
    assert "전자서명 동의서에 동의해" in page
    assert desk.send(skip).status_code == 409  # having logged in is not enough
    signing.accept_method(actor=clerk, at=timezone.now())
    assert "확인 번호" in text(desk.arrive(skip))
    desk.device = enrol(clerk, manager)
    assert desk.send(skip).status_code == 409
    assert decisions() == [""]
    assert desk.press(skip["item"], decision="skip", opinion="퇴직").status_code == 303
    event = Event.objects.get(name="approval.skipped")
    auth = Opening.objects.get(event_id=event.id).fields["auth"]["value"]
    assert json.loads(base64.b64decode(auth))["method"] == "passkey"


def test_without_the_gesture_nothing_is_signed(phone, submitted):
    answer = phone.send({"item": item(submitted), "decision": "approve"})
    assert answer.status_code == 409
    assert "서명하지 않아" in text(answer)
    assert decisions() == [""]
    assert not PendingDelivery.objects.filter(message__code=True).exists()


def test_the_same_post_again_decides_nothing_more(phone, submitted):
    form = phone.signed({"item": item(submitted), "decision": "approve"})
    phone.send(form)
    events = Event.objects.count()
    answer = phone.send(form)
    assert answer.status_code == 409
    assert "승인했습니다" in text(answer)
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    "lie",
    [
        {"decision": "return", "opinion": "다시"},
        {"opinion": "다른 말"},
        {"stated_at": "2026-11-22T09:00:00+00:00"},
        {"signature": "AAAA"},
        {"id": "AAAA"},
        {"client_data": "not base64!"},
    ],
    ids="-".join,
)
def test_what_was_not_signed_so_is_not_decided_so(phone, submitted, lie):
    form = phone.signed({"item": item(submitted), "decision": "approve"})
    answer = phone.send(form | lie)
    assert answer.status_code == 409
    assert (
        "결재하지 않았습니다" in text(answer)
        or "처리하지 않았습니다" in text(answer)
        or ("쓸 수 없습니다" in text(answer))
    )
    assert decisions() == [""]


def test_a_signature_of_another_document_is_worth_nothing(phone, submitted, several, chief):
    other, *_ = several(1)
    token = link_token(chief, other.id)
    elsewhere = Screen(
        phone.client,
        phone.complex_id,
        phone.device,
        statement=reverse("sign:statement", args=[token]),
        decision=phone.decision,
    )
    form = elsewhere.signed({"item": item(other), "decision": "approve"})
    answer = phone.send(form | {"item": item(submitted), "signed": item(submitted)})
    assert answer.status_code == 409
    assert decisions() == ["", ""]


def test_a_device_that_did_not_ask_its_user_signs_nothing(phone, submitted):
    form = phone.signed({"item": item(submitted), "decision": "approve"}, flags=0x01)
    assert phone.send(form).status_code == 409
    assert decisions() == [""]


def test_what_may_not_be_decided_is_refused_before_the_gesture(phone, submitted):
    answer = phone.offer(item=item(submitted), decision="return")
    assert answer.status_code == 409
    assert "반려하는 이유" in json.loads(answer.content)["fact"]


def test_at_the_desk_the_same_form_signs(submitted, chief, device, sit):
    desk = sit(chief, device, reverse("desk:decision", args=[submitted.id]))
    page = text(desk.client.get(reverse("desk:document", args=[submitted.id])))
    tenancy._enter("app.complex", chief.complex_id)
    assert 'data-sign="passkey"' in page
    answer = desk.press(item(submitted))
    assert answer.url == reverse("desk:document", args=[submitted.id])
    assert decisions() == ["approve"]


def test_several_documents_are_signed_with_one_gesture(several, chief, device, sit):
    documents = several(3)
    desk = sit(chief, device, reverse("sign:decisions"))
    answer = desk.open(desk.press(*map(item, documents)).url)
    assert "3건을 결재했습니다" in text(answer)
    assert decisions() == ["approve"] * 3


def test_loading_the_page_anew_says_the_same(several, chief, device, sit):
    desk = sit(chief, device, reverse("sign:decisions"))
    answer = desk.send(desk.signed({"item": list(map(item, several(2))), "decision": "approve"}))
    assert (answer.status_code, answer.url) == (303, desk.decision)
    for _ in range(2):
        assert "2건을 결재했습니다" in text(desk.open(answer.url))


def test_who_decided_nothing_is_led_home(chief, device, sit):
    desk = sit(chief, device, reverse("sign:decisions"))
    assert desk.open(desk.decision).url == reverse("desk:home")


def test_one_that_is_refused_undoes_no_other(several, chief, clerk, device, sit, at):
    documents = several(3)
    drafting.withdraw_document(documents[1].id, actor=clerk, at=at)
    desk = sit(chief, device, reverse("sign:decisions"))
    answer = text(desk.open(desk.press(*map(item, documents)).url))
    assert "2건을 결재했습니다" in answer
    assert "기안한 분이 회수한 문서입니다" in answer
    assert sorted(decisions()) == ["", "approve", "approve"]


def test_what_changed_during_the_gesture_stops_all_of_it(several, chief, clerk, device, sit, at):
    documents = several(3)
    desk = sit(chief, device, reverse("sign:decisions"))
    form = desk.signed({"item": list(map(item, documents)), "decision": "approve"})
    drafting.withdraw_document(documents[1].id, actor=clerk, at=at)
    answer = desk.send(form)
    assert answer.status_code == 409
    assert "아무것도 결재하지 않았습니다" in text(answer)
    assert decisions() == [""] * 3


def test_several_documents_with_one_code(several, chief, sit):
    documents = several(2)
    signing.accept_method(actor=chief, at=timezone.now())
    desk = sit(chief, None, reverse("sign:decisions"))
    page = text(desk.arrive({"item": list(map(item, documents)), "decision": "approve"}))
    assert "서명하고 2건 승인하기" in page
    assert "문서 0" in page
    assert "문서 1" in page
    letter = PendingDelivery.objects.get(message__code=True).secret
    kept = {"item": [], "code": re.search(r"확인 번호: (\d{6})", letter)[1]}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page):
        if name == "item":
            kept["item"].append(value)
        elif name != "csrfmiddlewaretoken":
            kept[name] = value
    kept["item"] = list(dict.fromkeys(kept["item"]))
    assert "2건을 결재했습니다" in text(desk.arrive(kept))
    assert decisions() == ["approve"] * 2


def test_before_the_first_signature_several_documents_wait_too(several, chief, sit):
    documents = several(1)
    desk = sit(chief, None, reverse("sign:decisions"))
    answer = desk.send({"item": item(documents[0]), "decision": "approve"})
    assert answer.url == reverse("sign:signing")
    assert decisions() == [""]


def test_nobody_decides_on_what_they_may_not_see(several, chair, chief, device, sit):
    documents = several(1)
    signing.accept_method(actor=chair, at=timezone.now())
    desk = sit(chair, None, reverse("sign:decisions"))
    form = {"item": f"{documents[0].id.hex}/{'0' * 64}/", "decision": "approve"}
    answer = text(desk.arrive(form))
    assert "결재하지 못했습니다" in answer
    assert "문서 0" not in answer


@pytest.mark.parametrize(
    "form", [{}, {"item": "x"}, {"item": [f"{n:032x}/a/" for n in range(101)]}], ids=str
)
def test_what_was_not_chosen_is_asked_for(chief, device, sit, form):
    desk = sit(chief, device, reverse("sign:decisions"))
    assert desk.send(form | {"decision": "approve"}).status_code == 409


def test_who_is_asked_afterwards_signs_in_the_same_way(
    draft, clerk, chief, manager, chair, sign, sit, at
):
    readers = [{"kind": "afterwards", "officeholder": chair.id.hex}]
    drafting.save_line(draft.id, {"readers": readers}, actor=clerk, at=at)
    document = drafting.submit_draft(draft.id, actor=clerk, at=at)
    for actor in (chief, manager):
        choice = Choice(Decision.APPROVE)
        deciding.decide_step(document.id, actor=actor, choice=choice, sign=sign, at=at)
    signing.accept_method(actor=chair, at=timezone.now())
    desk = sit(chair, enrol(chair, manager), reverse("desk:decision", args=[document.id]))
    page = text(desk.client.get(reverse("desk:document", args=[document.id])))
    tenancy._enter("app.complex", chair.complex_id)
    assert ">후결</button>" in page
    answer = desk.press(item(document, "afterwards"))
    page = text(desk.client.get(answer.url))
    tenancy._enter("app.complex", chair.complex_id)
    assert "후결했습니다" in page
    assert Circulation.objects.get().confirmed_at


def test_a_log_in_of_the_demonstration_is_worth_nothing_in_a_real_complex(
    found, sign_in, complex_, at
):
    real = found("D40000004", "참마을아파트", demonstration=False)
    manager, clerk = (
        appoint(
            register_person(name=f"{office.label}님", email=f"{office}@real.example"),
            office,
            real,
            since=date(2000, 1, 1),
        )
        for office in (Office.MANAGER, Office.CLERK)
    )
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    typed = {"title": ["진짜 문서"], "purpose": ["합니다."], "plan": ["합니다."]}
    drafting.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
    document = drafting.submit_draft(begun.id, actor=clerk, at=at)
    client = sign_in(Client(), manager)
    answer = client.post(
        reverse("desk:decision", args=[document.id]),
        {"item": item(document), "decision": "approve"},
    )
    tenancy._enter("app.complex", real.id)
    assert answer.status_code == 422
    assert "동의서를 아직 받지 않아" in text(answer)
    assert decisions() == [""]
