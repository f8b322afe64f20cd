"""T16: files of the published log are damaged: a bit flips, an end is cut off, one is missing."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audited import audit, faults
from danji.transparency.actions import append_event
from danji.transparency.queries import policy
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji_verify.entry import Event
from danji_verify.logcheck import check_log
from danji_verify.logcopy import copy_in, folder_reader
from danji_verify.report import Verdict

EVENTS = 300  # over the edge of a tile


@pytest.fixture
def folder(complex_, at):
    """A log of some hundred events, published at once."""
    for _ in range(EVENTS):
        append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"{}"}, at=at)
    Sequencer().tick()
    return log_folder(complex_.code, 1)


def published(folder):
    """The checkpoint and every file that belongs to the newest head."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".txt")


def refused(complex_, folder):
    try:
        report = check_log(copy_in(folder_reader(folder)), policy(complex_))
    except ValueError:
        return True
    return report.verdict is Verdict.REFUSED


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_t16_any_flipped_bit_is_told_and_refused(complex_, folder, at, data):
    path = data.draw(st.sampled_from(published(folder)))
    whole = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    try:
        assert faults(audit(complex_, at))
        assert refused(complex_, folder)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"])
def test_t16_a_missing_or_shortened_file_is_told_and_refused(complex_, folder, at, name):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-1])
    assert faults(audit(complex_, at))
    assert refused(complex_, folder)
    (folder / name).unlink()
    assert faults(audit(complex_, at))
    assert refused(complex_, folder)
