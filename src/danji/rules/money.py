"""Amounts in won, as official documents write them and as people type them; their tax; counts."""

import re

from danji.rules.refusal import Refusal

LIMIT = 10**13  # won; ten trillion, far above any complex's yearly budget

_DIGITS = ("영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구")
_UNITS = ("", "십", "백", "천")
_MYRIADS = ("", "만", "억", "조", "경")

# Full-width figures and marks, and the many characters that are typed for a minus.
_AS_TYPED = str.maketrans("０１２３４５６７８９，．－−–—―△▲", "0123456789,.-------")


def grouped(amount: int) -> str:
    """`113,560`; a negative amount is `-36,000`."""
    return f"{amount:,}"


def in_words(amount: int) -> str:
    """An amount in Hangul with every figure spoken, 일 too, so that nothing can be put before it.

    Negative amounts begin with 마이너스.

    Raises: ValueError from 10^20 won on, for which no unit is in use.
    Source: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 제2조제2항(관행으로 따름).
    """
    if amount < 0:
        return f"마이너스{in_words(-amount)}"
    if amount >= 10**20:
        raise ValueError(f"no words for {amount}")
    if amount == 0:
        return _DIGITS[0]
    words = []
    for power in range(len(_MYRIADS) - 1, -1, -1):
        if four := amount // 10 ** (4 * power) % 10_000:
            words.append(_four_figures(four) + _MYRIADS[power])
    return "".join(words)


def figures_line(amount: int) -> str:
    """`금113,560원`."""
    return f"금{grouped(amount)}원"


def words_line(amount: int) -> str:
    """`금일십일만삼천오백육십원`."""
    return f"금{in_words(amount)}원"


def amount_line(amount: int) -> str:
    """`금113,560원(금일십일만삼천오백육십원)`.

    Source: 행정업무의 운영 및 혁신에 관한 규정 시행규칙 제2조제2항(관행으로 따름).
    """
    return f"{figures_line(amount)}({words_line(amount)})"


def parse_won(text: str, label: str, *, negative: bool = False) -> int:
    """Read an amount as people type it: `1,234,000`, `1234000원`, `△36,000`, full-width figures.

    Nothing is guessed: commas in the wrong place, fractions and words are refused.

    Args: `label` is the field's name on the screen; `negative` says whether it may be below zero.
    Raises: Refusal naming the field.
    """
    typed = re.sub(r"\s", "", text.translate(_AS_TYPED))
    typed = typed.removeprefix("금").removesuffix("원").replace("₩", "").replace("￦", "")
    sign, typed = (-1, typed[1:]) if typed.startswith("-") else (1, typed.removeprefix("+"))
    if "," in typed and re.fullmatch(r"[0-9,]+", typed):
        if not re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", typed):
            raise Refusal(
                f"‘{label}’ 칸의 쉼표 자리가 맞지 않습니다.",
                next_step="쉼표를 빼거나 세 자리마다 찍어 다시 적어 주세요. 예: 1,234,000",
            )
        typed = typed.replace(",", "")
    if not re.fullmatch(r"[0-9]+", typed):
        raise Refusal(
            f"‘{label}’ 칸에 적은 금액을 읽을 수 없습니다.",
            next_step="원 단위까지 숫자로 적어 주세요. 예: 1,234,000",
        )
    figures = typed.lstrip("0") or "0"
    # Counted before it is read: a number of a million figures takes its time.
    if len(figures) > len(str(LIMIT)) or int(figures) > LIMIT:
        raise Refusal(
            f"‘{label}’ 칸의 금액이 너무 큽니다.",
            next_step=f"{grouped(LIMIT)}원을 넘지 않는지 자릿수를 확인해 주세요.",
        )
    amount = sign * int(figures)
    if amount < 0 and not negative:
        raise Refusal(
            f"‘{label}’ 칸에는 0보다 작은 금액을 적을 수 없습니다.",
            next_step="앞의 - 표시를 지워 주세요.",
        )
    return amount


def parse_count(text: str, label: str) -> int:
    """Read how many of something there are: `12`, `1,200`, full-width figures; no fractions.

    Args: `label` is the field's name on the screen.
    Raises: Refusal naming the field.
    """
    typed = re.sub(r"\s", "", text.translate(_AS_TYPED)).removeprefix("+")
    if not re.fullmatch(r"[0-9]+|[0-9]{1,3}(,[0-9]{3})+", typed):
        raise Refusal(
            f"‘{label}’ 칸에는 0부터 시작하는 정수만 적을 수 있습니다.",
            next_step="소수(예: 2.5㎡)는 규격처럼 글을 적는 칸에 적고 여기에는 1을 적어 주세요.",
        )
    figures = typed.replace(",", "").lstrip("0") or "0"
    # Counted before it is read: a number of a million figures takes its time.
    if len(figures) > len(str(LIMIT)) or int(figures) > LIMIT:
        raise Refusal(f"‘{label}’ 칸의 수가 너무 큽니다.", next_step="자릿수를 확인해 주세요.")
    return int(figures)


def vat_on(supply: int) -> int:
    """The value-added tax (부가세) on a supply amount: a tenth, fractions of a won cut off.

    Below zero, as for a discount, the fraction is cut off towards zero too.

    Source: 부가가치세법 제30조.
    """
    tax = abs(supply) // 10
    return tax if supply >= 0 else -tax


def vat_within(total: int) -> int:
    """The value-added tax contained in a total, when only the total is known: 10/110 of it.

    Source: 부가가치세법 제29조제7항.
    """
    tax = abs(total) // 11
    return tax if total >= 0 else -tax


def _four_figures(number: int) -> str:
    return "".join(
        _DIGITS[figure] + _UNITS[place]
        for place in (3, 2, 1, 0)
        if (figure := number // 10**place % 10)
    )
