"""Every address there is: closed to visitors and to neighbours, unless it is for everybody."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from danji.approvals import actions
from danji.config.urls import CLOSED
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


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_neighbour_is_shown_nothing(method, ids, neighbour, sign_in):
    client = sign_in(Client(), neighbour)
    for name, path, keys in ALL:
        if not keys:
            continue
        here = filled(path, ids[next(iter(keys))])
        answer = getattr(client, method)(here)
        if method == "get" and answer.status_code == 302:
            # An address that only takes a POST leads to its page, which does not exist either.
            answer = client.get(answer.url)
        assert answer.status_code in {404, 405}, f"{method} {name}: {answer.status_code}"
        assert "화단 정비" not in answer.content.decode()


def test_every_address_is_spoken_for():
    """A new address is open, one's own, or about something that has a key."""
    for name, path, keys in ALL:
        known = name in OPEN | OWN or keys or is_closed(path)
        known = known or name.startswith(("residents:", "mfa_"))
        assert known, name
