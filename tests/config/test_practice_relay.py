"""The relay to practise 간편인증 with: its keys, and the page that stands for everybody's app."""

import urllib.request
from datetime import UTC, datetime
from threading import Thread

from cryptography import x509

from danji.config.demonstration.relay import (
    Asked,
    Authority,
    Relay,
    make_practice_relay,
    served,
)

AT = datetime(2026, 11, 22, tzinfo=UTC)


def test_it_is_made_once_and_its_authority_is_believed_after_every_start(tmp_path):
    folder = tmp_path / "relay"
    make_practice_relay(folder)
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_practice_relay(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == made
    assert (folder / "authority.pem").stat().st_mode & 0o077 == 0
    issuer = x509.load_pem_x509_certificate(made["issuers.pem"])
    again = Authority(AT, key=made["authority.pem"])
    again.identity("박정호").certificate.verify_directly_issued_by(issuer)


def test_in_the_app_one_reads_and_signs_or_refuses():
    relay = Relay("key", Authority(AT), lambda: AT)
    for receipt in ("first", "second"):
        relay.asked[receipt] = Asked("kakao", "박정호", "승인: <b>화단</b>", f"글 {receipt}", AT)
    server = served(relay, "127.0.0.1", 0)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    try:
        page = _opened(address)
        assert "연습용입니다" in page
        assert "글 first" in page
        assert "승인: &lt;b&gt;화단" in page
        assert "서명했습니다" in _opened(f"{address}app/first/signature", b"")
        assert "거절했습니다" in _opened(f"{address}app/second/refusal", b"")
        assert "서명할 것이 없습니다" in _opened(address)
    finally:
        server.shutdown()
        server.server_close()
    assert [asked.state for asked in relay.asked.values()] == ["signed", "declined"]


def _opened(address, data=None):
    with urllib.request.urlopen(address, data, timeout=5) as answer:
        return answer.read().decode()
