"""Recovering a log: from what was published, from a copy, and by going on in a further log."""

import random
import shutil
from base64 import b64decode
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command

from danji.base.keys import log_signer
from danji.config.recovering import recover_collection, recover_database, recover_files, retire_log
from danji.config.rotating import rotate_log, rotate_seal
from danji.records.actions import skip_numbers
from danji.records.models import Record, Register
from danji.rules.refusal import Refusal
from danji.transparency import collecting
from danji.transparency.actions import append_event
from danji.transparency.models import (
    CollectedHead,
    Collection,
    ConfirmedHead,
    Leaf,
    Log,
    PendingEvent,
    SetAside,
)
from danji.transparency.models import Event as EventRow
from danji.transparency.queries import events_of, log_of, opening_of, policy, prove, published_head
from danji.transparency.sequencer import LogError, Sequencer, recover
from danji.transparency.tree import file_reader, log_folder
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Event
from danji_verify.proof import Proof
from danji_verify.report import Verdict
from danji_verify.tiles import audit
from logbook import filed, judged, settle
from papers import decide, submit


def happen(complex_, at, count=1, doc=None):
    """Add events of one document; returns its id."""
    doc = doc or uuid4()
    for number in range(count):
        append_event(
            complex_, doc, Event.DISCLOSED, {"publication": b"%d" % number},
            at=at + timedelta(0, number),
        )  # fmt: skip
    return doc


@pytest.fixture
def folder(complex_):
    return log_folder(complex_.code, 1)


@pytest.fixture
def backup(alter):
    """Remember the log's tables as they are; returns what restores them, as an old dump would."""

    def taken():
        events = set(EventRow.objects.values_list("id", flat=True))
        waiting = list(PendingEvent.objects.values("complex_id", "id", "event_id"))
        heads = list(Log.objects.values("id", "size", "root", "checkpoint"))

        def restore():
            for head in heads:
                Log.objects.filter(id=head["id"]).update(
                    size=head["size"], root=head["root"], checkpoint=head["checkpoint"]
                )
            old = [str(event) for event in events]
            for table in ("leaf", "opening", "pendingevent"):
                alter(f"DELETE FROM transparency_{table} WHERE NOT event_id = ANY(%s::uuid[])", old)
            alter("DELETE FROM transparency_event WHERE NOT id = ANY(%s::uuid[])", old)
            still = set(PendingEvent.objects.values_list("id", flat=True))
            back = [row for row in waiting if row["id"] not in still]
            gone = [str(row["event_id"]) for row in back]
            alter("DELETE FROM transparency_leaf WHERE event_id = ANY(%s::uuid[])", gone)
            PendingEvent.objects.bulk_create(PendingEvent(**row) for row in back)

        return restore

    return taken


def go_on(complex_, at, count=1):
    """See that the log goes on: what is new gets its place."""
    doc = happen(complex_, at, count)
    sequencer = Sequencer()
    sequencer.start()
    sequencer.tick()
    assert not sequencer.frozen
    assert not sequencer.waiting
    assert len(events_of(complex_.id, doc)) == count
    return doc


def proven(complex_, doc):
    """Every event of a document holds under the policy of today."""
    trusted = policy(complex_)
    for event in events_of(complex_.id, doc):
        assert Proof.parse(prove(complex_, event)).verify(event.entry, trusted)


# --- An old database ------------------------------------------------------------------------------


def test_an_old_database_learns_again_what_was_published(complex_, at, backup, folder):
    kept = happen(complex_, at, 2)
    Sequencer().tick()
    restore = backup()
    lost = happen(complex_, at, 3)
    Sequencer().tick()
    head = published_head(complex_)
    restore()
    with pytest.raises(LogError, match="옛 백업"):
        recover(complex_)

    said = recover_database(complex_.code, source="", do=False, at=at)
    assert "공개된 장부는 6건인데 데이터베이스는 3건만 압니다." in said
    assert f"문서 {lost.hex}: 공개, 공개, 공개" in said
    assert Log.objects.get().size == 3  # only looked at

    said = recover_database(complex_.code, source="", do=True, at=at)
    assert "사건 3건을 되살렸습니다" in said
    assert (Log.objects.get().size, bytes(Log.objects.get().checkpoint)) == (6, head.note)
    for doc in (kept, lost):
        proven(complex_, doc)
    go_on(complex_, at)
    assert audit(7, file_reader(folder)) == published_head(complex_).checkpoint.root


def test_what_waited_in_the_old_database_is_not_placed_twice(complex_, at, backup):
    Sequencer().tick()
    doc = happen(complex_, at, 2)
    restore = backup()  # while the two were waiting
    Sequencer().tick()
    restore()
    assert PendingEvent.objects.count() == 2
    said = recover_database(complex_.code, source="", do=True, at=at)
    assert "그 가운데 2건은 내용이 데이터베이스에 남아 있습니다." in said
    assert not PendingEvent.objects.exists()
    assert [event.index for event in events_of(complex_.id, doc)] == [1, 2]
    assert all(event.openings for event in events_of(complex_.id, doc))


def test_what_was_done_on_the_old_state_is_set_aside_and_never_signed(complex_, at, backup):
    doc = happen(complex_, at)
    Sequencer().tick()
    restore = backup()
    append_event(complex_, doc, Event.DISCLOSED, {"publication": b"true"}, at=at)
    Sequencer().tick()
    restore()
    append_event(complex_, doc, Event.DISCLOSED, {"publication": b"other"}, at=at)
    append_event(complex_, doc, Event.DISCLOSED, {"publication": b"more"}, at=at)
    new = happen(complex_, at)  # has nothing to do with it, and keeps its turn
    before = {bytes(event.entry) for event in EventRow.objects.filter(doc=doc)}

    said = recover_database(complex_.code, source="", do=True, at=at)
    assert "사건 2건은 장부에 이미 있는 사건과 자리가 겹칩니다" in said
    assert f"따로 두는 사건: 문서 {doc.hex}" in said
    assert {bytes(row.entry) for row in SetAside.objects.all()} < before
    assert SetAside.objects.count() == 2
    opened = SetAside.objects.earliest("seq").fields["publication"]["value"]
    assert b64decode(opened) == b"other"
    Sequencer().tick()
    assert [event.seq for event in events_of(complex_.id, doc)] == [1, 2]
    proven(complex_, doc)
    proven(complex_, new)


def test_nothing_placed_can_be_set_aside(complex_, at):
    from django.db import connection

    happen(complex_, at)
    Sequencer().tick()
    event = EventRow.objects.latest("id")
    with connection.cursor() as cursor:
        cursor.execute("SELECT danji_set_aside(%s, %s, %s)", [complex_.id, event.id, uuid4()])
        assert cursor.fetchone() == (False,)
    assert EventRow.objects.filter(id=event.id).exists()


def test_a_log_that_forked_is_not_joined(complex_, at, backup):
    Sequencer().tick()
    restore = backup()
    happen(complex_, at, 2)
    Sequencer().tick()
    restore()
    Log.objects.update(root=b"\1" * 32)
    with pytest.raises(Refusal, match="갈라져 있습니다"):
        recover_database(complex_.code, source="", do=True, at=at)
    assert Log.objects.get().size == 1


def test_damaged_published_files_bring_nothing_back_but_a_copy_does(
    complex_, at, backup, folder, tmp_path
):
    Sequencer().tick()
    restore = backup()
    doc = happen(complex_, at, 2)
    Sequencer().tick()
    shutil.copytree(folder, tmp_path / "mirror")
    (folder / "tile/entries/000.p/3").unlink()
    restore()
    with pytest.raises(Refusal, match="상했거나 빠져서"):
        recover_database(complex_.code, source="", do=True, at=at)
    recover_database(complex_.code, source=str(tmp_path / "mirror"), do=True, at=at)
    said = recover_files(
        complex_.code, number=None, source=str(tmp_path / "mirror"), do=True, at=at
    )
    assert "파일 1개를 다시 만들었습니다" in said
    proven(complex_, doc)
    go_on(complex_, at)


def test_what_the_witnesses_signed_stands_above_what_was_published(complex_, at, backup):
    Sequencer().tick()
    restore = backup()
    happen(complex_, at, 2)
    Sequencer().tick()
    restore()
    signed = Checkpoint(log_of(complex_.id).origin, 2, b"\1" * 32)
    ConfirmedHead.objects.create(
        origin=signed.origin, size=2, root=signed.root, confirmed_at=at,
        note=sign_checkpoint(signed, log_signer(complex_.code, "log-1")),
    )  # fmt: skip
    with pytest.raises(Refusal, match=r"확인 기관이 서명한 머리\(2건\)"):
        recover_database(complex_.code, source="", do=True, at=at)


def test_keys_that_came_after_the_backup_sign_again(complex_, at, backup, alter):
    Sequencer().tick()
    restore = backup()
    rotate_log(complex_, at=at)
    Sequencer().tick()
    restore()
    alter("DELETE FROM transparency_logkey WHERE name = 'log-1-2'")
    alter("UPDATE transparency_logkey SET until = NULL")
    recover_database(complex_.code, source="", do=True, at=at)
    assert len(policy(complex_).logs) == 2
    go_on(complex_, at)


def test_numbers_of_published_documents_are_not_given_out_again(complex_, manager, clerk, sign, at):
    record = filed(clerk, manager, sign, at)
    register = Register.objects.get(series=record.series)
    Register.objects.filter(id=register.id).update(last=register.last - 1)
    said = recover_database(complex_.code, source="", do=True, at=at)
    assert f"{record.number}까지는 이미 나간 번호" in said
    register.refresh_from_db()
    assert register.last == record.serial
    assert skip_numbers(complex_, [(record.series, record.year, 1)]) == []


def test_the_log_of_logs_learns_again_what_it_published(complex_, at, alter):
    Sequencer().tick()
    assert collecting.collect() == 1
    old = Collection.objects.values("size", "root", "checkpoint").get()
    happen(complex_, at)
    Sequencer().tick()
    assert collecting.collect() == 1
    alter("DELETE FROM transparency_collectedhead WHERE index = 1")
    Collection.objects.update(**old)
    with pytest.raises(LogError, match="옛 백업"):
        collecting.collect()
    assert "2건인데 데이터베이스는 1건만" in recover_collection(source="", do=True)
    assert CollectedHead.objects.count() == 2
    assert collecting.collect() == 0


# --- Damaged files --------------------------------------------------------------------------------


def damage(folder, chance):
    """Flip a bit in some files and delete others; returns what the folder held."""
    held = {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and (path.name == "checkpoint" or "tile" in path.parts)
    }
    for path in chance.sample(sorted(held), max(1, len(held) // 2)):
        data = bytearray(held[path])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (folder / path).write_bytes(data)
        if chance.random() < 0.3:
            (folder / path).unlink()
    return held


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_made_anew_from_the_database(complex_, at, folder, seed):
    for count in (1, 260, 3):
        happen(complex_, at, count)
        Sequencer().tick()
    head = published_head(complex_)
    damage(folder, random.Random(seed))
    assert "데이터베이스에서 다시 만듭니다" in recover_files(
        complex_.code, number=None, source="", do=True, at=at
    )
    assert published_head(complex_).note == head.note
    assert audit(head.checkpoint.size, file_reader(folder)) == head.checkpoint.root
    go_on(complex_, at)


def test_partial_tiles_that_kept_heads_need_come_back(complex_, at, folder):
    happen(complex_, at, 3)
    Sequencer().tick()
    head = published_head(complex_)
    ConfirmedHead.objects.create(
        origin=head.checkpoint.origin, size=head.checkpoint.size, root=head.checkpoint.root,
        note=head.note, confirmed_at=at,
    )  # fmt: skip
    doc = happen(complex_, at, 2)
    Sequencer().tick()
    shutil.rmtree(folder / "tile")
    recover_files(complex_.code, number=None, source="", do=True, at=at)
    assert (folder / "tile/0/000.p/4").exists()
    assert (folder / "confirmed").read_bytes() == head.note
    proven(complex_, doc)


def test_whole_files_are_left_alone(complex_, at):
    Sequencer().tick()
    assert "모두 온전합니다" in recover_files(complex_.code, number=None, source="", do=True, at=at)


def test_without_a_whole_copy_nothing_is_made_up(complex_, at, folder, alter):
    happen(complex_, at, 2)
    Sequencer().tick()
    alter("DELETE FROM transparency_leaf WHERE index = 1")
    (folder / "tile/entries/000.p/3").unlink()
    with pytest.raises(Refusal, match="온전한 사본이"):
        recover_files(complex_.code, number=None, source="", do=True, at=at)


# --- A further log --------------------------------------------------------------------------------


def test_a_whole_log_is_closed_and_the_next_one_goes_on(complex_, at, folder):
    old = happen(complex_, at, 2)
    Sequencer().tick()
    look = retire_log(complex_.code, reason="저장 장치를 바꿉니다.", do=False, at=at)
    assert "2번 장부를 엽니다. 되돌릴 수 없습니다." in look
    assert Log.objects.count() == 1
    retire_log(complex_.code, reason="저장 장치를 바꿉니다.", do=True, at=at)
    first, second = Log.objects.order_by("number")
    assert second.origin.endswith("/2")
    closed = published_head(complex_, 1).checkpoint
    assert (first.size, bytes(first.root)) == (closed.size, closed.root) == (4, closed.root)
    opening = opening_of(complex_.id, 2)
    assert opening.name == Event.LOG_CONTINUED
    previous = b64decode(opening.openings["previous"]["value"])
    assert previous == published_head(complex_, 1).note
    assert "저장 장치를 바꿉니다." in (folder / "incident.txt").read_text()
    new = go_on(complex_, at)
    assert [event.log_number for event in events_of(complex_.id, new)] == [2]
    for doc in (old, new):
        proven(complex_, doc)


def test_what_waits_goes_to_the_next_log_behind_its_opening(complex_, at, folder):
    Sequencer().tick()
    (folder / "checkpoint").write_bytes(b"")
    doc = happen(complex_, at, 2)
    sequencer = Sequencer()
    assert sequencer.tick() == 0
    retire_log(complex_.code, reason="머리 파일이 상했습니다.", do=True, at=at)
    events = events_of(complex_.id, doc)
    assert [event.log_number for event in events] == [2, 2]
    assert all(event.index > 0 for event in events)
    proven(complex_, doc)


def test_what_the_old_log_cannot_prove_any_more_is_placed_again(complex_, at, folder):
    kept = happen(complex_, at)
    Sequencer().tick()
    head = published_head(complex_)
    ConfirmedHead.objects.create(
        origin=head.checkpoint.origin, size=head.checkpoint.size, root=head.checkpoint.root,
        note=head.note, confirmed_at=at,
    )  # fmt: skip
    lost = happen(complex_, at, 2)
    Sequencer().tick()
    for path in ("tile/0/000.p/4", "tile/entries/000.p/4"):
        (folder / path).unlink()
    retire_log(complex_.code, reason="파일이 상했습니다.", do=True, at=at)
    assert Log.objects.get(number=1).size == 2
    assert [event.log_number for event in events_of(complex_.id, kept)] == [1]
    assert [event.log_number for event in events_of(complex_.id, lost)] == [2, 2]
    assert Leaf.objects.filter(event__doc=lost).count() == 4
    for doc in (kept, lost):
        proven(complex_, doc)
    go_on(complex_, at)


def test_documents_over_two_logs_are_accepted_by_a_stranger(
    complex_, manager, chief, clerk, bookkeeper, sign, at
):
    before = filed(clerk, manager, sign, at, chief=chief)
    under_way = submit(bookkeeper, at, form="expense")
    decide(under_way, chief, sign, at)
    settle()
    retire_log(complex_.code, reason="새 장부로 옮깁니다.", do=True, at=at)
    decide(under_way, manager, sign, at)
    rotate_seal(complex_, at=at)
    settle()
    after = filed(clerk, manager, sign, at, chief=chief, title="새 장부의 공고")
    for record in (before, Record.objects.get(doc=under_way.id), after):
        report = judged(record)
        assert report.verdict is Verdict.ACCEPTED, report.as_text()
    numbers = {event.log_number for event in events_of(complex_.id, under_way.id)}
    assert numbers == {1, 2}


def test_a_third_log_names_the_second(complex_, manager, clerk, sign, at):
    record = filed(clerk, manager, sign, at)
    for _ in range(2):
        retire_log(complex_.code, reason="다시 옮깁니다.", do=True, at=at)
        settle()
    assert log_of(complex_.id).number == 3
    previous = b64decode(opening_of(complex_.id, 3).openings["previous"]["value"])
    assert previous.startswith(log_of(complex_.id, 2).origin.encode())
    assert judged(record).verdict is Verdict.ACCEPTED
    later = filed(clerk, manager, sign, at, title="세 번째 장부의 공고")
    assert judged(later).verdict is Verdict.ACCEPTED


def test_a_sequencer_that_knew_the_old_log_places_nothing_in_it(complex_, at):
    sequencer = Sequencer()
    sequencer.tick()
    retire_log(complex_.code, reason="옮깁니다.", do=True, at=at)
    doc = happen(complex_, at)
    sequencer.tick()
    assert [event.log_number for event in events_of(complex_.id, doc)] == [2]


def test_commands_say_what_they_would_do(complex_, at, capsys):
    Sequencer().tick()
    call_command("recover", "database", "--code", complex_.code)
    call_command("recover", "files", "--code", complex_.code)
    call_command("retire", "--code", complex_.code, "--reason", "옮깁니다.")
    said = capsys.readouterr().out
    assert "할 일이 없습니다" in said
    assert "모두 온전합니다" in said
    assert "--do를 붙여" in said
    with pytest.raises(Refusal, match="단지가 없습니다"):
        call_command("recover", "files", "--code", "Z99999999")
