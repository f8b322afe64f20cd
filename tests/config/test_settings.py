"""What the environment says reaches the settings whole, and never reaches the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from danji.config.settings import _database

SET = {
    "DATABASE_URL": "postgresql://operator@db.example/real",
    "DATABASE_OWNER_URL": "postgresql://owner@db.example/real",
    "DANJI_DOMAIN": "real.example",
    "DANJI_SITE_URL": "https://real.example",
    "DANJI_HOST": "0.0.0.0",
    "DANJI_MAIL_HOST": "mail.example",
    "DANJI_SECRET_KEY": "real",
}
SHOWN = """
import conftest
from danji.config import settings as s
print(s.DATABASE_URL, s.DATABASE_OWNER_URL, s.DOMAIN, s.SITE_URL, s.HOST, s.EMAIL_HOST)
print(s.SECRET_KEY)
conftest.pytest_unconfigure()
"""


def test_how_to_connect_is_kept():
    url = "postgresql://danji%40app:p%2Fw@db.example:6432/danji?sslmode=verify-full&sslrootcert=/ca"
    entry = _database(url, "danji_app")
    assert entry["OPTIONS"]["sslmode"] == "verify-full"
    assert entry["OPTIONS"]["sslrootcert"] == "/ca"
    assert entry["OPTIONS"]["server_side_binding"] is True
    parts = [entry[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert parts == ["danji", "danji@app", "p/w", "db.example", "6432"]


def test_an_address_that_is_none_is_a_wrong_value():
    with pytest.raises(ValueError, match="sslmod"):
        _database("postgresql://db.example/danji?sslmod=require", "danji_app")


def test_nothing_that_an_operator_set_reaches_the_tests():
    answer = subprocess.run(
        [sys.executable, "-c", SHOWN],
        env={**os.environ, **SET},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    addresses, secret = answer.stdout.splitlines()
    assert addresses.split() == ["danji.localhost", "http://localhost:8000", "127.0.0.1"]
    assert secret != SET["DANJI_SECRET_KEY"]
