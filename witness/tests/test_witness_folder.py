"""What is lost is lost: a witness that may have forgotten what it signed does not start."""

import shutil
import sqlite3
import stat

import pytest

from danji_witness.errors import Refused
from danji_witness.folder import Folder, make, open_folder
from danji_witness.logs import log_id, log_line, parse_logs, with_line
from made_log import MadeLog, lines_of


def starts(folder):
    identity, state = open_folder(folder)
    state.close()
    return identity


def test_a_new_witness_has_a_key_of_its_own(folder, tmp_path):
    other = make(Folder(tmp_path / "other"), "gaon.test/감사")

    assert starts(folder).key != other.key
    assert starts(folder).key.name == "gaon.test/감사"


def test_only_its_owner_may_read_the_key(folder):
    assert stat.S_IMODE(folder.key.stat().st_mode) == 0o600


@pytest.mark.parametrize("left", ["key.pem", "state.db", "public"])
def test_no_witness_is_made_over_another(folder, left):
    for path in (folder.key, folder.state):
        if path.name != left:
            path.unlink()
    if left == "public":
        folder.public.mkdir()

    with pytest.raises(Refused, match="이미 있습니다"):
        make(folder, "other")


@pytest.mark.parametrize("name", ["", "두 낱말", "a+b", "a\nb"])
def test_a_name_that_no_note_can_carry_is_refused(tmp_path, name):
    with pytest.raises(Refused, match="빈칸"):
        make(Folder(tmp_path / "new"), name)
    assert not (tmp_path / "new").exists()


def test_a_key_without_its_state_does_not_start(folder, witness, made):
    witness.add_checkpoint(made.grow_by(1).request(0))
    witness.close()
    folder.state.unlink()

    with pytest.raises(Refused, match="다른 이름으로 init"):
        open_folder(folder)


def test_a_key_of_another_witness_does_not_start(folder, tmp_path):
    other = Folder(tmp_path / "other")
    make(other, "other")
    shutil.copy(other.key, folder.key)

    with pytest.raises(Refused, match="서로 다른"):
        open_folder(folder)


@pytest.mark.parametrize("damage", [b"", b"not a database at all"])
def test_a_damaged_state_does_not_start(folder, damage):
    folder.state.write_bytes(damage)

    with pytest.raises(Refused, match=r"state\.db"):
        open_folder(folder)


def test_a_state_that_lacks_a_published_log_does_not_start(folder, witness, made, tmp_path):
    shutil.copy(folder.state, tmp_path / "before")
    witness.add_checkpoint(made.grow_by(1).request(0))
    witness.close()
    shutil.copy(tmp_path / "before", folder.state)

    with pytest.raises(Refused, match="되돌려졌습니다"):
        open_folder(folder)


def test_a_state_that_lacks_the_last_time_does_not_start(folder, opened, made, clock, tmp_path):
    first = opened(made)
    first.add_checkpoint(made.grow_by(1).request(0))
    first.close()
    shutil.copy(folder.state, tmp_path / "before")
    clock.now += 5
    second = opened(made)
    second.add_checkpoint(made.request(1))
    second.close()
    shutil.copy(tmp_path / "before", folder.state)

    with pytest.raises(Refused, match="되돌려졌습니다"):
        open_folder(folder)


@pytest.mark.parametrize("kept", [0, 100])
def test_a_copy_that_a_power_cut_spoilt_is_written_anew(folder, opened, made, kept):
    first = opened(made)
    first.add_checkpoint(made.grow_by(1).request(0))
    first.close()
    copy = folder.published(log_id(made.origin))
    whole = copy.read_bytes()
    copy.write_bytes(whole[:kept])

    opened()

    assert copy.read_bytes() == whole


def test_what_was_signed_and_not_yet_published_is_published_at_the_start(
    folder, opened, made, tmp_path
):
    first = opened(made)
    first.add_checkpoint(made.grow_by(1).request(0))
    copy = folder.published(log_id(made.origin))
    old = copy.read_bytes()
    first.add_checkpoint(made.grow_by(1).request(1))
    first.close()
    new = copy.read_bytes()
    copy.write_bytes(old)

    opened()

    assert copy.read_bytes() == new


def test_after_a_restart_it_goes_on_where_it_was(opened, made):
    first = opened(made)
    first.add_checkpoint(made.grow_by(7).request(0))
    first.close()

    again = opened()

    assert again.add_checkpoint(made.grow_by(1).request(0)).body == b"7\n"
    assert again.add_checkpoint(made.request(7)).status == 200


def test_a_disk_that_cannot_keep_a_cosignature_gives_none(folder, witness, made):
    witness.add_checkpoint(made.grow_by(1).request(0))
    database = witness.state._database
    database.set_authorizer(
        lambda act, *_: sqlite3.SQLITE_DENY if act == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK
    )

    assert witness.add_checkpoint(made.grow_by(1).request(1)).status == 503
    database.set_authorizer(None)
    # What the disk holds is not known any more: nothing is signed until the next start.
    assert witness.add_checkpoint(made.request(1)).status == 503


def test_a_list_of_logs_reads_like_a_policy():
    one, two = MadeLog("danji.test/apt/A10000001/1"), MadeLog("danji.test/apt/A10000002/1")
    text = "# 우리 단지\n\n" + lines_of(
        [(one.key, "https://danji.test/public/A10000001/log/1/"), (two.key, "")]
    )

    logs = parse_logs(text)

    assert list(logs) == [one.origin, two.origin]
    assert logs[one.origin].url == "https://danji.test/public/A10000001/log/1"
    assert logs[one.origin].site == "https://danji.test"
    assert logs[two.origin].url == ""


def test_a_key_that_is_added_is_the_newest_of_its_log():
    one, other = MadeLog("danji.test/apt/A10000001/1"), MadeLog("danji.test/apt/A10000002/1")
    text = "# 우리 단지\n\n" + lines_of([(one.key, "https://danji.test/log"), (other.key, "")])
    new = MadeLog(one.origin).key

    logs = parse_logs(with_line(text.rstrip("\n"), log_line(str(new), "https://danji.test/log")))

    assert logs[one.origin].keys == (new, one.key)
    assert logs[other.origin].keys == (other.key,)


def test_a_third_word_says_where_cosignatures_go():
    made = MadeLog()
    [log] = parse_logs(f"log {made.key} https://files.test/log https://danji.test/\n").values()

    assert (log.url, log.site) == ("https://files.test/log", "https://danji.test")


@pytest.mark.parametrize(
    "line",
    [
        "log",
        "witness {key}",
        "log {key} ftp://danji.test/",
        "log {key} https://user@danji.test/",
        "log {key} https://danji.test/?a=b",
        "log {key} https://a.test https://b.test more",
        "log {key}\nlog {key}",
        "log danji.test+00000000+AAAA",
    ],
)
def test_a_line_that_means_nothing_is_named(line):
    with pytest.raises(Refused, match="번째 줄"):
        parse_logs(line.format(key=MadeLog().key))
