"""What is about to be signed, in the words of its button."""

import pytest

from danji.web.sign.words import to_do_words


@pytest.mark.parametrize(
    ("words", "wish", "deed"),
    [
        (["반려"], "반려하려면", "반려하기"),
        (["되돌림"], "되돌리려면", "되돌리기"),
        (["의견 있음"], "의견을 남기려면", "의견 남기기"),
        (["승인"] * 3, "3건 승인하려면", "3건 승인하기"),
        (["승인", "확인"], "2건 결재하려면", "2건 결재하기"),  # not all the same
    ],
)
def test_a_button_says_what_it_does(words, wish, deed):
    assert to_do_words(words) == (wish, deed)
