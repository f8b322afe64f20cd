"""Every address there is: closed to visitors and to neighbours, unless it is for everybody."""

import re
import uuid
from datetime import date

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from danji.accounts.actions import move_in, register_person
from danji.approvals import actions
from danji.base import tenancy
from danji.complexes.models import Building, Unit
from danji.config.urls import CLOSED
from danji.disclosure.models import Publication
from danji.records.models import Record
from danji.rules.approval import Decision

OPEN = {
    "home",
    "demo:login",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_request_login_code",
    "account_confirm_login_code",
    "mfa_login_webauthn",
    "mfa_authenticate",
}
# For everybody who signed in, about themselves only.
OWN = {
    "desk:home",
    "desk:offices",
    "desk:forms",
    "desk:drafts",
    "desk:register",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate_webauthn",
}
KEYS = {"draft_id", "document_id", "record_id"}


def addresses(patterns=None, prefix="", namespace=""):
    """Every named address: `(name, path, keys)`, the keys as in `KEYS`."""
    for pattern in patterns or get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, path, inner)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield namespace + pattern.name, path, KEYS.intersection(re.findall(r":(\w+)>", path))


ALL = [address for address in addresses() if not address[1].startswith("accounts/^")]
NAMES = [name for name, _, _ in ALL]


def filled(path, value):
    """The path with `value` for its key, and 1 for every number."""
    return "/" + re.sub(r"<(uuid|int):\w+>", lambda m: str(value) if m[1] == "uuid" else "1", path)


def is_closed(path):
    """The library's pages that `danji.config.urls` hides before they are reached."""

    return re.match(CLOSED, path) is not None


@pytest.fixture
def ids(clerk, chief, manager, at):
    """A document on record and a draft, by what addresses call their keys."""
    typed = {"title": ["화단 정비"], "purpose": ["정비합니다."], "plan": ["11월에 합니다."]}
    begun = actions.start_draft("memo", actor=clerk, at=at)
    actions.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
    document = actions.submit_draft(begun.id, actor=clerk, at=at)
    for actor in (chief, manager):
        actions.decide_step(
            document.id,
            actor=actor,
            decision=Decision.APPROVE,
            opinion="",
            evidence=actions.Evidence("demo", at),
            at=at,
        )
    draft = actions.start_draft("memo", actor=clerk, at=at)
    record = Record.objects.get(doc=document.id)
    return {"document_id": document.id, "draft_id": draft.id, "record_id": record.id}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("name", "path", "keys"), ALL, ids=NAMES)
def test_a_visitor_sees_only_what_is_for_everybody(name, path, keys, method):
    answer = getattr(Client(), method)(filled(path, uuid.uuid4()))
    if is_closed(path):
        assert answer.status_code == 404
    elif name not in OPEN:
        assert answer.status_code in {302, 405}, name
        if method == "get":
            assert answer.url.startswith(("/accounts/login/", "/desk/")), answer.url


@pytest.fixture
def disclosed(ids, complex_, at):
    """The same, its record open to the residents of the complex."""
    Publication.objects.create(
        complex=complex_,
        record_id=ids["record_id"],
        scope="residents",
        basis="관리규약",
        published_at=at,
    )
    return ids


@pytest.fixture
def neighbours(neighbour, complex_):
    """The manager of another complex, and somebody who lives there."""
    tenancy._enter("app.complex", neighbour.complex_id)
    building = Building.objects.create(complex=neighbour.complex, name="201")
    unit = Unit.objects.create(complex=neighbour.complex, building=building, number="201")
    person = register_person(name="유진아", email="next@example.com")
    lives_there = move_in(person, unit, since=date(2000, 1, 1))
    tenancy._enter("app.complex", complex_.id)
    return {"manager": neighbour, "resident": lives_there}


def test_a_resident_is_shown_what_a_neighbour_is_not(disclosed, resident, neighbours, sign_in):
    for holder, shown in ((resident, 200), (neighbours["resident"], 404)):
        client = sign_in(Client(), holder)
        path = reverse("residents:record", args=[disclosed["record_id"]])
        assert client.get(path).status_code == shown
        assert client.get(reverse("residents:home")).status_code == 200


@pytest.mark.parametrize("who", ["manager", "resident"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_neighbour_is_shown_nothing(method, who, disclosed, neighbours, sign_in):
    ids, client = disclosed, sign_in(Client(), neighbours[who])
    for name, path, keys in ALL:
        if not keys:
            continue
        here = filled(path, ids[next(iter(keys))])
        answer = getattr(client, method)(here)
        # An address that only takes a POST leads to its page, which does not exist either; whoever
        # has no desk is led home.
        while answer.status_code == 302 and (method == "get" or who == "resident"):
            here = answer.url
            answer = client.get(here)
        led_home = who == "resident" and here == reverse("residents:home")
        assert led_home or answer.status_code in {404, 405}, f"{method} {name}"
        assert "화단 정비" not in answer.content.decode()


def test_every_address_is_spoken_for():
    """A new address is open, one's own, or about something that has a key."""
    for name, path, keys in ALL:
        known = name in OPEN | OWN or keys or is_closed(path)
        known = known or name.startswith(("residents:", "mfa_"))
        assert known, name
