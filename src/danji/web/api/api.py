"""The API: one instance of ninja, how it reads and says no, and the operations it has."""

import json
import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import JSONRenderer

from danji.rules.refusal import Refusal
from danji.web.api import (
    account,
    authority,
    boxes,
    documents,
    drafts,
    forms,
    habits,
    records,
    routing,
    several,
)
from danji.web.api.gate import Bearer
from danji.web.api.given import wrong
from danji.web.api.problems import problem

# In the order of the page that lists the operations.
ROUTERS = (
    account,
    forms,
    drafts,
    habits,
    documents,
    several,
    boxes,
    records,
    authority,
    routing,
)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SENTENCES = {
    "missing": "빠졌습니다.",
    "extra_forbidden": "없는 이름입니다.",
    "string_type": "글자여야 합니다.",
    "string_too_short": "비어 있거나 너무 짧습니다.",
    "string_too_long": "너무 깁니다.",
    "string_pattern_mismatch": "꼴이 맞지 않습니다.",
    "int_type": "정수여야 합니다.",
    "int_parsing": "정수여야 합니다.",
    "bool_type": "true나 false여야 합니다.",
    "list_type": "목록이어야 합니다.",
    "dict_type": "이름과 값의 묶음이어야 합니다.",
    "model_attributes_type": "이름과 값의 묶음이어야 합니다.",
    "model_type": "이름과 값의 묶음이어야 합니다.",
    "literal_error": "고를 수 있는 값이 아닙니다.",
    "enum": "고를 수 있는 값이 아닙니다.",
    "too_long": "너무 많습니다.",
    "too_short": "하나 이상 있어야 합니다.",
    "greater_than_equal": "너무 작습니다.",
    "less_than_equal": "너무 큽니다.",
}


class _Parser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """The JSON that was sent. As on the pages, what no database stores is made visible."""
        data = json.loads(request.body, parse_constant=_no_number)
        return _storable(data) if b"\\u" in request.body else data


class _Renderer(JSONRenderer):
    json_dumps_params = {"ensure_ascii": False, "separators": (",", ":")}


class _Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """What programs that make clients call it."""
        return operation.view_func.__name__


api = _Api(
    title="단지 전자결재 연계",
    version="1",
    description="다른 프로그램이 문서를 올리고, 결재하고, 결과를 읽습니다.",
    urls_namespace="api",
    auth=Bearer(),
    parser=_Parser(),
    renderer=_Renderer(),
    openapi_url=None,  # served by `docs`, made once
    docs_url=None,
)
for router in ROUTERS:
    api.add_router("", router.router)


@api.exception_handler(ValidationError)
def _not_of_shape(_request: HttpRequest, invalid: ValidationError) -> HttpResponse:
    fields = {}
    for error in invalid.errors:
        _source, *path = error["loc"]
        # The name of the argument that holds the whole body says nothing to who sent it.
        name = ".".join(str(part) for part in (path[1:] if _source == "body" else path))
        fields[name or "body"] = _SENTENCES.get(error["type"], "값이 맞지 않습니다.")
    return problem(wrong(fields), 422)


@api.exception_handler(HttpError)
def _not_read(_request: HttpRequest, error: HttpError) -> HttpResponse:
    refusal = Refusal(
        "보낸 내용이 JSON이 아닙니다.", next_step="UTF-8로 쓴 JSON 하나를 보내 주세요."
    )
    return problem(refusal, error.status_code)


@api.exception_handler(Http404)
@api.exception_handler(Exception)
def _somebody_elses(_request: HttpRequest, problem: Exception) -> HttpResponse:
    """Left to the gate, so that the transaction ends with it."""
    raise problem


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _storable(data: Any) -> Any:
    match data:
        case str():
            return _UNSTORABLE.sub("\ufffd", data)
        case list():
            return [_storable(item) for item in data]
        case dict():
            return {_UNSTORABLE.sub("\ufffd", key): _storable(item) for key, item in data.items()}
    return data
