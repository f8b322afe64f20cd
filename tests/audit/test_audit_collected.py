"""What all complexes share is read once a night: the log of logs, and the stamps over it."""

import pytest

from danji.audit.collected import check_shared
from danji.transparency.collecting import collect
from danji.transparency.sequencer import Sequencer
from danji.transparency.stamping import Stamper, stamp_files
from stamper import TimeAuthority


@pytest.fixture
def stamped(complex_, at, settings, tmp_path):
    """A day whose stamp is kept."""
    running = TimeAuthority(at)
    settings.TSA_URL = running.url
    settings.TSA_CERTS = str(tmp_path / "tsa.pem")
    (tmp_path / "tsa.pem").write_bytes(running.pem)
    Sequencer().tick()
    collect()
    assert Stamper().tick(at)
    yield at.date()
    running.close()


def told():
    return " ".join(mismatch.sentence for mismatch in check_shared())


@pytest.mark.parametrize(
    "change",
    [
        "token = set_byte(token, 400, get_byte(token, 400) # 1)",
        "stamped_at = stamped_at - interval '1 day'",
        "size = size + 1",
        "token = ''",
    ],
    ids=["token", "time", "size", "empty"],
)
def test_a_stamp_that_was_altered_is_told(stamped, alter, change):
    assert told() == ""
    alter(f"UPDATE transparency_stamp SET {change}")
    assert "시각 도장이" in told()


def test_a_published_stamp_that_was_altered_is_told(stamped):
    _, token = stamp_files(stamped)
    token.write_bytes(token.read_bytes() + b" ")
    assert "공개한 시각 도장이" in told()
