"""kill -9 of sequencer and notary at random moments; `bench/kills.py` does it a thousand times."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "kills.py"


def test_random_kills_lose_double_and_fork_nothing():
    answer = subprocess.run(
        [sys.executable, str(BENCH), "--runs", "15"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
