"""Who must be in the approval line (결재선): rows of form × fund × amount × conditions → line.

The law names no approval line. It says that the manager (관리사무소장) carries out the work, so
the manager decides, unless the complex's own bylaws (관리규약) say otherwise in a clause that the
row names. What the law does demand is a resolution of the council (의결) before some money is
spent, and amounts are compared with a limit as they are without value-added tax.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations

from danji.rules.approval import FINAL, SEEING, Act
from danji.rules.money import grouped, vat_within
from danji.rules.offices import (
    AUDITOR,
    CHAIR,
    CHIEF,
    COUNCIL,
    MANAGER,
    OFFICE_STAFF,
    overlap,
)
from danji.rules.refusal import Refusal
from danji.rules.retention import Layer

SMALL_CONTRACT_LIMIT = 5_000_000  # won without value-added tax (소액 수의계약), 선정지침 별표 2
ROWS_LIMIT = 40
PLACES_LIMIT = 8
# A month: what an office needs of one kind it ordinarily buys for the month in one go, and the
# books are closed by the month. No article sets a number; the warning stops nobody.
SPLIT_WITHIN = timedelta(days=30)

_CLAUSE = re.compile(r"제\s*\d+\s*조|별표\s*\d+")
_COMPANY = re.compile(r"\(주\)|㈜|주식회사|\s")
_MINE = frozenset({Layer.MODEL, Layer.BYLAW, Layer.POLICY})  # what a complex may set itself


@dataclass(frozen=True)
class Place:
    """One place of the line before it has a person.

    Places of the same `stage` are asked side by side; stage 1 is the drafter's, who is no place
    here. `basis` is the clause on which a place rests that the manager's office does not fill.
    """

    act: Act
    office: str
    stage: int
    basis: str = ""


@dataclass(frozen=True)
class Condition:
    """What a choice field of the form must say: one of `values`, where "" is a blank one."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One row of the rules (결재선 규칙): for which documents it stands, and what it asks for.

    `form`, `fund` "" and a bound of None stand for any. `over` is a bound that belongs to the row
    below (초과), `up_to` one that belongs to this row (이하), both in won without value-added tax.
    Without `places` the row says nothing about the line. `resolution` is the article or clause
    that asks for a resolution of the council, "" for none. `effective_until` is the last day.

    Raises: ValueError when the stages go back.
    """

    layer: Layer
    basis: str
    effective_from: date
    places: tuple[Place, ...] = ()
    form: str = ""
    fund: str = ""
    over: int | None = None
    up_to: int | None = None
    conditions: tuple[Condition, ...] = ()
    resolution: str = ""
    effective_until: date | None = None

    def __post_init__(self) -> None:
        stages = [place.stage for place in self.places]
        if stages != sorted(stages):
            raise ValueError("stages must not go back")

    @property
    def is_bounded(self) -> bool:
        return self.over is not None or self.up_to is not None

    @property
    def bounds(self) -> tuple[int, ...]:
        """The limits that an amount is compared with."""
        return tuple(bound for bound in (self.over, self.up_to) if bound is not None)

    def in_force(self, on: date) -> bool:
        return self.effective_from <= on <= (self.effective_until or date.max)


@dataclass(frozen=True)
class Case:
    """What a document is, as far as the rules ask: `net` in won without value-added tax.

    `choices` are the values of its choice fields; a blank one is missing.
    """

    form: str
    fund: str = ""
    net: int | None = None
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Purchase:
    """One expense, as it is looked at for splitting: `net` in won without value-added tax.

    `payee` or `account` (계정과목) "" is not known, and like nothing.
    """

    payee: str
    net: int
    on: date
    account: str = ""


# --- Which row ---------------------------------------------------------------------------------


def choose(rows: Iterable[Row], case: Case, on: date) -> Row | None:
    """The row that says which line a document takes; None when none does.

    Of several the one that says most decides, asked in this order: form, fund, conditions, amount.

    Source: 공동주택관리법 제64조제2항(관리사무소장의 업무).
    """
    fitting = [row for row in rows if row.places and row.in_force(on) and _fits(row, case)]
    return max(fitting, key=_exactness, default=None)


def demand(rows: Iterable[Row], case: Case, on: date) -> str:
    """The article or clause that asks for a resolution of the council, "" when none does.

    Of several the strongest layer is named: a bylaw adds to the law and takes nothing from it.

    Source: 공동주택관리법 시행령 제14조제2항(의결사항), 제25조제1항제2호(하자보수보증금의 집행),
    제31조제5항(장기수선충당금의 사용), 주택관리업자 및 사업자 선정지침 제4조제4항(입찰 전의 의결),
    제4조제5항(수의계약 전의 의결).
    """
    asking = [row for row in rows if row.resolution and row.in_force(on) and _fits(row, case)]
    if not asking:
        return ""
    layers = list(Layer)
    strongest = min(layers.index(row.layer) for row in asking)
    of_layer = [row for row in asking if layers.index(row.layer) == strongest]
    return max(of_layer, key=_exactness).resolution


def limits(rows: Iterable[Row], case: Case, on: date) -> list[int]:
    """The amounts that this document's own is compared with, the smallest first."""
    compared = (row for row in rows if row.in_force(on) and _fits_but_amount(row, case))
    return sorted({bound for row in compared for bound in row.bounds})


def without_tax(total: int, told: int | None) -> int:
    """The amount of a document that is compared with limits, in won without value-added tax.

    Args: `total` is the amount with tax; `told` the one without, where the document tells it.
    Where it does not, and where the tax that is told is more than the law knows, the tax within
    the total is taken out: whatever is not tax was paid for something.
    Source: 부가가치세법 제29조제7항(공급가액과 세액이 나뉘지 않은 금액), 제30조(세율 10%).
    """
    if told is not None and not has_too_much_tax(total, told):
        return told
    return total - vat_within(total)


def has_too_much_tax(total: int, told: int) -> bool:
    """Whether more tax is told than a tenth, a begun won counted whole; money back has no limit.

    Source: 부가가치세법 제30조(세율 10%).
    """
    return total > 0 and (total - told) * 10 >= max(told, 0) + 10


def amount_notes(
    total: int | None, case: Case, compared: Sequence[int], *, told: int | None
) -> list[str]:
    """What a person should know about the tax in an amount that is compared with limits.

    Args: `total` is the amount with tax; `compared` the limits; `told` the amount without tax,
    where the document tells it.
    Source: 부가가치세법 제29조제7항(공급가액과 세액이 나뉘지 않은 금액).
    """
    if total is None or case.net is None:
        return []
    notes = []
    if told is not None and has_too_much_tax(total, told):
        notes.append(
            f"부가세가 공급가액의 10%보다 많습니다. 합계에서 부가세를 뺀 {grouped(case.net)}원으로 "
            "비교합니다. 공급가액과 부가세를 확인해 주세요."
        )
    if not compared:
        return notes
    if told is None and total != case.net:
        notes.append(
            f"부가세가 든 금액이라 부가세 {grouped(total - case.net)}원을 뺀 "
            f"{grouped(case.net)}원으로 비교했습니다."
        )
    for limit in compared:
        if case.net <= limit < total:
            notes.append(
                f"합계 {grouped(total)}원은 {grouped(limit)}원을 넘지만, 부가세를 빼면 "
                f"{grouped(case.net)}원이라 한도를 넘지 않습니다."
            )
    return notes


def contract_notes(case: Case) -> list[str]:
    """What a person should know of an expense for which no resolution is asked.

    The guideline has the council resolve before any private contract (수의계약), whatever the
    amount (제4조제5항), while offices do so above 5,000,000 won only, and many bylaws say the same.
    Which of them holds in a complex nobody has decided here: so a resolution is demanded above the
    limit, and below it the question is put to the person who can answer it. What is due every month
    is bought from nobody; where somebody says so of a large amount, it is said what follows.

    Source: 주택관리업자 및 사업자 선정지침 제4조제5항(수의계약 전의 의결. 소액은 별표 2).
    """
    if case.form != SMALL_CONTRACT.form or case.net is None:
        return []
    spending, is_small = case.choices.get("spending"), case.net <= SMALL_CONTRACT_LIMIT
    if spending == "contract" and is_small and case.net > 0:
        return [
            "수의계약이면 금액이 적어도 입주자대표회의의 사전 의결이 필요할 수 있습니다. 의결이 "
            "있었으면 그 기록을 관련 문서에 넣어 주세요."
        ]
    if spending == "regular" and not is_small:
        return [
            "매달 나가는 지출이라고 적어, 입주자대표회의의 의결을 묻지 않습니다. 물품·공사·용역을 "
            "사는 지출이면 지출 구분을 고쳐 주세요."
        ]
    return []


def _fits(row: Row, case: Case) -> bool:
    if not _fits_but_amount(row, case):
        return False
    if not row.is_bounded:
        return True
    if case.net is None:
        return False
    above = row.over is None or case.net > row.over
    return above and (row.up_to is None or case.net <= row.up_to)


def _fits_but_amount(row: Row, case: Case) -> bool:
    return (
        row.form in {"", case.form}
        and row.fund in {"", case.fund}
        and all(case.choices.get(asked.field, "") in asked.values for asked in row.conditions)
    )


def _exactness(row: Row) -> tuple[bool, bool, int, bool]:
    return bool(row.form), bool(row.fund), len(row.conditions), row.is_bounded


# --- Whether the rows can stand ----------------------------------------------------------------


def check_rows(rows: Sequence[Row], offices: Mapping[str, str]) -> None:
    """Accept the rows a complex wants to set.

    Args: `offices` names each office as the screens do.
    Raises: Refusal naming the row by its number.
    Source: 공동주택관리법 제64조제2항(관리사무소장의 업무), 제65조(부당 간섭의 배제).
    """
    if len(rows) > ROWS_LIMIT:
        raise Refusal(
            f"규칙은 {ROWS_LIMIT}줄까지 둘 수 있습니다. 지금 {len(rows)}줄입니다.",
            next_step="비슷한 줄을 하나로 합쳐 주세요.",
        )
    for number, row in enumerate(rows, 1):
        check_row(number, row, offices)
    for (first, row), (second, other) in combinations(enumerate(rows, 1), 2):
        if _exactness(row) == _exactness(other) and _meet(row, other):
            raise Refusal(
                f"{first}번째 줄과 {second}번째 줄이 같은 문서에 함께 걸립니다.",
                next_step="재원, 조건, 금액 가운데 하나를 바꾸어 한 줄만 걸리게 해 주세요.",
            )


def check_row(number: int, row: Row, offices: Mapping[str, str]) -> None:
    """Accept one row by itself. Raises: Refusal naming it by its number."""
    where = f"{number}번째 줄"
    if row.layer not in _MINE:
        raise Refusal(
            f"{where}의 근거를 법령이나 고시로 정할 수 없습니다. 법령과 고시에 있는 것은 모든 "
            "단지에 이미 적용됩니다.",
            next_step="관리규약, 관리규약 준칙, 기본값 가운데에서 골라 주세요.",
        )
    if row.layer is not Layer.POLICY and not _CLAUSE.search(row.basis):
        raise Refusal(
            f"{where}에 {row.layer.label}의 어느 조항에 따른 것인지 적혀 있지 않습니다.",
            next_step="조항을 적어 주세요. 예: 관리규약 제45조제2항",
        )
    _check_bounds(where, row)
    if row.effective_until and row.effective_until < row.effective_from:
        raise Refusal(
            f"{where}의 끝나는 날이 시작하는 날보다 앞섭니다.",
            next_step="끝나는 날을 뒤로 고치거나 비워 주세요.",
        )
    _check_places(where, row, offices)


def _check_bounds(where: str, row: Row) -> None:
    if any(bound < 0 for bound in row.bounds):
        raise Refusal(f"{where}의 한도가 0보다 작습니다.", next_step="0 이상의 금액을 적어 주세요.")
    if row.over is not None and row.up_to is not None and row.up_to <= row.over:
        raise Refusal(
            f"{where}의 금액이 {grouped(row.over)}원 초과, {grouped(row.up_to)}원 이하라서 걸리는 "
            "금액이 없습니다.",
            next_step="이하 금액을 초과 금액보다 크게 적어 주세요.",
        )


def _check_places(where: str, row: Row, offices: Mapping[str, str]) -> None:
    acts = [place.act for place in row.places]
    final = [number for number, act in enumerate(acts) if act in FINAL]
    if len(final) != 1 or not set(acts[final[0] + 1 :]) <= SEEING:
        raise Refusal(
            f"{where}에 마지막으로 결재할 직책이 하나 있어야 합니다.",
            next_step="한 자리를 결재나 전결로 정하고, 그 뒤에는 확인과 감사만 두어 주세요.",
        )
    if len(row.places) > PLACES_LIMIT:
        raise Refusal(
            f"{where}의 결재선이 {PLACES_LIMIT}자리를 넘습니다.",
            next_step="꼭 필요한 자리만 남겨 주세요.",
        )
    stages = [place.stage for place in row.places]
    if stages.count(stages[final[0]]) > 1:
        raise Refusal(
            f"{where}에서 결재할 직책이 다른 자리와 나란히 있습니다.",
            next_step="결재할 자리와 그 바로 뒤 자리에서 ‘앞자리와 나란히’ 표시를 지워 주세요.",
        )
    named = [place.office for place in row.places]
    if twice := next((office for office in named if named.count(office) > 1), None):
        raise Refusal(
            f"{where}에 {offices[twice]} 자리가 두 번 들어 있습니다.",
            next_step="한 직책은 한 자리에만 두어 주세요.",
        )
    by_clause = row.layer is Layer.BYLAW  # and it names one, which was checked
    for place in row.places:
        _check_place(f"{where}의 {offices[place.office]} 자리", place, by_clause=by_clause)


def _check_place(where: str, place: Place, *, by_clause: bool) -> None:
    if place.act is Act.DRAFT:
        raise Refusal(
            f"{where}는 기안이 될 수 없습니다.", next_step="기안하는 사람은 규칙에서 빼 주세요."
        )
    if place.act is Act.AUDIT and place.office != AUDITOR:
        raise Refusal(
            f"{where}는 감사를 볼 수 없습니다.",
            next_step="감사 자리는 감사만 맡습니다. 확인이나 검토로 바꿔 주세요.",
        )
    if place.act is Act.APPROVE and place.office not in {MANAGER, CHAIR}:
        raise Refusal(
            f"{where}는 결재가 될 수 없습니다. 관리 업무는 관리사무소장이 결재합니다.",
            next_step="관리규약이나 직제규정에 맡긴 조항이 있으면 전결로 바꿔 주세요.",
        )
    if place.act is Act.DELEGATED and not (by_clause and place.office in OFFICE_STAFF):
        raise Refusal(
            f"{where}는 전결이 될 수 없습니다. 전결은 관리사무소 직책에, 맡긴 조항이 있을 때만 "
            "합니다.",
            next_step="근거를 관리규약으로 고르고 전결을 맡긴 조항을 적어 주세요. "
            "예: 관리규약 제45조제2항(직제규정 제8조)",
        )
    if place.office in COUNCIL and place.act is not Act.CONFIRM and not by_clause:
        raise Refusal(
            f"{where}는 확인만 할 수 있습니다. 관리 업무의 마지막 결재는 관리사무소장이 합니다.",
            next_step="확인으로 바꾸거나, 관리규약에 다르게 정한 조항이 있으면 근거에 적어 주세요.",
        )


def _meet(row: Row, other: Row) -> bool:
    """Whether some document on some day could be for both."""
    days = overlap(
        row.effective_from, row.effective_until, other.effective_from, other.effective_until
    )
    same = all(
        mine == theirs or "" in {mine, theirs}
        for mine, theirs in ((row.form, other.form), (row.fund, other.fund))
    )
    asked_of_other = {asked.field: asked.values for asked in other.conditions}
    conditions = all(
        set(asked.values) & set(asked_of_other.get(asked.field, asked.values))
        for asked in row.conditions
    )
    overs = [bound for bound in (row.over, other.over) if bound is not None]
    up_tos = [bound for bound in (row.up_to, other.up_to) if bound is not None]
    amounts = not overs or not up_tos or max(overs) < min(up_tos)
    return days and same and conditions and amounts


# --- Splitting ---------------------------------------------------------------------------------


def probable_split(
    current: Purchase, earlier: Sequence[Purchase], limit: int = SMALL_CONTRACT_LIMIT
) -> str | None:
    """A warning when purchases below the limit (쪼개기) are together above it.

    Those of the last 30 days count that went to the same payee, or were booked on the same
    account (계정과목), each within the limit by itself. What is above it goes the long way anyway.

    Args: `limit` in won without value-added tax; `earlier` may hold any purchases.
    Returns: sentences for the screen, or None.
    Source: 주택관리업자 및 사업자 선정지침 제3조제3항(경쟁입찰과 수의계약의 대상, 별표 2).
    """
    if not 0 < current.net <= limit:
        return None
    near = [
        other
        for other in earlier
        if 0 < other.net <= limit and timedelta(0) <= current.on - other.on <= SPLIT_WITHIN
    ]
    to_payee = [other for other in near if _same(other.payee, current.payee)]
    on_account = [other for other in near if _same(other.account, current.account)]
    for others, what in (
        (to_payee, f"같은 지급처 ‘{current.payee}’에"),
        (on_account, f"같은 계정과목 ‘{current.account}’에"),
    ):
        together = current.net + sum(other.net for other in others)
        if others and together > limit:
            return (
                f"{what} {SPLIT_WITHIN.days}일 안에 쓰는 지출 {len(others) + 1}건을 더하면 "
                f"{grouped(together)}원으로 {grouped(limit)}원을 넘습니다. "
                "한 번에 살 것을 나눈 것이 아닌지 살펴봐 주세요."
            )
    return None


def _same(written: str, other: str) -> bool:
    """Whether two names are one, however the kind of company is written."""
    name = _COMPANY.sub("", written).casefold()
    return name != "" and name == _COMPANY.sub("", other).casefold()


# --- The rows that come with the product --------------------------------------------------------

_BOUGHT = Condition("spending", ("", "purchase", "contract"))  # all but what is due every month
_LAW_IN_FORCE = date(2016, 8, 12)  # 공동주택관리법
_GUIDELINE_IN_FORCE = date(2024, 4, 11)  # 국토교통부고시 제2024-196호
_NO_ARTICLE = "법령에 정한 결재선 없음(관행)"

SMALL_CONTRACT = Row(
    form="expense",
    over=SMALL_CONTRACT_LIMIT,
    conditions=(_BOUGHT,),
    resolution="주택관리업자 및 사업자 선정지침 제4조제4항·제5항",
    layer=Layer.NOTICE,
    basis="주택관리업자 및 사업자 선정지침 별표 2",
    effective_from=_GUIDELINE_IN_FORCE,
)
# What law and notices demand of every complex: only resolutions, for they name no line.
LAW = (
    Row(
        form="expense",
        fund="long-term-repair",
        resolution="공동주택관리법 시행령 제31조제5항, 제14조제2항제10호",
        layer=Layer.STATUTE,
        basis="공동주택관리법 시행령 제31조제5항, 제14조제2항제10호",
        effective_from=_LAW_IN_FORCE,
    ),
    Row(
        form="expense",
        fund="defect-deposit",
        resolution="공동주택관리법 시행령 제25조제1항제2호",
        layer=Layer.STATUTE,
        basis="공동주택관리법 시행령 제25조제1항제2호",
        effective_from=_LAW_IN_FORCE,
    ),
    SMALL_CONTRACT,
)
# What a complex starts with and may change. A chair and an auditor see what was decided.
DEFAULTS = (
    Row(
        form="expense",
        over=SMALL_CONTRACT_LIMIT,
        conditions=(_BOUGHT,),
        places=(
            Place(Act.REVIEW, CHIEF, 2),
            Place(Act.APPROVE, MANAGER, 3),
            Place(Act.CONFIRM, CHAIR, 4),
        ),
        layer=Layer.POLICY,
        basis=_NO_ARTICLE,
        effective_from=_LAW_IN_FORCE,
    ),
    *(
        Row(
            form="expense",
            fund=fund,
            places=(
                Place(Act.REVIEW, CHIEF, 2),
                Place(Act.APPROVE, MANAGER, 3),
                Place(Act.CONFIRM, AUDITOR, 4),
                Place(Act.CONFIRM, CHAIR, 5),
            ),
            layer=Layer.POLICY,
            basis=_NO_ARTICLE,
            effective_from=_LAW_IN_FORCE,
        )
        for fund in ("long-term-repair", "defect-deposit")
    ),
    Row(
        form="expense",
        fund="reserve",
        places=(
            Place(Act.REVIEW, CHIEF, 2),
            Place(Act.APPROVE, MANAGER, 3),
            Place(Act.CONFIRM, CHAIR, 4),
        ),
        resolution="관리규약의 예비비 사용 조항",
        layer=Layer.POLICY,
        basis=_NO_ARTICLE,
        effective_from=_LAW_IN_FORCE,
    ),
)
