"""Whatever is done at the desk, a program can do too, or it is said here why not."""

import re
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from danji.web.api.docs import api

# What each button of the desk is for a program.
DONE_BY = {
    "desk:offices": "me",  # a token stands for one office
    "desk:favourites": "keep_form",
    "desk:recurring": "start_recurring",
    "desk:drafts": "start",
    "desk:draft": "save",
    "desk:attachments": "attach",
    "desk:submission": "submit",
    "desk:discard": "discard",
    "desk:decision": "decide",
    "desk:withdrawal": "withdraw",
    "desk:redraft": "redraft",
    "desk:correction": "correct",
    "desk:adjustment": "adjust",
    "desk:copy": "copy",
    "desk:omission": "skip",
    "desk:circulation": "circulate",
    "desk:bundle": "bundle",
    "sign:decisions": "decide_several",
    "sign:decisions-statement": "state_several",
    "sign:hold": "hold",
    "authority:appointment": "propose_appointment",
    "authority:leaving": "propose_leaving",
    "authority:contact": "propose_contact",
    "authority:bylaws": "propose_setting",
    "authority:confirmation": "confirm_proposal",
    "authority:rejection": "reject_proposal",
    "authority:withdrawal": "withdraw_proposal",
    "authority:absences": "set_absence",
    "authority:end": "end_absence",
    "routing:editor": "propose_rules",
    "routing:confirmation": "confirm_rules",
    "routing:rejection": "reject_rules",
    "routing:withdrawal": "withdraw_rules",
}
# Why a program does none of these.
PERSON = "signing rests on it: the person does it in their own browser"
BROWSER = "it is about the browser itself"
TOKEN = "a token could give itself more than two officers gave it"
ENDS = "it cannot be taken back: two officers look at it on the screen"
NOT_YET = "docs/manual/api.md says that it is not there yet"
BY_HAND = {
    "sign:decisions-text": PERSON,
    "sign:own-agreement": PERSON,
    "sign:key-options": PERSON,
    "sign:keys": PERSON,
    "sign:key-confirmation": PERSON,
    "sign:key-revocation": PERSON,
    "sign:revocation-confirmation": PERSON,
    "outbox:devices": BROWSER,
    "outbox:end": BROWSER,
    "integration:tokens": TOKEN,
    "integration:confirmation": TOKEN,
    "integration:revocation": TOKEN,
    "integration:webhooks": TOKEN,
    "integration:end": TOKEN,
    "desk:witness-confirmation": ENDS,
    "desk:witness-rejection": ENDS,
    "disposal:disposals": ENDS,
    "disposal:confirmation": ENDS,
    "disposal:rejection": ENDS,
    "disposal:withdrawal": ENDS,
    "disposal:disclosure-withdrawal": ENDS,
    "desk:clearance": NOT_YET,
    "outbox:again": NOT_YET,
}


def addresses(patterns=None, prefix="", namespace=""):
    """Name and path of each address at the desk."""
    for pattern in patterns or get_resolver().url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern.url_patterns, path, inner)
        elif isinstance(pattern, URLPattern) and path.startswith("desk/"):
            yield namespace + pattern.name, path


def takes_a_post(path):
    """Whether an address does anything when something is sent to it."""
    here = re.sub(r"<uuid:\w+>", str(uuid4()), re.sub(r"<(int|str):\w+>", "1", path))
    return Client().post(f"/{here}").status_code != 405


@pytest.mark.django_db
def test_every_button_of_the_desk_is_an_operation_or_has_its_reason():
    buttons = {name for name, path in addresses() if takes_a_post(path)}
    assert buttons - DONE_BY.keys() - BY_HAND.keys() == set()
    assert (DONE_BY.keys() | BY_HAND.keys()) - buttons == set()
    paths = api.get_openapi_schema()["paths"].values()
    operations = {said["operationId"] for methods in paths for said in methods.values()}
    assert set(DONE_BY.values()) <= operations
