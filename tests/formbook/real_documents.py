"""The figures of real documents: a complex's fee statement of February 2022, and a bid notice.

Natural persons do not occur in them; the complex and its management company have other names here.
"""

UNIT_TYPES = ["27.07평형", "30.38평형", "33.60평형(A)", "33.60평형(B)"]

# item, amount, the four unit types, note; None where the paper is blank
GENERAL = [
    ("관리용역비", 9_571_000, (35_540, 40_169, 44_398, 44_273), "관리직 3인"),
    ("복리후생비", 22_800, (85, 96, 106, 105), "생수 등"),
    ("산재보험료", None, (0, 0, 0, 0), None),
    ("고용보험료", None, (0, 0, 0, 0), None),
    ("사무용품비", 63_500, (236, 267, 295, 294), "사무 소모품 등"),
    ("도서인쇄비", 105_830, (393, 444, 491, 490), "고지서 인쇄 등"),
    ("통신비", 59_350, (220, 249, 275, 275), "전화요금"),
    ("우편료", 3_860, (14, 16, 18, 18), "우편 발송 등"),
    ("여비교통비", None, (0, 0, 0, 0), None),
    ("교육훈련비", None, (0, 0, 0, 0), "안전교육 등"),
    ("피복비", None, (0, 0, 0, 0), None),
    ("지급수수료", 62_590, (232, 263, 290, 290), "OCR 수수료 등"),
    ("감가상각비", None, (0, 0, 0, 0), None),
    ("공기구비품비", 28_250, (105, 119, 131, 131), "송풍기(제설) 등"),
    ("소모품비", None, (0, 0, 0, 0), None),
    ("잡비", 3_000, (11, 13, 14, 14), None),
    ("부대비용", 30_000, (111, 126, 139, 139), "폐기물 수수료, 봉투 등"),
]
GENERAL_TOTALS = (9_950_180, (36_948, 41_761, 46_157, 46_027))
CLEANING = [
    ("청소용역비", 2_512_000, (9_328, 10_543, 11_653, 11_620), "미화직 2인"),
    ("복리후생비", None, (0, 0, 0, 0), None),
    ("청소용품", 32_400, (120, 136, 150, 150), None),
    ("일자리안정자금 차감", -36_000, (-134, -151, None, None), "음수 항목"),
]
QUALIFICATIONS = [
    "가. 국토교통부 고시 제2014-393호 제9조제1항의 참가 제한 사유에 해당하지 않는 주택관리업자",
    "나. 공고일 현재 자본금 5억 원 이상이고 등록 후 5년 이상 된 업체",
    "다. 최근 3년 안에 공동주택 관리로 행정처분을 받지 않은 업체",
    "라. 공고일 현재 300세대 이상 단지 10곳 이상을 위탁관리하는 업체",
]


def fee_inputs() -> dict[str, str]:
    """The fee statement as the bookkeeper types it."""
    inputs = {
        "title": "2022년 2월 관리비 부과내역 공고",
        "management_period-from": "2022-02-01",
        "management_period-until": "2022-02-28",
        "electricity_period-from": "2022-01-15",
        "electricity_period-until": "2022-02-14",
        "water_period-from": "2022-01-02",
        "water_period-until": "2022-02-01",
        "company": "(주)한빛주택관리",
    }
    inputs |= {f"unit_types-{n}": label for n, label in enumerate(UNIT_TYPES)}
    for table, rows in (("general", GENERAL), ("cleaning", CLEANING)):
        for n, (item, amount, opened, note) in enumerate(rows):
            inputs |= {
                f"{table}-{n}-item": item,
                f"{table}-{n}-amount": _typed(amount),
                f"{table}-{n}-note": note or "",
            }
            inputs |= {f"{table}-{n}-open-{i}": _typed(a) for i, a in enumerate(opened)}
    amount, opened = GENERAL_TOTALS
    inputs["general-total-amount"] = _typed(amount)
    return inputs | {f"general-total-open-{i}": _typed(a) for i, a in enumerate(opened)}


def bid_inputs() -> dict[str, str]:
    """The bid notice as first posted, at 15:00."""
    return {
        "title": "위탁관리업체 선정 입찰공고",
        "subject": "위탁관리업체 선정",
        "qualifications": "\n".join(QUALIFICATIONS),
        "reception_from": "2017-07-11",
        "reception_until": "2017-07-20T18:00",
        "reception_place": "조달청 누리장터(모든 서류 파일 첨부)",
    }


def changed_bid_inputs() -> dict[str, str]:
    """The bid notice as changed three hours later."""
    return {
        "title": "위탁관리업체 선정 입찰공고 (변경)",
        "subject": "위탁관리업체 선정",
        "qualifications": QUALIFICATIONS[0],
        "reception_from": "2017-07-11",
        "reception_until": "2017-07-20T15:00",
        "bond_until": "2017-07-19T15:00",
        "reception_place": "당 아파트 관리사무소",
    }


def expense_inputs() -> dict[str, str]:
    """An expense of three items, VAT left to the form."""
    return {
        "title": "놀이터 바닥재 보수 자재 구입",
        "reason": "놀이터 바닥재가 들떠 다칠 염려가 있어 보수 자재를 삽니다.",
        "items-0-name": "고무 바닥재",
        "items-0-spec": "500×500×25mm",
        "items-0-quantity": "40",
        "items-0-unit_price": "18,500",
        "items-1-name": "접착제",
        "items-1-spec": "10kg",
        "items-1-quantity": "5",
        "items-1-unit_price": "42,000",
        "items-2-name": "운반비 할인",
        "items-2-quantity": "1",
        "items-2-unit_price": "△15,005",
        "vat": "",
        "payee": "한빛자재",
        "payment": "transfer",
        "account": "수선비",
        "fund": "repair-fee",
    }


def _typed(amount: int | None) -> str:
    return "" if amount is None else f"{amount:,}"
