"""The boxes of the desk (결재함)."""

from typing import Annotated

from ninja import Query, Router

from danji.approvals.boxes import LISTED, Box, Entry, counts, entries, form_title
from danji.integration.models import ApiScope
from danji.rules.periods import day_in_seoul
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.shapes import BoxOut, CountsOut, EntryOut

router = Router(tags=["결재함"])
Page = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/boxes", response=answers(CountsOut), summary="결재함마다 몇 건인지")
@needs(ApiScope.READ)
def boxes(request: ApiRequest) -> CountsOut:
    found = counts(request.officeholder, on=day_in_seoul(request.at), at=request.at)
    return CountsOut(counts=found)


@router.get("/boxes/{box}", response=answers(BoxOut), summary="결재함 하나")
@needs(ApiScope.READ)
def box(request: ApiRequest, box: Box, page: Page = 1) -> BoxOut:
    """What lies in a box: what waits for the officeholder, what is under way, how it ended."""
    found = entries(box, request.officeholder, on=day_in_seoul(request.at), page=page)
    items, has_more = shown.first(found, LISTED, _entry)
    return BoxOut(box=box, items=items, has_more=has_more)


def _entry(line: Entry) -> EntryOut:
    return EntryOut(
        id=line.id,
        title=line.title or "",
        form=form_title(line.form_id),
        amount=line.amount,
        at=line.at,
        drafter=line.who,
        other=line.other,
        mark=line.mark,
        unread=line.unread,
    )
