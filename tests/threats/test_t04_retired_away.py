"""T04, T29: what complex and city had confirmed is to go with the log that is retired."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from audited import agree, audit, faults
from danji.audit.collected import check_shared
from danji.audit.run import audit_complex
from danji.config.recovering import recover_files, retire_log
from danji.outbox.models import Message
from danji.rules.refusal import Refusal
from danji.transparency.collecting import collect
from danji.transparency.models import ConfirmedHead, Log, Trouble, TroubleKind
from danji.transparency.queries import events_of, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.troubles import open_trouble
from danji_verify.canonical import b64decode
from danji_verify.entry import Event
from watching import Past, SmallWitness, happen, registered

REASON = "파일이 상했습니다."


@pytest.fixture
def folder(complex_):
    return log_folder(complex_.code, 1)


@pytest.fixture
def dropped(complex_, manager, alter, folder, tmp_path):
    """Two entries more were confirmed, and collected; of both nothing is left here."""
    now = timezone.now()
    witnesses = [SmallWitness("c.test", timezone.now), SmallWitness("g.test", timezone.now)]
    for witness, party in zip(witnesses, ("complex", "city"), strict=True):
        registered(witness, party, complex_, now)
    happen(complex_, now)
    agree(complex_, witnesses, now)
    kept = Log.objects.get().size
    gone = [happen(complex_, now), happen(complex_, now)]
    agree(complex_, witnesses, now)
    collect()
    (tmp_path / "mirror").mkdir()
    Past.of(complex_, alter, tmp_path / "mirror" / "log")
    for path in folder.glob("tile/**/*.p/*"):
        if int(path.name) > kept:
            path.unlink()
    for table in ("leaf", "opening"):
        alter(
            f"DELETE FROM transparency_{table} WHERE event_id IN "
            "(SELECT id FROM transparency_event WHERE doc = ANY(%s::uuid[]))",
            [str(doc) for doc in gone],
        )
    alter("DELETE FROM transparency_event WHERE doc = ANY(%s::uuid[])", list(map(str, gone)))
    return kept


def retired(complex_, **more):
    return retire_log(complex_.code, reason=REASON, do=True, at=timezone.now(), **more)


@pytest.mark.parametrize("kept_where", ["rows", "file", "log of logs"])
def test_t04_a_log_is_not_retired_below_what_was_confirmed(
    complex_, dropped, folder, alter, kept_where, tmp_path
):
    if kept_where != "rows":
        alter("DELETE FROM transparency_confirmedhead WHERE size > %s", dropped)
    if kept_where == "log of logs":
        (folder / "confirmed").unlink()
    for more in ({}, {"lose": 1}):
        with pytest.raises(Refusal, match=f"확정한 {dropped + 2}건 가운데 {dropped}건까지만"):
            retired(complex_, **more)
    assert Log.objects.count() == 1
    mirror = str(tmp_path / "mirror" / "log")
    recover_files(complex_.code, number=None, source=mirror, do=True, at=timezone.now())
    with pytest.raises(Refusal, match="--lose를 빼고"):
        retired(complex_, lose=2)
    retired(complex_)
    assert Log.objects.get(number=1).size == dropped + 2


def test_t04_confirmed_entries_that_are_lost_are_told_for_ever(
    complex_, manager, dropped, folder, alter
):
    now = timezone.now()
    origin, head = Log.objects.get().origin, published_head(complex_)
    for kind in (TroubleKind.DISAGREES, TroubleKind.FROZEN):
        open_trouble(origin, kind, "g.test", "다른 장부입니다.", now)
    told = (
        f"확정된 {dropped + 2}건 가운데 {dropped + 1}번째부터 2건은 이 장부로 증명할 수 없습니다."
    )
    assert told in retired(complex_, lose=2)
    # In the log, beside the old one, and to those in charge.
    Sequencer().tick()
    opened, lost = [e for e in events_of(complex_.id, complex_.id) if e.log_number == 2][:2]
    previous = b64decode(opened.openings["previous"]["value"]).decode()
    assert previous.startswith(head.checkpoint.text())
    assert lost.name == Event.LOG_LOST
    loss = json.loads(b64decode(lost.openings["loss"]["value"]))
    assert loss == {"v": 1, "log": 1, "confirmed": dropped + 2, "proven": dropped}
    assert told in (folder / "incident.txt").read_text(encoding="utf-8")
    assert told in Message.objects.get(subject__startswith="봉인 장부를 닫고").body
    assert [one.kind for one in Trouble.objects.filter(until=None)] == [TroubleKind.DISAGREES]
    # Whatever is deleted afterwards: the new log names what was confirmed, and so did others.
    fault = f"확정한 {dropped + 2}건 가운데 {dropped}건까지만 남기고 1번 장부를 닫았습니다"
    assert fault in faults(audit(complex_, now))
    for table in ("confirmedhead", "cosignature"):
        alter(f"DELETE FROM transparency_{table} WHERE size > %s", dropped)
    assert fault in faults(audit(complex_, now))
    shared = audit_complex(complex_, at=now + timedelta(minutes=5), mismatches=check_shared())
    assert f"모음 장부에 적힌 {dropped + 2}건까지 이르지 않거나" in faults(shared)


def test_t04_heads_that_the_new_log_does_not_name_are_told_too(complex_, dropped, alter):
    """As whoever changed the program could have retired it: below what witnesses had signed."""
    rows = list(ConfirmedHead.objects.filter(size__gt=dropped).values())
    alter("DELETE FROM transparency_confirmedhead WHERE size > %s", dropped)
    (log_folder(complex_.code, 1) / "confirmed").unlink()
    alter("DELETE FROM transparency_collectedhead")
    retired(complex_)
    assert "까지만 남기고" in faults(audit(complex_, timezone.now()))  # by their cosignatures
    alter("DELETE FROM transparency_cosignature WHERE size > %s", dropped)
    assert "까지만 남기고" not in faults(audit(complex_, timezone.now()))
    ConfirmedHead.objects.bulk_create(ConfirmedHead(**row) for row in rows)
    assert "까지만 남기고" in faults(audit(complex_, timezone.now()))
