"""The month's head of a log on one printed page (이달의 머리표), for notice board and gazette.

What hangs on paper in several places cannot be changed any more, not even by whoever runs all the
computers. Type is large, and what is to be compared stands in groups of four characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from danji.renditions.pdf import printable
from danji.renditions.typesetting import typeset
from danji.rules.periods import SEOUL, format_date
from danji_verify.canonical import b64encode
from danji_verify.checkpoint import Checkpoint
from danji_verify.page import page_digest

_COMPLEX = (
    "이 종이는 우리 단지에서 결재한 일을 적은 장부가 그달 마지막에 어떤 모습이었는지를 남긴 "
    "것입니다.",
    "장부에 적힌 일을 나중에 한 글자라도 고치거나 빼면 장부 확인값이 아주 다른 글자로 바뀝니다.",
)
_COLLECTION = (
    "이 종이는 모든 단지의 장부를 한데 모은 모음 장부가 그달 마지막에 어떤 모습이었는지를 남긴 "
    "것입니다.",
    "어느 단지의 장부든 나중에 한 글자라도 고치거나 빼면 장부 확인값이 아주 다른 글자로 바뀝니다.",
)
_COMPARE = (
    "게시판, 소식지, 관보처럼 서로 다른 곳에 나온 같은 달의 머리표를 나란히 놓고, 적힌 일의 건수와 "
    "장부 확인값이 한 글자도 다르지 않은지 보아 주세요.",
    "QR 코드를 찍으면 장부의 화면이 열립니다. 그 주소와 장부 전체(log.zip)를 확인 화면에 넣으면, "
    "이 머리표 뒤로 장부가 고쳐졌는지 볼 수 있습니다.",
    "하나라도 다르면 두 종이를 사진으로 남기고, 관리사무소뿐 아니라 시·군·구에도 알려 주세요.",
)


@dataclass(frozen=True)
class Watched:
    """Who had confirmed the head, as people call it, and when last."""

    label: str
    party: str
    at: datetime


@dataclass(frozen=True)
class Sheet:
    """What the page says.

    `month` is its first day; `about` the complex, or what else the log is about; `address` that
    of the log's page; `taken_at` the moment up to which the log is shown; `of_all` whether it is
    the log of logs.
    """

    month: date
    about: str
    head: Checkpoint
    watched: Sequence[Watched]
    confirmed: bool
    address: str
    taken_at: datetime
    of_all: bool = False


def render_sheet(sheet: Sheet) -> bytes:
    """Print the page: PDF 1.7, PDF/A-3a and PDF/UA-1; the same sheet gives the same bytes."""
    root = b64encode(sheet.head.root)
    log = "모음 장부" if sheet.of_all else "봉인 장부"
    page, _ = printable(
        {
            "title": f"{sheet.about} {log} {sheet.month.year}년 {sheet.month.month}월 머리표",
            "about": sheet.about,
            "heading": f"{log} 이달의 머리표",
            "month": f"{sheet.month.year}년 {sheet.month.month}월",
            "facts": [
                ["기준", _time(sheet.taken_at)],
                ["장부 이름", sheet.head.origin],
                ["적힌 일" if not sheet.of_all else "모은 머리", f"{sheet.head.size:,}건"],
                ["상태", "확정" if sheet.confirmed else "잠정(다른 기관의 확인이 아직 모자랍니다)"],
            ],
            "root-name": "장부 확인값",
            "root": _groups(root),
            "watched-name": "누가 확인했나요",
            "watched": [
                [f"{one.label} ({one.party})", _time(one.at)]
                for one in sorted(sheet.watched, key=lambda one: one.at)
            ],
            "unwatched": "아직 이 장부를 따로 확인하는 기관이 없습니다. 그래서 이 종이를 여러 곳에 "
            "붙여 두는 일이 더 중요합니다.",
            "how-name": "무엇에 쓰고 어떻게 견주나요",
            "how": [*(_COLLECTION if sheet.of_all else _COMPLEX), *_COMPARE],
            "verifier-name": "확인 프로그램의 확인값 (SHA-256)",
            "verifier-use": "문서를 확인하는 화면(verify.html)이 바뀌지 않았는지 볼 때 씁니다.",
            "verifier": _groups(page_digest()),
            "note": "잠정: 장부의 열쇠로만 서명한 것. 확정: 정해 둔 기관들이 모두 확인한 것.",
            "qr-alt": f"장부의 주소와 머리: {qr_text(sheet)}",
        }
    )
    at = sheet.taken_at.astimezone(SEOUL).replace(microsecond=0)  # a PDF's dates have whole seconds
    return typeset("sheet", page, qr=qr_text(sheet), at=at)


def qr_text(sheet: Sheet) -> str:
    """What the QR code says: the log's address, and its head as `#<origin>,<size>,<root>`."""
    return f"{sheet.address}#{sheet.head.printed}"


def _groups(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _time(at: datetime) -> str:
    local = at.astimezone(SEOUL)
    return f"{format_date(local.date())} {local:%H:%M}"
