"""The OpenAPI document, and a page that lists the operations; both made once, for everybody."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from danji.integration.models import ApiScope
from danji.web.api.api import api
from danji.web.api.gate import KEY, SCOPE


@dataclass(frozen=True)
class Operation:
    """One line of the page."""

    method: str
    path: str
    summary: str
    scope: str
    once: bool  # takes an `Idempotency-Key`


@dataclass(frozen=True)
class Group:
    """The operations of one kind."""

    name: str
    operations: list[Operation]


@require_safe
def openapi(_request: HttpRequest) -> HttpResponse:
    """What a program that makes clients reads."""
    return HttpResponse(_document(), content_type="application/json; charset=utf-8")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What a person who writes a client reads first."""
    return render(request, "api/operations.html", {"groups": _groups(), "key": KEY})


@cache
def _document() -> str:
    return json.dumps(api.get_openapi_schema(), ensure_ascii=False)


@cache
def _groups() -> list[Group]:
    groups: dict[str, list[Operation]] = {}
    for group, operation in _operations(json.loads(_document())):
        groups.setdefault(group, []).append(operation)
    return [Group(name, operations) for name, operations in groups.items()]


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            yield (
                said["tags"][0],
                Operation(
                    method=method.upper(),
                    path=path,
                    summary=said["summary"],
                    scope=ApiScope(said[SCOPE]).label,
                    once=any(parameter["name"] == KEY for parameter in said["parameters"]),
                ),
            )
