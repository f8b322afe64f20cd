"""The API does what its OpenAPI document says, whatever it is sent."""

import logging
import re

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from danji.approvals import deciding, drafting
from danji.base import tenancy
from danji.records.models import Record
from danji.rules.approval import Choice, Decision

EXAMPLES = 5
# The program agrees with us about a document that is well-formed; whether a form's fields are
# filled in, a citation sealed, or a file sent ahead is not in the OpenAPI document. That each
# operation does its work too is seen in `test_api_operations`.
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"deterministic": True, "database": "none", "max-examples": EXAMPLES},
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", "422"]
            }
        },
    }
)
APPLICATION = get_wsgi_application()


def application(environ, start_response):
    """Ours, closed after each answer as a server does it."""
    answer = APPLICATION(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


SCHEMA = schemathesis.openapi.from_wsgi("/api/openapi.json", application, config=CONFIG)
IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def one_transaction():
    """As Django's own test client does: between calls the test's transaction goes on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def rows(program, submitted, clerk, chief, manager, at, sign):
    """What there is, by what addresses call it: a draft, a document under way, a record."""
    caller = program(chief)
    tenancy._enter("app.complex", chief.complex_id)
    begun = drafting.start_draft("memo", actor=chief, at=at)
    draft = drafting.start_draft("memo", actor=manager, at=at)
    typed = {"title": ["화단"], "purpose": ["정비"], "plan": ["11월"]}
    drafting.save_draft(draft.id, typed, revision=1, actor=manager, at=at)
    document = drafting.submit_draft(draft.id, actor=manager, at=at)
    deciding.decide_step(
        document.id, actor=manager, choice=Choice(Decision.APPROVE), sign=sign, at=at
    )
    record = Record.objects.get()
    return caller, {
        "draft_id": begun.id,
        "document_id": submitted.id,
        "record_id": record.id,
        "doc": record.doc,
    }


@SCHEMA.parametrize()
@pytest.mark.usefixtures("one_transaction")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_its_word(case, rows, caplog):
    caplog.set_level(logging.ERROR)
    caller, ids = rows
    for name, value in (case.path_parameters or {}).items():
        # A program that knows what it asks for: what is sent then decides.
        if name in ids and IS_ID.fullmatch(str(value)):
            case.path_parameters[name] = str(ids[name])
    case.call_and_validate(headers={"Authorization": f"Bearer {caller.text}"})
    tenancy._enter("app.complex", caller.complex_id)
