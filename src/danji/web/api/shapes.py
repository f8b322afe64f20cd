"""What programs send and are sent, as the OpenAPI document describes it.

Nothing is guessed of what comes in: an unknown name, or a number where a text belongs, is refused.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from danji.approvals.boxes import Box
from danji.integration.models import ApiScope, ApiToken
from danji.rules.approval import OPINION_LIMIT, Act, Decision, Ending
from danji.rules.money import LIMIT as WON_LIMIT
from danji.rules.recurring import Every
from danji.transparency.models import Seal


def _moment(text: Any) -> datetime:
    """A moment with its zone, as ISO 8601 writes it."""
    if not isinstance(text, str) or "T" not in text:
        raise ValueError("not a moment")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment


def _id(text: Any) -> UUID:
    if not isinstance(text, str):
        raise ValueError("not an id")  # noqa: TRY004 - what pydantic collects
    return UUID(text)


def _day(text: Any) -> date:
    """A day as ISO 8601 writes it; a year far away is a slip."""
    if not isinstance(text, str) or not re.fullmatch(r"(19|2[0-9])[0-9]{2}(-[0-9]{2}){2}", text):
        raise ValueError("not a day")
    return date.fromisoformat(text)


Id = Annotated[UUID, BeforeValidator(_id)]
Day = Annotated[date, BeforeValidator(_day)]
Won = Annotated[int, Field(ge=0, le=WON_LIMIT, description="원")]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, 소문자 16진수")]
FormKey = Annotated[str, Field(min_length=1, max_length=40, examples=["expense"])]
Opinion = Annotated[str, Field(max_length=OPINION_LIMIT)]


class Sent(BaseModel):
    """Something a program sends."""

    model_config = ConfigDict(extra="forbid", strict=True)


# --- What is asked for -------------------------------------------------------------------------


class Asked(BaseModel):
    """무엇을 찾는지. 날은 그 결재함에서 차례를 정하는 날이고, 둘 다 넣는다."""

    q: Annotated[
        str, Field(max_length=200, description="제목에 든 말. 완료에서는 문서번호에 든 말도")
    ] = ""
    form: Annotated[str, Field(max_length=40)] = ""
    since: Day | None = None
    until: Day | None = None
    least: Won | None = None
    most: Won | None = None
    page: Annotated[int, Field(ge=1, le=10_000)] = 1


# --- What is sent ------------------------------------------------------------------------------


class AddedPlace(Sent):
    """결재선에 더 넣는 사람."""

    act: Literal["review", "concur", "confirm", "audit"]
    officeholder: Id
    beside: bool = False


class SkippedPlace(Sent):
    """부재 중이라 건너뛰는 자리."""

    office: Annotated[str, Field(min_length=1, max_length=20)]
    reason: Annotated[str, Field(min_length=1, max_length=50)]


class NamedReader(Sent):
    """결재하지 않고 보는 사람."""

    kind: Literal["reference", "circulation", "afterwards"]
    officeholder: Id


class LineChanges(Sent):
    """규칙이 정한 결재선에서 바꾸는 것."""

    added: Annotated[list[AddedPlace], Field(max_length=20)] = []
    skipped: Annotated[list[SkippedPlace], Field(max_length=20)] = []
    readers: Annotated[list[NamedReader], Field(max_length=20)] = []


class Cite(Sent):
    """관련 문서: 봉인된 기록을 든다."""

    doc: Id
    relation: Literal["refers", "supersedes"] = "refers"


class Written(Sent):
    """문서의 내용. `values`는 기록에 남는 꼴(계산하는 칸은 빼도 됨), `inputs`는 화면에 적는 꼴."""

    values: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    line: LineChanges | None = None


class NewDraft(Written):
    """새 문서를 쓰기 시작한다."""

    form: FormKey


class DraftChange(Written):
    """쓰던 문서의 내용을 통째로 바꾼다."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Submission(Sent):
    """쓰던 문서를 상신한다."""

    seen_doubts: Annotated[bool, Field(description="살펴볼 곳을 보았고, 맞다")] = False


class Filing(NewDraft, Submission):
    """한 번에 쓰고 상신한다. `attachments`는 먼저 올린 파일의 SHA-256."""

    attachments: Annotated[list[Digest], Field(max_length=10)] = []
    cites: Annotated[list[Cite], Field(max_length=50)] = []


class Seat(Sent):
    """결정. `digest`는 보고 판단한 문서의 것, `acting_for`는 대결할 때 부재자."""

    decision: Literal["approve", "dissent", "return", "send_back"]
    digest: Digest
    opinion: Opinion = ""
    to: Annotated[int | None, Field(ge=1, le=100, description="되돌릴 자리")] = None
    acting_for: Id | None = None


class Assertion(Sent):
    """패스키가 서명한 것. 모두 base64url."""

    id: Annotated[str, Field(max_length=2000)]
    client_data: Annotated[str, Field(max_length=8000)]
    authenticator_data: Annotated[str, Field(max_length=8000)]
    signature: Annotated[str, Field(max_length=4000)]


class Signed(Sent):
    """무엇으로 서명했는지. 비우면 연계 열쇠로 한 것으로 남는다(가장 낮은 수준)."""

    assertion: Assertion | None = None
    stated_at: Annotated[Moment | None, Field(description="서명할 내용을 받은 때")] = None


class Deciding(Seat, Signed):
    """결정과 서명."""


class OneOfSeveral(Sent):
    """한꺼번에 결재하는 문서 하나."""

    document: Id
    digest: Digest
    acting_for: Id | None = None


class Several(Sent):
    """여러 문서를 한 가지로 결정한다."""

    items: Annotated[list[OneOfSeveral], Field(min_length=1, max_length=100)]
    decision: Literal["approve", "dissent", "return"]
    opinion: Opinion = ""


class DecidingSeveral(Several, Signed):
    """여러 문서의 결정과 서명. `assertion`이 있으면 서명한 문서만, 서명한 차례로 넣는다."""


class Opining(Sent):
    """후결: 승인하거나, 의견이 있음을 남긴다."""

    decision: Literal["approve", "dissent"] = "approve"
    digest: Digest
    opinion: Opinion = ""


class Following(Opining, Signed):
    """후결과 서명."""


class Reason(Sent):
    """까닭."""

    reason: Annotated[str, Field(min_length=1, max_length=OPINION_LIMIT)]


class Skip(Reason):
    """부재 중이거나, 결재가 끝난 뒤 기한 안에 확인하지 않은 사람의 자리를 건너뛴다."""

    position: Annotated[int, Field(ge=1, le=100)]


class Skipping(Skip, Signed):
    """건너뛰기와 서명."""


class NewTemplate(Sent):
    """이름을 붙여 두는 결재선. 같은 이름이 있으면 바뀐다."""

    name: Annotated[str, Field(min_length=1, max_length=50)]
    line: LineChanges


class NewRecurring(Sent):
    """반복 문서. `on_day`는 주마다이면 요일(1 월요일), 달마다이면 날."""

    form: FormKey
    title: Annotated[str, Field(min_length=1, max_length=80)]
    every: Annotated[Every, BeforeValidator(Every)]
    on_day: Annotated[int, Field(ge=1, le=31)] = 1
    since: Day
    until: Day | None = None
    model: Annotated[Id | None, Field(description="본뜰 문서")] = None


class Recipients(Sent):
    """공람 받을 사람."""

    officeholders: Annotated[list[Id], Field(min_length=1, max_length=100)]


# --- What is answered --------------------------------------------------------------------------


class Problem(BaseModel):
    """거절: 무엇이 그러한지, 이제 무엇을 하면 되는지."""

    fact: str
    next_step: str
    fields: dict[str, str] = {}


class OfficerOut(BaseModel):
    """직을 맡은 사람."""

    id: UUID
    office: str
    label: str
    name: str


class MeOut(BaseModel):
    """이 열쇠가 누구의 것이고 무엇을 할 수 있는지."""

    complex: str
    complex_name: str
    officer: OfficerOut
    kind: ApiToken.Kind
    scopes: list[ApiScope]
    expires_on: date


class OfficersOut(BaseModel):
    items: list[OfficerOut]


class FormOut(BaseModel):
    """서식."""

    key: str
    version: int
    title: str


class ListedFormOut(FormOut):
    """서식과 즐겨찾기에 넣었는지."""

    is_favourite: bool


class FormsOut(BaseModel):
    items: list[ListedFormOut]


class DefinitionOut(FormOut):
    """서식의 정의: 칸, 셈, 고를 수 있는 값."""

    sha256: str
    definition: dict[str, Any]


class AttachmentOut(BaseModel):
    """붙임."""

    name: str
    media_type: str
    size: int
    sha256: str


class CiteOut(BaseModel):
    """관련 문서."""

    doc: UUID
    number: str
    relation: Literal["refers", "supersedes"]


class DraftOut(BaseModel):
    """쓰던 문서."""

    id: UUID
    form: str
    form_version: int
    revision: int
    saved_at: datetime
    inputs: dict[str, str]
    attachments: list[AttachmentOut]
    cites: list[CiteOut]
    line: dict[str, Any]
    follows: UUID | None


class DraftsOut(BaseModel):
    items: list[DraftOut]


class PlannedOut(BaseModel):
    """상신하면 설 자리. `skipped`는 건너뛰는 까닭, `deputy`는 부재 중일 때 대신 결재할 사람."""

    position: int
    stage: int
    act: Act
    officer: OfficerOut
    basis: str
    skipped: str
    deputy: OfficerOut | None


class ShownToOut(BaseModel):
    """결재하지 않고 볼 사람."""

    kind: str
    officer: OfficerOut


class PlanOut(BaseModel):
    """지금 상신하면 갈 결재선과 알아 둘 것.

    `resolution`은 의결을 요구하는 조항, `resolved`는 든 의결 문서, `consent`는 승인을 요구하는
    조항이다. `missing`이 비어 있어야 상신할 수 있고, `doubts`가 있으면 `seen_doubts`를 넣는다.
    """

    line: list[PlannedOut]
    readers: list[ShownToOut]
    resolution: str
    resolved: list[str]
    consent: str
    notes: list[str]
    missing: dict[str, str]
    doubts: dict[str, str]


class ProgressOut(BaseModel):
    """문서가 어디까지 갔는지. `ending`이 null이면 결재 중이다."""

    document: UUID
    digest: str
    ending: Ending | None


class HoldOut(BaseModel):
    """보류한 까닭과 때."""

    reason: str
    held_at: datetime


class StepOut(BaseModel):
    """결재선의 한 자리. `round`가 큰 것이 지금 것이다.

    차례인 자리에는 언제부터 기다리는지 `since`, 부재 중이면 대신 결재할 `deputy`, 보류했으면
    `hold`가 있다.
    """

    position: int
    stage: int
    round: int
    act: Act
    officer: OfficerOut
    basis: str
    decision: Decision | None
    decided_by: OfficerOut | None
    decided_at: datetime | None
    opinion: str
    is_waiting: bool
    since: datetime | None
    deputy: OfficerOut | None
    hold: HoldOut | None


class LeftOutOut(BaseModel):
    """상신할 때 건너뛴 자리."""

    position: int
    stage: int
    act: Act
    office: str
    name: str
    reason: str


class ReaderOut(BaseModel):
    """결재하지 않고 보는 사람. 후결했으면 `decision`과 `opinion`이 있다."""

    kind: str
    officer: OfficerOut
    sent_at: datetime | None
    read_at: datetime | None
    confirmed_at: datetime | None
    decision: Decision | None
    opinion: str


class DocumentOut(ProgressOut):
    """문서, 결재선, 지금 상태."""

    form: str
    form_version: int
    title: str
    amount: int | None
    net: int | None
    payee: str
    drafter: OfficerOut
    submitted_at: datetime
    values: dict[str, Any]
    attachments: list[AttachmentOut]
    cites: list[CiteOut]
    notes: list[str]
    line: list[StepOut]
    left_out: list[LeftOutOut]
    readers: list[ReaderOut]
    follows: UUID | None
    followed_by: list[UUID]


class EntryOut(BaseModel):
    """결재함의 한 줄."""

    id: UUID
    title: str
    form: str
    amount: int | None
    at: datetime
    drafter: str
    other: str
    mark: str
    unread: bool


class BoxOut(BaseModel):
    """결재함의 한 쪽."""

    box: Box
    items: list[EntryOut]
    has_more: bool


class CountsOut(BaseModel):
    """결재함마다 몇 건인지(99건보다 많으면 100)."""

    counts: dict[Box, int]


class StatementOut(BaseModel):
    """서명할 내용. `statement`(base64)의 바이트 그대로가 서명된다."""

    statement: str
    challenge: Annotated[str, Field(description="패스키가 서명할 값, base64url")]
    stated_at: datetime
    title: str
    amount: int | None
    payee: str
    rp_id: str
    allow: Annotated[list[str], Field(description="쓸 수 있는 패스키, base64url")]


class RefusedOut(BaseModel):
    """하지 못한 문서 하나와 까닭."""

    document: UUID
    fact: str
    next_step: str


class SignedOut(BaseModel):
    """서명할 내용 하나."""

    document: UUID
    statement: str
    title: str
    amount: int | None
    payee: str


class StatementsOut(BaseModel):
    """한 번에 서명할 내용. `refused`에 든 문서는 서명하지 않는다."""

    statements: list[SignedOut]
    refused: list[RefusedOut]
    challenge: Annotated[str, Field(description="패스키가 서명할 값, base64url")]
    stated_at: datetime
    rp_id: str
    allow: Annotated[list[str], Field(description="쓸 수 있는 패스키, base64url")]


class SeveralOut(BaseModel):
    """결재한 문서와 하지 못한 문서. 하지 못한 것이 있어도 나머지는 결재되었다."""

    done: list[ProgressOut]
    refused: list[RefusedOut]


class CitingOut(BaseModel):
    """이 기록을 든 기록."""

    record: UUID
    document: UUID
    number: str
    title: str
    form: str
    relation: Literal["refers", "supersedes"]


class OutcomeOut(ProgressOut):
    """결과. 완결되면 문서번호와 기록이 있고, 잠시 뒤 PDF와 증명의 주소가 생긴다.

    `superseded_by`는 이 문서를 정정해 대신하는 기록, `cited_by`는 이 기록을 든 모든 기록이다
    (취소·증감 결의서도 여기에 있다).
    """

    amount: int | None
    net: int | None
    payee: str
    superseded_by: CitingOut | None
    cited_by: list[CitingOut]
    ended_at: datetime | None
    returned_by: str
    reason: str
    record: UUID | None
    number: str | None
    record_digest: str | None
    pdf: str | None
    proof: str | None


class RecordOut(BaseModel):
    """기록."""

    id: UUID
    document: UUID
    number: str
    title: str
    form: str
    folder: str
    digest: str
    filed_at: datetime
    retained_until: date | None
    seal: Seal | None


class RecordsOut(BaseModel):
    items: list[RecordOut]
    has_more: bool


class WholeRecordOut(RecordOut):
    """기록 전체: `payload`는 봉인된 내용 그대로."""

    payload: dict[str, Any]
    superseded_by: CitingOut | None
    cited_by: list[CitingOut]
    pdf: str | None
    proof: str | None
    bundle: str | None


class TemplateOut(BaseModel):
    """이름을 붙여 둔 결재선."""

    id: UUID
    name: str
    line: dict[str, Any]


class TemplatesOut(BaseModel):
    items: list[TemplateOut]


class RecurringOut(BaseModel):
    """반복 문서."""

    id: UUID
    form: str
    title: str
    every: Every
    on_day: int
    since: date
    until: date | None


class RecurringsOut(BaseModel):
    items: list[RecurringOut]


class CirculatedOut(BaseModel):
    """몇 사람에게 보냈는지."""

    sent: int


class DoneOut(BaseModel):
    """했다."""

    done: Literal[True] = True
