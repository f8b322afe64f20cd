"""References inside one complex."""

from uuid import uuid4

from danji.approvals.models import Step


def test_pointing_nowhere_leaves_a_row_in_its_complex():
    complex_id = uuid4()
    step = Step(complex_id=complex_id, decided_by_id=uuid4())
    step.decided_by = None
    assert (step.complex_id, step.decided_by_id, step.decided_by) == (complex_id, None, None)
    assert Step(complex_id=complex_id, decided_by=None).complex_id == complex_id
