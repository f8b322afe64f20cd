"""The page that says where the log stands and who watches it (봉인과 확인), and what is said on the
desk while something is wrong with it.
"""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from danji.accounts.models import Office, Officeholder
from danji.transparency.models import Trouble, TroubleKind
from danji.transparency.queries import newest_event_at
from danji.transparency.standing import standing_of
from danji.transparency.troubles import ADVICE, open_troubles, said_of, troubles_of
from danji.web.desk.access import DeskRequest, officer_required

PAST = 20  # troubles that are over and still shown
# Who is told on the desk: whoever runs the office, and those who watch over it.
TOLD = frozenset({Office.MANAGER, Office.CHAIR, Office.AUDITOR, Office.DIRECTOR})
# While these last, people may wait; the others are for somebody to act on.
PATIENT = frozenset({TroubleKind.WAITING, TroubleKind.SILENT})


@require_safe
@officer_required
def seal(request: DeskRequest) -> HttpResponse:
    """The newest head, each witness and what it saw last, and what is or was wrong."""
    complex_ = request.officeholder.complex
    try:
        standing = standing_of(complex_)
    except FileNotFoundError:  # nothing is sealed yet
        standing = None
    past = troubles_of(complex_.id).exclude(until=None)[:PAST]
    context = {
        "standing": standing,
        "newest_at": newest_event_at(complex_.id),
        "log_address": standing and f"{settings.PUBLIC_URL}{complex_.code}/log/{standing.number}/",
        "troubles": [_shown(trouble) for trouble in open_troubles(complex_.id)],
        "past": [_shown(trouble) for trouble in past],
    }
    return render(request, "desk/seal.html", context)


def said_on_desk(reader: Officeholder) -> dict[str, Any]:
    """The worst that is wrong with the log now, for those who are told, and how much else is: the
    context of parts/_troubles.html.
    """
    if reader.office not in TOLD:
        return {}
    found = open_troubles(reader.complex_id)
    worst = sorted(found, key=lambda trouble: trouble.kind in PATIENT)
    return {"troubles": [_shown(trouble) for trouble in worst[:1]], "others": len(worst) - 1}


def _shown(trouble: Trouble) -> dict[str, Any]:
    kind = TroubleKind(trouble.kind)
    return {
        "what": kind.label,
        "sentence": said_of(trouble),
        "advice": ADVICE[kind],
        "notice": "warn" if kind in PATIENT else "bad",
        "since": trouble.since,
        "until": trouble.until,
    }
