"""The gate of the API: who asks is looked up anew for every call, in the call's transaction."""

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from functools import partial, wraps
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja.operation import Operation
from ninja.security.http import HttpAuthBase
from ninja.utils import contribute_operation_callback
from pydantic import BaseModel

from danji.accounts.models import Officeholder
from danji.base import tenancy
from danji.disclosure.endings import Gone
from danji.integration.actions import (
    Answer,
    InFlight,
    KeyReused,
    earlier_answer,
    in_flight,
    keep_answer,
    note_use,
)
from danji.integration.models import ApiScope, ApiToken
from danji.integration.queries import (
    NotPermitted,
    NotRecognised,
    demand_scope,
    token_of,
    unknown_token,
)
from danji.integration.tokens import Presented, read_token
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.web.api.problems import BadFields, Missing, problem
from danji.web.api.shapes import Problem
from danji.web.desk.access import MISSING
from danji.web.uploads import too_large

logger = logging.getLogger(__name__)

JSON, FILE = "application/json", "multipart/form-data"
KEY = "Idempotency-Key"
SCOPE = "x-danji-scope"  # in the OpenAPI document
KEY_LENGTH = 100  # characters
READS = frozenset({"GET", "HEAD"})

# What every operation may be answered instead.
_PROBLEMS = (400, 401, 403, 404, 409, 410, 413, 415, 422, 503)

Run = Callable[..., Any]
View = TypeVar("View", bound=Callable[..., Any])


class ApiRequest(HttpRequest):
    """A call with a token, by an officer in office today, at one moment."""

    token: ApiToken
    officeholder: Officeholder
    at: datetime


class Bearer(HttpAuthBase):
    """What the OpenAPI document says of tokens. The gate has looked at it before."""

    openapi_scheme = "bearer"
    openapi_bearerFormat = "danji_…"  # noqa: N815 - OpenAPI's own name

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        return getattr(request, "token", None)


def answers(model: type[BaseModel], status: int = 200) -> dict[Any, type[BaseModel]]:
    """What ninja is told of an operation's answers."""
    return {status: model, _PROBLEMS: Problem}


def a_file(media_type: str) -> dict[str, Any]:
    """What ninja is told of an operation that answers with a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        "response": {200: None, _PROBLEMS: Problem},
        "openapi_extra": {"responses": {200: {"content": content}}},
    }


def needs(scope: ApiScope, *, takes: str = JSON, once: bool = True) -> Callable[[View], View]:
    """Let an operation be called with a token of that scope, in one transaction of its complex.

    What is refused changes nothing. Whatever writes is done once for each `Idempotency-Key`.
    Args: `takes` is the content type of what is sent; `once` is False for what writes nothing
    although it is posted.
    """

    def decorate(view: View) -> View:
        contribute_operation_callback(view, partial(_guard, scope, takes, once))
        return view

    return decorate


def _guard(scope: ApiScope, takes: str, once: bool, operation: Operation) -> None:
    writes = once and not READS.issuperset(operation.methods)
    asked = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }

    def through(run: Run) -> Run:
        return _through(run, scope, takes, asked, writes=writes)

    # As ninja's `decorate_view` does it: the operation is copied, and decorated again.
    operation._run_decorators = [through]  # type: ignore[attr-defined]
    operation.run = through(operation.run)  # type: ignore[method-assign]
    said = {SCOPE: scope.value} | ({"parameters": [_KEY_PARAMETER]} if writes else {})
    operation.openapi_extra = (operation.openapi_extra or {}) | said


def _through(run: Run, scope: ApiScope, takes: str, asked: Collection[str], *, writes: bool) -> Run:
    @wraps(run)
    def answer(request: ApiRequest, **kwargs: Any) -> HttpResponse:
        try:
            presented = _presented(request)
            if request.method == "POST" and request.content_type != takes and _has_body(request):
                return problem(_wrong_type(takes), 415)
            with tenancy.within(presented.complex_id):
                _recognise(request, presented, scope)
                _demand_known(request, asked)
                response = _once(run, request, kwargs) if writes else run(request, **kwargs)
                if response.status_code >= 400:
                    transaction.set_rollback(True)
                return response
        except Refusal as refusal:
            return _refused(request, refusal)
        except MISSING:
            return problem(_missing(), 404)
        except RequestDataTooBig:
            return problem(too_large(), 413)

    return answer


def _presented(request: HttpRequest) -> Presented:
    """The token that came with the call. Raises: NotRecognised."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    presented = read_token(text.strip()) if scheme.lower() == "bearer" else None
    if presented is None:
        raise unknown_token()
    return presented


def _recognise(request: ApiRequest, presented: Presented, scope: ApiScope) -> None:
    """Raises: NotRecognised, NotPermitted."""
    request.at = timezone.now()
    today = day_in_seoul(request.at)
    token = token_of(presented, on=today)
    demand_scope(token, scope)
    note_use(token, on=today)
    request.token, request.officeholder = token, token.officeholder


def _demand_known(request: HttpRequest, asked: Collection[str]) -> None:
    """What is misspelt would else be passed over, and another question answered.

    Raises: BadFields.
    """
    if unknown := request.GET.keys() - asked:
        raise BadFields(
            "주소에 없는 이름을 물었습니다.",
            next_step="‘/api/’에서 쓸 수 있는 이름을 확인해 주세요.",
            fields=dict.fromkeys(sorted(unknown), "없는 이름입니다."),
        )


def _once(run: Run, request: ApiRequest, kwargs: dict[str, Any]) -> HttpResponse:
    """Do it, unless it was done already with the same key: then the answer is the same."""
    key = _key(request)
    fingerprint = _fingerprint(request)
    earlier = earlier_answer(request.token, key, fingerprint)
    if earlier is not None:
        return _replayed(earlier)
    response: HttpResponse = run(request, **kwargs)
    if response.status_code < 400:
        given = Answer(response.status_code, response.content.decode())
        try:
            keep_answer(request.token, key, fingerprint, given, at=request.at)
        except IntegrityError as problem:
            raise in_flight() from problem
    return response


def _replayed(earlier: Answer) -> HttpResponse:
    response = HttpResponse(
        earlier.body, content_type="application/json; charset=utf-8", status=earlier.status
    )
    response["Idempotent-Replayed"] = "true"
    return response


def _key(request: HttpRequest) -> str:
    """Raises: BadFields."""
    key = request.headers.get(KEY, "")
    if not 0 < len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise BadFields(
            f"‘{KEY}’ 머리말이 없거나 올바르지 않습니다.",
            next_step="일 하나마다 새 값(예: UUID)을 넣고, 다시 보낼 때는 같은 값을 넣어 주세요.",
            fields={KEY: f"보이는 영문자와 숫자로 {KEY_LENGTH}자까지 적습니다."},
        )
    return key


def _fingerprint(request: HttpRequest) -> bytes:
    """What was asked, as one digest."""
    asked = sha256(f"{request.method} {request.get_full_path()}\0".encode())
    if request.content_type != FILE:
        asked.update(request.body)
        return asked.digest()
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            asked.update(f"{name}\0{file.name}\0".encode())
            for chunk in file.chunks():
                asked.update(chunk)
            file.seek(0)
    return asked.digest()


def _has_body(request: HttpRequest) -> bool:
    return request.META.get("CONTENT_LENGTH") not in {None, "", "0"}


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    match refusal:
        case NotRecognised():
            status = 401
        case NotPermitted():
            status = 403
        case Missing():
            status = 404
        case BadFields() | KeyReused():
            status = 422
        case Gone():
            status = 410
        case _:
            status = 409
    if status in {401, 403}:
        # Which token it was, as far as it says so itself, and never the token.
        said: UUID | None = None
        with suppress(NotRecognised):
            said = _presented(request).token_id
        logger.warning("%s %s: token %s: %s", request.method, request.path, said, refusal.fact)
    elif not isinstance(refusal, InFlight):
        logger.info("%s %s was refused: %s", request.method, request.path, refusal.unnamed)
    return problem(refusal, status)


def _wrong_type(takes: str) -> Refusal:
    return Refusal(
        "보낸 내용의 종류(Content-Type)가 맞지 않습니다.",
        next_step=f"‘{takes}’(으)로 보내 주세요.",
    )


def _missing() -> Refusal:
    return Refusal("없는 것이거나 볼 수 없는 것입니다.", next_step="번호를 확인해 주세요.")


_KEY_PARAMETER = {
    "in": "header",
    "name": KEY,
    "required": True,
    "description": "일 하나마다 새 값. 같은 값으로 다시 보내면 두 번 하지 않고 같은 답을 줍니다.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH,
        "pattern": "^[!-~]+$",
    },
}
