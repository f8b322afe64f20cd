"""What the demonstration's documents say. Facts of documents that complexes really published."""

from typing import Any

UNIT_TYPES = ["27.07평형", "30.38평형", "33.60평형(A)", "33.60평형(B)"]

_GENERAL: list[tuple[str, int | None, list[int | None], str]] = [
    ("관리용역비", 9_571_000, [35_540, 40_169, 44_398, 44_273], "관리직 3인"),
    ("복리후생비", 22_800, [85, 96, 106, 105], "생수 등"),
    ("산재보험료", None, [0, 0, 0, 0], ""),
    ("고용보험료", None, [0, 0, 0, 0], ""),
    ("사무용품비", 63_500, [236, 267, 295, 294], "사무 소모품 등"),
    ("도서인쇄비", 105_830, [393, 444, 491, 490], "고지서 인쇄 등"),
    ("통신비", 59_350, [220, 249, 275, 275], "전화요금"),
    ("우편료", 3_860, [14, 16, 18, 18], "우편 발송 등"),
    ("여비교통비", None, [0, 0, 0, 0], ""),
    ("교육훈련비", None, [0, 0, 0, 0], "안전교육 등"),
    ("피복비", None, [0, 0, 0, 0], ""),
    ("지급수수료", 62_590, [232, 263, 290, 290], "OCR 수수료 등"),
    ("감가상각비", None, [0, 0, 0, 0], ""),
    ("공기구비품비", 28_250, [105, 119, 131, 131], "송풍기(제설) 등"),
    ("소모품비", None, [0, 0, 0, 0], ""),
    ("잡비", 3_000, [11, 13, 14, 14], ""),
    ("부대비용", 30_000, [111, 126, 139, 139], "폐기물 수수료, 봉투 등"),
]
_CLEANING: list[tuple[str, int | None, list[int | None], str]] = [
    ("청소용역비", 2_512_000, [9_328, 10_543, 11_653, 11_620], "미화직 2인"),
    ("복리후생비", None, [0, 0, 0, 0], ""),
    ("청소용품", 32_400, [120, 136, 150, 150], ""),
    ("일자리안정자금 차감", -36_000, [-134, -151, None, None], "음수 항목"),
]


def _rows(rows: list[tuple[str, int | None, list[int | None], str]]) -> list[dict[str, Any]]:
    return [
        {"item": item, "amount": amount, "open": by_type, "note": note or None}
        for item, amount, by_type, note in rows
    ]


FEE_NOTICE: dict[str, Any] = {
    "title": "2022년 2월 관리비 부과내역 공고",
    "management_period": {"from": "2022-02-01", "until": "2022-02-28"},
    "electricity_period": {"from": "2022-01-15", "until": "2022-02-14"},
    "water_period": {"from": "2022-01-02", "until": "2022-02-01"},
    "company": "(주)한빛주택관리",
    "unit_types": UNIT_TYPES,
    "general": {
        "rows": _rows(_GENERAL),
        "totals": {"amount": 9_950_180, "open": [36_948, 41_761, 46_157, 46_027]},
    },
    "cleaning": {
        "rows": _rows(_CLEANING),
        "totals": {"amount": None, "open": [None, None, None, None]},
    },
}

_BID: dict[str, Any] = {
    "subject": "위탁관리업체 선정",
    "method": "limited",
    "award": "qualified",
    "reception_from": "2017-07-11",
}

BID_NOTICE: dict[str, Any] = _BID | {
    "title": "위탁관리업체 선정 입찰공고",
    "qualifications": [
        "가. 국토교통부 고시 제2014-393호 제9조제1항의 참가 제한 사유에 해당하지 않는 주택관리업자",
        "나. 공고일 현재 자본금 5억 원 이상이고 등록 후 5년 이상 된 업체",
        "다. 최근 3년 안에 공동주택 관리로 행정처분을 받지 않은 업체",
        "라. 공고일 현재 300세대 이상 단지 10곳 이상을 위탁관리하는 업체",
    ],
    "reception_until": "2017-07-20T18:00",
    "reception_place": "조달청 누리장터(모든 서류 파일 첨부)",
}

CHANGED_BID_NOTICE: dict[str, Any] = _BID | {
    "title": "위탁관리업체 선정 입찰공고(변경)",
    "changes": [
        "1. 참가자격 나·다·라 항목을 없앴습니다.",
        "2. 서류접수 마감을 18:00에서 15:00으로 바꾸고, 입찰보증서 접수 마감을 정했습니다.",
        "3. 접수처를 당 아파트 관리사무소로 바꾸었습니다.",
    ],
    "qualifications": [
        "가. 국토교통부 고시 제2014-393호 제9조제1항의 참가 제한 사유에 해당하지 않는 주택관리업자"
    ],
    "reception_until": "2017-07-20T15:00",
    "bond_until": "2017-07-19T15:00",
    "reception_place": "당 아파트 관리사무소",
}

EXPENSE: dict[str, Any] = {
    "title": "제설 장비와 염화칼슘 구입",
    "reason": [
        "1. 겨울철 단지 안 보행로와 지하주차장 진입로의 제설에 쓸 장비와 자재를 구입하고자 합니다.",
        "2. 견적을 낸 두 업체 가운데 값이 낮은 곳에서 구입합니다(붙임 견적서).",
    ],
    "items": {
        "rows": [
            {"name": "염화칼슘", "spec": "25kg", "quantity": 60, "unit_price": 12_000},
            {"name": "제설용 송풍기", "spec": "엔진식 75cc", "quantity": 1, "unit_price": 420_000},
            {"name": "넉가래", "spec": "알루미늄", "quantity": 8, "unit_price": 17_500},
        ]
    },
    "payee": "(주)겨울상사",
    "payment": "transfer",
    "evidence": "tax-invoice",
    "account": "소모품비",
    "fund": "management-fee",
    "pay_on": "2026-11-30",
}

WAITING_FOR_MANAGER: dict[str, Any] = EXPENSE | {
    "title": "승강기 예비 부품 구입",
    "reason": ["1. 승강기 문 열림 장치의 예비 부품을 갖추어 고장에 바로 대비하고자 합니다."],
    "items": {
        "rows": [
            {"name": "문 열림 벨트", "spec": "3m", "quantity": 4, "unit_price": 85_000},
            {"name": "비상 통화 장치", "spec": "실내용", "quantity": 2, "unit_price": 132_000},
        ]
    },
    "payee": "(주)오름승강기",
    "account": "수선비",
    "fund": "repair-fee",
    "pay_on": "2026-12-10",
}

WAITING_FOR_CHAIR: dict[str, Any] = EXPENSE | {
    "title": "어린이놀이터 바닥재 보수",
    "reason": [
        "1. 미끄럼틀 아래 고무 바닥이 벌어져 아이들이 걸려 넘어질 수 있어 보수하고자 합니다."
    ],
    "items": {
        "rows": [{"name": "탄성 바닥재 보수", "spec": "6㎡", "quantity": 1, "unit_price": 780_000}]
    },
    "payee": "(주)든든바닥",
    "account": "수선비",
    "fund": "repair-fee",
    "pay_on": "2026-12-15",
}

WAITING_FOR_CHIEF: dict[str, Any] = {
    "title": "겨울철 수도 동파 예방 안내 방송",
    "purpose": ["1. 기온이 영하로 내려가기 전에 동파 예방 방법을 알리고자 합니다."],
    "plan": ["1. 11월 말부터 매주 월·목 19시에 방송합니다.", "2. 승강기 안에 안내문을 붙입니다."],
}

RESOLUTION: dict[str, Any] = {
    "title": "옥상 방수 공사의 건",
    "held_on": "2026-11-20",
    "meeting": "2026년 제5차 정기회의",
    "item": "r10",
    "result": "carried",
    "votes": ["1. 구성원 6명 가운데 5명 찬성(정순자, 한동철, 윤가람, 서하늘, 강다온), 1명 불참"],
    "decided": [
        "1. 101동과 102동의 옥상 방수를 (주)하늘방수에 8,400,000원(부가세 제외)에 맡깁니다.",
        "2. 장기수선충당금으로 지급합니다.",
    ],
}

RESOLVED_EXPENSE: dict[str, Any] = EXPENSE | {
    "title": "옥상 방수 공사비 지급",
    "reason": ["1. 입주자대표회의의 의결에 따라 101동과 102동의 옥상을 방수했습니다."],
    "items": {
        "rows": [{"name": "옥상 방수", "spec": "2개 동", "quantity": 1, "unit_price": 8_400_000}]
    },
    "payee": "(주)하늘방수",
    "account": "장기수선비",
    "fund": "long-term-repair",
    "spending": "contract",
    "pay_on": "2026-12-10",
}
