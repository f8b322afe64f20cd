"""Nobody signs who has not accepted that it binds."""

from datetime import date

import pytest

from danji.rules.refusal import Refusal
from danji.signing import actions, queries, terms
from danji.signing.models import Agreement
from danji.transparency.models import Event as EventRow
from danji_verify.entry import Event


def test_an_agreement_is_logged_with_the_digest_of_what_was_read(manager, at):
    agreement = actions.accept_method(actor=manager, at=at)
    event = EventRow.objects.get(doc=agreement.id)
    assert event.name == Event.AGREED
    assert queries.agreement_of(manager) == agreement
    assert len(terms.digest(agreement.text_version)) == 64


def test_accepting_again_changes_nothing(manager, at):
    assert actions.accept_method(actor=manager, at=at) == actions.accept_method(
        actor=manager, at=at
    )
    assert Agreement.objects.count() == 1


def test_each_office_agrees_for_itself(manager, chief, at):
    actions.accept_method(actor=manager, at=at)
    assert queries.agreement_of(chief) is None
    with pytest.raises(Refusal, match="동의서"):
        queries.demand_agreement(chief)


def test_a_new_text_is_accepted_anew(manager, at, monkeypatch):
    actions.accept_method(actor=manager, at=at)
    Agreement.objects.create(
        complex_id=manager.complex_id, officeholder=manager, text_version="0", accepted_at=at
    )
    assert queries.agreement_of(manager).text_version == terms.CURRENT


def test_who_is_out_of_office_accepts_nothing(appointed, at):
    former = appointed("전임자", "clerk", until=date(2020, 1, 1))
    with pytest.raises(Refusal, match="임기"):
        actions.accept_method(actor=former, at=at)


def test_a_text_that_was_accepted_stays_as_it_was():
    """Whoever changes a text gives it a new version: its digest is in logs."""
    known = {"1": "f42e1862ffe3d58ae41bcded30132fb461b2615e726f91af4b3b210a00cc862e"}
    assert {version: terms.digest(version) for version in terms.TEXTS} == known
