"""The fonts: that they are the ones written down, and what they can print."""

import hashlib

import pytest

from danji.renditions import typeface
from danji.renditions.pdf import missing_glyphs


def test_the_fonts_are_the_ones_that_are_written_down():
    listed = {}
    for line in (typeface.FOLDER / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        listed[name] = digest
    present = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in typeface.FOLDER.iterdir()
        if path.name not in ("SHA256SUMS", "README.md")
    }
    assert present == listed


def test_each_font_has_its_licence():
    for font, licence in (("Pretendard", "PretendardGOV"), ("Adobe", "NotoSansKR")):
        text = (typeface.FOLDER / f"OFL-{licence}.txt").read_text()
        assert "SIL OPEN FONT LICENSE Version 1.1" in text
        assert font in text


def test_every_hangul_syllable_prints():
    assert missing_glyphs("".join(map(chr, range(0xAC00, 0xD7A4)))) == set()


def test_every_hanja_and_all_but_five_symbols_of_the_korean_standard_print():
    points = set()
    for first in range(0xA1, 0xFF):
        for second in range(0xA1, 0xFF):
            try:
                points.add(bytes([first, second]).decode("euc-kr"))
            except UnicodeDecodeError:
                continue
    assert len(points) > 8000
    assert missing_glyphs("".join(points)) == set("ŉ⅔∼≒◈")


@pytest.mark.parametrize(
    "said", ["□○ㆍ①㉮㎡甲", "뷁쀍똠", "☎─◎※㈜℃“”‘’…–—·", "금113,560원", "줄\n바꿈"]
)
def test_what_offices_write_prints(said):
    assert missing_glyphs(said) == set()


@pytest.mark.parametrize("letter", ["😀", "\u1100", "\u202e", "\x07", "◈", "𠮷"])
def test_what_no_font_has_is_named(letter):
    assert missing_glyphs(f"앞{letter}뒤") == {letter}


@pytest.mark.parametrize(
    ("letter", "ems"), [("가", 0.864), ("7", 0.64), (",", 0.288), ("😀", 3.84)]
)
def test_a_letter_is_as_wide_as_the_font_sets_it(letter, ems):
    assert typeface.width(letter) == pytest.approx(ems, abs=0.001)
