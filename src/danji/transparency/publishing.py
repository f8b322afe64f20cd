"""What is published of the witnesses (확인 기관): whom to believe about a log, and the newest head
on which they agreed. And which of them are not heard.
"""

import logging
from datetime import datetime, timedelta

from danji.base.files import write_durably
from danji.transparency.models import Cosignature, TroubleKind
from danji.transparency.queries import confirmed_row
from danji.transparency.troubles import end_trouble, open_trouble
from danji.transparency.witnessing import Watched
from danji_verify import note
from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import VerifyError

logger = logging.getLogger(__name__)

SILENCE = timedelta(hours=24)  # without a cosignature, after which it is a trouble
POLICY, CONFIRMED = "policy", "confirmed"  # the subjects of troubles about what is published


def publish(log: Watched, at: datetime) -> None:
    """Publish whom to believe about a log, and what they agreed on. What cannot be written, as when
    the disk is full, is written later.
    """
    try:
        publish_policy(log, at)
        publish_confirmed(log, at)
    except OSError:
        logger.exception("%s could not be published", log.origin)


def publish_policy(log: Watched, at: datetime) -> bool:
    """Publish whom to believe about a log as `policy.txt`, as far as the log itself says so. Where
    the rows name others, nothing is published, and it is a trouble.

    Returns: whether it was written.
    """
    if log.wrong:
        if open_trouble(log.origin, TroubleKind.DISAGREES, POLICY, log.wrong, at):
            logger.error("%s: %s", log.origin, log.wrong)
        return False
    if log.waits:
        return False
    end_trouble(log.origin, TroubleKind.DISAGREES, POLICY, at)
    path, data = log.folder / "policy.txt", log.policy.format()
    if path.exists() and path.read_bytes() == data:
        return False
    write_durably(path, data)
    return True


def publish_confirmed(log: Watched, at: datetime) -> bool:
    """Publish the newest certain head of a log as `confirmed`, never a smaller one than is there.

    Returns: whether it was written.
    """
    if log.wrong:
        return False
    known, row = confirmed_row(log.origin), log.confirmed()
    size = known.size if known else 0
    path = log.folder / "confirmed"
    try:
        there = path.read_bytes()
        published = Checkpoint.parse(note.parse_note(there).text).size
    except (FileNotFoundError, VerifyError):
        there, published = b"", 0
    if published > size:
        sentence = (
            f"공개한 확정 머리는 {published:,}건인데 데이터베이스에는 {size:,}건까지만 있습니다. "
            "데이터베이스가 옛 백업으로 되돌려졌습니다."
        )
        if open_trouble(log.origin, TroubleKind.DISAGREES, CONFIRMED, sentence, at):
            logger.error("%s: %s", log.origin, sentence)
        return False
    if row is None or row.size < published or there == bytes(row.note):
        return False
    write_durably(path, bytes(row.note))
    end_trouble(log.origin, TroubleKind.DISAGREES, CONFIRMED, at)
    return True


def watch_silence(log: Watched, at: datetime) -> None:
    """Note which witnesses have not cosigned for a day; an unchanged head is refreshed, too."""
    for witness in log.witnesses:
        kept = Cosignature.objects.filter(origin=log.origin, witness=witness)
        newest = kept.order_by("-size", "-time").first()
        last = max(newest.received_at, witness.since) if newest else witness.since
        if at - last > SILENCE:
            sentence = f"확인 기관({witness.label})의 확인 서명이 하루 넘게 오지 않았습니다."
            if open_trouble(log.origin, TroubleKind.SILENT, witness.name, sentence, at):
                logger.warning("%s: %s", log.origin, sentence)
