"""What an earlier version has in its database is carried over, and goes on from there."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest

from danji.base.ids import uuid7
from danji.base.postgres import SUPERUSER

AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def earlier(cluster, tmp_path):
    """A database of version 0.1.0, with a command of this version's to run on it."""
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as server:
        server.execute("CREATE DATABASE danji_earlier OWNER danji_owner")
    (tmp_path / "run").mkdir()
    env = os.environ | {
        "DANJI_HOME": str(tmp_path),
        "DATABASE_URL": cluster.url("danji_app", "danji_earlier"),
        "DATABASE_OWNER_URL": cluster.url("danji_owner", "danji_earlier"),
    }

    def manage(*words):
        command = [sys.executable, "-W", "ignore", "-m", "danji.config.manage", *words]
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    manage("migrate", "approvals", "0003", "--database", "owner")
    with psycopg.connect(cluster.url("danji_owner", "danji_earlier"), autocommit=True) as owner:
        yield owner, lambda: manage("migrate", "--database", "owner")
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as server:
        server.execute("DROP DATABASE danji_earlier WITH (FORCE)")


def insert(owner, table, **values):
    names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    owner.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
    return values["id"]


def test_documents_on_their_way_go_on(earlier):
    owner, upgrade = earlier
    complex_ = insert(
        owner, "complexes_complex", id=uuid7(), code="A10000001", name="들꽃", address="서울",
        phone="", demonstration=True,
    )  # fmt: skip
    person = insert(
        owner, "accounts_person", id=uuid7(), email="a@example.com", name="김수진", password="!",
        is_active=True,
    )  # fmt: skip
    scoped = {"complex_id": complex_}
    holder = insert(
        owner, "accounts_officeholder", **scoped, id=uuid7(), person_id=person,
        office="manager", since=AT,
    )  # fmt: skip
    form = insert(
        owner, "formbook_form", id=uuid7(), key="memo", version=1, definition=b"{}", sha256="0" * 64
    )

    def document(*decisions, withdrawn=False):
        made = insert(
            owner, "approvals_document", **scoped, id=uuid7(), drafter_id=holder, form_id=form,
            title="화단", content=b"{}", digest="0" * 64, submitted_at=AT,
        )  # fmt: skip
        for position, decision in enumerate(decisions, 1):
            decided = {"decided_at": AT, "leaf_hash": bytes(32)} if decision else {}
            insert(
                owner, "approvals_step", **scoped, id=uuid7(), document_id=made,
                position=position, act="review", approver_id=holder, decision=decision,
                opinion="", **decided,
            )  # fmt: skip
        if withdrawn:
            insert(
                owner, "approvals_withdrawal", **scoped, id=uuid7(), document_id=made,
                withdrawn_at=AT,
            )  # fmt: skip
        return made

    waiting = document("approve", "", "")
    returned = document("approve", "return", "")
    taken_back = document("approve", "", withdrawn=True)
    upgrade()

    turns = owner.execute("SELECT document_id, since FROM approvals_turn").fetchall()
    assert turns == [(waiting, AT)]
    endings = dict(owner.execute("SELECT document_id, ending FROM approvals_outcome").fetchall())
    assert endings == {returned: "returned", taken_back: "withdrawn"}
    stages = owner.execute("SELECT DISTINCT stage - position, round FROM approvals_step").fetchall()
    assert stages == [(0, 1)]
