"""Recovering in earnest: commands beside a running sequencer, and the drill on a copy."""

import subprocess
import sys

import pytest

from installations import Installation, end, running, until

CODE = "A10009999"
SEQUENCER = ("danji.config.manage", "sequencer")


@pytest.fixture(scope="module")
def live(installation: Installation) -> Installation:
    """An installation with a complex, whose first events are sealed."""
    made = installation.manage(
        "found",
        "--code",
        CODE,
        "--name",
        "햇살마을아파트",
        "--address",
        "서울특별시 가상구",
    )
    assert made.returncode == 0, made.stderr
    with running(installation, SEQUENCER):
        until(lambda: sizes(installation) == [(1, 1)])
    return installation


def sizes(installation: Installation) -> list[tuple[object, ...]]:
    return installation.ask("SELECT number, size FROM transparency_log ORDER BY number")


def test_the_drill_mends_a_copy_and_leaves_the_live_alone(live):
    before = sizes(live), sorted(path.name for path in (live.home / "keys" / CODE).iterdir())
    done = live.manage("drill", "--code", CODE)
    assert done.stdout.count("되었습니다.") == 4, done.stdout + done.stderr
    assert done.returncode == 0
    after = sizes(live), sorted(path.name for path in (live.home / "keys" / CODE).iterdir())
    assert after == before


def test_nothing_is_broken_on_purpose_outside_of_a_copy(live):
    done = live.manage("drill", "--here", "--code", CODE)
    assert done.returncode == 1
    assert "연습할 사본이 아닙니다" in done.stderr


def test_a_log_is_retired_beside_a_running_sequencer(live):
    sequencer = subprocess.Popen(
        [sys.executable, "-m", *SEQUENCER],
        env=live.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        holding = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
        until(lambda: live.ask(holding))
        done = live.manage("retire", "--code", CODE, "--reason", "저장 장치를 바꿉니다.", "--do")
        assert "2번 장부를 열었습니다" in done.stdout, done.stdout + done.stderr
        assert sequencer.wait(20) != 0  # it was ended; its supervisor starts it again
    finally:
        end(sequencer)
    rotated = live.manage("rotate", "--code", CODE, "log")
    assert "새 열쇠" in rotated.stdout, rotated.stderr
    with running(live, SEQUENCER):
        until(lambda: sizes(live) == [(1, 2), (2, 2)])
    assert (
        "log-2-2: 지금 서명하는 열쇠입니다." in live.manage("rotate", "--code", CODE, "list").stdout
    )
