"""Saying no to a program: always JSON, with the sentences a person would read."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from danji.rules.refusal import Refusal

PREFIX = "/api/"


class BadFields(Refusal):
    """Some of what was sent is wrong; `fields` says of each what."""

    def __init__(self, fact: str, *, next_step: str, fields: Mapping[str, str]) -> None:
        super().__init__(fact, next_step=next_step)
        self.fields = dict(fields)


class Missing(Refusal):
    """There is no such thing, or not for whoever asks."""


# What the framework says no to by itself.
_BY_STATUS = {
    400: Refusal(
        "보낸 내용을 읽을 수 없습니다.", next_step="형식이 맞는지 확인해 다시 보내 주세요."
    ),
    403: Refusal("이 주소에는 들어올 수 없습니다.", next_step="보낸 내용을 확인해 주세요."),
    404: Refusal("없는 주소이거나 볼 수 없는 것입니다.", next_step="주소를 확인해 주세요."),
    405: Refusal(
        "이 주소에서 쓸 수 없는 방법입니다.", next_step="‘Allow’ 머리말에 있는 방법을 써 주세요."
    ),
}


def is_api(request: HttpRequest) -> bool:
    """Whether a program asks, and no browser."""
    return request.path_info.startswith(PREFIX) and request.path_info != PREFIX


def problem(refusal: Refusal, status: int) -> HttpResponse:
    """A refusal as JSON, for a program or a script of ours."""
    said: dict[str, object] = {"fact": refusal.fact, "next_step": refusal.next_step}
    if isinstance(refusal, BadFields):
        said["fields"] = refusal.fields
    body = json.dumps(said, ensure_ascii=False)
    response = HttpResponse(body, content_type="application/json; charset=utf-8", status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def in_json(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The framework's own answer, or the same in JSON when a program is told no."""
    said = response.headers.get("Content-Type", "")
    refusal = _BY_STATUS.get(response.status_code)
    if refusal is None or not is_api(request) or said.startswith("application/json"):
        return response
    answer = problem(refusal, response.status_code)
    if "Allow" in response:
        answer["Allow"] = response["Allow"]
    return answer
