"""T14: somebody restores an old copy of the database, by accident or on purpose."""

import pytest

from danji.config.recovering import recover_database
from danji.disclosure.queries import disclosed, pdf_of, proof_of
from danji.transparency.models import Event, Leaf, Log, PendingEvent
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import file_reader, log_folder
from danji_verify.check import check_pdf
from danji_verify.merkle import verify_consistency
from danji_verify.report import Verdict
from danji_verify.tiles import audit, consistency_proof
from logbook import filed, judged, settle


@pytest.fixture
def yesterday(alter):
    """Copy the log's tables; returns what puts the copy back with the rights of their owner."""

    def copy():
        for table in ("event", "leaf", "opening", "pendingevent", "log"):
            alter(f"CREATE TEMP TABLE old_{table} AS SELECT * FROM transparency_{table}")

        def restore():
            for table in ("pendingevent", "opening", "leaf", "event", "log"):
                alter(f"DELETE FROM transparency_{table}")
            for table in ("event", "leaf", "opening", "pendingevent", "log"):
                alter(f"INSERT INTO transparency_{table} SELECT * FROM old_{table}")

        return restore

    return copy


def test_t14_a_restored_database_is_refused_and_brought_up_to_what_was_published(
    complex_, clerk, manager, sign, at, yesterday
):
    old = filed(clerk, manager, sign, at)
    restore = yesterday()
    newer = filed(clerk, manager, sign, at, title="어제 백업 뒤의 공고")
    given = judged(newer)
    signed = published_head(complex_)
    restore()

    sequencer = Sequencer()
    sequencer.start()
    assert "옛 백업" in sequencer.frozen[complex_.id]
    assert sequencer.tick() == 0
    assert published_head(complex_).note == signed.note  # nothing else was signed

    recover_database(complex_.code, source="", do=True, at=at)
    reader = file_reader(log_folder(complex_.code, 1))
    settle()
    head = published_head(complex_).checkpoint
    assert head.size >= signed.checkpoint.size
    assert audit(head.size, reader) == head.root
    path = consistency_proof(signed.checkpoint.size, head.size, reader)
    verify_consistency(signed.checkpoint.size, head.size, path, signed.checkpoint.root, head.root)
    assert given.verdict is Verdict.ACCEPTED
    assert judged(old).verdict is Verdict.ACCEPTED
    assert not PendingEvent.objects.exists()
    assert Leaf.objects.count() == Event.objects.count() == Log.objects.get().size


def test_t14_a_proof_given_before_the_restoring_still_holds(
    complex_, clerk, manager, sign, at, yesterday
):
    restore = yesterday()
    record = filed(clerk, manager, sign, at)
    shown = disclosed(record)
    pdf, proof = pdf_of(shown), proof_of(shown, complex_)
    restore()
    recover_database(complex_.code, source="", do=True, at=at)
    settle()
    assert check_pdf(pdf, proof, policy(complex_)).verdict is Verdict.ACCEPTED
