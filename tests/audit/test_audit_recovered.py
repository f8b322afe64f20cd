"""After an old database was recovered: what came back without content is excused, and no more."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from audited import approved, audit, faults, said, settle
from danji.approvals.drafting import withdraw_document
from danji.audit.findings import Severity
from danji.authority.actions import end_absence, set_absence
from danji.config.recovering import recover_database, recover_numbers, retire_log
from danji.config.rotating import rotate_log
from danji.disclosure.actions import withdraw_disclosure
from danji.records.models import Record, Register
from danji.rules.absence import Reason
from danji.rules.periods import day_in_seoul
from danji.rules.refusal import Refusal
from danji.signing.actions import accept_method, revoke_key
from danji.signing.models import SigningKey
from danji.transparency.actions import append_event
from danji.transparency.models import Event as EventRow
from danji.transparency.models import Leaf, Log, Opening
from danji.transparency.recovery import BY_OPERATOR
from danji_verify.canonical import canonical
from danji_verify.entry import Event
from erasing import erase
from papers import decide, submit
from signing.enrolment import enrol


@pytest.fixture
def backup():
    """Remember the whole database; returns what puts it back, while the files stay as they are."""

    def taken():
        old = transaction.savepoint()
        return lambda: transaction.savepoint_rollback(old)

    return taken


def recover(complex_, at):
    said = recover_database(complex_.code, source="", do=True, at=at)
    settle()
    return said


def losses(found):
    """What an audit tells of losses."""
    return [one for one in said(found, Severity.DOUBT).splitlines() if "내용 없이 돌아온" in one]


def without_content():
    """Events that nothing opens."""
    return EventRow.objects.exclude(id__in=Opening.objects.values("event_id"))


@pytest.fixture
def recovered(complex_, bookkeeper, chief, manager, sign, at, backup):
    """One document kept, one that lost its decisions, and one of which only the events are left."""
    kept = approved(bookkeeper, chief, manager, sign, at, title="백업에 든 문서")
    halfway = submit(bookkeeper, at, form="expense", title="결재를 잃은 문서")
    settle()
    restore = backup()
    decide(halfway, chief, sign, at)
    decide(halfway, manager, sign, at)
    gone = approved(bookkeeper, chief, manager, sign, at, title="사라진 문서")
    settle()
    restore()
    recover(complex_, at)
    return kept, halfway, gone


def test_what_came_back_without_content_is_one_doubt_and_no_fault(complex_, at, recovered):
    *_, gone = recovered
    found = audit(complex_, at)
    assert faults(found) == ""
    lost = without_content().count()
    (doubt,) = losses(found)
    when = "데이터베이스를 되살린 2026. 11. 22.에"
    assert f"{when} 내용 없이 돌아온 사건 {lost:,}건이 있습니다(결재 4, " in doubt
    assert doubt.count("결재를 잃은 문서") == doubt.count(gone.id.hex) == 1
    assert "백업에 든 문서" not in doubt


def test_a_document_whose_decisions_are_lost_is_not_decided_on_but_withdrawn(
    complex_, bookkeeper, chief, sign, recovered
):
    _, halfway, _ = recovered
    now = timezone.now()
    with pytest.raises(Refusal, match="내용이 사라진 것이 있습니다"):
        decide(halfway, chief, sign, now)
    withdraw_document(halfway.id, actor=bookkeeper, at=now)
    settle()
    assert faults(audit(complex_, now)) == ""


def test_nothing_else_is_excused(complex_, at, recovered, alter):
    kept, halfway, gone = recovered
    of_doc = "(SELECT id FROM transparency_event WHERE doc = %s AND name = 'record.filed')"
    alter(f"DELETE FROM transparency_opening WHERE event_id IN {of_doc}", kept.id)
    alter("UPDATE approvals_document SET amount = 1 WHERE id = %s", halfway.id)
    alter("UPDATE records_record SET doc = %s WHERE doc = %s", gone.id, kept.id)
    told = faults(audit(complex_, at))
    assert "여는 값이 사라졌습니다" in told
    assert "금액이 상신한 본문과 다릅니다" in told
    assert "봉인 장부에 등록한 사건이 없는 기록입니다" in told  # made up for one that was lost


@pytest.mark.parametrize("made_up", ["placed", "later", "altered"])
def test_a_made_up_recovery_excuses_nothing(complex_, at, recovered, alter, made_up):
    """Of the event that is not in the tree, or speaks of what came after it, or says more now."""
    kept, _, _ = recovered
    if made_up == "altered":
        alter("DELETE FROM transparency_opening WHERE event_id IN "
              "(SELECT id FROM transparency_event WHERE name = 'log.recovered')")  # fmt: skip
    else:
        size = Log.objects.get().size
        ranges = [[size + 1, size + 9] if made_up == "later" else [0, size]]
        recovery = {"v": 1, "log": 1, "events": size, "ranges": ranges}
        values = {"recovery": canonical(recovery), **BY_OPERATOR}
        append_event(complex_, complex_.id, Event.LOG_RECOVERED, values, at=at)
        event = EventRow.objects.filter(name=Event.LOG_RECOVERED).latest("seq")
        if made_up == "placed":
            Leaf.objects.create(complex=complex_, event_id=event.id, index=size)
        if made_up == "later":
            settle()
            later = append_event(complex_, uuid4(), Event.DISCLOSED, {"publication": b"{}"}, at=at)
            settle()
            alter("DELETE FROM transparency_opening WHERE event_id IN "
                  "(SELECT id FROM transparency_event WHERE leaf_hash = %s)", later)  # fmt: skip
    alter("DELETE FROM transparency_opening WHERE event_id IN "
          "(SELECT id FROM transparency_event WHERE doc = %s)", kept.id)  # fmt: skip
    told = faults(audit(complex_, at))
    assert "2번째 사건(결재)에 적힌 값(stmt)을 열 수 없습니다" in told
    if made_up == "later":
        assert "1번째 사건(공개)에 적힌 값(publication)을 열 수 없습니다" in told


def test_a_second_loss_is_told_beside_the_first(
    complex_, bookkeeper, chief, manager, sign, at, backup, recovered
):
    restore = backup()
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    restore()
    later = at + timedelta(days=1)
    recover(complex_, later)
    retire_log(complex_.code, reason="새 장부로 옮깁니다.", do=True, at=later)
    settle()
    found = audit(complex_, timezone.now())
    assert faults(found) == ""
    first, second = losses(found)
    assert "2026. 11. 22.에" in first
    assert "2026. 11. 23.에" in second


def test_the_same_loss_twice_is_told_once(complex_, bookkeeper, chief, manager, sign, at, backup):
    settle()
    restore = backup()
    approved(bookkeeper, chief, manager, sign, at)
    settle()
    for _ in range(2):
        restore()
        restore = backup()
        recover(complex_, at)
    found = audit(complex_, at)
    assert faults(found) == ""
    (doubt,) = losses(found)
    assert "데이터베이스 되살리기 1" in doubt


def test_what_officers_did_meanwhile_is_undone_without_a_fault(
    complex_, bookkeeper, clerk, chief, manager, chair, sign, at, backup
):
    """Keys revoked, absences, what was withdrawn and what was erased come back as they were."""
    enrol(chief, manager, at)
    enrol(manager, chief, at)
    away = {"since": day_in_seoul(at), "until": day_in_seoul(at), "reason": Reason.TRIP}
    absence = set_absence(manager.id, deputy_id=chief.id, **away, actor=manager, at=at)
    erased, withdrawn = (approved(bookkeeper, chief, manager, sign, at) for _ in range(2))
    settle()
    restore, now = backup(), timezone.now()
    revoke_key(SigningKey.objects.get(person=chief.person).id, reason="분실", actor=chief, at=now)
    accept_method(actor=clerk, at=now)
    end_absence(absence.id, actor=manager, at=at)
    withdraw_disclosure(
        Record.objects.get(doc=withdrawn.id).id, reason="이름", actor=manager, at=now
    )
    erase([erased.id], manager, chair, now)
    settle()
    restore()
    recover(complex_, now)
    found = audit(complex_, timezone.now())
    assert faults(found) == ""
    (doubt,) = losses(found)
    for word in ("서명 열쇠 폐지 1", "전자서명 동의 1", "대결 끝 1", "공개 철회 1", "파기 1"):
        assert word in doubt


def test_a_key_changed_meanwhile_of_which_nothing_is_left_is_a_doubt(
    complex_, at, settings, backup
):
    settle()
    restore = backup()
    rotate_log(complex_, at=at)
    settle()
    for path in (settings.KEYS / complex_.code).glob("rotated-*.json"):
        path.unlink()
    restore()
    recover(complex_, at)
    found = audit(complex_, at)
    assert faults(found) == ""
    assert "1번 장부의 열쇠가 그때 바꾼 것인지 알 수 없습니다" in said(found, Severity.DOUBT)


# --- Numbers --------------------------------------------------------------------------------------


def test_skipped_numbers_are_no_holes_and_every_other_hole_is(
    complex_, bookkeeper, chief, manager, sign, at, recovered, alter
):
    said_first = recover_numbers(complex_.code, used=["지출-2026-0009"], do=False, at=at)
    assert "--do" in said_first
    recover_numbers(complex_.code, used=["지출-2026-0009"], do=True, at=at)
    settle()
    again = approved(bookkeeper, chief, manager, sign, at)
    settle()
    assert Record.objects.get(doc=again.id).number == "지출-2026-0010"
    found = audit(complex_, at)
    assert faults(found) == ""
    assert "건너뛴 번호입니다: 지출-2026-" in said(found, Severity.NOTE)
    register = Register.objects.get(series="지출")
    Register.objects.filter(id=register.id).update(last=11)
    assert "빠진 번호가 있습니다: 11번. " in faults(audit(complex_, at))
    alter("DELETE FROM transparency_opening WHERE event_id IN "
          "(SELECT id FROM transparency_event WHERE name = 'register.skipped')")  # fmt: skip
    assert "9번, 11번. " in faults(audit(complex_, at))


def test_a_register_put_back_behind_skipped_numbers_is_told(complex_, at, recovered):
    recover_numbers(complex_.code, used=["지출-2026-0009"], do=True, at=at)
    settle()
    Register.objects.filter(series="지출").update(last=1)
    assert "빠진 번호가 있습니다: 끝번호가 다름" in faults(audit(complex_, at))
