"""SOLAPI (솔라피, formerly CoolSMS): 알림톡, with SMS where KakaoTalk does not reach the person.

Written from its public documentation and the source of its own Python client: the address
`POST /messages/v4/send-many/detail`, the header of the HMAC-SHA256 signature, the fields of a
message, `failedMessageList` and `groupInfo` of an answer, `errorCode` and `errorMessage` of a
refusal. Not tried against the service itself, which wants a contract and a registered sender's
number: whether a message that was taken reaches the phone is told by its reports, which are not
fetched here.
Source: SOLAPI 개발 문서(API Key 인증, 메시지 발송, 알림톡).
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

import requests
from urllib3.exceptions import MaxRetryError

from danji.base.outside import ANSWER, CONNECT
from danji.outbox.sending import Away, Later, Refused

PATH = "/messages/v4/send-many/detail"
# In the telephone companies' own code: what is longer goes as a long message, what is longer than
# that is cut at its end.
SMS_BYTES, LMS_BYTES = 90, 2000
TITLE = 20  # characters of a long message's title
TOLD = 500  # characters of an answer that are logged
MALFORMED = {400, 413, 422}  # what will not get better by sending it again
# Nobody's message goes, until the operator has mended it or some time has passed.
CLOSED = {
    401: "문자 보내는 곳이 이 서버를 알아보지 못합니다. 운영자에게 알려 주세요.",
    402: "문자 보내는 곳의 잔액이 모자랍니다. 운영자에게 알려 주세요.",
    403: "문자 보내는 곳이 이 서버를 알아보지 못합니다. 운영자에게 알려 주세요.",
    429: "문자 보내는 곳이 밀려 있습니다.",
}
NOT_TAKEN = "문자 보내는 곳이 받지 않았습니다. 운영자에게 번호를 확인해 달라고 해 주세요."


class Solapi:
    """One connection to the gateway, for several messages."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        secret: str,
        sender: str,
        kakao_channel: str,
        kakao_template: str,
    ) -> None:
        self._url = url.rstrip("/") + PATH
        self._key = key
        self._secret = secret
        self._sender = sender
        self._kakao = (kakao_channel, kakao_template)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no password out of the surroundings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def send(
        self, to: str, text: str, *, subject: str, variables: Mapping[str, str], name: str
    ) -> str:
        """Hand over one message; see `Gateway.send`."""
        message: dict[str, Any] = {
            "to": to,
            "from": self._sender,
            "text": _cut(text),
            "customFields": {"message": name},
        }
        channel, template = self._kakao
        if variables and channel and template:
            message["type"] = "ATA"
            message["kakaoOptions"] = {
                "pfId": channel,
                "templateId": template,
                "variables": dict(variables),
                "disableSms": False,
            }
        elif _bytes(text) <= SMS_BYTES:
            message["type"] = "SMS"
        else:
            message |= {"type": "LMS", "subject": subject[:TITLE]}
        return self._taken(self._post({"messages": [message]}))

    def _post(self, body: Mapping[str, Any]) -> Any:
        """What the gateway says of a request that it took, or None when that is no JSON.

        Raises: Refused, Later, Away.
        """
        try:
            answer = self._session.post(
                self._url,
                json=body,
                headers={"Authorization": self._authorization()},
                timeout=(CONNECT, ANSWER),
                allow_redirects=False,
            )
        except requests.RequestException as problem:
            if isinstance(problem.args[0], MaxRetryError):  # so no connection stood
                raise Away("문자 보내는 곳과 연결되지 않습니다.", problem) from problem
            # It may have been taken: sent again, it comes twice, and that is the lesser evil.
            raise Later("문자 보내는 곳이 제때 답하지 않았습니다.", problem) from problem
        try:
            said: Any = answer.json()
        except (ValueError, RecursionError):
            said = None
        status = answer.status_code
        if 200 <= status < 300:
            return said
        told = (status, str(said or answer.content[:TOLD])[:TOLD])
        if reason := CLOSED.get(status):
            raise Away(reason, told)
        if status in MALFORMED:
            raise Refused(
                "문자 보내는 곳이 이 알림을 받지 않았습니다. 운영자에게 알려 주세요.", told
            )
        # It may be this message that they fail at: the others have their turn.
        raise Later("문자 보내는 곳이 이 알림을 지금은 받지 않습니다.", told)

    @staticmethod
    def _taken(said: Any) -> str:
        """The gateway's name for what it took, or "" when it does not say.

        What was answered at all was paid for, so it is never sent again by itself.
        Raises: Refused when it says that it did not take it, or nothing that can be read.
        """
        if not isinstance(said, dict):
            raise Refused(
                "문자 보내는 곳의 답을 읽지 못했습니다. 받는 분께 알림이 왔는지 물어봐 주세요.",
                said,
            )
        if failed := said.get("failedMessageList"):
            first = failed[0] if isinstance(failed, list) else failed
            # Without the number that stands beside it.
            told = isinstance(first, dict) and (first.get("statusCode"), first.get("statusMessage"))
            raise Refused(NOT_TAKEN, told or "")
        group = said.get("groupInfo")
        return str(group.get("groupId") or "") if isinstance(group, dict) else ""

    def _authorization(self) -> str:
        """Signed anew each time: a signature is taken once, and for fifteen minutes."""
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        salt = secrets.token_hex(16)
        signature = hmac.new(
            self._secret.encode(), (date + salt).encode(), hashlib.sha256
        ).hexdigest()
        return f"HMAC-SHA256 apiKey={self._key}, date={date}, salt={salt}, signature={signature}"


def _bytes(text: str) -> int:
    """The length of a text as the telephone companies count it."""
    return len(text.encode("cp949", "replace"))


def _cut(text: str) -> str:
    """As much of a text as a long message holds: refused, nothing of it would arrive."""
    if _bytes(text) <= LMS_BYTES:
        return text
    kept = text.encode("cp949", "replace")[: LMS_BYTES - _bytes("…")]
    return kept.decode("cp949", "ignore") + "…"
