"""Files kept by what they hold, and what else the lowest floor keeps."""

import pytest

from danji.base import files
from danji.base.ids import uuid7
from danji.base.secrets import kept_secret
from danji.rules.refusal import Refusal


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.FILES = tmp_path / "files"
    return settings.FILES


def test_what_was_put_is_got():
    assert files.get(files.put(b"estimate")) == b"estimate"


def test_the_same_bytes_are_one_file(folder):
    files.put(b"estimate")
    files.put(b"estimate")
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 1


def test_a_changed_file_is_not_handed_out(folder):
    digest = files.put(b"estimate")
    (folder / digest[:2] / digest[2:]).write_bytes(b"Estimate")
    with pytest.raises(files.DamagedFileError):
        files.get(digest)


def test_a_nearly_full_disk_refuses_new_files(settings, folder):
    settings.FREE_SPACE_FLOOR = 2**62
    with pytest.raises(Refusal, match="저장 공간"):
        files.put(b"estimate")
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_write_that_fails_leaves_nothing(folder, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("danji.base.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.put(b"estimate")
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_identifiers_sort_by_their_making():
    made = [uuid7() for _ in range(2000)]
    assert made == sorted(made)
    assert {identifier.version for identifier in made} == {7}


def test_a_secret_is_made_once(tmp_path):
    path = tmp_path / "keys" / "secret"
    assert kept_secret(path) == kept_secret(path)
    assert path.stat().st_mode & 0o077 == 0
