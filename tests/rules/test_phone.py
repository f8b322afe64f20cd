"""Mobile numbers, in the ways people write them."""

import pytest

from danji.rules.phone import clean_mobile
from danji.rules.refusal import Refusal


@pytest.mark.parametrize(
    "written",
    [
        "01012345678",
        "010-1234-5678",
        " 010 1234 5678 ",
        "010.1234.5678",
        "010–1234–5678",
        "+82 10-1234-5678",
        "+82-010-1234-5678",
        "+82(0)10-1234-5678",
        "(010)1234-5678",
        "(+82)10-1234-5678",
        "0082 10 1234 5678",
        "０１０－１２３４－５６７８",
    ],
)
def test_one_number_has_one_spelling(written):
    assert clean_mobile(written) == "01012345678"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "02-123-4567",
        "011-123-4567",
        "010-123-4567",
        "010-1234-56789",
        "+1 10 1234 5678",
        "010-1234-567a",
        "전화 주세요",
        "٠١٠١٢٣٤٥٦٧٨",
    ],
)
def test_anything_else_is_refused(written):
    with pytest.raises(Refusal, match="휴대전화 번호의 모양이 아닙니다"):
        clean_mobile(written)
