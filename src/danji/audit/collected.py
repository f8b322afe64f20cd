"""What all complexes share: the log of logs (모음 장부), and the stamps over it (시각 도장)."""

import logging
from collections.abc import Iterator, Sequence

import psycopg
from django.conf import settings
from django.db import Error

from danji.rules.refusal import Refusal
from danji.transparency.collection import Mismatch, check_collection, collection_origin
from danji.transparency.models import Stamp
from danji.transparency.stamping import roots, stamp_files
from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import VerifyError
from danji_verify.note import parse_note
from danji_verify.stamp import check_stamp

logger = logging.getLogger(__name__)


def check_shared() -> Sequence[Mismatch]:
    """What does not agree with the log of logs. What cannot be read is told, like what is wrong."""
    try:
        return [*check_collection(), *altered_stamps()]
    except (Error, psycopg.Error):
        raise
    except Exception as problem:
        logger.exception("the log of logs could not be read")
        sentence = "모음 장부를 점검하지 못했습니다. 저장된 자료에 읽을 수 없는 것이 있습니다."
        return [Mismatch(collection_origin(), None, sentence, repr(problem))]


def altered_stamps() -> Iterator[Mismatch]:
    """The stamps that do not hold: each is over its head, by an authority that is believed."""
    try:
        trusted = roots() if settings.TSA_URL else []
    except Refusal:  # told where stamps are asked for
        trusted = []
    for stamp in Stamp.objects.order_by("day").iterator():
        note, token = bytes(stamp.note), bytes(stamp.token)
        try:
            head = Checkpoint.parse(parse_note(note).text)
            at = check_stamp(token, note, trusted).at
            holds = (head.origin, head.size, at) == (stamp.origin, stamp.size, stamp.stamped_at)
            detail = f"says {head.size} at {at}, the row {stamp.size} at {stamp.stamped_at}"
        except VerifyError as problem:
            holds, detail = False, repr(problem)
        published = [path.read_bytes() if path.exists() else b"" for path in stamp_files(stamp.day)]
        if not holds:
            sentence = f"{stamp.day}의 시각 도장이 맞지 않습니다. 저장된 도장을 고친 흔적입니다."
            yield Mismatch(stamp.origin, None, sentence, detail)
        elif any(
            file not in {b"", kept} for file, kept in zip(published, (note, token), strict=True)
        ):
            sentence = f"{stamp.day}의 공개한 시각 도장이 보관한 것과 다릅니다."
            yield Mismatch(stamp.origin, None, sentence, str(stamp.day))
