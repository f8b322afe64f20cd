"""Who lets somebody watch the log of a complex (확인 기관): never whoever runs the server alone."""

from collections.abc import Collection
from datetime import date

from danji.rules.offices import AUDITOR, CHAIR, MANAGER, Officer, check_in_office
from danji.rules.refusal import Refusal

# They watch over the office for the council; the manager is the one who is watched.
CONFIRMING = frozenset({CHAIR, AUDITOR})


def who_confirms(held: Collection[str]) -> frozenset[str]:
    """The offices, of those held today, that confirm a witness which was entered by command.

    The manager only where the complex has neither a chair nor an auditor. Nobody, where there is
    no manager either: before the first officers, whoever runs the server enters it alone.
    """
    return CONFIRMING.intersection(held) or frozenset({MANAGER}).intersection(held)


def check_answer(officer: Officer, held: Collection[str], *, today: date) -> None:
    """Accept an officer's answer about a witness.

    Args: `held` as for `who_confirms`.
    Raises: Refusal when it is not theirs to give.
    """
    check_in_office(officer, today)
    if officer.office not in who_confirms(held):
        raise Refusal(
            f"{officer.name} 님은 확인 기관을 확인할 수 있는 직책이 아닙니다.",
            next_step="확인 기관은 회장이나 감사가, 두 분이 모두 없으면 소장이 확인합니다.",
        )
