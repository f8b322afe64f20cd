"""Texts on their way in: what no database stores is made visible before anybody reads it."""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

# NUL, and halves of a pair of code units.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class TextMiddleware:
    """Puts � in the place of characters that cannot be kept, in addresses and in forms alike."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """Runs after the session and the token were looked at, and before any view."""
        if _has_unstorable(request.GET):
            request.GET = _storable(request.GET)  # type: ignore[assignment]
        if request.method == "POST" and _has_unstorable(request.POST):
            request.POST = _storable(request.POST)  # type: ignore[assignment]


def _has_unstorable(texts: QueryDict) -> bool:
    return any(
        _UNSTORABLE.search(text) for name, values in texts.lists() for text in (name, *values)
    )


def _storable(texts: QueryDict) -> QueryDict:
    kept = QueryDict(mutable=True)
    for name, values in texts.lists():
        for text in values:
            kept.appendlist(_UNSTORABLE.sub("\ufffd", name), _UNSTORABLE.sub("\ufffd", text))
    kept._mutable = False
    return kept
