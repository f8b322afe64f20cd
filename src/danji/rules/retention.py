"""How long a record is kept (보존기간), as dated rows: law first, our own policy last."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from danji.rules.periods import fiscal_year_end, years_after


class Layer(StrEnum):
    """Who set a number; an earlier layer is never overridden by a later one."""

    STATUTE = "statute"
    NOTICE = "notice"
    MODEL = "model"
    BYLAW = "bylaw"
    POLICY = "policy"

    @property
    def label(self) -> str:
        return {
            Layer.STATUTE: "법령",
            Layer.NOTICE: "고시",
            Layer.MODEL: "관리규약 준칙",
            Layer.BYLAW: "관리규약",
            Layer.POLICY: "제품 기본값",
        }[self]


class Start(StrEnum):
    """The day from which the years are counted."""

    FISCAL_YEAR_END = "fiscal-year-end"
    THE_DAY = "the-day"


@dataclass(frozen=True)
class RetentionClass:
    """One kind of record and how long it is kept.

    `years` None means permanent. `effective_until` is the last day the row applies, None while
    it does.
    """

    code: str
    label: str
    years: int | None
    start: Start
    layer: Layer
    basis: str  # the article, as printed
    effective_from: date
    effective_until: date | None = None


CLASSES = (
    RetentionClass(
        code="accounts-5y",
        label="회계 장부와 증빙서류 5년",
        years=5,
        start=Start.FISCAL_YEAR_END,
        layer=Layer.STATUTE,
        basis="공동주택관리법 제27조제1항제1호",
        effective_from=date(2016, 8, 12),
    ),
    RetentionClass(
        code="selection-5y",
        label="사업자 선정 증빙서류 5년",
        years=5,
        start=Start.THE_DAY,
        layer=Layer.STATUTE,
        basis="공동주택관리법 제27조제1항제2호",
        effective_from=date(2022, 12, 11),
    ),
    RetentionClass(
        code="defects-10y",
        label="하자보수 서류 10년",
        years=10,
        start=Start.THE_DAY,
        layer=Layer.STATUTE,
        basis="공동주택관리법 제38조의2",
        effective_from=date(2021, 12, 9),
    ),
    RetentionClass(
        code="office-5y",
        label="관리사무소 일반 문서 5년",
        years=5,
        start=Start.FISCAL_YEAR_END,
        layer=Layer.POLICY,
        basis="법령에 정한 기간 없음(기본값)",
        effective_from=date(2016, 8, 12),
    ),
    RetentionClass(
        code="permanent",
        label="영구",
        years=None,
        start=Start.THE_DAY,
        layer=Layer.POLICY,
        basis="법령에 끝나는 때를 정하지 않음(기본값)",
        effective_from=date(2016, 8, 12),
    ),
)


def class_of(code: str, on: date) -> RetentionClass:
    """The row that applied to `code` on the day `on`.

    Raises: ValueError when no row did.
    """
    for row in CLASSES:
        if row.code == code and row.effective_from <= on <= (row.effective_until or date.max):
            return row
    raise ValueError(f"no retention class {code!r} on {on}")


def retain_until(retention: RetentionClass, day: date) -> date | None:
    """The last day a record must be kept; it may be disposed of the day after.

    Args: `day` is the day of the document; for the selection of a contractor the day of the
    contract, and for defects the day the repair was demanded.
    Returns: None when the record is kept for ever.
    Source: 공동주택관리법 제27조제1항, 제38조의2.
    """
    if retention.years is None:
        return None
    start = fiscal_year_end(day) if retention.start is Start.FISCAL_YEAR_END else day
    return years_after(start, retention.years)
