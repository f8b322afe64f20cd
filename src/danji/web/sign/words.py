"""What a decision is called on a button, and after it was made."""

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
    if afterwards:
        return "후결"
    if act in SEEING and decision is Decision.APPROVE:
        return "확인"
    return decision.label


def done_words(act: Act, decision: Decision, *, afterwards: bool = False) -> str:
    """What is said once it was decided."""
    word = pressed_word(act, decision, afterwards=afterwards)
    return _DONE[decision] if word == decision.label else f"{word}했습니다."
