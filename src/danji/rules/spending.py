"""What a person should know of the papers that belong to an expense (지출). It stops nobody."""

from danji.rules.money import grouped
from danji.rules.routing import SMALL_CONTRACT_LIMIT, Case

PLAIN_RECEIPT_LIMIT = 30_000  # won with value-added tax, 공동주택 회계처리기준 제25조
QUOTATIONS = 2  # 선정지침 별표 2


def paper_notes(case: Case, total: int | None, attached: int) -> list[str]:
    """What is missing beside an expense, as far as the form tells.

    Only of what is said to be bought now quotations are asked, and of a payment due every month no
    invoice: it has its bill.

    Args: `total` is the amount with tax in won; `attached` counts the files.
    Source: 공동주택 회계처리기준 제25조(적격증빙), 주택관리업자 및 사업자 선정지침 제3조제3항(소액
    수의계약의 견적서, 별표 2), 공동주택관리법 시행령 제31조제5항(장기수선충당금의 사용계획서).
    """
    if case.form != "expense":
        return []
    notes = []
    evidence, spending = case.choices.get("evidence"), case.choices.get("spending")
    if evidence == "receipt" and spending != "regular" and (total or 0) > PLAIN_RECEIPT_LIMIT:
        notes.append(
            f"{grouped(PLAIN_RECEIPT_LIMIT)}원이 넘는 지출에 간이영수증을 붙이려 합니다. "
            "세금계산서·계산서·카드 매출전표·현금영수증을 받아 주세요."
        )
    is_small = 0 < (case.net or 0) <= SMALL_CONTRACT_LIMIT
    if spending == "purchase" and is_small and attached < QUOTATIONS:
        notes.append(
            f"수의계약으로 사려면 견적서를 {QUOTATIONS}곳 이상에서 받아야 합니다. "
            f"붙임이 {attached}개입니다. 견적서를 붙여 주세요."
        )
    if case.fund == "long-term-repair" and not attached:
        notes.append("장기수선충당금은 사용계획서에 따라 씁니다. 사용계획서를 붙임에 넣어 주세요.")
    if case.fund == "defect-deposit":
        notes.append(
            "하자보수보증금은 입주자대표회의가 업체를 정하고 집행합니다. 관리사무소장의 직인과 "
            "회장의 인감을 함께 찍어 찾는 돈인지 확인해 주세요."
        )
    return notes
