"""The notary (확인 처리기): puts the heads of the logs to the witnesses, and has published who they
are and what they agreed on.

Each witness is asked in rounds of its own, many at the same time, so that a slow one delays nobody.
Nothing has to be remembered: whom to ask for what follows from the heads that are published and the
cosignatures that are kept (c2sp.org/tlog-witness).
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import NoReturn
from uuid import UUID

import requests
from django.db import connection
from django.utils import timezone

from danji.base import outside, tenancy
from danji.complexes.models import Complex
from danji.rules.refusal import Refusal
from danji.transparency.models import Collection, Cosignature, Leaf, Log, TroubleKind, Witness
from danji.transparency.publishing import publish, watch_silence
from danji.transparency.sequencer import CHANNEL
from danji.transparency.tree import file_reader
from danji.transparency.troubles import open_trouble
from danji.transparency.witnessing import (
    CONFIRMED,
    COSIGNED,
    NotTaken,
    Watched,
    confirm_again,
    take_note,
    watched_collection,
    watched_log,
)
from danji_verify import note
from danji_verify.canonical import b64encode
from danji_verify.checkpoint import Checkpoint, parse_decimal
from danji_verify.entry import Event
from danji_verify.errors import FormatError, VerifyError
from danji_verify.tiles import consistency_proof

logger = logging.getLogger(__name__)

LOCK = 0x6E6F74617279  # "notary", an advisory lock's number
# All are asked for the same head, or they would never agree while the log grows.
PAUSE = timedelta(minutes=1)  # between two heads of a log that are put to the witnesses
AT_ONCE = timedelta(seconds=5)  # the same, where a document waits to become certain
REFRESH = timedelta(hours=20)  # after which an unchanged head is put to them again
COMPARING = timedelta(hours=1)  # between looks at what a witness shows to others
RELOAD = timedelta(minutes=10)  # between looks at all logs, where no witness has changed
ASIDE = timedelta(minutes=10)  # for which a log is not put to a witness that did not take it
TICK = 1.0  # seconds between looks at the heads, where nobody wakes us
LONGEST_PAUSE = 60.0  # seconds for which a witness that is away, or one log with it, is left alone
LIMIT = 64 * 1024  # bytes of an answer
MANY = 64  # witnesses that are asked at the same time; the others wait for their turn
_ALL_WITNESSES = """
SELECT md5(string_agg(witness::text, ',' ORDER BY witness.id)) FROM transparency_witness AS witness
"""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Offer:
    """The head of a log that its witnesses are asked to cosign; `note` as the log signed it."""

    note: bytes
    head: Checkpoint
    at: datetime


class AwayError(Exception):
    """A witness does not answer, or not as it should."""


@dataclass
class Notary:
    """What is put to whom. `logs` and `offers` are by the logs' names; one thread looks, others
    ask.
    """

    logs: dict[str, Watched] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    _loaded_at: datetime = _NEVER
    _mark: tuple[object, ...] = ()
    _seen: dict[str, tuple[object, Offer]] = field(default_factory=dict)
    _last: dict[tuple[UUID, str], tuple[int, datetime]] = field(default_factory=dict)
    _aside: dict[tuple[UUID, str], datetime] = field(default_factory=dict)
    _failed: dict[tuple[UUID, str], int] = field(default_factory=dict)  # how often in a row
    _followed: dict[UUID, list[Watched]] = field(default_factory=dict)  # by whom
    _compared: dict[tuple[UUID, str], datetime] = field(default_factory=dict)

    def look(self, at: datetime) -> None:
        """See which heads are to be put to the witnesses; from time to time also who they are."""
        mark = _mark()
        if self._mark != mark or at - self._loaded_at >= RELOAD:
            self._mark, self._loaded_at = mark, at
            self._load(at)
        else:
            self._load_again(at)
        for log in list(self.logs.values()):
            self._offer(log, at)

    def hear(self, news: str, at: datetime) -> None:
        """Do what a message of the database's channel asks for, if it is about one of our logs."""
        what, _, origin = news.partition(" ")
        if origin not in self.logs:
            return
        if what == CONFIRMED:
            publish(self.logs[origin], at)
        elif what == COSIGNED:  # the others are asked for the same head, before there is a newer
            self._offer(self.logs[origin], at, now=True)

    def witnesses(self) -> dict[UUID, Witness]:
        """Who is to be asked, by their ids."""
        return {
            witness.id: witness
            for log in list(self.logs.values())
            for witness in log.witnesses
            if witness.url
        }

    def ask(self, witness: Witness, session: requests.Session, at: datetime) -> int:
        """Put to one witness every head it is due, and look at what it shows to others.

        Returns: how often it was asked.
        Raises: AwayError when it does not answer; the rest is asked later.
        """
        asked = 0
        for log, offer, is_due in self._due(witness, at):
            if is_due:
                asked += 1
                self._put(witness, session, log, offer, at)
            if self._is_to_compare((witness.id, log.origin), at):
                self._compared[witness.id, log.origin] = at
                asked += 1
                compare(session, witness, log, at)
        return asked

    def has_work(self, witness: Witness, at: datetime) -> bool:
        """Whether there is anything to ask a witness now."""
        return next(self._due(witness, at), None) is not None

    def _due(self, witness: Witness, at: datetime) -> Iterator[tuple[Watched, Offer, bool]]:
        """What a witness is to be asked about, and whether to cosign it. First what it takes: one
        log that it cannot take keeps no other from it.
        """
        logs = self._followed.get(witness.id, [])
        for log in sorted(logs, key=lambda log: self._failed.get((witness.id, log.origin), 0)):
            offer, key = self.offers.get(log.origin), (witness.id, log.origin)
            if offer is None:
                continue
            is_due = self._is_due(key, offer, at)
            if is_due or self._is_to_compare(key, at):
                yield log, offer, is_due

    def _is_to_compare(self, key: tuple[UUID, str], at: datetime) -> bool:
        return at - self._compared.get(key, at - COMPARING) >= COMPARING

    def _load(self, at: datetime) -> None:
        logs = list(all_watched())
        for log in logs:
            self._take_up(log, at)
            watch_silence(log, at)
        self._know({log.origin: log for log in logs})

    def _load_again(self, at: datetime) -> None:
        """See whether what waits for its place in a log has it by now."""
        waiting = [log.complex_id for log in self.logs.values() if log.complex_id and log.waits]
        if not waiting:
            return
        found = list(_watched(Complex.objects.filter(id__in=waiting)))
        for log in found:
            self._take_up(log, at)
        others = [log for log in self.logs.values() if log.complex_id not in waiting]
        self._know({log.origin: log for log in [*others, *found]})

    def _take_up(self, log: Watched, at: datetime) -> None:
        before = self.logs.get(log.origin)
        if before is None or before.policy != log.policy:
            confirm_again(log, at)
        publish(log, at)

    def _know(self, logs: dict[str, Watched]) -> None:
        followed: dict[UUID, list[Watched]] = {}
        for log in logs.values():
            for witness in log.witnesses:
                followed.setdefault(witness.id, []).append(log)
        self.logs, self._followed = logs, followed

    def _offer(self, log: Watched, at: datetime, *, now: bool = False) -> None:
        found = self._published(log, at)
        before = self.offers.get(log.origin)
        if found is None or (before and found.head.size <= before.head.size):
            return
        if not (now or before is None or at - before.at >= PAUSE):
            now = at - before.at >= AT_ONCE and _is_awaited(log, before.head.size, found.head.size)
            if not now:
                return
        self.offers[log.origin] = found

    def _published(self, log: Watched, at: datetime) -> Offer | None:
        """The newest published head, found at that moment; None before the first leaf."""
        path = log.folder / "checkpoint"
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_ino)
            known = self._seen.get(log.origin)
            if known is None or known[0] != mark:
                data = path.read_bytes()
                head = Checkpoint.parse(note.open_note(data, log.keys).text)
                known = self._seen[log.origin] = (mark, Offer(data, head, at))
        except (OSError, VerifyError) as problem:  # the sequencer says what is wrong with it
            logger.debug("%s: %s", log.origin, problem)
            return None
        found = known[1]
        return Offer(found.note, found.head, at) if found.head.size else None

    def _is_due(self, key: tuple[UUID, str], offer: Offer, at: datetime) -> bool:
        if self._aside.get(key, at) > at:
            return False
        size, received_at = self._signed(key)
        return offer.head.size > size or at - received_at >= REFRESH

    def _signed(self, key: tuple[UUID, str]) -> tuple[int, datetime]:
        """The largest size a witness has cosigned of a log, and when that came last."""
        if key not in self._last:
            witness, origin = key
            kept = Cosignature.objects.filter(witness=witness, origin=origin)
            newest = kept.order_by("-size", "-time").first()
            if newest is None:
                return 0, _NEVER
            self._last[key] = (newest.size, newest.received_at)
        return self._last[key]

    def _put(
        self, witness: Witness, session: requests.Session, log: Watched, offer: Offer, at: datetime
    ) -> None:
        key = (witness.id, log.origin)
        try:
            old = min(self._signed(key)[0], offer.head.size)
            taken = put(session, witness, log, offer, old=old, at=at)
        except (NotTaken, OSError, VerifyError) as problem:  # these two: our own files are damaged
            logger.warning("%s: %s: %s", log.origin, witness.name, problem)
            self._aside[key] = at + ASIDE
            return
        except AwayError:
            failed = self._failed[key] = self._failed.get(key, 0) + 1
            self._aside[key] = at + timedelta(seconds=min(TICK * 2**failed, LONGEST_PAUSE))
            raise
        for cosignature in taken:
            if cosignature.witness_id == witness.id:
                self._last[key] = (cosignature.size, at)
        self._aside.pop(key, None)
        self._failed.pop(key, None)


def _mark() -> tuple[object, ...]:
    """What is another when there are other complexes, or a row of a witness says another thing."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL_WITNESSES)
        (rows,) = cursor.fetchone()
    return (Complex.objects.count(), Collection.objects.count(), rows)


def all_watched() -> Iterator[Watched]:
    """Every log that goes on, and the log of logs. One whose key is missing is left out, as the
    sequencer tells.
    """
    yield from _watched(Complex.objects.order_by("code"))
    try:
        collection = watched_collection()
    except Refusal as refusal:
        logger.warning("%s", refusal)
        return
    if collection is not None:
        yield collection


def _watched(complexes: Iterable[Complex]) -> Iterator[Watched]:
    for complex_ in complexes:
        try:
            yield watched_log(complex_)
        except (Log.DoesNotExist, Refusal) as problem:
            logger.warning("%s: %s", complex_.code, problem)


def _is_awaited(log: Watched, old: int, new: int) -> bool:
    """Whether a head newly covers what somebody waits for: that a document becomes certain."""
    if log.complex_id is None:
        return True
    with tenancy.within(log.complex_id):
        return (
            Leaf.objects.within(log.complex_id)
            .filter(
                log_number=log.number,
                index__gte=old,
                index__lt=new,
                event__name=Event.FINALIZED,
            )
            .exists()
        )


def put(
    session: requests.Session,
    witness: Witness,
    log: Watched,
    offer: Offer,
    *,
    old: int,
    at: datetime,
) -> Sequence[Cosignature]:
    """Put a head to a witness that cosigned size `old` last, and keep what it answers.

    Raises: AwayError when it does not answer; NotTaken when it does not agree, which is a trouble
    then, or does not know us.
    """
    for _ in range(2):
        proof = consistency_proof(old, offer.head.size, file_reader(log.folder)) if old else []
        answer = _ask(session, witness, "add-checkpoint", request_body(old, proof, offer.note))
        if answer.status != 409:
            break
        old = _size_it_names(answer.body, witness, log, offer, at)
    if answer.status == 200:
        return _take_answer(witness, log, offer, answer.body, at)
    if answer.status == 422:
        _disagree(
            log,
            witness,
            f"확인 기관({witness.label})이 지금 장부는 전에 본 장부와 이어지지 않는다고 합니다.",
            at,
        )
    if answer.status in {400, 403, 404, 409}:
        raise NotTaken(answer.status, f"the witness answered {answer.status}")
    raise AwayError(f"it answered {answer.status}")


def request_body(old: int, proof: Sequence[bytes], signed: bytes) -> bytes:
    """The body of add-checkpoint."""
    lines = "".join(f"{b64encode(item)}\n" for item in proof)
    return f"old {old}\n{lines}\n".encode() + signed


def _size_it_names(body: bytes, witness: Witness, log: Watched, offer: Offer, at: datetime) -> int:
    """The size a witness cosigned last, as it says when it is another than we thought."""
    try:
        size = parse_decimal(body.decode().removesuffix("\n"))
    except (UnicodeDecodeError, FormatError):
        raise AwayError("a conflict without a size") from None
    if size <= offer.head.size:
        return size
    if size <= log.head().size:  # it went and saw the newer head by itself
        raise NotTaken(409, "the witness is ahead of what it was asked for")
    return _disagree(
        log,
        witness,
        f"확인 기관({witness.label})에서는 이 장부를 {size:,}건까지 보았는데, 지금 장부는 "
        f"{log.head().size:,}건입니다. 장부가 옛 백업으로 되돌려졌을 수 있습니다.",
        at,
    )


def _take_answer(
    witness: Witness, log: Watched, offer: Offer, body: bytes, at: datetime
) -> Sequence[Cosignature]:
    try:
        taken = take_note(log, offer.note + body, at=at)
    except NotTaken as problem:
        if problem.status not in {400, 403}:
            raise
        taken = []
    if any(one.witness_id == witness.id and one.size == offer.head.size for one in taken):
        return taken
    return _disagree(
        log, witness, f"확인 기관({witness.label})이 보낸 확인 서명이 맞지 않습니다.", at
    )


def _disagree(log: Watched, witness: Witness, sentence: str, at: datetime) -> NoReturn:
    """It is over as soon as the witness cosigns again."""
    open_trouble(log.origin, TroubleKind.DISAGREES, witness.name, sentence, at)
    raise NotTaken(422, sentence)


def compare(session: requests.Session, witness: Witness, log: Watched, at: datetime) -> None:
    """Hold what a witness shows to others against our log; what differs becomes a trouble.

    Raises: AwayError when it does not answer.
    """
    answer = _ask(session, witness, f"{sha256(log.origin.encode()).hexdigest()}/checkpoint")
    if answer.status != 200:
        return  # nothing cosigned yet, or it does not show it
    try:
        take_note(log, answer.body, at=at)
    except NotTaken as problem:
        logger.warning("%s: %s shows something else: %s", log.origin, witness.name, problem)


def _ask(
    session: requests.Session, witness: Witness, path: str, body: bytes | None = None
) -> outside.Answer:
    try:
        answer = outside.ask(session, f"{witness.url.rstrip('/')}/{path}", body, limit=LIMIT)
    except requests.RequestException as problem:
        raise AwayError(str(problem)) from problem
    if answer.status >= 500 or answer.status == 429:
        raise AwayError(f"it answered {answer.status}")
    return answer


# --- The process ---------------------------------------------------------------------------------


def run(stop: threading.Event) -> None:
    """Ask and publish until told to stop. The caller holds the lock.

    A thread that fails, as when the database is away, ends all; starting again is the recovery.
    """
    notary, rounds = Notary(), dict[UUID, Rounds]()
    with ThreadPoolExecutor(MANY) as threads:
        try:
            while not stop.is_set():
                at = timezone.now()
                notary.look(at)
                asked = notary.witnesses()
                for gone in [known for known in rounds if known not in asked]:
                    if rounds[gone].is_over():
                        rounds.pop(gone).close()
                for witness_id, witness in asked.items():
                    mine = rounds.setdefault(witness_id, Rounds())
                    if mine.is_over() and mine.is_time() and notary.has_work(witness, at):
                        mine.going = threads.submit(mine.go, notary, witness)
                for news in wait_for_news():
                    notary.hear(news, timezone.now())
        finally:
            stop.set()
            threads.shutdown(cancel_futures=True)
            for mine in rounds.values():
                mine.close()


@dataclass
class Rounds:
    """How one witness is asked: never twice at the same time, and after a pause where it is away.

    A round holds a thread only while there is something to ask, so that every witness has its turn
    however many there are.
    """

    session: requests.Session = field(
        default_factory=lambda: outside.outside_session(may_lead_inside=True)
    )
    going: Future[None] | None = None
    pause: float = 0.0
    until: float = 0.0

    def is_over(self) -> bool:
        """Raises: what ended the last round, unless the witness was away."""
        if self.going is None:
            return True
        if not self.going.done():
            return False
        ended, self.going = self.going, None
        ended.result()
        return True

    def is_time(self) -> bool:
        return monotonic() >= self.until

    def go(self, notary: Notary, witness: Witness) -> None:
        """Ask the witness whatever it is due."""
        try:
            notary.ask(witness, self.session, timezone.now())
        except AwayError as problem:
            if not self.pause:  # said once
                logger.warning("%s does not answer: %s", witness.name, problem)
            self.pause = min(max(self.pause, TICK) * 2, LONGEST_PAUSE)
            self.until = monotonic() + self.pause
        else:
            self.pause = 0.0
        finally:
            connection.close()

    def close(self) -> None:
        self.session.close()


def wait_for_news() -> list[str]:
    """Wait until something was sealed, cosigned or became certain, or for a moment."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
        heard = list(cursor.connection.notifies(timeout=TICK, stop_after=1))
    return [news.payload for news in heard if news.payload]
