"""Who may read a record (공개), and what must never be published: identification numbers.

Numbers by which the law knows a person (고유식별정보) stop a publication outright. So the search
would rather stop one too many than let one pass: separators, full-width digits, zero-width
characters and a line end in the middle do not hide a number, and no check digit is asked for,
because numbers issued since October 2020 have none. What keeps other numbers out is only that a
resident registration number begins with a date: a bare row of 13 digits is left alone when it does
not. An article or account number that happens to look like one is stopped, with its place named,
and passes once it is written with commas or letters between.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Scope(StrEnum):
    """Who may read a record."""

    WITHHELD = "withheld"
    RESIDENTS = "residents"
    PUBLIC = "public"

    @property
    def label(self) -> str:
        return {
            Scope.WITHHELD: "비공개",
            Scope.RESIDENTS: "입주자등 공개",
            Scope.PUBLIC: "전체 공개",
        }[self]


class Identifier(StrEnum):
    """The kinds of number that identify a person by law (고유식별정보)."""

    RESIDENT = "resident-number"
    FOREIGNER = "foreigner-number"
    PASSPORT = "passport-number"
    LICENCE = "licence-number"

    @property
    def label(self) -> str:
        return {
            Identifier.RESIDENT: "주민등록번호",
            Identifier.FOREIGNER: "외국인등록번호",
            Identifier.PASSPORT: "여권번호",
            Identifier.LICENCE: "운전면허번호",
        }[self]


@dataclass(frozen=True)
class Finding:
    """One number found: its kind, where it stands in the text, and what of it may be shown."""

    kind: Identifier
    start: int
    end: int  # one past the last character
    masked: str


# Dashes of every width, and the vowel that is typed for one.
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－ーㅡ⁃"), "-")
_ZERO_WIDTH = frozenset("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff")
_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")

_BREAK = r"(?: *\n+ *)?"  # a number may run over the end of a line
_DIGIT = "[0-9]"
_SEPARATOR = r"(?:[ \n\-./_~:·,=*|()]{0,5}|\D{0,3}[뒤뒷]\D{0,4})"


def _resident(between: str, separator: str, before: str, after: str) -> re.Pattern[str]:
    birth = between.join((r"\d", r"\d", "[01]", r"\d", "[0-3]", r"\d"))
    rest = between.join(("[1-8]", *[r"\d"] * 6))
    return re.compile(rf"{before}(?=({birth}{separator}{rest}){after})")


# Written together, or with a space after every digit as on a paper form.
_RESIDENT = (
    _resident(_BREAK, _SEPARATOR, r"(?<!\d)", r"(?!\d)"),
    _resident(" ?", " ?[-./_~:·]? ?", r"(?<!\d)(?<!\d )", r"(?! ?\d)"),
)
_PASSPORT = re.compile(
    rf"(?<![A-Z0-9])(?=([MSRODGT]{_BREAK}"
    rf"(?:{_BREAK.join([_DIGIT] * 8)}|{_BREAK.join([_DIGIT] * 3 + ['[A-Z]'] + [_DIGIT] * 4)})"
    r")(?![A-Z0-9]))",
    re.IGNORECASE,
)
# A region is two digits from 11 to 28, and was the region's name on older cards.
_LICENCE = re.compile(
    r"(?<!\d)(?=((?:1[1-9]|2[0-8]|서울|부산|경기|강원|충북|충남|전북|전남|경북|경남|제주"
    r"|대구|인천|광주|대전|울산)\s{0,3}[-.]?\s{0,3}"
    r"\d\d\s{0,3}[-.]\s{0,3}\d{6}\s{0,3}[-.]\s{0,3}\d\d)(?!\d))"
)


def find_identifiers(text: str) -> list[Finding]:
    """The identification numbers in `text`, in order of their places.

    Source: 개인정보 보호법 제24조, 제24조의2, 같은 법 시행령 제19조.
    """
    plain, places = _plain(text)
    found = {}
    for kind, start, end in _matches(plain):
        first, last = places[start], places[end - 1] + 1
        found[first, last] = Finding(kind, first, last, _mask(text[first:last]))
    return [found[place] for place in sorted(found)]


def blocked_places(parts: Iterable[tuple[str, str]]) -> list[tuple[str, Identifier]]:
    """Where something stands that must not be published.

    Args: `parts` are pairs of a place's name, as a person would find it, and its text.
    Returns: each place once for each kind, in the order given.
    Source: 공동주택관리법 제27조제3항제1호, 개인정보 보호법 제24조의2.
    """
    return list(
        dict.fromkeys(
            (place, found.kind) for place, text in parts for found in find_identifiers(text)
        )
    )


def _plain(text: str) -> tuple[str, list[int]]:
    """`text` with one spelling for digits, dashes and spaces; and where each character was."""
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if character in _ZERO_WIDTH:
            continue
        digit = unicodedata.digit(character, None)  # circled and raised ones too
        if digit is not None:
            kept.append(str(digit))
        elif character in _LINE_ENDS:
            kept.append("\n")
        elif character.isspace() or character == "\u3164":
            kept.append(" ")
        else:
            kept.append(_FULL_WIDTH_LETTERS.get(character) or character.translate(_DASHES))
        places.append(place)
    return "".join(kept), places


_FULL_WIDTH_LETTERS = {chr(ord(letter) + 0xFEE0): letter for letter in map(chr, range(65, 91))}


def _matches(plain: str) -> Iterator[tuple[Identifier, int, int]]:
    for pattern in _RESIDENT:
        for match in pattern.finditer(plain):
            digits = re.sub(r"\D", "", match[1])
            if _is_one_number(match[1]) and _is_birth(digits[:6], digits[6]):
                foreign = digits[6] in "5678"
                kind = Identifier.FOREIGNER if foreign else Identifier.RESIDENT
                yield kind, *match.span(1)
    for pattern, kind in ((_PASSPORT, Identifier.PASSPORT), (_LICENCE, Identifier.LICENCE)):
        for match in pattern.finditer(plain):
            if match[1].count("\n") <= 1:
                yield kind, *match.span(1)


def _is_one_number(written: str) -> bool:
    """Whether line ends part a number where a person would: once, or before and after its dash.

    More of them are a column of numbers.
    """
    if len(re.findall(r"\n[ \n]*", written)) <= 1:
        return True
    return re.fullmatch(r"[\d ]+\n[ \n]*[^\d\n]\s*\n[ \n]*[\d ]+", written) is not None


def _is_birth(yymmdd: str, century: str) -> bool:
    """Whether six digits are a date in the century the seventh digit tells."""
    year = (1900 if century in "1256" else 2000) + int(yymmdd[:2])
    try:
        date(year, int(yymmdd[2:4]), int(yymmdd[4:]))
    except ValueError:
        return False
    return True


def _mask(number: str) -> str:
    """The first two letters or digits, the rest as stars, separators as they are."""
    seen = 0
    shown = []
    for character in number:
        if character.isalnum():
            seen += 1
            shown.append(character if seen <= 2 else "*")
        elif not character.isspace() or character == " ":
            shown.append(character)
    return "".join(shown)
