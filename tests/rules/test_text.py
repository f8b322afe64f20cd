import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis.strategies import text as texts

from danji.rules.refusal import Refusal
from danji.rules.text import clean_line, clean_paragraphs, particle


def test_hangul_in_pieces_is_composed():
    typed = unicodedata.normalize("NFD", "관리비 뷁쀍똠")
    assert clean_line(typed, "제목") == "관리비 뷁쀍똠"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("가위", "는"),
        ("지출결의", "는"),
        ("집", "은"),
        ("견적서.pdf", "는"),
        ("plan.xlsm", "은"),
        ("지출-2026-0001", "은"),
        ("기안-2026-0002", "는"),
        ("구청(강남)", "은"),
        ("★", "은(는)"),
        ("", "은(는)"),
    ],
)
def test_a_particle_follows_the_last_sound(word, said):
    assert particle(word, "은") == said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  관리비  ", "관리비"),
        ("관리비\u200b부과\ufeff", "관리비부과"),
        ("관리비\u00a0부과", "관리비 부과"),
        ("관리비\r\n부과\t내역", "관리비 부과 내역"),
        ("\u3164", ""),
        ("👨‍👩‍👧 가족의 날", "👨‍👩‍👧 가족의 날"),
        ("葛\U000e0100", "葛\U000e0100"),
    ],
)
def test_a_line_is_kept_without_what_nobody_sees(typed, kept):
    assert clean_line(typed, "제목") == kept


@pytest.mark.parametrize(
    ("typed", "fact"),
    [
        ("관리비\x00", "제어 문자"),
        ("관리비\x1b[31m", "제어 문자"),
        ("관리비\x9f", "제어 문자"),
        ("관리비\ufffe", "제어 문자"),
        ("관리비\U000e0041", "제어 문자"),
        ("관리비\u202e원000,1", "순서를 뒤집는"),
        ("관리비\u2067", "순서를 뒤집는"),
        ("관리비" + chr(0xD800), "깨진 글자"),
        ("관리비\ufffd", "깨진 글자"),
        ("관리비\ue000", "특수 기호"),
        ("관리비\U000f0000", "특수 기호"),
    ],
)
def test_what_could_deceive_is_refused_by_name(typed, fact):
    with pytest.raises(Refusal, match=rf"‘제목’ 칸에 .*{fact}") as refused:
        clean_line(typed, "제목")
    assert "주세요" in refused.value.next_step


def test_the_place_is_told_in_longer_texts():
    with pytest.raises(Refusal, match="‘사유’ 칸 3번째 줄"):
        clean_paragraphs("하나\n\n셋\x07", "사유")


def test_paragraphs_keep_their_indents_and_lose_their_tails():
    typed = "\n\n1. 관련근거  \r\n  가. 법령\n\n\n\n2. 목적\n"
    assert clean_paragraphs(typed, "본문") == ["1. 관련근거", "  가. 법령", "", "2. 목적"]
    assert clean_paragraphs(" \n \n", "본문") == []


def test_lengths_are_counted_in_letters_after_cleaning():
    assert clean_line(" " + "가" * 10 + "\u200b ", "제목", limit=10) == "가" * 10
    with pytest.raises(Refusal, match=r"10자까지 쓸 수 있습니다. 지금 11자"):
        clean_line("가" * 11, "제목", limit=10)
    with pytest.raises(Refusal, match="20,000자까지"):
        clean_paragraphs("가" * 20_001, "본문")


@given(texts(max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_was_cleaned_stays_as_it_is(typed):
    try:
        lines = clean_paragraphs(typed, "본문")
        line = clean_line(typed, "제목")
    except Refusal:
        return
    assert clean_line(line, "제목") == line
    assert clean_paragraphs("\n".join(lines), "본문") == lines
    assert all(unicodedata.is_normalized("NFC", kept) for kept in (*lines, line))
