"""T06, T07: what a decision rests on was put into a fork of the log that nobody else ever sees."""

import json

import pytest
from test_verify_decisions import ACTED, away

import made_bundle
import made_document as made
from danji_verify.bundle import Trust, check_bundle
from danji_verify.canonical import b64encode, canonical
from danji_verify.check import check_pdf
from danji_verify.merkle import leaf_hash
from danji_verify.report import State, Verdict
from made_document import Act, Changes
from made_passkey import ES256, by_passkey, enrolled

WITNESSED = made.policy(witnesses=True)
NAMED = "미리 정해져 있었습니다"
CONFIRMED = "님이 확인하고 등록한 것입니다"
INSIDE = "PDF 안에 든 증명 가운데 아직 잠정인 것이"


def deputised(**options):
    """A document that a deputy approved."""
    return made.make(
        sealed=True, cosigners=("complex", "city"), acts=ACTED, basis=(away(),), **options
    )


def signed(**options):
    """A document that was approved with a passkey."""
    event = enrolled(ES256)
    leaf = leaf_hash(made.make(basis=(event,)).parts["leaf-basis-1.json"])
    return made.make(
        sealed=True,
        cosigners=("complex", "city"),
        line=(made.LINE[0], made.LINE[2] | {"position": 2, "stage": 2}),
        acts=(Act(2),),
        sign=by_passkey(ES256, leaf),
        basis=(event,),
        **options,
    )


def said(report, state):
    return " ".join(found.sentence for found in report.of(state))


def without_basis(document):
    """The bundle as its operator would hand it out: the fork stays inside the PDF."""
    files = made_bundle.parts(document)
    leaf = b64encode(leaf_hash(files.pop("leaf-basis-1.json")))
    del files["leaf-basis-1.tlog-proof"]
    openings = json.loads(files["openings.json"])
    del openings[leaf]
    return files | {"openings.json": canonical(openings)}


def bundled(files):
    return check_bundle(made_bundle.packed(files), Trust(WITNESSED))


def demand_told_and_refused(document, sentence):
    """The PDF alone does not vouch for it, and no bundle can."""
    report = check_pdf(document.pdf, document.proof, WITNESSED)
    assert sentence not in said(report, State.OK)
    assert f"아직 잠정인 증명입니다: {document_says(report, sentence)}" in said(
        report, State.UNCHECKED
    )
    assert INSIDE in said(report, State.UNCHECKED)
    report = bundled(without_basis(document))
    assert report.verdict is Verdict.REFUSED
    assert "leaf-basis-1.json의 증명이 묶음에 없습니다" in said(report, State.FAILED)
    assert sentence not in said(report, State.OK)
    assert bundled(made_bundle.parts(document)).verdict is Verdict.REFUSED


def document_says(report, sentence):
    return next(
        found.settled for found in report.findings if found.settled and sentence in found.settled
    )


def test_t06_a_deputy_who_was_never_in_the_log_is_told_and_refused():
    demand_told_and_refused(deputised(changes=Changes(hidden=True)), NAMED)


def test_t07_an_enrolment_that_was_never_in_the_log_is_told_and_refused():
    demand_told_and_refused(signed(changes=Changes(hidden=True)), CONFIRMED)


@pytest.mark.parametrize(("make", "sentence"), [(deputised, NAMED), (signed, CONFIRMED)])
def test_what_a_pdf_of_before_the_confirmation_leaves_open_its_bundle_settles(make, sentence):
    document = make(early=True)
    report = check_pdf(document.pdf, document.proof, WITNESSED)
    assert report.verdict is Verdict.ACCEPTED
    assert sentence not in said(report, State.OK)
    assert INSIDE in said(report, State.UNCHECKED)
    report = bundled(made_bundle.parts(document))
    assert report.verdict is Verdict.ACCEPTED
    assert sentence in said(report, State.OK)
    assert "잠정" not in said(report, State.UNCHECKED)


def test_what_was_confirmed_when_the_pdf_was_made_is_vouched_for_at_once():
    document = signed()
    report = check_pdf(document.pdf, document.proof, WITNESSED)
    assert CONFIRMED in said(report, State.OK)
    assert "폐지되지 않았는지는 확인하지 않았습니다" in said(report, State.UNCHECKED)
    assert INSIDE not in said(report, State.UNCHECKED)


def test_without_a_quorum_the_log_alone_vouches():
    document = deputised()
    assert NAMED in said(check_pdf(document.pdf, document.proof, made.policy()), State.OK)
