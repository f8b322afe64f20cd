"""An installation for the tests of one file."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from installations import Installation

from danji.base.postgres import Cluster


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("danji") / "home"
    home.mkdir()
    for folder in (home, *home.parents):
        if folder.owner() == home.owner() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o755)  # the server's own account has to reach it
    bindir = os.environ.get("PG_BINDIR")
    with Cluster(home, Path(bindir) if bindir else None) as cluster:
        made = Installation(
            home,
            cluster.url("danji_owner"),
            os.environ
            | {
                "DANJI_HOME": str(home),
                "DJANGO_SETTINGS_MODULE": "danji.config.settings",
                "PYTHONWARNINGS": "error",
            },
            cluster,
        )
        answer = made.manage("prepare", "--verbosity", "0")
        assert answer.returncode == 0, answer.stderr
        yield made
    shutil.rmtree(home, ignore_errors=True)
