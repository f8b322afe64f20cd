"""Decisions over HTTP, with passkeys and without, beside what the same machine does at best.

Run: `python bench/decisions.py [seconds]`. Prints figures and asserts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from uuid import UUID

from documents import fill, waiting

import limits
import load
from installation import CSRF, installed, machine

if TYPE_CHECKING:
    from installation import Installation

    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from signing.authenticator import SoftPasskey

RATE = 500  # at most so many decisions in a second are prepared
BULK, TIMES = 100, 5  # documents with one press, and how often
DECIDERS = ("chief", "manager")

Shown = tuple[UUID, str]  # a document and the digest of its content


def works(client: int, documents: list[Shown], deciders: list[str]) -> Iterator[load.Work]:
    """Each client takes documents of its own along: the chief reviews, then the manager approves.

    Args: `deciders` are the cookies of the two.
    """
    for document in documents[client :: load.CLIENTS]:
        for cookies in deciders:
            yield decide(load.post(address(document), pressed(document), cookies=cookies))


def signed_works(client: int, requests: list[bytes]) -> Iterator[load.Work]:
    """Each client posts decisions that were signed before."""
    for request in requests[client :: load.CLIENTS]:
        yield decide(request)


def decide(request: bytes) -> load.Work:
    load.expect((yield request), 303)


def address(document: Shown) -> str:
    return f"/desk/documents/{document[0]}/decision/"


def pressed(*documents: Shown) -> dict[str, str | list[str]]:
    """What the page posts when 승인 is pressed."""
    items = [f"{document_id.hex}/{digest}/" for document_id, digest in documents]
    return {"csrfmiddlewaretoken": CSRF, "item": items, "opinion": "", "decision": "approve"}


def enrol(place: Installation, office: str) -> SoftPasskey:
    """A device with which somebody in that office signs, confirmed by another officer."""
    from django.utils import timezone

    from danji.base import tenancy

    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from signing.enrolment import enrol

    with tenancy.within(place.complex_id):
        officers = place.cast.officers
        device: SoftPasskey = enrol(officers[office], officers["auditor"], timezone.now())
        return device


def sign(
    place: Installation, office: str, device: SoftPasskey, documents: Sequence[Shown]
) -> dict[str, str | list[str]]:
    """What the page posts once the device has signed: one signature over all the documents."""
    from django.utils import timezone

    from danji.approvals.deciding import state_decision
    from danji.base import tenancy
    from danji.rules.approval import Choice, Decision
    from danji.signing import passkeys

    at: datetime = timezone.now().replace(microsecond=0)
    with tenancy.within(place.complex_id):
        officer = place.cast.officers[office]
        statements = [
            state_decision(one, actor=officer, choice=Choice(Decision.APPROVE), at=at).data
            for one, _ in documents
        ]
    said = pressed(*documents)
    return {
        **said,
        **device.assertion(passkeys.challenge(statements)),
        "signed": said["item"],
        "stated_at": at.isoformat(),
    }


def with_passkeys(
    place: Installation, devices: dict[str, SoftPasskey], documents: list[Shown], seconds: float
) -> load.Measured:
    """The chief's reviews, then the manager's approvals, each half of the time.

    The second statement names the leaf of the first, so each half is signed before it is posted.
    """
    whole = load.Measured()
    for office in DECIDERS:
        cookies = place.cookies(office, "mail-code")
        requests = [
            load.post(address(one), sign(place, office, devices[office], [one]), cookies=cookies)
            for one in documents
        ]
        half = load.drive(place.port, signed_works, requests, seconds=seconds / 2)
        whole.seconds += half.seconds
        whole.times += half.times
        whole.failures += half.failures
        whole.ran_out |= half.ran_out
        decided = set(documents) - set(waiting(place, office))
        documents = [one for one in documents if one in decided]
    return whole


def in_bulk(place: Installation, documents: list[Shown], device: SoftPasskey | None) -> list[float]:
    """Seconds that the chief waits after pressing 승인 for 100 documents, each time."""
    cookies = place.cookies("chief", "mail-code" if device else "demo")
    took = []
    for number in range(TIMES):
        some = documents[number * BULK : (number + 1) * BULK]
        fields = sign(place, "chief", device, some) if device else pressed(*some)
        request = load.post("/desk/decisions/", fields, cookies=cookies)
        took.append(load.once(place.port, request, 303))
    left = {document_id for document_id, _ in waiting(place, "chief")}
    if undecided := left & {document_id for document_id, _ in documents}:
        raise RuntimeError(f"{len(undecided)} of the documents were not decided")
    return took


def main(seconds: float) -> None:
    reserve = int(RATE * (seconds / 2 + load.WARM_UP))
    with installed() as place:
        fill(place, total=10_000 + 2 * reserve, reviewing=2 * reserve + 2 * BULK * TIMES)
        documents = waiting(place, "chief")
        devices = {office: enrol(place, office) for office in DECIDERS}
        deciders = [place.cookies(office) for office in DECIDERS]
        with place.serving():
            bulk = in_bulk(place, documents[: BULK * TIMES], None)
            del documents[: BULK * TIMES]
            signed_bulk = in_bulk(place, documents[: BULK * TIMES], devices["chief"])
            del documents[: BULK * TIMES]
            decided = load.drive(place.port, works, documents[:reserve], deciders, seconds=seconds)
            signed = with_passkeys(place, devices, documents[reserve:], seconds)
        page = limits.bare_page(place, seconds / 2)
        tps, tool = limits.transactions(place, seconds / 2)

    print(f"decisions: 8 clients, more than 10,000 documents in the complex ({machine()})")
    print(f"  decided                   {decided}   (wanted: 400, 40 ms)")
    print(f"  signed with a passkey     {signed}   (wanted: 300)")
    for name, took in (("100 at once", bulk), ("100 with one signature", signed_bulk)):
        print(f"  {name:<26}{median(took):8.2f} s   at most {max(took):.2f} s   (wanted: 3 s)")
    print("the machine's own limits, same database")
    print(limits.compared(decided.rate, {tool: tps, "a page that reads one row": page.rate}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8)
