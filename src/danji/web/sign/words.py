"""What a decision is called on a button, and after it was made."""

from collections.abc import Sequence

from danji.rules.approval import SEEING, Act, Decision

_DONE = {
    Decision.APPROVE: "승인했습니다.",
    Decision.DISSENT: "의견을 남기고 다음으로 넘겼습니다.",
    Decision.RETURN: "반려했습니다.",
    Decision.SEND_BACK: "앞자리로 되돌렸습니다.",
    Decision.SKIP: "생략했습니다.",
}


def pressed_word(act: Act, decision: Decision, *, afterwards: bool = False) -> str:
    """What stands on the button: who only sees a document confirms it, and approves nothing."""
    if afterwards and decision is Decision.APPROVE:
        return "후결"
    if act in SEEING and decision is Decision.APPROVE:
        return "확인"
    return decision.label


def done_words(act: Act, decision: Decision, *, afterwards: bool = False) -> str:
    """What is said once it was decided."""
    if afterwards and decision is Decision.DISSENT:
        return "의견을 남겼습니다."
    word = pressed_word(act, decision, afterwards=afterwards)
    return _DONE[decision] if word == decision.label else f"{word}했습니다."


# Of those words of a button to which "하기" cannot be added.
_TO_DO = {
    Decision.DISSENT.label: ("의견을 남기려면", "의견 남기기"),
    Decision.SEND_BACK.label: ("되돌리려면", "되돌리기"),
}


def to_do_words(words: Sequence[str]) -> tuple[str, str]:
    """What is about to be done, of several documents at once with their number: `반려하려면` and
    `반려하기`, `3건 승인하려면` and `3건 승인하기`.

    Args: `words` are from `pressed_word`, one of each document.
    """
    word = words[0] if len(set(words)) == 1 else "결재"
    wish, deed = _TO_DO.get(word, (f"{word}하려면", f"{word}하기"))
    count = f"{len(words)}건 " if len(words) > 1 else ""
    return f"{count}{wish}", f"{count}{deed}"
