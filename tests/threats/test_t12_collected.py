"""T12: an operator shows two logs. Whichever of them was collected, the other is told.

What witnesses and a stranger's verifier do against it is tested beside.
"""

import shutil
from uuid import uuid4

import pytest

from danji.base import tenancy
from danji.transparency import collecting
from danji.transparency.actions import append_event
from danji.transparency.collecting import collect
from danji.transparency.collection import (
    check_collection,
    collection_policy,
    newest_head,
    prove_collected,
)
from danji.transparency.models import CollectedHead, Log
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji_verify.entry import Event
from danji_verify.proof import Proof


def happen(complex_, at, said):
    with tenancy.within(complex_.id):
        append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": said}, at=at)
    Sequencer().tick()


@pytest.fixture
def two_faces(complex_, at, alter, tmp_path):
    """A log that grows twice from one size, with the real key. Returns: the folder kept apart."""
    Sequencer().tick()
    before = Log.objects.within(complex_.id).values("size", "root", "checkpoint").get()
    folder = log_folder(complex_.code, 1)
    shutil.copytree(folder, tmp_path / "before")
    happen(complex_, at, b"what the city is shown")
    shutil.copytree(folder, tmp_path / "first")

    alter("DELETE FROM transparency_leaf WHERE index = 1")
    Log.objects.within(complex_.id).update(**before)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "before", folder)
    happen(complex_, at, b"what the complex is shown")
    return tmp_path / "first"


def show(folder, complex_):
    public = log_folder(complex_.code, 1)
    shutil.rmtree(public)
    shutil.copytree(folder, public)


def test_t12_a_split_view_that_was_collected_is_told(complex_, two_faces, tmp_path):
    second = tmp_path / "second"
    shutil.copytree(log_folder(complex_.code, 1), second)
    show(two_faces, complex_)
    collect()  # the first face is pinned
    assert check_collection() == []
    show(second, complex_)
    (found,) = check_collection()
    assert found.origin == "danji.localhost/apt/A10000001/1"
    assert "둘로 갈라져" in found.sentence


def test_t12_the_pinned_head_convicts_offline(complex_, two_faces):
    """Two signed heads of one size with two roots; one of them stands in the log of logs."""
    other = published_head(complex_)
    show(two_faces, complex_)
    collect()
    collected = CollectedHead.objects.get(origin=other.checkpoint.origin)
    note = bytes(collected.note)
    Proof.parse(prove_collected(collected, newest_head())).verify(note, collection_policy())
    with tenancy.within(complex_.id):
        trusted = policy(complex_)
    pinned = trusted.judge(note).checkpoint
    assert trusted.judge(other.note).checkpoint.size == pinned.size
    assert other.checkpoint.root != pinned.root


def test_t12_both_faces_collected_are_told(complex_, two_faces, at, tmp_path):
    """Shown in turn to whoever asks, also to us: no face agrees with both leaves."""
    second = tmp_path / "second"
    shutil.copytree(log_folder(complex_.code, 1), second)
    show(two_faces, complex_)
    collect()
    show(second, complex_)
    happen(complex_, at, b"and it goes on")
    assert collect() == 1
    assert [found.index for found in check_collection()] == [0]


def test_t12_a_log_that_went_back_and_was_collected_is_told(complex_, at, monkeypatch):
    """By an operator whose program collects whatever it is shown."""
    Sequencer().tick()
    old = published_head(complex_)
    happen(complex_, at, b"1")
    collect()
    again = collecting.Found(old.note, old.checkpoint)
    monkeypatch.setattr(collecting, "new_heads", lambda: [again])
    assert collect() == 1
    (found,) = check_collection()
    assert (found.index, found.origin) == (1, "danji.localhost/apt/A10000001/1")
    assert "뒤로 갔습니다" in found.sentence


def test_t12_our_own_program_collects_no_head_that_lies_behind(complex_, at):
    Sequencer().tick()
    old = published_head(complex_).note
    happen(complex_, at, b"1")
    collect()
    (log_folder(complex_.code, 1) / "checkpoint").write_bytes(old)
    assert collect() == 0
