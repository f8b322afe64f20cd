import pytest
from hypothesis import given, settings
from hypothesis.strategies import dates, integers, sampled_from

from danji.rules.disclosure import (
    Identifier,
    Scope,
    blocked_places,
    find_identifiers,
)


def kinds(text: str) -> list[Identifier]:
    return [found.kind for found in find_identifiers(text)]


@pytest.mark.parametrize(
    "text",
    [
        "900101-1234567",
        "주민번호 900101-1234567입니다",
        "김900101-1234567",
        "9001011234567",
        "900101 1234567",
        "900101 - 1234567",
        "900101–1234567",
        "900101—1234567",
        "900101―1234567",
        "900101ㅡ1234567",
        "900101.1234567",
        "９００１０１－１２３４５６７",
        "𝟗𝟎𝟎𝟏𝟎𝟏-𝟏𝟐𝟑𝟒𝟓𝟔𝟕",
        "900\u200b101\u2060-123\ufeff4567",
        "900101-12\n34567",
        "9001\n01-1234567",
        "900101-\n1234567",
        "900101\n-1234567",
        "900101-123   \r\n   4567",
        "9 0 0 1 0 1 - 1 2 3 4 5 6 7",
        "9 0 0 1 0 1 1 2 3 4 5 6 7",
        "000229-3234567",  # 2000 was a leap year
        "12\n900101-1234567",
        "900101\n-\n1234567",
        "900101 - 1 2 3 4 5 6 7",
        "900101, 1234567",
        "900101(1234567)",
        "900101=1234567",
        "900101*1234567",
        "⑨⓪⓪①⓪①-①②③④⑤⑥⑦",
        "⁹⁰⁰¹⁰¹-¹²³⁴⁵⁶⁷",
        "앞 900101 뒤 1234567",
        "앞자리 900101, 뒷자리 1234567",
    ],
)
def test_a_resident_number_does_not_hide(text):
    assert kinds(text) == [Identifier.RESIDENT]


@given(
    born=dates(),
    century=sampled_from("12345678"),
    rest=integers(0, 999_999),
    separator=sampled_from(["", "-", " ", " - ", "–", "\n"]),
)
@settings(max_examples=60, deadline=None)
def test_every_number_that_begins_with_a_date_is_found(born, century, rest, separator):
    leap = born.month == 2 and born.day == 29
    birth = f"{'04' if leap else format(born.year % 100, '02')}{born:%m%d}"
    found = find_identifiers(f"가 {birth}{separator}{century}{rest:06d} 나")
    assert [found.kind for found in found] == [
        Identifier.FOREIGNER if century in "5678" else Identifier.RESIDENT
    ]


@pytest.mark.parametrize(
    "text",
    [
        "991301-1234567",  # no such month
        "900132-1234567",  # no such day
        "010229-3234567",  # 2001 was no leap year
        "900101-9234567",  # nobody living was born in the century of 9
        "8850001234567",  # a bar code: no 00th day
        "1150234567890",  # a bank account: no 50th month
        "110-234-567890",
        "19001011234567",  # fourteen figures
        "900101-12345678",
        "900,101,123,456",
        "A10000001",  # a complex's code
        "02-2133-1234, 010-1234-5678",
        "2026. 11. 22. 15:20",
        "금113,560원",
        "9 0 0 1 0 1 1 2 3 4 5 6 7 8",
        "9001\n01-12\n34567",  # a column of figures
        "35,540 40,169 44,398 44,273",
        "123-45-67890",  # a business registration number
        "제2014-393호",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("900101-5234567", Identifier.FOREIGNER),
        ("여권 M12345678", Identifier.PASSPORT),
        ("여권번호m123a4567호", Identifier.PASSPORT),
        ("Ｍ１２３Ａ４５６７", Identifier.PASSPORT),
        ("면허 11-12-345678-90", Identifier.LICENCE),
        ("서울 12-345678-90", Identifier.LICENCE),
        ("11–12–345678–90", Identifier.LICENCE),
    ],
)
def test_the_other_identifiers_are_found(text, kind):
    assert kinds(text) == [kind]


@pytest.mark.parametrize("text", ["RM12345678", "M123456789", "31-12-345678-90", "M1234567"])
def test_what_only_resembles_them_is_left_alone(text):
    assert kinds(text) == []


def test_a_finding_points_into_the_text_as_it_was_and_shows_two_letters():
    text = "성명 ○○○, 9\u200b00101 – 1234567."
    (found,) = find_identifiers(text)
    assert text[found.start : found.end] == "9\u200b00101 – 1234567"
    assert found.masked.replace("\u200b", "") == "90**** – *******"


def test_several_numbers_are_found_in_order():
    text = "900101-1234567, 900102-2234567 / M12345678"
    assert [f.masked[:2] for f in find_identifiers(text)] == ["90", "90", "M1"]
    assert [f.start for f in find_identifiers(text)] == [0, 16, 33]


def test_places_are_named_once_for_each_kind():
    parts = [
        ("지출 사유", "900101-1234567 900102-1234567"),
        ("비고", "없음"),
        ("붙임 견적서.pdf", "M12345678"),
    ]
    assert blocked_places(parts) == [
        ("지출 사유", Identifier.RESIDENT),
        ("붙임 견적서.pdf", Identifier.PASSPORT),
    ]


@pytest.mark.parametrize("text", ["1\n" * 5_000, "1 " * 5_000, "1" * 10_000, "9" + " " * 10_000])
def test_long_texts_are_searched_in_their_stride(text):
    assert kinds(text) == []


def test_scopes_have_a_name_on_the_screen():
    assert [scope.label for scope in Scope] == ["비공개", "입주자등 공개", "전체 공개"]
