"""Asking ClamAV, played here by a server of our own that speaks its protocol."""

import os
import socketserver
import struct
import subprocess
import sys
import threading

import pytest

import made
from danji.attachments.intake import examine
from danji.rules.refusal import Refusal


class Clamd(socketserver.StreamRequestHandler):
    """Reads one stream, and answers what the server was told to."""

    def handle(self):
        assert self.rfile.read(10) == b"zINSTREAM\0"
        while size := struct.unpack(">I", self.rfile.read(4))[0]:
            self.server.received += self.rfile.read(size)
            if len(self.server.received) > self.server.limit:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.wfile.write(self.server.answer)


@pytest.fixture
def clamd(tmp_path, settings):
    """A server that answers `answer` on a socket of its own; `received` is what it was given."""
    place = tmp_path / "clamd.ctl"
    settings.CLAMAV = f"unix:{place}"
    with socketserver.ThreadingUnixStreamServer(str(place), Clamd) as server:
        server.answer, server.received, server.limit = b"stream: OK\0", b"", 2**31
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_whole_file_is_looked_at(clamd):
    data = made.picture(size=(800, 600))
    assert examine("사진.png", data).media_type == "image/png"
    assert clamd.received == data


def test_what_it_finds_does_not_come_in(clamd):
    clamd.answer = b"stream: Eicar-Signature FOUND\0"
    with pytest.raises(Refusal, match="바이러스가 나왔습니다"):
        examine("사진.png", made.picture())


@pytest.mark.parametrize(
    "answer", [b"stream: Heuristics.Limits ERROR\0", b"", b"UNKNOWN COMMAND\0"]
)
def test_a_look_that_failed_lets_nothing_in(clamd, answer):
    clamd.answer = answer
    with pytest.raises(Refusal, match="답하지 않아"):
        examine("사진.png", made.picture())


def test_a_stream_that_is_too_long_for_it_does_not_come_in(clamd):
    clamd.limit = 1000
    with pytest.raises(Refusal, match="답하지 않아"):
        examine("사진.png", made.picture(size=(800, 600)))


@pytest.mark.parametrize("place", ["unix:/nowhere/clamd.ctl", "tcp:127.0.0.1:1"])
def test_where_nobody_answers_nothing_comes_in(settings, place):
    settings.CLAMAV = place
    with pytest.raises(Refusal, match="답하지 않아"):
        examine("사진.png", made.picture())


def test_it_is_asked_over_the_network_too(settings):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd) as server:
        server.answer, server.received, server.limit = b"stream: OK\0", b"", 2**31
        settings.CLAMAV = f"tcp:127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        assert examine("사진.png", made.picture())
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("place", ["127.0.0.1:3310", "tcp:127.0.0.1", "unix:", "/run/clamd.ctl"])
def test_a_place_that_is_none_is_said_at_the_start(place, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", "import danji.config.settings"],
        env={**os.environ, "DANJI_CLAMAV": place, "DANJI_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"DANJI_CLAMAV={place}" in ended.stderr
