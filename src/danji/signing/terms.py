"""What a person agrees to before the first signature (전자서명 동의서), version by version.

A version that somebody accepted stays here word for word: the log names it and its digest.
"""

from collections.abc import Mapping
from hashlib import sha256

TEXTS: Mapping[str, str] = {
    "1": (
        "전자서명 동의서\n"
        "\n"
        "1. 저는 이 시스템에서 한 결재를 제 서명으로 인정합니다. 종이에 도장을 찍거나 서명한 것과 "
        "같은 효력을 가지는 데 동의합니다(전자서명법 제3조제2항).\n"
        "2. 서명하는 것은 화면에 보이는 결재 내용(문서 제목, 금액, 받는 사람, 제가 고른 결정)과 "
        "문서 전체입니다. 서명하기 전에 문서를 읽습니다.\n"
        "3. 서명은 제가 등록한 기기(패스키), 제 이름으로 된 인증서, 또는 저에게 보낸 확인 번호로 "
        "합니다. 확인 번호로 한 결재는 더 낮은 수준의 확인으로 기록됩니다.\n"
        "4. 기기와 번호를 다른 사람에게 맡기지 않습니다. 기기를 잃어버리면 바로 폐지합니다.\n"
        "5. 하지 않은 결재를 알게 되면 바로 관리사무소와 감사에게 알립니다.\n"
        "6. 이 동의와 제가 한 서명은 지울 수 없는 장부에 남습니다. 앞으로 서명하고 싶지 않으면 "
        "결재하지 않으면 되고, 그때는 종이 문서로 결재할 수 있습니다.\n"
    ),
}
CURRENT = "1"


def digest(version: str) -> str:
    """SHA-256, lower hex, of the text of a version in UTF-8."""
    return sha256(TEXTS[version].encode()).hexdigest()
