"""What programs send and are sent about people, absences and rules; see `shapes`."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from danji.accounts.models import Office
from danji.routing.models import Verdict
from danji.rules.absence import Reason as Away
from danji.rules.appointment import Answer, Change
from danji.rules.routing import ROWS_LIMIT
from danji.web.api.shapes import Day, Id, OfficerOut, Sent, Won


def _email(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError as problem:
        raise ValueError("not an address") from problem
    return text


Post = Annotated[Office, BeforeValidator(Office)]
WhyAway = Annotated[Away, BeforeValidator(Away)]
Email = Annotated[
    str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_email)
]
Phone = Annotated[str, Field(max_length=20, description="휴대전화 번호, 없으면 비움")]
Said = Annotated[str, Field(min_length=1, max_length=200)]
Clause = Annotated[str, Field(max_length=100)]
Stage = Annotated[int, Field(ge=2, le=20, description="2부터. 같으면 나란히")]


# --- What is sent ------------------------------------------------------------------------------


class NewAbsence(Sent):
    """부재. 두 날 모두 넣는다."""

    absent: Id
    deputy: Id
    since: Day
    until: Day
    reason: WhyAway


class NewAppointment(Sent):
    """누가 어떤 직을 맡는다(취임). 두 날 모두 넣고, 끝이 없으면 `until`을 비운다."""

    name: Annotated[str, Field(min_length=1, max_length=50)]
    email: Email
    phone: Phone = ""
    office: Post
    since: Day
    until: Day | None = None


class NewLeaving(Sent):
    """누가 직에서 물러난다(퇴임)."""

    officeholder: Id
    last_day: Day
    reason: Said


class NewContact(Sent):
    """메일 주소와 휴대전화 번호를 바꾼다. 둘 다 바뀐 뒤의 것을 넣는다."""

    officeholder: Id
    email: Email
    phone: Phone = ""
    reason: Said


class NewSetting(Sent):
    """관리규약에서 정한 것을 바꾼다."""

    setting: Annotated[str, Field(min_length=1, max_length=60)]
    value: Annotated[int, Field(ge=0, le=999, description="근무일")]
    article: Clause
    effective_from: Day
    reason: Annotated[str, Field(max_length=200)] = ""


class Asking(Sent):
    """조건: 서식의 고르는 칸이 이 값 가운데 하나일 때. 빈 값은 적지 않음."""

    field: Annotated[str, Field(min_length=1, max_length=60)]
    values: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=50)]


class Seated(Sent):
    """결재선의 한 자리."""

    act: Literal["review", "concur", "approve", "delegated", "confirm", "audit"]
    office: Post
    stage: Stage


class RuleRow(Sent):
    """결재선 규칙의 한 줄. 비운 것은 ‘모두’. 금액은 부가세를 뺀 원."""

    form: Annotated[str, Field(max_length=40)] = ""
    fund: Annotated[str, Field(max_length=60)] = ""
    over: Won | None = None
    up_to: Won | None = None
    conditions: Annotated[list[Asking], Field(max_length=20)] = []
    line: Annotated[list[Seated], Field(max_length=20)]
    resolution: Clause = ""
    layer: Literal["bylaw", "model", "policy"]
    basis: Clause
    effective_until: Day | None = None


class Rules(Sent):
    """규칙 전체. `follows`는 바탕으로 삼은 규칙의 번호."""

    follows: Annotated[int, Field(ge=0, le=9999)]
    effective_from: Day
    rows: Annotated[list[RuleRow], Field(max_length=ROWS_LIMIT)]


class NewRules(Rules):
    """규칙을 바꾸자는 제안."""

    reason: Annotated[str, Field(min_length=1, max_length=300)]


class Returning(Sent):
    """돌려보내는 까닭."""

    reason: Annotated[str, Field(min_length=1, max_length=300)]


# --- What is answered --------------------------------------------------------------------------


class AbsenceOut(BaseModel):
    """부재. 일찍 끝냈으면 `back_on`부터 다시 결재한다."""

    id: UUID
    absent: OfficerOut
    deputy: OfficerOut
    since: date
    until: date
    reason: Away
    back_on: date | None


class AbsencesOut(BaseModel):
    items: list[AbsenceOut]


class TermOut(OfficerOut):
    """임기. 두 날 모두 넣는다."""

    since: date
    until: date | None


class TermsOut(BaseModel):
    items: list[TermOut]


class AnsweredOut(BaseModel):
    """제안이 어떻게 되었는지."""

    answer: Answer
    answered_by: OfficerOut
    answered_at: datetime


class ProposalOut(BaseModel):
    """제안. 연락처는 볼 수 있는 분께만 보이고, 나머지에게는 null이다."""

    id: UUID
    change: Change
    office: str
    name: str
    email: str | None
    phone: str | None
    since: date
    until: date | None
    officeholder: UUID | None
    deputy: UUID | None
    setting: str
    value: int | None
    article: str
    reason: str
    proposed_by: OfficerOut
    proposed_at: datetime
    can_confirm: bool
    outcome: AnsweredOut | None


class ProposalsOut(BaseModel):
    items: list[ProposalOut]


class SettingOut(BaseModel):
    """관리규약에서 정한 것: 지금의 값과 앞으로 시행될 값."""

    setting: str
    label: str
    value: int
    article: str
    since: date | None
    coming: list["ComingOut"]


class ComingOut(BaseModel):
    """앞으로 시행될 값."""

    value: int
    article: str
    since: date


class SettingsOut(BaseModel):
    items: list[SettingOut]


class RuleOut(BaseModel):
    """결재선 규칙의 한 줄과 그것을 말로 적은 것."""

    about: str
    line_words: str
    form: str
    fund: str
    over: int | None
    up_to: int | None
    conditions: list[dict[str, Any]]
    line: list[dict[str, Any]]
    resolution: str
    layer: str
    basis: str
    effective_from: date
    effective_until: date | None


class TableOut(BaseModel):
    """결재선 규칙. `number`가 0이면 처음에 주어진 것이다."""

    number: int
    effective_from: date | None
    rows: list[RuleOut]


class RoutingOut(BaseModel):
    """지금의 규칙, 마지막에 확정된 규칙(고칠 때의 바탕), 법령의 규칙, 확인을 기다리는 개정안."""

    in_force: TableOut
    newest: TableOut
    law: list[RuleOut]
    waiting: UUID | None


class TakesOut(BaseModel):
    """어떤 금액의 문서가 갈 결재선. `was`는 지금의 규칙에서 다를 때 그 결재선."""

    net: int | None
    total: int | None
    line: str
    resolution: str
    was: "TakesOut | None"


class KindOut(BaseModel):
    """한 종류의 문서."""

    about: str
    lines: list[TakesOut]


class PreviewOut(BaseModel):
    """규칙이 이러하면 문서들이 갈 결재선."""

    groups: list[KindOut]


class SettledOut(BaseModel):
    """개정안이 어떻게 되었는지."""

    verdict: Verdict
    officer: OfficerOut
    at: datetime
    reason: str


class RevisionOut(BaseModel):
    """결재선 규칙의 개정안."""

    id: UUID
    proposer: OfficerOut
    proposed_at: datetime
    follows: int
    effective_from: date
    reason: str
    rows: list[RuleOut]
    outcome: SettledOut | None


class RevisionsOut(BaseModel):
    items: list[RevisionOut]
