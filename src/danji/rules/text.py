"""What may be written into a document: text that every reader, printer and program sees alike.

Text is kept in Unicode NFC, so that one word has one spelling and one digest; Hangul that arrives
in pieces (NFD, as from a Mac) is accepted and composed. What cannot be seen is either harmless and
dropped, or could deceive and is refused.
"""

import re
import unicodedata

from danji.rules.refusal import Refusal

LINE_LIMIT = 200  # characters
PARAGRAPHS_LIMIT = 20_000  # characters, line ends included

# Left behind by web pages and word processors; they show nothing and change no meaning.
_DROPPED = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
# Invisible letters that stand for a space, and the line ends of other systems.
_UNIFIED = {
    **dict.fromkeys(map(ord, "\u3164\uffa0\u00a0\u2007\u202f\t"), " "),
    **dict.fromkeys(map(ord, "\u2028\u2029\v\f\x85"), "\n"),
}
# They turn the order of what is read without being seen.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_AFTER_VOWEL = {"은": "는", "이": "가", "을": "를"}
_FINALS = 28  # consonants that may close a syllable, none included: how Unicode orders Hangul
_SAID_CLOSED = frozenset("013678lmnr")  # 영 일 삼 육 칠 팔, 엘 엠 엔 알
_PASTED = "다른 프로그램에서 복사하셨다면 메모장에 한 번 붙여 넣었다가 옮겨 주세요."


def clean_line(text: str, label: str, *, limit: int = LINE_LIMIT) -> str:
    """One line of text in NFC, without spaces at its ends; line ends inside become spaces.

    Args: `label` is the field's name on the screen; `limit` in characters after cleaning.
    Raises: Refusal naming the field when the text cannot be kept.
    """
    line = " ".join(_clean(text, label).split("\n")).strip()
    _check_length(len(line), label, limit)
    return line


def clean_paragraphs(text: str, label: str, *, limit: int = PARAGRAPHS_LIMIT) -> list[str]:
    """The lines of a longer text in NFC; indents are kept, one empty line parts paragraphs.

    Args: `label` is the field's name on the screen; `limit` in characters after cleaning.
    Returns: lines without spaces at their ends; empty when nothing was written.
    Raises: Refusal naming the field when the text cannot be kept.
    """
    joined = "\n".join(line.rstrip() for line in _clean(text, label).split("\n"))
    joined = re.sub(r"\n{3,}", "\n\n", joined).strip("\n")
    _check_length(len(joined), label, limit)
    return joined.split("\n") if joined else []


def particle(word: str, closed: str) -> str:
    """The particle (조사) that the sound a word ends on asks for: ‘가위’는, ‘집’은.

    Digits and Latin letters are taken as a Korean reader says them: 3은, PDF는. After any other
    sign both are written: 은(는).
    Args: `closed` is the one that follows a consonant, 은, 이 or 을.
    """
    after_vowel = _AFTER_VOWEL[closed]
    last = word.rstrip("’”)]'\"").lower()[-1:]
    if "가" <= last <= "힣":
        return closed if (ord(last) - ord("가")) % _FINALS else after_vowel
    if last.isascii() and last.isalnum():
        return closed if last in _SAID_CLOSED else after_vowel
    return f"{closed}({after_vowel})"


def _clean(text: str, label: str) -> str:
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    unified = composed.translate(_DROPPED).translate(_UNIFIED)
    for number, line in enumerate(unified.split("\n"), start=1):
        for character in line:
            if fault := _fault(character):
                where = f"‘{label}’ 칸 {number}번째 줄" if "\n" in unified else f"‘{label}’ 칸"
                fact, advice = fault
                raise Refusal(f"{where}에 {fact} 있습니다.", next_step=advice)
    return unified


def _fault(character: str) -> tuple[str, str] | None:
    """What is wrong with one character, as the end of a sentence, and what to do about it."""
    category = unicodedata.category(character)
    if character in _BIDI:
        return "글의 순서를 뒤집는 보이지 않는 문자가", f"그 부분을 다시 입력해 주세요. {_PASTED}"
    if category == "Cs" or character == "\ufffd":
        return "깨진 글자가", "깨진 곳을 지우고 원래 글자를 다시 입력해 주세요."
    if category == "Co":
        return (
            "다른 컴퓨터에서는 보이지 않는 특수 기호가",
            "그 기호를 지우거나 ‘-’, ‘※’ 같은 기호로 바꿔 주세요.",
        )
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    is_hidden = 0xFFF9 <= code <= 0xFFFB or 0xE0000 <= code <= 0xE007F
    if category == "Cc" or is_noncharacter or is_hidden:
        return "보이지 않는 제어 문자가", f"그 부분을 지우고 다시 입력해 주세요. {_PASTED}"
    return None


def _check_length(length: int, label: str, limit: int) -> None:
    if length > limit:
        raise Refusal(
            f"‘{label}’ 칸에는 {limit:,}자까지 쓸 수 있습니다. 지금 {length:,}자입니다.",
            next_step="내용을 줄이거나 긴 글은 파일로 붙여 주세요.",
        )
