"""Documents to look at, and officers at their desks."""

from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from danji.approvals import deciding, drafting
from danji.approvals.models import Document, Draft
from danji.base import tenancy
from danji.rules.approval import Choice, Decision
from danji.signing.actions import accept_method
from programs import ALL, give_token

MEMO = {
    "title": ["화단 정비"],
    "purpose": ["1. 화단을 정비합니다."],
    "plan": ["1. 11월에 합니다."],
    "budget": ["1,430,000"],
}
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


@dataclass
class Desk:
    """One officer's browser; `complex_id` is where the test goes on afterwards."""

    client: Client
    complex_id: object

    def get(self, path: str, **headers):
        return self._then(self.client.get(path, **headers))

    def post(self, path: str, data=None, **headers):
        return self._then(self.client.post(path, data or {}, **headers))

    def _then(self, response):
        # One transaction holds the whole test, so what a page entered would stay entered.
        tenancy._enter("app.complex", self.complex_id)
        return response


@pytest.fixture
def at_desk(complex_, sign_in):
    """Sit an officeholder or a resident down at a browser of their own."""
    return lambda holder: Desk(sign_in(Client(), holder), complex_.id)


@pytest.fixture
def pdf() -> bytes:
    return PDF


@pytest.fixture
def typed():
    """What the editor posts of the memo, with changes."""

    def texts(draft, **changes):
        texts = {name: value for name, (value,) in MEMO.items()}
        return texts | {"revision": str(draft.revision)} | changes

    return texts


@pytest.fixture
def visitor(complex_):
    return Desk(Client(), complex_.id)


@pytest.fixture
def draft(clerk, chief, manager, at) -> Draft:
    begun = drafting.start_draft("memo", actor=clerk, at=at)
    return drafting.save_draft(begun.id, MEMO, revision=begun.revision, actor=clerk, at=at)


@pytest.fixture
def submitted(draft, clerk, at) -> Document:
    drafting.attach_file(draft.id, "견적서.pdf", PDF, actor=clerk, at=at)
    return drafting.submit_draft(draft.id, actor=clerk, at=at)


@pytest.fixture
def filed(submitted, chief, manager, sign, at) -> Document:
    for actor in (chief, manager):
        deciding.decide_step(
            submitted.id,
            actor=actor,
            choice=Choice(Decision.APPROVE),
            sign=sign,
            at=at,
        )
    return submitted


@pytest.fixture
def program():
    """Give a program of an officeholder's own a token; the officeholder has agreed to sign."""

    def make(holder, *scopes):
        accept_method(actor=holder, at=timezone.now())
        return give_token(holder, scopes or ALL)

    return make
