"""The pages on which programs are given tokens and told how documents end."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from danji.integration.actions import register_webhook, request_system_token
from danji.integration.models import (
    ApiScope,
    ApiToken,
    TokenConfirmation,
    TokenRevocation,
    Webhook,
    WebhookEnd,
)
from danji.integration.tokens import LENGTH
from danji.rules.approval import Ending
from danji.rules.periods import day_in_seoul

LAST = (day_in_seoul(timezone.now()) + timedelta(days=30)).isoformat()
OWN = {"name": "가계부", "scope": ["read", "draft"], "expires_on": LAST}
WEBHOOK = {"name": "회계", "url": "https://books.example.com/danji", "ending": ["finished"]}


@pytest.fixture
def asked(bookkeeper, manager):
    """A token the manager asked for, so that a system drafts for the bookkeeper."""
    at = timezone.now()
    last = day_in_seoul(at) + timedelta(days=30)
    return request_system_token(
        "회계", bookkeeper.id, [ApiScope.DRAFT], last, actor=manager, at=at
    ).token


@pytest.fixture
def hook(manager):
    return register_webhook(
        "회계", WEBHOOK["url"], [Ending.FINISHED], actor=manager, at=timezone.now()
    ).webhook


def test_a_token_is_shown_once(at_desk, clerk):
    desk = at_desk(clerk)
    answer = desk.post("/desk/tokens/", OWN)
    assert answer.status_code == 201
    text = re.search(r"danji_[\w-]+", answer.content.decode())[0]
    assert len(text) == LENGTH
    assert answer["Cache-Control"] == "private, no-store"
    token = ApiToken.objects.get()
    for page in ("/desk/tokens/", f"/desk/tokens/{token.id}/"):
        shown = desk.get(page).content.decode()
        assert "가계부" in shown
        assert text not in shown


def test_what_cannot_be_issued_is_said_and_kept(at_desk, clerk):
    answer = at_desk(clerk).post("/desk/tokens/", OWN | {"scope": [], "expires_on": "soon"})
    assert answer.status_code == 422
    assert "기한이 적혀 있지 않습니다" in answer.content.decode()
    assert 'value="가계부"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_only_the_manager_is_offered_a_system(at_desk, clerk, manager, bookkeeper):
    assert 'name="for"' not in at_desk(clerk).get("/desk/tokens/").content.decode()
    desk = at_desk(manager)
    assert 'name="for"' in desk.get("/desk/tokens/").content.decode()
    assert desk.post("/desk/tokens/", OWN | {"for": str(bookkeeper.id)}).status_code == 201
    assert ApiToken.objects.get().kind == ApiToken.Kind.SYSTEM


def test_a_made_up_officer_is_refused(at_desk, manager):
    for wanted in ("nobody", "01a00000-0000-7000-8000-000000000000"):
        assert at_desk(manager).post("/desk/tokens/", OWN | {"for": wanted}).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_second_officer_confirms_and_the_first_cannot(at_desk, asked, chief, manager):
    path = f"/desk/tokens/{asked.id}/confirmation/"
    assert at_desk(manager).post(path).status_code == 422
    assert not TokenConfirmation.objects.exists()
    assert at_desk(chief).post(path).status_code == 302
    assert TokenConfirmation.objects.get().officer == chief


def test_a_token_that_decides_is_confirmed_by_somebody_else(at_desk, clerk, chief):
    answer = at_desk(clerk).post("/desk/tokens/", OWN | {"scope": ["decide"]})
    assert "확인하면 쓸 수 있습니다" in answer.content.decode()
    token = ApiToken.objects.get()
    assert "확인 기다림" in at_desk(clerk).get("/desk/tokens/").content.decode()
    desk = at_desk(chief)
    assert "결재하는" in desk.get(f"/desk/tokens/{token.id}/").content.decode()
    assert desk.post(f"/desk/tokens/{token.id}/confirmation/").status_code == 302
    assert TokenConfirmation.objects.get().officer == chief


def test_whoever_has_nothing_to_do_with_a_token_does_not_find_it(at_desk, asked, clerk):
    for part in ("", "confirmation/", "revocation/"):
        desk, path = at_desk(clerk), f"/desk/tokens/{asked.id}/{part}"
        assert (desk.post(path) if part else desk.get(path)).status_code == 404


def test_a_token_is_revoked_by_a_button(at_desk, asked, bookkeeper):
    desk = at_desk(bookkeeper)
    assert "폐지" in desk.get(f"/desk/tokens/{asked.id}/").content.decode()
    assert desk.post(f"/desk/tokens/{asked.id}/revocation/").status_code == 302
    assert TokenRevocation.objects.get().officer == bookkeeper


def test_the_managers_webhook_is_registered_and_its_secret_shown_once(at_desk, manager):
    desk = at_desk(manager)
    answer = desk.post("/desk/webhooks/", WEBHOOK)
    assert answer.status_code == 201
    secret = re.search(r"whsec_[\w+/=]+", answer.content.decode())[0]
    hook = Webhook.objects.get()
    assert secret not in desk.get(f"/desk/webhooks/{hook.id}/").content.decode()
    assert desk.post(f"/desk/webhooks/{hook.id}/end/").status_code == 302
    assert WebhookEnd.objects.get().officer == manager


def test_an_address_inside_is_refused_on_the_page(at_desk, manager):
    answer = at_desk(manager).post("/desk/webhooks/", WEBHOOK | {"url": "https://10.0.0.1/"})
    assert answer.status_code == 422
    assert not Webhook.objects.exists()


def test_others_neither_see_nor_end_a_webhook(at_desk, hook, clerk, chief):
    assert WEBHOOK["url"] not in at_desk(clerk).get("/desk/webhooks/").content.decode()
    assert at_desk(clerk).get(f"/desk/webhooks/{hook.id}/").status_code == 404
    assert at_desk(chief).get(f"/desk/webhooks/{hook.id}/").status_code == 200
    assert at_desk(chief).post(f"/desk/webhooks/{hook.id}/end/").status_code == 422
    assert not WebhookEnd.objects.exists()
