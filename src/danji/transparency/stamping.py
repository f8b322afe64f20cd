"""Stamping (시각 도장): once a day somebody who only tells time stamps the log of logs (RFC 3161).

What the stamped head covers existed before that moment, whatever the clocks of operator and
witnesses said. An answer is checked as a stranger would check it before it is kept.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import requests
from cryptography import x509
from django.conf import settings
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response

from danji.base.files import write_durably
from danji.base.jobs import hold_lock
from danji.base.outside import ask, outside_session
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.transparency.collection import collection_folder, newest_head, prove_collected
from danji.transparency.models import CollectedHead, Stamp
from danji.transparency.queries import PublishedHead, confirmed_head
from danji_verify.errors import VerifyError
from danji_verify.heads import CLOCK_SKEW
from danji_verify.policy import Policy
from danji_verify.stamp import MAX_STAMP, check_stamp, load_roots

logger = logging.getLogger(__name__)

LOCK = 0x7374616D70  # "stamp", an advisory lock's number
RETRY = timedelta(minutes=10)
LOOKED_BACK = 7 * 24  # heads of a log among which an agreed one is sought: a week of every hour's
MEDIA_TYPE = "application/timestamp-query"


class StampError(Exception):
    """There was no stamp that could be believed. Nothing was kept; it is tried again."""


@dataclass
class Stamper:
    """Has the log of logs stamped, day after day.

    `next_try` is when to look again; `said` what was said last, so that it is said once.
    """

    next_try: datetime | None = None
    said: str = ""

    def tick(self, at: datetime) -> bool:
        """Have the day's head stamped if it is time. Returns: whether it was.

        No stamp stops anything: why there is none is logged once, and tried every ten minutes.
        """
        if not settings.TSA_URL or (self.next_try is not None and at < self.next_try):
            return False
        self.next_try = at + RETRY
        try:
            with hold_lock(LOCK) as held:
                stamped = held and stamp_day(at)
        except (StampError, Refusal) as problem:
            if self.said != str(problem):
                logger.warning("%s", problem)
            self.said = str(problem)
            return False
        self.said = ""
        return stamped


def stamp_day(at: datetime) -> bool:
    """Have the newest head of the log of logs stamped, once a day as it is in Korea.

    The caller holds the lock. Returns: whether there is a new stamp.
    Raises: StampError when the authority is away or its answer cannot be believed; Refusal when
    it is not known whom to believe.
    """
    write_missing()
    day, head = day_in_seoul(at), newest_head()
    if head is None or not head.checkpoint.size or Stamp.objects.filter(day=day).exists():
        return False
    answer, stamped_at = _answer(head.note, roots(), at)
    stamp = Stamp.objects.create(
        day=day,
        origin=head.checkpoint.origin,
        size=head.checkpoint.size,
        note=head.note,
        token=answer,
        stamped_at=stamped_at,
    )
    _write(stamp)
    return True


def roots() -> list[x509.Certificate]:
    """The authorities whose word on the time is believed. Raises: Refusal when there are none."""
    try:
        found = load_roots(Path(settings.TSA_CERTS).read_bytes())
    except (OSError, VerifyError) as problem:
        raise Refusal(
            "시각 도장을 받을 수 없습니다. 믿을 시각 기관의 인증서 파일"
            f"(DANJI_TSA_CERTS={settings.TSA_CERTS})을 읽을 수 없습니다.",
            next_step="시각 기관에서 받은 인증서 파일(PEM)의 자리를 적어 주세요.",
        ) from problem
    return found


def _answer(note: bytes, trusted: list[x509.Certificate], at: datetime) -> tuple[bytes, datetime]:
    """Ask for a stamp. Returns: the answer, checked, and the time it tells. Raises: StampError."""
    request = (
        TimestampRequestBuilder()
        .data(note)
        .hash_algorithm(HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .build()
    )
    try:
        # Whoever runs the server chose the address; a city's own may well be inside.
        with outside_session(may_lead_inside=True) as session:
            said = ask(
                session,
                settings.TSA_URL,
                request.as_bytes(),
                limit=MAX_STAMP,
                media_type=MEDIA_TYPE,
            )
    except requests.RequestException as problem:
        raise StampError(f"시각 기관({settings.TSA_URL})이 답하지 않습니다.") from problem
    if said.status != 200:
        raise StampError(f"시각 기관({settings.TSA_URL})이 {said.status}(으)로 거절했습니다.")
    try:
        stamp = check_stamp(said.body, note, trusted)
        nonce = decode_timestamp_response(said.body).tst_info.nonce
    except (VerifyError, ValueError) as problem:
        raise StampError(f"시각 기관의 답을 믿을 수 없습니다. {problem}") from problem
    if nonce != request.nonce:
        raise StampError("시각 기관의 답을 믿을 수 없습니다. 우리가 보낸 요청의 답이 아닙니다.")
    if abs(stamp.at - at) > CLOCK_SKEW:
        raise StampError(
            "시각 기관의 답을 믿을 수 없습니다. 시각이 우리 시계와 다릅니다"
            f"(시각 기관 {stamp.at.isoformat()}, 우리 {at.astimezone(UTC).isoformat()})."
        )
    return said.body, stamp.at


def stamps_folder() -> Path:
    """Where the stamps are published."""
    return collection_folder() / "stamps"


def stamp_files(day: date) -> tuple[Path, Path]:
    """The files of a day: what was stamped, and the stamp."""
    return stamps_folder() / f"{day}.note", stamps_folder() / f"{day}.tsr"


def write_missing() -> None:
    """Write the stamps that are kept and not published, after an interruption."""
    for day in Stamp.objects.order_by("day").values_list("day", flat=True):
        if not all(file.exists() for file in stamp_files(day)):
            _write(Stamp.objects.get(day=day))


def _write(stamp: Stamp) -> None:
    note, token = stamp_files(stamp.day)
    write_durably(note, bytes(stamp.note))
    write_durably(token, bytes(stamp.token))


@dataclass(frozen=True)
class Stamped:
    """What leads from a head of a complex's log to a day.

    `token` is the stamp over `note`, a head of the log of logs; `proof` (tlog-proof) leads from
    `head`, the complex's, to that.
    """

    day: date
    token: bytes
    note: bytes
    head: bytes
    proof: bytes


def stamped_head(origin: str, size: int, policy: Policy) -> Stamped | None:
    """The newest stamp, and the newest head it covers of a log that has so many entries and on
    which the policy agrees. While witnesses are away, merely signed heads are collected as well.
    """
    stamp, confirmed = Stamp.objects.order_by("-day").first(), confirmed_head(origin)
    if stamp is None or confirmed is None:
        return None
    covered = CollectedHead.objects.filter(
        collection__origin=stamp.origin,
        origin=origin,
        size__range=(size, confirmed.checkpoint.size),
        index__lt=stamp.size,
    ).order_by("-index")[:LOOKED_BACK]
    found = next((one for one in covered if policy.judge(bytes(one.note)).confirmed), None)
    if found is None:
        return None
    note = bytes(stamp.note)
    stamped = PublishedHead.read(note)
    proof = prove_collected(found, stamped)
    return Stamped(stamp.day, bytes(stamp.token), note, bytes(found.note), proof)
