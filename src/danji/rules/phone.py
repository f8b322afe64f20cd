"""Mobile telephone numbers, as people write them and as they are dialled."""

import re
import unicodedata

from danji.rules.refusal import Refusal

# Since the last 2G network was switched off every mobile number begins with 010.
_MOBILE = re.compile(r"010\d{8}")
_COUNTRY = re.compile(r"^(?:\+|00)?820?(?=10)")


def clean_mobile(text: str) -> str:
    """A Korean mobile number in eleven digits, from whatever way it was written.

    Raises: Refusal when it is none.
    """
    written = re.sub(r"[\s().\-‐‑–—]", "", unicodedata.normalize("NFKC", text))
    digits = _COUNTRY.sub("0", written)
    if not digits.isascii() or not _MOBILE.fullmatch(digits):
        raise Refusal(
            f"휴대전화 번호의 모양이 아닙니다: {text.strip()}",
            next_step="010-1234-5678처럼 010으로 시작하는 번호 열한 자리를 적어 주세요.",
        )
    return digits
