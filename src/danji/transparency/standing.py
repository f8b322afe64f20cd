"""Where a log stands, in terms that people can be shown: its newest head, and who has agreed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, OuterRef, Q, Subquery

from danji.complexes.models import Complex
from danji.transparency.models import Cosignature, Opening, Party, Witness
from danji.transparency.models import Event as EventRow
from danji.transparency.queries import confirmed_row, log_of, published_head
from danji_verify.canonical import b64decode, b64encode
from danji_verify.entry import Event


@dataclass(frozen=True)
class Watch:
    """A witness (확인 기관) of a log, and the newest head it cosigned; None before the first."""

    label: str
    party: Party
    size: int | None
    at: datetime | None


@dataclass(frozen=True)
class Standing:
    """A log of a complex: `size` events under `root` (base64), the first `confirmed` of them agreed
    on by its witnesses (확정) at `confirmed_at`.
    """

    origin: str
    number: int
    size: int
    root: str
    confirmed: int
    confirmed_at: datetime | None
    watches: list[Watch]
    changed_at: datetime | None  # when those who watch it were others last; None before the first


def standing_of(complex_: Complex) -> Standing:
    """Where the log of a complex stands that goes on.

    Raises: FileNotFoundError before its first head is published.
    """
    log = log_of(complex_.id)
    published = published_head(complex_, log.number).checkpoint
    confirmed = confirmed_row(log.origin)
    return Standing(
        origin=log.origin,
        number=log.number,
        size=published.size,
        root=b64encode(published.root),
        confirmed=confirmed.size if confirmed else 0,
        confirmed_at=confirmed.confirmed_at if confirmed else None,
        watches=watches_of(complex_, log.origin),
        changed_at=_changed_at(complex_),
    )


def _changed_at(complex_: Complex) -> datetime | None:
    ever = Witness.objects.filter(Q(complex=complex_) | Q(complex=None))
    turns = ever.aggregate(Max("since"), Max("until")).values()
    return max((turn for turn in turns if turn), default=None)


def changed_by(complex_: Complex) -> str:
    """Who made those who watch the log others last, as the log says, in a sentence for officers of
    the complex; "" where nobody did, or what was said is lost.
    """
    chain = EventRow.objects.within(complex_.id).filter(doc=complex_.id)
    last = chain.filter(name=Event.POLICY_CHANGED).order_by("-seq").first()
    kept = last and Opening.objects.within(complex_.id).filter(event_id=last.id).first()
    if not kept or "officer" not in kept.fields:
        return ""
    officer = json.loads(b64decode(kept.fields["officer"]["value"]))
    if officer is None:
        return "운영자가 명령으로 바꾸었고, 확인한 임직원은 없습니다."
    return f"운영자가 올리고 {officer['office']} {officer['name']} 님이 확인했습니다."


def watches_of(complex_: Complex | None, origin: str) -> list[Watch]:
    """Who follows a log of the complex today, the complex's own first; without a complex, who
    follows the log of logs.
    """
    # From the newest head down: there are as many cosignatures as there were heads.
    given = Cosignature.objects.filter(origin=origin, witness=OuterRef("id"))
    newest = given.order_by("-size", "-time")
    witnesses = Witness.objects.filter(Q(complex=complex_) | Q(complex=None), until=None).annotate(
        newest=Subquery(newest.values("size")[:1]), at=Subquery(newest.values("time")[:1])
    )
    return _in_order(
        Watch(witness.label, Party(witness.party), witness.newest, witness.at)
        for witness in witnesses
    )


def agreed(origin: str, size: int) -> list[Watch]:
    """Who cosigned the head of that size, and when last."""
    latest: dict[str, Watch] = {}
    for cosignature in (
        Cosignature.objects.filter(origin=origin, size=size)
        .select_related("witness")
        .order_by("time")
    ):
        witness = cosignature.witness
        latest[witness.name] = Watch(witness.label, Party(witness.party), size, cosignature.time)
    return _in_order(latest.values())


def _in_order(watches: Iterable[Watch]) -> list[Watch]:
    parties = list(Party)
    return sorted(watches, key=lambda watch: (parties.index(watch.party), watch.label))
