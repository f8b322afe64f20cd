"""Codes: the lower way to sign, for whoever has no passkey (EDS-10: level `simple`).

A code shows that somebody reads the mail or the telephone of the person, and no more. It is good
for the statements it was sent for, once, for ten minutes and five tries.
"""

import logging
import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Sum
from django.utils.crypto import constant_time_compare, salted_hmac

from danji.accounts.models import Officeholder
from danji.base import tenancy
from danji.base.ids import uuid7
from danji.outbox.actions import tell
from danji.outbox.models import Channel
from danji.outbox.queries import channel_of_code
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing.evidence import Evidence, Level, Signer
from danji.signing.models import CodeRequest
from danji.signing.queries import demand_agreement
from danji_verify.entry import format_time
from danji_verify.signature import MAX_BATCH, statement_digest

logger = logging.getLogger(__name__)

TRIES = 5  # at one code
LASTS = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)  # between two codes, while the first was not used
TOLD = 10  # statements named in one message; a text message holds no more
HOUR, TRIES_AN_HOUR = timedelta(hours=1), 15  # wrong ones, at all codes of one officeholder
_CODE = re.compile(r"[0-9]{6}")


class JustSent(Refusal):
    """A code was sent within the last minute: `request`."""

    def __init__(self, request: CodeRequest) -> None:
        if request.attempts < TRIES:
            fact = "방금 확인 번호를 보냈습니다. 도착하기까지 잠시 걸릴 수 있습니다."
            next_step = "받은 번호를 넣거나, 1분 뒤에 다시 받아 주세요."
        else:
            fact = "확인 번호는 1분에 한 번 보냅니다. 앞서 보낸 번호는 더 쓸 수 없습니다."
            next_step = "1분 뒤에 다시 받아 주세요."
        super().__init__(fact, next_step=next_step)
        self.request = request


def covers(request: CodeRequest, statements: Sequence[bytes]) -> bool:
    """Whether a code was sent for exactly these statements."""
    wanted: list[str] = [statement_digest(statement).hex() for statement in statements]
    return sorted(wanted) == sorted(request.digests)


def request_of(officeholder: Officeholder, request_id: UUID) -> CodeRequest | None:
    """The code that was sent to an officeholder under this name."""
    own = CodeRequest.objects.within(officeholder.complex_id).filter(
        id=request_id, officeholder_id=officeholder.id
    )
    found: CodeRequest | None = own.select_related("officeholder__person").first()
    return found


def closed_because(request: CodeRequest, *, at: datetime) -> Refusal | None:
    """Why a code cannot be typed any more; None while it can."""
    is_open = request.used_at is None and request.attempts < TRIES and at < request.expires_at
    return None if is_open else _refusal(request, tried=False, at=at)


def sent_to(request: CodeRequest) -> str:
    """Where a code went, as much of it as its person needs to know it by.

    Args: `request` is from `request_of`.
    """
    person = request.officeholder.person
    if request.channel == Channel.MESSAGE:
        return f"문자(010-****-{person.phone[-4:]})"
    name, _, host = person.email.partition("@")
    return f"메일({name[:2]}***@{host})"


@transaction.atomic
def send_code(
    officeholder: Officeholder, statements: Sequence[bytes], shown: Sequence[str], *, at: datetime
) -> CodeRequest:
    """Send the person a code with which to sign these statements. Nothing is signed by that.

    Args: `shown` says of each statement, in one line, what is decided: title, amount, decision. The
    message repeats it, so that a page cannot show one thing and have another signed.
    Raises: JustSent within a minute of the last code; Refusal when out of office or without
    agreement, after too many wrong tries, and for too many statements.
    """
    if not statements or len(statements) != len(shown):
        raise ValueError("a code is for statements, each of which is told")
    if len(statements) > MAX_BATCH:
        raise Refusal(
            f"한 번에 {MAX_BATCH}건까지 서명할 수 있습니다. 지금 {len(statements)}건을 골랐습니다.",
            next_step="나누어서 서명해 주세요.",
        )
    if not officeholder.covers(day_in_seoul(at)):
        raise Refusal(
            f"{officeholder} 님은 지금 임기가 아니어서 서명할 수 없습니다.",
            next_step="임기가 아직 남아 있다면 관리사무소에 등록을 확인해 주세요.",
        )
    demand_agreement(officeholder)
    _demand_pause(officeholder, at)
    request_id, code = uuid7(), f"{secrets.randbelow(10**6):06}"
    channel = channel_of_code(officeholder)
    request: CodeRequest = CodeRequest.objects.create(
        complex_id=officeholder.complex_id,
        id=request_id,
        officeholder=officeholder,
        digests=[statement_digest(statement).hex() for statement in statements],
        code_hash=_hash(request_id, code),
        channel=channel,
        sent_at=at,
        expires_at=at + LASTS,
    )
    tell(officeholder, "결재 확인 번호", _letter(code, shown), at=at, code_by=channel)
    return request


def code_signer(request_id: UUID, code: str, *, officeholder: Officeholder, at: datetime) -> Signer:
    """Signs the statements the code was sent for, when it is the right one; it is used up by that.

    Run it outside of any transaction, before the one that decides: a try counts whatever becomes of
    the decision, so it is committed here.
    Raises: Refusal for a wrong code (which counts), one that was used, tried too often or is too
    old, and without agreement; RuntimeError inside a transaction.
    """
    written = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code))
    if not _CODE.fullmatch(written):
        raise Refusal(
            "확인 번호는 숫자 여섯 자리입니다.", next_step="받은 번호를 다시 넣어 주세요."
        )
    with transaction.atomic(durable=True), tenancy.within(officeholder.complex_id):
        agreement = demand_agreement(officeholder)
        own = CodeRequest.objects.within(officeholder.complex_id).filter(
            id=request_id, officeholder_id=officeholder.id
        )
        open_ = own.filter(used_at=None, attempts__lt=TRIES, sent_at__lte=at, expires_at__gt=at)
        # Counted first, and in the row itself: however many try at once, five get an answer.
        counted = open_.update(attempts=F("attempts") + 1)
        request = own.first()
        right = (
            counted == 1
            and request is not None
            and constant_time_compare(bytes(request.code_hash), _hash(request_id, written))
        )
        if right:
            own.update(used_at=at)
    if request is None or not right:
        logger.warning("a code of %s was refused", officeholder.id)
        raise _refusal(request, tried=counted == 1, at=at)
    return _signer(request, agreement, at)


def _signer(request: CodeRequest, agreement: UUID, at: datetime) -> Signer:
    evidence = Evidence(
        Level.SIMPLE,
        "message-code" if request.channel == Channel.MESSAGE else "mail-code",
        {
            "sent_at": _second(request.sent_at),
            "confirmed_at": _second(at),
            "request": request.id.hex,
        },
        agreement,
    )
    digests = frozenset(request.digests)

    def sign(statement: bytes) -> Evidence:
        if statement_digest(statement).hex() not in digests:
            logger.warning("the code %s was used for another statement", request.id)
            raise Refusal(
                "확인 번호를 받은 뒤에 결재할 내용이 바뀌었습니다. 결재하지 않았습니다.",
                next_step="문서를 다시 확인한 뒤 확인 번호를 새로 받아 주세요.",
            )
        return evidence

    return sign


def _refusal(request: CodeRequest | None, *, tried: bool, at: datetime) -> Refusal:
    """Why a code was refused, and how to go on."""
    again = "확인 번호를 새로 받아 주세요."
    if request is None:
        return Refusal("이 결재를 위해 보낸 확인 번호가 없습니다.", next_step=again)
    if request.used_at is not None:
        return Refusal("이미 쓴 확인 번호입니다.", next_step=again)
    if tried and (left := TRIES - request.attempts) > 0:
        return Refusal(
            f"확인 번호가 맞지 않습니다. {left}번 더 넣어 볼 수 있습니다.",
            next_step="받은 번호를 다시 확인해 주세요.",
        )
    if at >= request.expires_at:
        return Refusal("확인 번호를 보낸 지 10분이 지났습니다.", next_step=again)
    return Refusal(f"확인 번호를 {TRIES}번 잘못 넣어 더 쓸 수 없습니다.", next_step=again)


def _demand_pause(officeholder: Officeholder, at: datetime) -> None:
    # Locked, so that two presses at once send one code.
    Officeholder.objects.within(officeholder.complex_id).select_for_update(
        of=("self",), no_key=True
    ).get(id=officeholder.id)
    unused = CodeRequest.objects.within(officeholder.complex_id).filter(
        officeholder_id=officeholder.id, used_at=None
    )
    if last := unused.filter(sent_at__gt=at - PAUSE).order_by("-sent_at").first():
        raise JustSent(last)
    wrong = unused.filter(sent_at__gt=at - HOUR).aggregate(tries=Sum("attempts"))["tries"] or 0
    if wrong >= TRIES_AN_HOUR:
        logger.warning("%s has tried too many codes", officeholder.id)
        raise Refusal(
            "한 시간 동안 확인 번호를 너무 많이 잘못 넣었습니다.",
            next_step="한 시간 뒤에 다시 받아 주세요. 직접 하신 일이 아니면 감사에게 알려 주세요.",
        )


def _letter(code: str, shown: Sequence[str]) -> str:
    listed = "\n".join(f"- {line}" for line in shown[:TOLD])
    if len(shown) > TOLD:
        listed += f"\n- 그 밖에 {len(shown) - TOLD}건"
    return (
        f"확인 번호: {code}\n\n"
        f"이 번호로 서명하는 결재:\n{listed}\n\n"
        "10분 안에 한 번만 쓸 수 있습니다. 아무에게도 알려 주지 마세요.\n"
        "직접 하시는 결재가 아니면 번호를 넣지 말고 관리사무소와 감사에게 알려 주세요."
    )


def _hash(request_id: UUID, code: str) -> bytes:
    """Keyed with the server's secret: who reads the table alone cannot try all the codes."""
    keyed = salted_hmac("danji.signing.codes", request_id.hex + code, algorithm="sha256")
    return keyed.digest()


def _second(at: datetime) -> str:
    return format_time(at.astimezone(UTC).replace(microsecond=0))
