"""A log that was retired, and the one that goes on, are in order together."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audited import agree, approved, audit, faults, said, settle, signs
from danji.audit.findings import Severity
from danji.transparency.models import Cosignature, Leaf, Log
from danji.transparency.retiring import retire
from papers import decide, submit
from signing.enrolment import enrol
from watching import SmallWitness, registered


@pytest.mark.parametrize("is_watched", [True, False], ids=["watched", "alone"])
def test_what_was_retired_and_goes_on_is_in_order(
    complex_, bookkeeper, chief, manager, sign, is_watched
):
    now = timezone.now()
    witnesses = [SmallWitness("c.test", timezone.now), SmallWitness("g.test", timezone.now)]
    if is_watched:
        for witness, party in zip(witnesses, ("complex", "city"), strict=True):
            registered(witness, party, complex_, now)
    devices = {chief: enrol(chief, manager, now), manager: enrol(manager, chief, now)}

    def by_passkey():
        at = timezone.now()
        document = submit(bookkeeper, at, form="expense")
        for officer in (chief, manager):
            decide(document, officer, signs(officer, devices[officer]), at)

    by_passkey()
    settle()
    if is_watched:
        agree(complex_, witnesses, timezone.now())
    by_passkey()
    settle()
    retire(complex_, reason="연습", at=timezone.now())
    settle()
    by_passkey()
    settle()
    if is_watched:
        agree(complex_, witnesses, timezone.now(), number=2)
        by_passkey()
        settle()
    found = audit(complex_, timezone.now())
    assert Log.objects.count() == 2
    if is_watched:
        assert Leaf.objects.filter(log_number=1, index__gte=Log.objects.get(number=1).size).exists()
        assert Cosignature.objects.exists()
    assert (faults(found), said(found, Severity.DOUBT)) == ("", "")


def test_an_event_left_out_of_the_log_that_goes_on_is_told(
    complex_, bookkeeper, chief, manager, sign, alter, at
):
    """Behind the end of the retired log, and nowhere else."""
    now = timezone.now()
    witnesses = [SmallWitness("c.test", timezone.now), SmallWitness("g.test", timezone.now)]
    for witness, party in zip(witnesses, ("complex", "city"), strict=True):
        registered(witness, party, complex_, now)
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    agree(complex_, witnesses, timezone.now())
    left_out = submit(bookkeeper, at + timedelta(minutes=1))
    settle()
    retire(complex_, reason="연습", at=timezone.now())
    settle()
    alter(
        "DELETE FROM transparency_leaf WHERE log_number = 2 AND event_id IN "
        "(SELECT id FROM transparency_event WHERE doc = %s)",
        left_out.id,
    )
    told = faults(audit(complex_, timezone.now()))
    assert "자리가 봉인 장부의 끝보다 뒤에 있습니다" in told
