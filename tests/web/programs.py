"""A program that calls the API with a token."""

import json
from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from danji.accounts.actions import appoint, register_person
from danji.accounts.models import Office
from danji.accounts.queries import others_in
from danji.base import tenancy
from danji.integration.actions import confirm_token, issue_token
from danji.integration.models import ApiScope
from danji.rules.periods import day_in_seoul
from danji.signing.queries import VOUCHING

ALL = list(ApiScope)


class Program:
    """A program with a token; `keys` counts on, so that every write is a new one."""

    def __init__(self, holder, text):
        self.complex_id, self.text, self.keys = holder.complex_id, text, 0
        self.client = Client()

    def get(self, path, **headers):
        return self._then(self.client.get(f"/api{path}", headers=self._headers(headers)))

    def post(self, path, data=None, *, key=None, **options):
        return self.send("POST", path, data, key=key, **options)

    def send(self, method, path, data=None, *, key=None, **options):
        self.keys += 1
        headers = self._headers({"Idempotency-Key": key or f"key-{self.keys}"})
        body = "" if data is None else json.dumps(data)
        options = {"content_type": "application/json", "headers": headers} | options
        return self._then(self.client.generic(method, f"/api{path}", body, **options))

    def upload(self, path, name, data):
        self.keys += 1
        headers = self._headers({"Idempotency-Key": f"key-{self.keys}"})
        file = SimpleUploadedFile(name, data)
        return self._then(self.client.post(f"/api{path}", {"file": file}, headers=headers))

    def _headers(self, more):
        return {"Authorization": f"Bearer {self.text}"} | more

    def _then(self, response):
        # One transaction holds the whole test, so what a call entered would stay entered.
        tenancy._enter("app.complex", self.complex_id)
        return response


def give_token(holder, scopes=ALL):
    """A program of an officeholder's own; what needs a second officer was confirmed by one."""
    now = timezone.now()
    today = day_in_seoul(now)
    last = today + timedelta(days=30)
    issued = issue_token("회계", scopes, last, actor=holder, at=now)
    if issued.token.needs_confirmation:
        confirm_token(issued.token.id, actor=_second(holder, today), at=now)
    return Program(holder, issued.text)


def _second(holder, today):
    """Somebody else who vouches for others; made when the test has none."""
    others = others_in(holder.complex_id, VOUCHING, besides=holder.person_id, on=today)
    if others:
        return others[0]
    person = register_person(name="감사 이", email=f"auditor@{holder.complex_id.hex}.example")
    return appoint(person, Office.AUDITOR, holder.complex, since=today)
