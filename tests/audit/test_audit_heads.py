"""Every head that was ever kept is a head of the log as it is now."""

import pytest

from audited import agree, approved, audit, faults, settle
from danji.audit.books import roots_at
from danji.transparency.models import ConfirmedHead
from danji_verify.merkle import EMPTY_ROOT, leaf_hash
from danji_verify.tiles import Edge, grow
from watching import SmallWitness, registered


def test_roots_of_every_size_are_those_of_the_tree():
    entries = [b"%d" % number for number in range(70)]
    leaves = b"".join(map(leaf_hash, entries))
    roots = roots_at(leaves, range(71))
    assert roots[0] == EMPTY_ROOT
    for size in range(1, 71):
        assert roots[size] == grow(Edge(), entries[:size]).root


@pytest.fixture
def head(complex_, bookkeeper, chief, manager, sign, at):
    """A confirmed head that was kept, of the log as it was then."""
    witnesses = [SmallWitness("c.test", lambda: at), SmallWitness("g.test", lambda: at)]
    for witness, party in zip(witnesses, ("complex", "city"), strict=True):
        registered(witness, party, complex_, at)
    settle()
    agree(complex_, witnesses, at)
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    return ConfirmedHead.objects.get()


def test_a_head_that_was_kept_is_continued(head, complex_, at):
    assert faults(audit(complex_, at)) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("root = set_byte(root, 0, 255 - get_byte(root, 0))", "지난 내용을 고친 흔적"),
        ("size = size + 1000", "옛것으로 되돌려졌습니다"),
        ("note = set_byte(note, 60, get_byte(note, 60) # 1)", "서명이 맞지 않거나 상했습니다"),
    ],
    ids=["root", "size", "note"],
)
def test_a_head_that_the_log_does_not_continue_is_told(head, complex_, alter, at, change, said):
    alter(f"UPDATE transparency_confirmedhead SET {change}")
    assert said in faults(audit(complex_, at))


@pytest.mark.parametrize("column", ["size", "root", "checkpoint"])
def test_a_head_altered_in_the_database_is_told(head, complex_, alter, at, column):
    change = "size - 1" if column == "size" else f"set_byte({column}, 9, 0)"
    alter(f"UPDATE transparency_log SET {column} = {change}")
    assert faults(audit(complex_, at))
