"""The page on which the code is typed that was sent for a decision.

What was pressed is kept in the session, and the page opened by an address of its own. So nothing a
person can go back to is the answer to a form, which a browser does not show a second time.
"""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import urlencode

from danji.accounts.models import Officeholder
from danji.rules.refusal import Refusal
from danji.signing import codes
from danji.signing.models import CodeRequest
from danji.web.sign.ceremony import CodeAsked, Frozen, Pressed, freeze, kept, read_stated_at

ASKED = "asked"  # in the session: for what the last code was sent


@dataclass(frozen=True)
class Waiting:
    """A decision that waits for its code.

    `posted` is what was pressed, `action` where it is posted to, `back` the page it was pressed on;
    `refusal` says why the last code was not taken.
    """

    posted: QueryDict
    frozen: Frozen
    request: CodeRequest
    refusal: Refusal | None
    action: str
    back: str


def ask_for_code(
    request: HttpRequest, asked: CodeAsked, *, page: str, action: str, back: str
) -> HttpResponse:
    """Keep what was pressed, and go to the page that asks for the code.

    Args: `page` is the address of that page, `action` and `back` as in `Waiting`.
    """
    refusal = asked.refusal
    request.session[ASKED] = {
        "request": asked.request_id,
        "stated_at": asked.frozen.stated_at.isoformat(),
        "posted": kept(request.POST),
        "refusal": [refusal.fact, refusal.next_step] if refusal else None,
        "action": action,
        "back": back,
    }
    here = f"{page}?{urlencode({'request': asked.request_id})}"
    return HttpResponseRedirect(here, status=303)


def waiting_for_code(request: HttpRequest, officeholder: Officeholder) -> Waiting | str:
    """The decision of which the address says that it waits for its code.

    Returns: where to go instead when it does not, "" where that is not known either.
    """
    said = request.session.get(ASKED)
    if said is None or said["request"] != request.GET.get("request"):
        return ""
    back: str = said["back"]
    row = _request_of(officeholder, said["request"])
    if row is None or row.used_at is not None:
        return back
    posted = QueryDict(mutable=True)
    for name, value in [*said["posted"], ("stated_at", said["stated_at"])]:
        posted.appendlist(name, value)
    frozen = freeze(Pressed.read(posted), officeholder, at=read_stated_at(posted))
    if not frozen.statements:
        return back
    refusal = Refusal(said["refusal"][0], next_step=said["refusal"][1]) if said["refusal"] else None
    return Waiting(posted, frozen, row, refusal, said["action"], back)


def _request_of(officeholder: Officeholder, request_id: str) -> CodeRequest | None:
    try:
        return codes.request_of(officeholder, UUID(request_id))
    except ValueError:
        return None
