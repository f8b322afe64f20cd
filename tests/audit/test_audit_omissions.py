"""A place that was left out (생략) too early is told, whatever the rows say of its waiting."""

from datetime import timedelta

import pytest

from audited import audit, faults, said
from danji.approvals import deciding
from danji.audit.findings import Severity
from papers import decide, submit

LATE = timedelta(days=4)
EARLY = "기한 전에 건너뛰었습니다"


@pytest.mark.parametrize(("is_moved", "after"), [(True, timedelta()), (False, LATE)])
def test_a_place_left_out_before_the_time_is_told(
    is_moved, after, complex_, bookkeeper, chief, manager, chair, sign, alter, at
):
    confirmation = {"act": "confirm", "officeholder": chair.id.hex, "beside": False}
    document = submit(bookkeeper, at, form="expense", line={"added": [confirmation]})
    for officer in (chief, manager):
        decide(document, officer, sign, at)
    if is_moved:
        alter("UPDATE approvals_turn SET since = %s", at - 2 * LATE)
    deciding.skip_step(document.id, 4, "확인 없음", actor=manager, sign=sign, at=at + after)
    audited = audit(complex_, at + after)
    assert not faults(audited)
    assert (EARLY in said(audited, Severity.DOUBT)) == is_moved
