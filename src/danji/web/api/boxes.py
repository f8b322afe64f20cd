"""The boxes of the desk (결재함)."""

from ninja import Query, Router

from danji.approvals.boxes import LISTED, Box, Entry, Sought, counts, entries, form_title
from danji.disclosure.queries import numbered
from danji.integration.models import ApiScope
from danji.rules.periods import day_in_seoul
from danji.web.api import shown
from danji.web.api.gate import ApiRequest, answers, needs
from danji.web.api.shapes import Asked, BoxOut, CountsOut, EntryOut

router = Router(tags=["결재함"])
WORDS = 8  # of `q` that count


@router.get("/boxes", response=answers(CountsOut), summary="결재함마다 몇 건인지")
@needs(ApiScope.READ)
def boxes(request: ApiRequest) -> CountsOut:
    found = counts(request.officeholder, on=day_in_seoul(request.at), at=request.at)
    return CountsOut(counts=found)


@router.get("/boxes/{box}", response=answers(BoxOut), summary="결재함 하나")
@needs(ApiScope.READ)
def box(request: ApiRequest, box: Box, asked: Query[Asked]) -> BoxOut:
    """What lies in a box: what waits for the officeholder, what is under way, how it ended."""
    reader = request.officeholder
    words = " ".join(asked.q.split()[:WORDS])
    sought = Sought(
        words,
        tuple(numbered(reader, words)) if words and box is Box.FINISHED else (),
        asked.form,
        asked.since,
        asked.until,
        asked.least,
        asked.most,
    )
    found = entries(box, reader, on=day_in_seoul(request.at), sought=sought, page=asked.page)
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
