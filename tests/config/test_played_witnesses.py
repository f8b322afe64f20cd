"""The witnesses of the demonstration agree, and only the notary publishes it where one runs."""

import psycopg
import pytest
from django.db import connection

from danji.config.demonstration.witnesses import let_witnesses_agree
from danji.transparency.notary import LOCK
from danji.transparency.queries import confirmed_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.witnessing import watched_log


@pytest.fixture
def sealed(complex_, settings, tmp_path):
    settings.HOME = tmp_path
    Sequencer().tick()
    return complex_


@pytest.fixture
def running_notary():
    """Somebody else who holds the notary's lock."""
    where = connection.get_connection_params()
    reached = {name: where[name] for name in ("host", "port", "user", "dbname") if name in where}
    with psycopg.connect(**reached, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield


def test_both_agree_and_it_is_published(sealed):
    let_witnesses_agree(sealed)
    log = watched_log(sealed)
    assert log.policy.judge((log.folder / "confirmed").read_bytes()).confirmed


def test_where_a_notary_runs_it_is_the_one_to_publish(sealed, running_notary):
    let_witnesses_agree(sealed)
    assert confirmed_head(watched_log(sealed).origin)
    assert not (log_folder(sealed.code, 1) / "confirmed").exists()
