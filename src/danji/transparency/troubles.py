"""What is wrong with a log, from when until when, and who is told of it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from danji.accounts.models import Office
from danji.accounts.queries import holders
from danji.base import tenancy
from danji.base.ids import first_at
from danji.base.prepared import Prepared
from danji.complexes.models import Complex
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul
from danji.transparency.models import Collection, Log, PendingEvent, Trouble, TroubleKind
from danji.transparency.queries import log_of

# Who is told: whoever runs the office, and those who watch over it.
IN_CHARGE = frozenset({Office.MANAGER, Office.CHAIR, Office.AUDITOR})
UNPLACED = timedelta(minutes=10)  # after which an event without a place is a trouble
# What mends itself in a moment, such as a full disk, is told when it lasts.
LASTING = {TroubleKind.WAITING: timedelta(minutes=10)}
EVENTS = "events"  # the subject of a trouble about events without a place
# What concerns every complex when it befalls the log of logs; the rest is the operator's to mend.
COMMON = frozenset({TroubleKind.DISAGREES, TroubleKind.FROZEN})

ADVICE = {
    TroubleKind.FROZEN: "결재는 그대로 하실 수 있습니다. 봉인은 멈추어 있으니 운영자에게 바로 "
    "알려 주세요.",
    TroubleKind.WAITING: "결재는 그대로 하실 수 있고, 봉인은 까닭이 풀리면 이어집니다. "
    "오래 가면 운영자에게 알려 주세요.",
    TroubleKind.SILENT: "업무는 그대로 하실 수 있습니다. 새 문서는 확인 서명이 올 때까지 "
    "‘잠정’으로 보입니다. 그 기관의 확인 프로그램이 켜져 있는지 물어봐 주세요.",
    TroubleKind.DISAGREES: "업무는 그대로 하실 수 있습니다. 운영자와 그 기관에 바로 알리고, "
    "까닭을 알 때까지 새 증명은 내주지 마세요.",
    TroubleKind.FOUND: "업무는 그대로 하실 수 있습니다. 점검 결과를 열어 보시고 운영자와 감사께 "
    "알려 주세요.",
}


def open_trouble(
    origin: str,
    kind: TroubleKind,
    subject: str,
    sentence: str,
    at: datetime,
    *,
    again: bool = False,
) -> bool:
    """Note that something is wrong with a log. While it is, the same again is the same trouble.

    Args: `subject` tells apart what can be wrong at once; `sentence` is what people read; `again`
    says that there is more to it than was told, so that it is told once more.
    Returns: whether it is new.
    """
    is_new = not _lasting(origin, kind, subject).exists()
    Trouble.objects.bulk_create(
        [Trouble(origin=origin, kind=kind, subject=subject, sentence=sentence, since=at)],
        ignore_conflicts=True,
    )
    _lasting(origin, kind, subject).exclude(sentence=sentence).update(sentence=sentence)
    if again:
        _lasting(origin, kind, subject).update(told_at=None)
    return is_new


def end_trouble(origin: str, kind: TroubleKind, subject: str, at: datetime) -> bool:
    """Note that it is over. Returns: whether there was such a trouble."""
    return bool(_lasting(origin, kind, subject).update(until=at))


def _lasting(origin: str, kind: TroubleKind, subject: str) -> QuerySet[Trouble]:
    found: QuerySet[Trouble] = Trouble.objects.filter(
        origin=origin, kind=kind, subject=subject, until__isnull=True
    )
    return found


def troubles_of(complex_id: UUID) -> QuerySet[Trouble]:
    """What is or was wrong with the logs of a complex, or with the log of logs so that it concerns
    everybody, the newest first.
    """
    found: QuerySet[Trouble] = Trouble.objects.filter(_own(complex_id) | _common())
    return found


def _own(complex_id: UUID) -> Q:
    return Q(origin__in=Log.objects.within(complex_id).values("origin"))


def _common() -> Q:
    kinds = sorted(kind.value for kind in COMMON)
    return Q(origin__in=Collection.objects.values("origin"), kind__in=kinds)


_open: Prepared[Trouble] = Prepared(
    lambda complex_id: troubles_of(complex_id).filter(until=None), UUID
)


def open_troubles(complex_id: UUID) -> list[Trouble]:
    """What is wrong now, the newest first. Asked with every look at the boxes."""
    return _open(complex_id)


def watch_queue(complex_id: UUID) -> int:
    """See whether an event waits too long for its place in the log, as when nobody seals.

    Returns: 1 when it did, and does not any more.
    """
    at = timezone.now()
    with tenancy.within(complex_id):
        origin = log_of(complex_id).origin
        late = PendingEvent.objects.within(complex_id).filter(id__lt=first_at(at - UNPLACED))
        if late.exists():
            sentence = "결재한 일 가운데 10분 넘게 봉인 장부에 들어가지 못한 것이 있습니다."
            open_trouble(origin, TroubleKind.WAITING, EVENTS, sentence, at)
            return 0
        return int(end_trouble(origin, TroubleKind.WAITING, EVENTS, at))


def tell_troubles(complex_id: UUID) -> int:
    """Tell those in charge what is wrong with their log, once. Returns: how many troubles."""
    at = timezone.now()
    told = 0
    with tenancy.within(complex_id):
        for trouble in Trouble.objects.filter(_own(complex_id), until=None, told_at=None):
            kind = TroubleKind(trouble.kind)
            if kind in LASTING and at - trouble.since < LASTING[kind]:
                continue
            _tell(complex_id, trouble, at)
            Trouble.objects.filter(id=trouble.id).update(told_at=at)
            told += 1
    return told


def tell_common_troubles() -> int:
    """Tell those in charge of every complex what is wrong with the log of logs, once.

    Returns: how many troubles.
    """
    at = timezone.now()
    found = list(Trouble.objects.filter(_common(), until=None, told_at=None))
    for trouble in found:
        for complex_id in Complex.objects.values_list("id", flat=True):
            with tenancy.within(complex_id):
                _tell(complex_id, trouble, at)
        Trouble.objects.filter(id=trouble.id).update(told_at=at)
    return len(found)


def _tell(complex_id: UUID, trouble: Trouble, at: datetime) -> None:
    kind = TroubleKind(trouble.kind)
    tell_in_charge(complex_id, kind.label, f"{said_of(trouble)}\n\n{ADVICE[kind]}", at=at)


def said_of(trouble: Trouble) -> str:
    """What people are told of a trouble: its sentence, and whose log it is unless it is theirs."""
    if "/apt/" in trouble.origin:
        return trouble.sentence
    return f"여러 단지의 봉인을 함께 모아 둔 ‘모음 장부’의 일입니다. {trouble.sentence}"


@transaction.atomic
def tell_in_charge(complex_id: UUID, subject: str, body: str, *, at: datetime) -> None:
    """Write to everybody in charge today what concerns the complex's log."""
    today = day_in_seoul(at)
    told = {
        holder.person_id: holder
        for holder in holders(complex_id)
        if holder.office in IN_CHARGE and holder.covers(today)
    }
    for holder in told.values():
        tell(holder, subject, body, link=seal_link(), at=at)


def seal_link() -> str:
    """The whole address of the page that says where the log stands."""
    return f"{settings.SITE_URL}/desk/seal/"
