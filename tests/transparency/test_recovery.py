"""Recovering a log: from what was published, from a copy, and by going on in a further log."""

import json
import random
import shutil
from base64 import b64decode
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from danji.base import keys
from danji.base.keys import log_signer
from danji.config.recovering import (
    recover_collection,
    recover_database,
    recover_files,
    recover_numbers,
    retire_log,
)
from danji.config.rotating import rotate_log, rotate_seal
from danji.outbox.models import Message
from danji.records.actions import skip_numbers
from danji.records.models import Record, Register
from danji.rules.refusal import Refusal
from danji.transparency import collecting, recovery, retiring
from danji.transparency.actions import append_event
from danji.transparency.models import (
    CollectedHead,
    Collection,
    Leaf,
    Log,
    Opening,
    PendingEvent,
    SetAside,
)
from danji.transparency.models import Event as EventRow
from danji.transparency.queries import (
    events_of,
    log_of,
    opening_of,
    policy,
    prove,
    published_head,
    seal_name,
)
from danji.transparency.sequencer import LogError, Sequencer, recover
from danji.transparency.tree import file_reader, log_folder
from danji_verify.checkpoint import Checkpoint, sign_checkpoint
from danji_verify.entry import Entry, Event, build_entry
from danji_verify.note import parse_note
from danji_verify.proof import Proof
from danji_verify.report import Verdict
from danji_verify.tiles import Edge, audit, changed_bundles, grow, read_bundle
from logbook import filed, judged, settle
from papers import decide, submit
from watching import agreed


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


@pytest.fixture(autouse=True)
def with_owners_rights(_above_the_law, monkeypatch):
    """The owner sees what the test did, in the transaction of the test."""

    @contextmanager
    def as_owner():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE danji_owner")
            yield cursor
            cursor.execute("RESET ROLE")

    monkeypatch.setattr(recovery, "as_owner", as_owner)


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
    assert audit(8, file_reader(folder)) == published_head(complex_).checkpoint.root


def test_what_waited_in_the_old_database_is_not_placed_twice(complex_, at, backup):
    Sequencer().tick()
    doc = happen(complex_, at, 2)
    restore = backup()  # while the two were waiting
    Sequencer().tick()
    restore()
    assert PendingEvent.objects.count() == 2
    said = recover_database(complex_.code, source="", do=True, at=at)
    assert "그 가운데 2건은 내용이 데이터베이스에 남아 있습니다." in said
    assert not PendingEvent.objects.exists()  # nothing was lost, so nothing is said of a loss
    assert [event.index for event in events_of(complex_.id, doc)] == [1, 2]
    assert all(event.openings for event in events_of(complex_.id, doc))


def test_the_log_says_what_came_back_without_content_and_those_in_charge_are_told(
    complex_, at, manager, backup
):
    Sequencer().tick()
    kept = happen(complex_, at)
    restore = backup()  # while it was waiting
    happen(complex_, at)
    Sequencer().tick()
    rotate_seal(complex_, at=at)  # what opens it lies beside the keys
    Sequencer().tick()
    happen(complex_, at, 2)
    Sequencer().tick()
    restore()
    recover_database(complex_.code, source="", do=True, at=at)
    Sequencer().tick()
    said = events_of(complex_.id, complex_.id)[-1]
    recovery = json.loads(b64decode(said.openings["recovery"]["value"]))
    assert (said.name, recovery["log"], recovery["events"]) == (Event.LOG_RECOVERED, 1, 3)
    named = {index for begin, end in recovery["ranges"] for index in range(begin, end)}
    opened = set(
        Leaf.objects.filter(event_id__in=Opening.objects.values("event_id")).values_list(
            "index", flat=True
        )
    )
    assert not named & opened
    assert named | opened == set(range(said.index + 1))
    assert Leaf.objects.get(event__doc=kept).index in opened
    assert Message.objects.filter(subject="옛 데이터베이스를 되살렸습니다").count() == 1


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


def test_nothing_placed_can_be_set_aside(complex_, at, with_owners_rights):
    happen(complex_, at)
    Sequencer().tick()
    event = EventRow.objects.latest("id")
    recovery.set_aside(complex_.id, [event.id])
    assert EventRow.objects.filter(id=event.id).exists()
    assert not SetAside.objects.exists()


def test_what_serves_can_take_back_no_word(complex_, at, monkeypatch):
    happen(complex_, at)
    event = EventRow.objects.latest("id")
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE '%%set_aside%%'")
        assert cursor.fetchall() == []
        monkeypatch.setattr(recovery, "as_owner", lambda: nullcontext(cursor))
        with pytest.raises(DatabaseError, match="permission denied"):
            recovery.set_aside(complex_.id, [event.id])


def test_what_has_other_rights_is_not_misled_by_temporary_tables(complex_):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef "
            "AND NOT 'search_path=public, pg_temp' = ANY(proconfig)"
        )
        assert cursor.fetchall() == []


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


def copy_of(folder, where, more=(), keep=None, key=None):
    """Somebody's copy of a log, of its first `keep` entries and `more`, with the newest partial
    tiles only; its head is signed anew by `key`.
    """
    head = Checkpoint.parse(parse_note((folder / "checkpoint").read_bytes()).text)
    reader = file_reader(folder)
    own = [e for i, w in changed_bundles(0, head.size) for e in read_bundle(i, w, reader)]
    growth = grow(Edge(), [*own[:keep], *more])
    for path, data in growth.files.items():
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        (where / path).write_bytes(data)
    data = (folder / "checkpoint").read_bytes()
    if key is not None:
        data = sign_checkpoint(Checkpoint(head.origin, growth.size, growth.root), key)
    (where / "checkpoint").write_bytes(data)
    return str(where)


def entry(complex_, at):
    """What a thief would have liked to have happened."""
    return build_entry(
        Entry(
            event=Event.DISCLOSED, complex=complex_.code, document=uuid4().hex, seq=1, prev=None,
            at=at.replace(microsecond=0), commitments={"publication": bytes(32)},
        )
    )  # fmt: skip


@pytest.fixture
def stolen(complex_, at):
    """The log's first key, which somebody has and which was therefore changed for another."""
    Sequencer().tick()
    key = log_signer(complex_.code, "log-1")
    happen(complex_, at, 2)
    rotate_log(complex_, at=at)
    Sequencer().tick()
    return key


def test_a_copy_with_the_newest_partial_tiles_alone_is_enough(
    complex_, at, backup, folder, tmp_path
):
    happen(complex_, at, 2)
    Sequencer().tick()
    restore = backup()
    doc = happen(complex_, at, 3)
    Sequencer().tick()
    source = copy_of(folder, tmp_path / "mirror")
    restore()
    shutil.rmtree(folder / "tile")
    said = recover_database(complex_.code, source=source, do=True, at=at)
    assert "사건 3건을 되살렸습니다" in said
    assert "이어서 recover files를 해 주세요" in said
    assert "봉인이 이어집니다" not in said
    recover_files(complex_.code, number=None, source=source, do=True, at=at)
    proven(complex_, doc)
    go_on(complex_, at)


def test_a_stolen_key_alone_brings_nothing_into_the_database(
    complex_, at, stolen, folder, tmp_path
):
    source = copy_of(folder, tmp_path / "thief", [entry(complex_, at)], key=stolen)
    before = log_of(complex_.id).size
    with pytest.raises(Refusal, match="옛 열쇠로만 서명한 것은 믿지 않습니다"):
        recover_database(complex_.code, source=source, do=True, at=at)
    assert log_of(complex_.id).size == before


def test_a_stolen_key_alone_replaces_no_published_file(complex_, at, stolen, folder, tmp_path):
    more = [entry(complex_, at) for _ in range(5)]
    source = copy_of(folder, tmp_path / "thief", more, keep=1, key=stolen)
    before = published_head(complex_)
    assert "온전합니다" in recover_files(complex_.code, number=None, source=source, do=True, at=at)
    assert published_head(complex_).note == before.note


def test_a_larger_copy_that_forked_replaces_no_published_file(complex_, at, folder, tmp_path):
    happen(complex_, at, 2)
    Sequencer().tick()
    key = log_signer(complex_.code, "log-1")
    more = [entry(complex_, at) for _ in range(5)]
    source = copy_of(folder, tmp_path / "fork", more, keep=1, key=key)
    before = published_head(complex_)
    with pytest.raises(Refusal, match="한 장부의 것이 아닙니다"):
        recover_files(complex_.code, number=None, source=source, do=True, at=at)
    assert published_head(complex_).note == before.note


def test_a_wrong_key_in_the_place_of_the_right_one_signs_nothing(complex_, at):
    Sequencer().tick()
    right = keys.read_key(complex_.code, "log-1.pem")
    keys._keep(complex_.code, "log-1", Ed25519PrivateKey.generate())
    doc = happen(complex_, at)
    sequencer = Sequencer()
    assert sequencer.tick() == 0
    assert "장부에 적힌 열쇠가 아닙니다" in sequencer.waiting[complex_.id]
    keys.keep_key(complex_.code, "log-1.pem", right)
    assert sequencer.tick() == 1
    proven(complex_, doc)


def test_a_head_that_a_wrong_key_signed_is_signed_anew(complex_, at, folder):
    happen(complex_, at, 2)
    Sequencer().tick()
    head = Checkpoint.parse(parse_note(published_head(complex_).note).text)
    wrong = sign_checkpoint(head, Ed25519PrivateKey.generate())
    Log.objects.update(checkpoint=wrong)
    (folder / "checkpoint").write_bytes(wrong)
    recover_files(complex_.code, number=None, source="", do=True, at=at)
    go_on(complex_, at)


def test_what_the_witnesses_signed_stands_above_what_was_published(complex_, at, backup):
    Sequencer().tick()
    restore = backup()
    happen(complex_, at, 2)
    Sequencer().tick()
    restore()
    signed = Checkpoint(log_of(complex_.id).origin, 2, b"\1" * 32)
    agreed(complex_, at, sign_checkpoint(signed, log_signer(complex_.code, "log-1")))
    with pytest.raises(Refusal, match=r"확인 기관이 서명한 머리\(2건\)"):
        recover_database(complex_.code, source="", do=True, at=at)


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_seals_that_came_after_the_backup_seal_again(
    complex_, at, backup, manager, clerk, sign, kept
):
    Sequencer().tick()
    restore = backup()
    rotate_seal(complex_, at=at)
    Sequencer().tick()
    restore()
    if not kept:
        for path in keys.key_path(complex_.code, "").glob("rotated-*.json"):
            path.unlink()
    recover_database(complex_.code, source="", do=True, at=at)
    assert seal_name(complex_.id) == ("seal-2" if kept else "seal")
    if not kept:  # it is said again of the same seal
        rotate_seal(complex_, at=at)
        Sequencer().tick()
        assert seal_name(complex_.id) == "seal-2"
    assert judged(filed(clerk, manager, sign, at)).verdict is Verdict.ACCEPTED


def test_a_key_of_a_change_that_did_not_come_about_is_not_taken_up(complex_, at, backup):
    Sequencer().tick()
    with suppress(ZeroDivisionError), transaction.atomic():
        rotate_log(complex_, at=at)
        raise ZeroDivisionError
    restore = backup()
    happen(complex_, at)
    Sequencer().tick()
    restore()
    recover_database(complex_.code, source="", do=True, at=at)
    assert len(policy(complex_).logs) == 1
    go_on(complex_, at)


def test_an_old_key_that_was_removed_in_time_is_not_asked_for_again(
    complex_, at, backup, alter, settings
):
    Sequencer().tick()
    restore = backup()
    rotate_log(complex_, at=at)
    Sequencer().tick()
    restore()
    alter("DELETE FROM transparency_logkey WHERE name = 'log-1-2'")
    alter("UPDATE transparency_logkey SET until = NULL")
    (settings.KEYS / complex_.code / "log-1.pem").unlink()
    recover_database(complex_.code, source="", do=True, at=at)
    go_on(complex_, at)


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
    assert f"- {record.number}\n" in said
    assert skip_numbers(complex_, [(record.series, record.year, 1)], at=at) == []


def test_numbers_on_paper_are_not_given_out_again(complex_, manager, clerk, sign, at):
    record = filed(clerk, manager, sign, at)
    number = record.number.removesuffix("0001")
    used = [f"{number}0003", f"{number}0009"]
    said = recover_numbers(complex_.code, used=used, do=False, at=at)
    assert f"{number}0009: 등록대장은 {number}0001까지 압니다. 번호 8개를 건너뜁니다." in said
    assert Register.objects.get(series=record.series).last == 1  # only looked at
    for used_again in (used, [f"{number}0002"]):
        recover_numbers(complex_.code, used=used_again, do=True, at=at)
    assert filed(clerk, manager, sign, at).number == f"{number}0010"
    skipped = [e for e in events_of(complex_.id, complex_.id) if e.name == Event.NUMBERS_SKIPPED]
    (event,) = skipped
    assert json.loads(b64decode(event.openings["numbers"]["value"]))["numbers"] == [
        {"series": record.series, "year": record.year, "first": 2, "last": 9}
    ]
    assert Message.objects.filter(subject="문서번호를 건너뛰었습니다").count() == 1


@pytest.mark.parametrize(
    ("used", "said"),
    [
        ([], "건너뛸 번호가 없습니다"),
        (["지출-2026-12"], "문서번호가 아닙니다"),
        (["지출-2026-0001", "수박-2026-0001"], "그런 등록대장이 없습니다: 수박"),
        (["지출-2027-0001"], "아직 오지 않은 해"),
    ],
)
def test_what_is_no_number_of_the_complex_is_refused(complex_, at, used, said):
    with pytest.raises(Refusal, match=said):
        recover_numbers(complex_.code, used=used, do=True, at=at)
    assert not Register.objects.exists()


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


def test_a_collection_that_grew_meanwhile_is_not_overwritten(complex_, at, alter):
    Sequencer().tick()
    assert collecting.collect() == 1
    alter("DELETE FROM transparency_collectedhead")
    alter("DELETE FROM transparency_collection")
    repair = recovery.examine_collection()
    Collection.objects.create(
        number=recovery.NUMBER, origin="later", size=7, root=b"", checkpoint=b""
    )
    with pytest.raises(Refusal, match="하는 동안 장부가 늘어났습니다"):
        repair.do()
    assert not CollectedHead.objects.exists()


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
    confirmed = agreed(complex_, at, published_head(complex_).note)
    doc = happen(complex_, at, 2)
    Sequencer().tick()
    shutil.rmtree(folder / "tile")
    recover_files(complex_.code, number=None, source="", do=True, at=at)
    assert (folder / "tile/0/000.p/4").exists()
    assert (folder / "confirmed").read_bytes() == confirmed
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


def test_an_event_that_was_altered_keeps_no_log_from_going_on(complex_, at, alter):
    Sequencer().tick()
    doc = happen(complex_, at, 2)
    first = EventRow.objects.get(doc=doc, seq=1)
    alter("UPDATE transparency_event SET entry = 'x' WHERE id = %s", str(first.id))
    with pytest.raises(Refusal, match="recover나 retire로"):
        retiring.close(complex_, reason="옮깁니다.", at=at)
    assert not EventRow.objects.filter(name=Event.LOG_CLOSED).exists()
    said = retire_log(complex_.code, reason="사건이 바뀌었습니다.", do=True, at=at)
    assert "저장한 뒤 바뀐 사건 2건은 어느 장부에도" in said
    assert f"- 따로 둔 사건: 문서 {doc.hex}" in said
    assert SetAside.objects.filter(doc=doc).count() == 2
    assert EventRow.objects.filter(name=Event.LOG_CLOSED).count() == 1
    assert log_of(complex_.id).number == 2
    go_on(complex_, at)


def test_a_log_says_that_it_is_closed_behind_everything_that_waited(complex_, at):
    Sequencer().tick()
    happen(complex_, at, 4)
    retire_log(complex_.code, reason="옮깁니다.", do=True, at=at)
    newest = Leaf.objects.filter(log_number=1).latest("index")
    assert newest.event.name == Event.LOG_CLOSED


def test_whoever_is_interrupted_while_retiring_does_it_again(complex_, at, folder, monkeypatch):
    Sequencer().tick()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retiring, "write_durably", killed)
        with pytest.raises(KeyboardInterrupt):
            retire_log(complex_.code, reason="상했습니다.", do=True, at=at)
    assert log_of(complex_.id).number == 1
    retire_log(complex_.code, reason="상했습니다.", do=True, at=at)
    assert log_of(complex_.id).number == 2
    assert "상했습니다." in (folder / "incident.txt").read_text()
    assert EventRow.objects.filter(name=Event.LOG_CLOSED).count() == 1


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
    agreed(complex_, at, published_head(complex_).note)
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
    call_command("recover", "numbers", "--code", complex_.code, "--used", "지출-2026-0002")
    call_command("retire", "--code", complex_.code, "--reason", "옮깁니다.")
    said = capsys.readouterr().out
    assert "할 일이 없습니다" in said
    assert "모두 온전합니다" in said
    assert "번호 2개를 건너뜁니다" in said
    with pytest.raises(Refusal, match="recover numbers에만"):
        call_command("recover", "files", "--code", complex_.code, "--used", "지출-2026-0002")
    assert "--do를 붙여" in said
    with pytest.raises(Refusal, match="단지가 없습니다"):
        call_command("recover", "files", "--code", "Z99999999")
