"""The ways by which people are told in the tests: services of this computer."""

from functools import partial

import pytest

from danji.outbox import jobs, solapi
from danji.outbox.actions import subscribe_device
from danji.outbox.models import Channel
from danji.outbox.push import push_sender
from services import KEY, SECRET, FakeGateway, FakePush, Service, anywhere


@pytest.fixture
def gateway(settings, monkeypatch):
    """A gateway that is set up, and waits for a tenth of a second only."""
    fake = FakeGateway()
    fake.service = Service(fake.answer)
    settings.GATEWAY_URL, settings.GATEWAY_KEY = fake.service.url, KEY
    settings.GATEWAY_SECRET, settings.GATEWAY_SENDER = SECRET, "0212345678"
    monkeypatch.setattr(solapi, "ANSWER", 0.1)
    yield fake
    fake.service.shutdown()
    fake.service.server_close()


@pytest.fixture
def push(monkeypatch):
    """A push service on this computer, which is taken for one of the known ones."""
    fake = FakePush()
    fake.service = Service(fake.answer)
    monkeypatch.setitem(
        jobs.SENDERS, Channel.PUSH, partial(push_sender, check=anywhere, may_lead_inside=True)
    )
    yield fake
    fake.service.shutdown()
    fake.service.server_close()


@pytest.fixture
def subscribed(push, at):
    """Let a person be told in the browser behind the push service."""

    def subscribe(officeholder, **changes):
        values = {"endpoint": push.endpoint, "device": "크롬 · 안드로이드", **push.keys, **changes}
        endpoint = values.pop("endpoint")
        return subscribe_device(endpoint, actor=officeholder, at=at, check=anywhere, **values)

    return subscribe


@pytest.fixture
def reachable(gateway):
    """Give a person a phone."""

    def give(officeholder, phone="01012345678"):
        officeholder.person.phone = phone
        officeholder.person.save()
        return officeholder

    return give
