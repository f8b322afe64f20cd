"""Webhooks: signed, told at least once, given up in the end, and never led inside the house."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from danji.accounts.actions import appoint, register_person
from danji.accounts.models import Office
from danji.approvals import deciding, drafting
from danji.approvals.models import Outcome
from danji.base import tenancy
from danji.integration import jobs
from danji.integration.actions import end_webhook, register_webhook
from danji.integration.jobs import WAITS, deliver_webhooks
from danji.integration.models import Webhook, WebhookAttempt, WebhookDelivery, WebhookEnd
from danji.integration.queries import due
from danji.integration.webhooks import NotTaken, body_of, check_url, secret_of, send, sign
from danji.outbox.models import Message
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.refusal import Refusal

MEMO = {"title": ["화단 정비"], "purpose": ["정비합니다."], "plan": ["11월에 합니다."]}
ALL = list(Ending)


@pytest.fixture
def hook(receiver, manager, at):
    return register_webhook("회계", receiver.url, ALL, actor=manager, at=at).webhook


@pytest.fixture
def submit(clerk, manager, at):
    """Let the clerk submit a memo."""

    def begin():
        draft = drafting.start_draft("memo", actor=clerk, at=at)
        drafting.save_draft(draft.id, MEMO, revision=1, actor=clerk, at=at)
        return drafting.submit_draft(draft.id, actor=clerk, at=at)

    return begin


@pytest.fixture
def end(submit, clerk, manager, sign, at):
    """Let a memo's line end in some way."""

    def run(ending=Ending.FINISHED):
        document = submit()
        if ending is Ending.WITHDRAWN:
            drafting.withdraw_document(document.id, actor=clerk, at=at)
            return document
        choice = {
            Ending.FINISHED: Choice(Decision.APPROVE),
            Ending.RETURNED: Choice(Decision.RETURN, "금액을 확인해 주세요."),
        }[ending]
        deciding.decide_step(document.id, actor=manager, choice=choice, sign=sign, at=at)
        return document

    return run


@pytest.fixture
def now(monkeypatch, at):
    """Move the job's clock: so much later than `at`."""

    def later(delta=timedelta()):
        monkeypatch.setattr(jobs.timezone, "now", lambda: at + delta)

    later()
    return later


def deliver(hook):
    done = deliver_webhooks(hook.complex_id)
    tenancy._enter("app.complex", hook.complex_id)
    return done


def failed_before(hook, document, times, now):
    """Let a receiver not have taken an ending so often, and wait until it is due again."""
    outcome = Outcome.objects.get(document=document)
    for _ in range(times):
        WebhookAttempt.objects.create(
            complex_id=hook.complex_id,
            webhook=hook,
            outcome_id=outcome.id,
            tried_at=outcome.ended_at,
            problem="받는 곳이 500(으)로 답했습니다.",
        )
    now(WAITS[-1])


@pytest.mark.usefixtures("now")
def test_a_receiver_can_check_what_it_is_told(hook, end, receiver):
    document = end()
    assert deliver(hook) == 1
    (headers, body), *_ = receiver.told
    said = json.loads(body)
    assert said["type"] == "document.finished"
    assert said["data"] == {
        "complex": "A10000001",
        "document": str(document.id),
        "ending": "finished",
        "number": said["data"]["number"],
    }
    assert said["data"]["number"].endswith("2026-0001")
    # As the specification has it, and nothing of ours.
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.new(secret_of(hook), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


@pytest.mark.usefixtures("now")
def test_nothing_about_people_or_money_leaves_the_house(hook, end, receiver):
    end(Ending.RETURNED)
    deliver(hook)
    _, body = receiver.told[0]
    assert "화단" not in body.decode()
    assert "금액" not in body.decode()
    assert json.loads(body)["data"]["number"] is None


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("ending", ALL)
def test_every_ending_is_told_once(hook, end, receiver, ending):
    end(ending)
    assert deliver(hook) == 1
    assert deliver(hook) == 0
    assert [json.loads(body)["type"] for _, body in receiver.told] == [f"document.{ending}"]
    assert WebhookDelivery.objects.get().given_up == ""


@pytest.mark.usefixtures("now")
def test_a_receiver_hears_only_what_it_asked_for(receiver, manager, end, at):
    hook = register_webhook("회계", receiver.url, [Ending.FINISHED], actor=manager, at=at).webhook
    end(Ending.RETURNED)
    assert deliver(hook) == 0


@pytest.mark.usefixtures("now")
def test_a_document_under_way_is_not_told(hook, submit, receiver):
    submit()
    assert deliver(hook) == 0


def test_what_was_not_taken_is_told_again_later_and_under_the_same_name(hook, end, receiver, now):
    end()
    receiver.status = 500
    assert deliver(hook) == 0
    assert "500" in WebhookAttempt.objects.get().problem
    receiver.status = 200
    assert deliver(hook) == 0  # not so soon
    now(WAITS[0])
    assert deliver(hook) == 1
    first, second = [headers for headers, _ in receiver.told]
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


def test_what_one_ending_lacks_keeps_no_other_waiting(hook, end, receiver, now):
    end()
    receiver.status = 500
    deliver(hook)
    receiver.status = 200
    end()
    assert deliver(hook) == 1


def test_in_the_end_it_is_given_up_and_the_manager_is_told(hook, end, receiver, now, manager):
    end()
    receiver.status = 500
    passed = timedelta()
    for wait in (*WAITS, timedelta()):
        deliver(hook)
        passed += wait
        now(passed)
    assert WebhookAttempt.objects.count() == len(WAITS) + 1
    assert "500" in WebhookDelivery.objects.get().given_up
    assert Message.objects.filter(recipient=manager.person, subject__contains="전하지 못함")
    assert deliver(hook) == 0
    assert len(receiver.told) == len(WAITS) + 1


def test_a_crash_while_giving_up_leaves_nothing_behind(hook, end, receiver, now, monkeypatch):
    document = end()
    receiver.status = 500
    failed_before(hook, document, len(WAITS), now)
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "tell", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deliver_webhooks(hook.complex_id)
    tenancy._enter("app.complex", hook.complex_id)
    assert WebhookAttempt.objects.count() == len(WAITS)
    assert not WebhookDelivery.objects.exists()
    deliver(hook)
    assert WebhookDelivery.objects.get().given_up
    assert Message.objects.filter(subject__contains="전하지 못함").count() == 1


def test_more_tries_than_there_are_waits_break_nothing(hook, end, receiver, now):
    failed_before(hook, end(), len(WAITS) + 1, now)
    assert deliver(hook) == 1


def test_what_is_new_does_not_wait_behind_what_failed(hook, end, receiver, now, monkeypatch):
    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    end()
    receiver.status = 500
    deliver(hook)
    receiver.status = 200
    new = end()
    assert deliver(hook) == 1  # the first is not due yet, and takes nobody's place
    assert json.loads(receiver.told[-1][1])["data"]["document"] == str(new.id)
    now(WAITS[0])
    newest = end()
    assert deliver(hook) == 1  # nor when it is due again
    assert json.loads(receiver.told[-1][1])["data"]["document"] == str(newest.id)


def test_what_is_due_is_asked_for_with_how_often_it_failed(hook, end, now, at):
    document = end()
    failed_before(hook, document, 2, now)
    later = at + WAITS[1]
    assert [o.tries for o in due(hook, WAITS, since=at, at=later)] == [2]
    assert not due(hook, WAITS, since=at, at=later - timedelta(seconds=1))


@pytest.mark.usefixtures("now")
def test_an_address_that_nobody_can_read_keeps_no_receiver_waiting(
    hook, end, receiver, manager, alter, at
):
    poisoned = register_webhook("세무", receiver.url, ALL, actor=manager, at=at).webhook
    alter("UPDATE integration_webhook SET url = %s WHERE id = %s", "https://a..b.com/", poisoned.id)
    end()
    assert deliver(hook) == 1
    assert WebhookAttempt.objects.get().webhook_id == poisoned.id


@pytest.mark.parametrize("url", ["https://a..example.com/", f"https://{'a' * 64}.example.com/"])
def test_what_cannot_be_connected_to_is_not_taken(hook, at, monkeypatch, url):
    monkeypatch.setattr("danji.integration.webhooks.check_url", lambda _: None)
    hook.url = url
    with pytest.raises(NotTaken):
        send(hook, b"{}", sign(hook, "1", b"{}", at=at))


@pytest.mark.usefixtures("now")
def test_what_is_wrong_with_one_receiver_keeps_no_other_waiting(
    hook, end, receiver, manager, at, monkeypatch
):
    register_webhook("세무", receiver.url, ALL, actor=manager, at=at)
    end()
    real = jobs._deliver

    def broken(one):
        if one.id == hook.id:
            raise RuntimeError("broken")
        return real(one)

    monkeypatch.setattr(jobs, "_deliver", broken)
    assert deliver(hook) == 1


@pytest.mark.usefixtures("now")
def test_an_ending_that_cannot_be_told_keeps_no_other_waiting(
    hook, end, receiver, monkeypatch, caplog
):
    altered, well = end(), end()
    real = jobs.record_of

    def read(reader, doc):
        if doc == altered.id:
            raise Refusal("바뀌어 있습니다.", next_step="알려 주세요.")
        return real(reader, doc)

    monkeypatch.setattr(jobs, "record_of", read)
    deliver(hook)
    assert deliver(hook) == 1
    assert json.loads(receiver.told[0][1])["data"]["document"] == str(well.id)
    assert "잘못되었습니다" in WebhookAttempt.objects.get().problem


def test_a_go_is_over_after_a_while(hook, end, receiver, now, monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE", -1.0)
    end()
    end()
    assert [deliver(hook), deliver(hook), deliver(hook)] == [1, 1, 0]


@pytest.mark.usefixtures("now")
def test_who_is_manager_now_is_told_and_not_who_registered_it(
    hook, end, receiver, manager, appointed, alter, at
):
    document = end()
    yesterday = at.date() - timedelta(days=1)
    alter("UPDATE accounts_officeholder SET until = %s WHERE id = %s", yesterday, manager.id)
    person = register_person(name="강민서", email="next@a10000001.example")
    successor = appoint(person, Office.MANAGER, manager.complex, since=at.date())
    receiver.status = 410
    deliver(hook)
    told = Message.objects.get(subject__contains="전하지 못함")
    assert told.recipient_id == successor.person_id
    assert json.loads(receiver.told[0][1])["data"]["document"] == str(document.id)


@pytest.mark.usefixtures("now")
def test_a_receiver_that_is_gone_is_told_nothing_more(hook, end, receiver):
    end()
    receiver.status = 410
    deliver(hook)
    assert WebhookEnd.objects.get().officer is None
    receiver.status = 200
    assert deliver(hook) == 0


@pytest.mark.usefixtures("now")
def test_nobody_is_led_elsewhere(hook, end, receiver):
    end()
    receiver.status, receiver.location = 302, receiver.url
    assert deliver(hook) == 0
    assert len(receiver.told) == 1


@pytest.mark.usefixtures("now")
def test_an_ended_webhook_is_told_nothing(hook, end, receiver, manager, at):
    end_webhook(hook.id, actor=manager, at=at)
    end()
    assert deliver(hook) == 0
    with pytest.raises(Refusal, match="이미 끝낸"):
        end_webhook(hook.id, actor=manager, at=at)


def test_a_crash_before_noting_it_tells_twice(hook, end, receiver, now, monkeypatch):
    end()
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "_note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deliver_webhooks(hook.complex_id)
    assert deliver(hook) == 1
    assert len(receiver.told) == 2


def test_only_the_manager_registers_a_receiver(chief, at):
    with pytest.raises(Refusal, match="관리사무소장만"):
        register_webhook("회계", "https://books.example.com/", ALL, actor=chief, at=at)


def test_the_secret_is_not_in_the_database(manager, at):
    made = register_webhook("회계", "https://books.example.com/", ALL, actor=manager, at=at)
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    assert key == secret_of(made.webhook)
    assert len(key) == 32
    assert made.secret not in str(Webhook.objects.values().get())


def test_an_address_outside_is_taken():
    for url in ("https://books.example.com:8443/a?b=c", "https://93.184.216.34/", "https://a.b."):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://books.example.com/",
        "ftp://books.example.com/",
        "https://localhost/",
        "https://intranet/",
        "https://127.0.0.1/",
        "https://10.0.0.7/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.7]/",
        "https://user:secret@books.example.com/",
        "https://books.example.com/#part",
        "https://books.example.com:99999/",
        "https://책.example/",
        "https://a..example.com/",
        "https://.example.com/",
        f"https://{'a' * 64}.example.com/",
        "https://" + "abc." * 70 + "example/",
        "https://books.example.com\\@elsewhere.example/",
        "https://books.example.com/\\",
        "https://books.example.com/a b",
        "https://books.example.com/\x00",
        "https://books.example.com/책",
        "https://books%2eexample.com/",
        "",
    ],
)
def test_an_address_inside_or_without_tls_is_refused(url):
    with pytest.raises(Refusal):
        check_url(url)


def test_a_name_that_leads_inside_is_told_nothing(receiver, hook, settings, monkeypatch, at):
    """What a name leads to is looked at when the connection stands, whatever it led to before."""
    settings.WEBHOOK_ALLOW_PRIVATE = False
    monkeypatch.setattr("danji.integration.webhooks.check_url", lambda _: None)
    hook.url = receiver.url.replace("127.0.0.1", "localhost")
    body = body_of({"type": "document.finished"})
    with pytest.raises(NotTaken, match="연결하지"):
        send(hook, body, sign(hook, "1", body, at=at))
    assert receiver.told == []
