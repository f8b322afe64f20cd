"""Where witnesses hand in what they cosigned without being asked. Nobody logs in: the signatures
say who it is, and whatever they do not cover is not believed.
"""

import logging

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from danji.rules.refusal import Refusal
from danji.transparency.witnessing import NotTaken, hand_in

logger = logging.getLogger(__name__)

LIMIT = 64 * 1024  # bytes of a signed head


@csrf_exempt
@require_POST
def cosignature(request: HttpRequest) -> HttpResponse:
    """Take a signed note (c2sp.org/signed-note): the head of one of our logs, signed by the log and
    cosigned. Answers with a sentence.
    """
    body = request.read(LIMIT + 1)
    if len(body) > LIMIT:
        return _said(413, "너무 큽니다. 서명된 머리 하나만 보내 주세요.")
    try:
        hand_in(body, at=timezone.now())
    except NotTaken as problem:
        # Of what anybody may send, only what shows two logs is worth a line.
        if problem.status == 422:
            logger.warning("a cosignature was not taken: %s", problem)
        return _said(problem.status, str(problem))
    except Refusal as refusal:
        return _said(503, refusal.fact)
    return _said(200, "확인 서명을 받았습니다.")


def _said(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")
