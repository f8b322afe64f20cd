"""T27: a false time stamp. The server keeps none that a stranger would not believe.

What a verifier says of one that was kept all the same is tested with the proof bundles.
"""

from datetime import timedelta

import pytest
from asn1crypto import tsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from danji.transparency.collecting import collect
from danji.transparency.collection import collection_folder
from danji.transparency.models import Stamp
from danji.transparency.sequencer import Sequencer
from danji.transparency.stamping import Stamper
from danji_verify.errors import Wrong
from danji_verify.stamp import check_stamp, load_roots
from stamper import TimeAuthority


@pytest.fixture
def authority(at, settings, tmp_path, complex_):
    Sequencer().tick()
    collect()
    running = TimeAuthority(at)
    settings.TSA_URL = running.url
    settings.TSA_CERTS = str(tmp_path / "tsa.pem")
    (tmp_path / "tsa.pem").write_bytes(running.pem)
    yield running
    running.close()


@pytest.fixture
def refused(authority, at, caplog):
    """Ask once; returns what was said of the answer, after seeing that nothing was kept."""

    def ask():
        assert not Stamper().tick(at)
        assert authority.asked == 1
        assert not Stamp.objects.exists()
        assert not list(collection_folder().glob("stamps/*"))
        (record,) = caplog.records
        return record.getMessage()

    return ask


@pytest.mark.parametrize("minutes", [-6, 6, -2 * 24 * 60])
def test_t27_a_shifted_clock_is_not_believed(authority, refused, minutes):
    authority.shift = timedelta(minutes=minutes)
    assert "시각이 우리 시계와 다릅니다" in refused()


@pytest.mark.parametrize("minutes", [-4, 4])
def test_t27_clocks_may_lie_a_little_apart(authority, at, minutes):
    authority.shift = timedelta(minutes=minutes)
    assert Stamper().tick(at)


def test_t27_an_authority_that_is_not_pinned_is_not_believed(authority, refused, at):
    other = TimeAuthority(at)
    other.close()
    authority._certificate, authority._key = other._certificate, other._key
    authority._root = other._root
    assert "믿는 시각 기관의 것이 아닙니다" in refused()


def test_t27_a_certificate_for_something_else_is_not_believed(
    at, settings, tmp_path, authority, refused
):
    server = TimeAuthority(at, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    server.close()
    authority._certificate, authority._key = server._certificate, server._key
    authority._root = server._root
    (tmp_path / "tsa.pem").write_bytes(server.pem)
    assert "믿는 시각 기관의 것이 아닙니다" in refused()


def with_imprint_of_another(request):
    asked = tsp.TimeStampReq.load(request)
    asked["message_imprint"]["hashed_message"] = b"\1" * 32
    return asked.dump(force=True)


def with_another_nonce(request):
    asked = tsp.TimeStampReq.load(request)
    asked["nonce"] = asked["nonce"].native ^ 1
    return asked.dump(force=True)


def without_nonce(request):
    asked = tsp.TimeStampReq.load(request)
    del asked["nonce"]
    return asked.dump(force=True)


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (with_imprint_of_another, "이 머리에 찍은 것이 아닙니다"),
        (with_another_nonce, "우리가 보낸 요청의 답이 아닙니다"),
        (without_nonce, "우리가 보낸 요청의 답이 아닙니다"),
    ],
    ids=["imprint", "nonce", "no-nonce"],
)
def test_t27_an_answer_to_another_request_is_not_believed(authority, refused, alter, said):
    authority.alter = alter
    assert said in refused()


def test_t27_a_stamp_with_one_flipped_bit_is_not_believed(authority, at):
    assert Stamper().tick(at)
    stamp = Stamp.objects.get()
    token, note = bytearray(stamp.token), bytes(stamp.note)
    token[-1] ^= 1  # of the signature
    with pytest.raises(Wrong):
        check_stamp(bytes(token), note, load_roots(authority.pem))
