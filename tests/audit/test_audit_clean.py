"""An audit of a complex in which nobody has changed anything finds nothing."""

from datetime import timedelta

from audited import approved, audit, settle, signs
from danji.audit.findings import Severity
from danji.authority.actions import end_absence, set_absence
from danji.rules.absence import Reason
from danji.rules.approval import Decision
from danji.rules.periods import day_in_seoul
from danji.transparency.sequencer import Sequencer
from papers import decide, submit
from signing.enrolment import enrol


def wrong(audited):
    return [found for found in audited.found.kept if found.severity is not Severity.NOTE]


def test_every_way_a_document_can_go_is_in_order(complex_, clerk, chief, manager, sign, at):
    later = iter(at + timedelta(seconds=second) for second in range(1, 100))
    finished = submit(clerk, at)
    decide(finished, chief, sign, next(later), Decision.DISSENT, "천천히 하면 좋겠습니다.")
    decide(finished, manager, sign, next(later))
    returned = submit(clerk, at)
    decide(returned, chief, sign, next(later), Decision.RETURN, "다시 써 주세요.")
    sent_back = submit(clerk, at)
    decide(sent_back, chief, sign, next(later))
    decide(sent_back, manager, sign, next(later), Decision.SEND_BACK, "한 번 더요.", to=2)
    under_way = submit(clerk, at)
    decide(under_way, chief, sign, next(later))
    approved(clerk, chief, manager, sign, next(later))
    settle()
    assert wrong(audit(complex_, at)) == []
    decide(sent_back, chief, sign, next(later))
    decide(sent_back, manager, sign, next(later))
    settle()
    audited = audit(complex_, at)
    assert wrong(audited) == []
    assert (audited.found.rows["documents"], audited.found.rows["renditions"]) == (5, 3)


def test_what_is_disclosed_and_signed_with_keys_is_in_order(
    complex_, bookkeeper, chief, manager, at
):
    devices = {chief: enrol(chief, manager, at), manager: enrol(manager, chief, at)}
    document = submit(bookkeeper, at, form="expense")
    for officer in (chief, manager):
        decide(document, officer, signs(officer, devices[officer]), at)
    settle()
    audited = audit(complex_, at)
    assert wrong(audited) == []
    assert audited.found.rows["signatures"] == 2
    assert audited.found.rows["publications"] == 1


def test_who_stood_in_for_whom_is_in_order(complex_, clerk, chief, manager, sign, at):
    day = day_in_seoul(at)
    away = {"since": day, "until": day + timedelta(days=2), "reason": Reason.TRIP}
    absence = set_absence(manager.id, deputy_id=chief.id, **away, actor=manager, at=at)
    document = submit(clerk, at)
    decide(document, chief, sign, at)
    end_absence(absence.id, actor=manager, at=at)
    settle()
    assert wrong(audit(complex_, at)) == []


def test_the_files_a_head_is_ahead_of_are_found_where_they_wait(
    complex_, clerk, chief, manager, sign, at, monkeypatch
):
    """The database names a head whose files the sequencer is still about to put in their places."""
    from danji.transparency import sequencer

    approved(clerk, chief, manager, sign, at)
    settle()
    submit(clerk, at)
    monkeypatch.setattr(sequencer, "apply", lambda *_: None)
    Sequencer().tick()
    assert wrong(audit(complex_, at)) == []
