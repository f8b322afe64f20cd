"""Every address there is: closed to visitors and to neighbours, unless it is for everybody."""

import re
import uuid
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from danji.accounts.actions import move_in, register_person
from danji.approvals import deciding, drafting
from danji.audit.findings import Severity
from danji.audit.models import AuditRun
from danji.authority.actions import propose_leaving, set_absence
from danji.base import tenancy
from danji.complexes.models import Building, Unit
from danji.config.urls import CLOSED
from danji.disclosure.models import Publication
from danji.disposal.actions import propose_disposal
from danji.integration.actions import issue_token, register_webhook
from danji.integration.models import ApiScope
from danji.outbox.models import Message, PushSubscription
from danji.records.models import Record
from danji.routing.models import RoutingRevision
from danji.rules.absence import Reason
from danji.rules.approval import Choice, Decision, Ending
from danji.rules.disposal import Basis
from danji.signing.models import RevocationRequest, SigningKey

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
    "service-worker",
    "cosignature",
    "authority:invitation",
    "api:page",
    "api:openapi",
    "api:api-root",
}
# For everybody who signed in, about themselves only.
OWN = {
    "desk:home",
    "desk:offices",
    "desk:forms",
    "desk:drafts",
    "desk:register",
    "desk:several",
    "desk:settings",
    "desk:seal",
    "desk:favourites",
    "desk:recurring",
    "routing:rules",
    "routing:editor",
    "authority:people",
    "authority:appointment",
    "authority:absences",
    "authority:bylaws",
    "audit:audits",
    "outbox:told",
    "outbox:notifications",
    "outbox:devices",
    "sign:decisions",
    "sign:decisions-statement",
    "sign:decisions-certificate",
    "sign:decisions-code",
    "sign:decisions-text",
    "sign:signing",
    "sign:own-agreement",
    "sign:key-options",
    "integration:tokens",
    "integration:webhooks",
    "sign:keys",
    "disposal:disposals",
    "disposal:proposal",
    "disposal:readings",
    "mfa_index",
    "mfa_reauthenticate",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_reauthenticate_webauthn",
}
KEYS = {
    "draft_id",
    "document_id",
    "record_id",
    "message_id",
    "device_id",
    "revision_id",
    "officeholder_id",
    "proposal_id",
    "absence_id",
    "key_id",
    "revocation_id",
    "token_id",
    "run_id",
    "webhook_id",
    "disposal_id",
}
# What opens with the link of a message, and with nothing else.
LINK = "sign/<str:token>/"
API = "api/"  # programs come with a token, and are answered in JSON


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
    """The path with `value` for its key, 1 for every number, and a token that is none."""
    path = path.replace("<str:token>", "forged")
    return "/" + re.sub(
        r"<(uuid|int)(?:str)?:\w+>", lambda m: str(value) if m[1] == "uuid" else "1", path
    )


def is_closed(path):
    """The library's pages that `danji.config.urls` hides before they are reached."""

    return re.match(CLOSED, path) is not None


@pytest.fixture
def ids(clerk, chief, manager, sign, at):
    """A document on record and a draft, by what addresses call their keys."""
    typed = {"title": ["화단 정비"], "purpose": ["정비합니다."], "plan": ["11월에 합니다."]}
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    drafting.save_draft(begun.id, typed, revision=begun.revision, actor=clerk, at=at)
    document = drafting.submit_draft(begun.id, actor=clerk, at=at)
    for actor in (chief, manager):
        deciding.decide_step(
            document.id,
            actor=actor,
            choice=Choice(Decision.APPROVE),
            sign=sign,
            at=at,
        )
    draft = drafting.start_draft("memo", actor=clerk, at=at)
    record = Record.objects.get(doc=document.id)
    leaving = propose_leaving(
        clerk.id, last_day=at.date(), reason="화단 정비", actor=manager, at=at
    )
    away = set_absence(
        manager.id,
        deputy_id=chief.id,
        since=at.date(),
        until=at.date(),
        reason=Reason.TRIP,
        actor=manager,
        at=at,
    )
    device = PushSubscription.objects.create(
        complex=manager.complex, person=manager.person, endpoint="화단 정비", subscribed_at=at
    )
    revision = RoutingRevision.objects.create(
        complex=manager.complex,
        proposer=manager,
        proposed_at=at,
        follows=0,
        rows=b"[]",
        reason="화단 정비",
        effective_from=at.date(),
    )
    key = SigningKey.objects.create(
        complex=manager.complex,
        person=manager.person,
        requested_by=manager,
        name="화단 정비",
        credential_id=b"",
        public_key=b"",
        algorithm=-7,
        rp_id="",
        origin="",
        synced=False,
        requested_at=at,
    )
    revocation = RevocationRequest.objects.create(
        complex=manager.complex, key=key, officer=chief, reason="화단 정비", requested_at=at
    )
    return {
        "revision_id": revision.id,
        "document_id": document.id,
        "draft_id": draft.id,
        "record_id": record.id,
        "message_id": Message.objects.latest("written_at").id,
        "device_id": device.id,
        "officeholder_id": chief.id,
        "proposal_id": leaving.id,
        "absence_id": away.id,
        "key_id": key.id,
        "revocation_id": revocation.id,
        "run_id": AuditRun.objects.create(
            complex=manager.complex,
            started_at=at,
            finished_at=at,
            rows=1,
            faults=0,
            doubts=0,
            findings={"logs": [], "counts": dict.fromkeys(Severity, 0), "findings": []},
            report="화단 정비",
        ).id,
        "token_id": issue_token(
            "화단 정비", [ApiScope.READ], at.date() + timedelta(days=1), actor=clerk, at=at
        ).token.id,
        "disposal_id": propose_disposal(
            [document.id], Basis.ORDER, "화단 정비", actor=manager, at=at
        ).id,
        "webhook_id": register_webhook(
            "화단 정비", "https://books.example.com/", list(Ending), actor=manager, at=at
        ).webhook.id,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("name", "path", "keys"), ALL, ids=NAMES)
def test_a_visitor_sees_only_what_is_for_everybody(name, path, keys, method):
    answer = getattr(Client(), method)(filled(path, uuid.uuid4()))
    if path.startswith(LINK) and answer.status_code == 302:
        answer = Client().get(answer.url)
    if is_closed(path):
        assert answer.status_code == 404
    elif path.startswith(LINK):
        assert answer.status_code in {404, 405}, name
    elif path.startswith(API) and name not in OPEN:
        assert answer.status_code in {401, 405}, name
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
        # No session opens the API; what a neighbour's token finds there is tested beside it.
        shown = {401, 405} if path.startswith(API) else {404, 405}
        assert led_home or answer.status_code in shown, f"{method} {name}"
        assert "화단 정비" not in answer.content.decode()


def test_every_address_is_spoken_for():
    """A new address is open, one's own, or about something that has a key."""
    for name, path, keys in ALL:
        known = name in OPEN | OWN or keys or is_closed(path)
        known = known or name.startswith(("residents:", "mfa_")) or path.startswith((LINK, API))
        assert known, name
