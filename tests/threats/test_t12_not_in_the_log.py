"""T12: whoever is put among the witnesses below the log counts for nothing, and is told at once."""

from datetime import timedelta

import pytest

from danji.base import tenancy
from danji.transparency.actions import append_event
from danji.transparency.models import (
    ConfirmedHead,
    Event,
    Party,
    PendingEvent,
    Trouble,
    TroubleKind,
    Witness,
)
from danji.transparency.notary import Notary
from danji.transparency.queries import policy, published_head
from danji.transparency.sequencer import Sequencer
from danji.transparency.tree import log_folder
from danji.transparency.witnesses import end_witness, register_witness
from danji.transparency.witnessing import NotTaken, hand_in, watched_log
from danji_verify.canonical import canonical
from danji_verify.entry import Event as Named
from danji_verify.policy import Policy
from watching import SmallWitness, happen, look_and_ask, registered


@pytest.fixture
def ours(complex_, at):
    witness = SmallWitness("c.test", lambda: at)
    registered(witness, "complex", complex_, at)
    return witness


@pytest.fixture
def city(complex_, at):
    witness = SmallWitness("g.test", lambda: at)
    registered(witness, "city", None, at)
    return witness


@pytest.fixture
def notary(complex_, ours, city, at):
    """It looked once, when everything was in order."""
    looking = Notary()
    look_and_ask(complex_, at, looking)
    return looking


def entered(complex_, witness, party, at):
    """What whoever can write rows may do."""
    return Witness.objects.create(
        name=witness.name,
        label="감사",
        party=party,
        vkey=witness.vkey,
        complex=complex_,
        since=at,
    )


def published(complex_):
    return Policy.parse((log_folder(complex_.code, 1) / "policy.txt").read_bytes())


def told():
    found = Trouble.objects.filter(until=None, kind=TroubleKind.DISAGREES, subject="policy")
    return "".join(trouble.sentence for trouble in found)


def cosigned(complex_, *witnesses):
    head = published_head(complex_).note
    for witness in witnesses:
        head = witness.signed_note(head)
    return head


def test_t12_a_witness_among_the_rows_alone_is_not_published_and_told_at_once(
    complex_, notary, at, alter
):
    before = published(complex_)
    own = [SmallWitness("c.own", lambda: at), SmallWitness("g.own", lambda: at)]
    entered(complex_, own[0], "complex", at)
    entered(None, own[1], "city", at)
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    assert "적힌 것과 다릅니다(c.own, g.own)" in told()
    assert published(complex_) == before
    with pytest.raises(NotTaken) as problem:
        hand_in(cosigned(complex_, *own), at=at)
    assert problem.value.status == 403
    assert not ConfirmedHead.objects.exists()
    alter("DELETE FROM transparency_witness WHERE name LIKE '%%.own'")
    look_and_ask(complex_, at + timedelta(seconds=2), notary)
    assert not told()


def test_t12_what_was_agreed_among_the_rows_alone_is_not_published(
    complex_, notary, ours, city, at
):
    """Entered, used and ended again between two looks; a head of theirs that leads further."""
    own = [SmallWitness("c.own", lambda: at), SmallWitness("g.own", lambda: at)]
    for witness, party in zip(own, ("complex", "city"), strict=True):
        entered(complex_, witness, party, at)
    Witness.objects.filter(name__endswith=".own").update(until=at)
    hand_in(cosigned(complex_, ours, city), at=at)
    true = ConfirmedHead.objects.get()
    happen(complex_, at)
    head = published_head(complex_).checkpoint
    ConfirmedHead.objects.create(
        origin=head.origin,
        size=head.size,
        root=head.root,
        note=cosigned(complex_, *own),
        confirmed_at=at - timedelta(seconds=1),
    )
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    confirmed = log_folder(complex_.code, 1) / "confirmed"
    assert confirmed.read_bytes() == bytes(true.note)
    hand_in(cosigned(complex_, ours, city), at=at)
    look_and_ask(complex_, at + timedelta(minutes=11), notary)
    assert confirmed.read_bytes() == cosigned(complex_, ours, city)


@pytest.mark.parametrize("change", ["vkey", "party", "ended"])
def test_t12_a_witness_that_was_exchanged_among_the_rows_counts_for_nothing(
    complex_, notary, ours, city, at, alter, change
):
    thief = SmallWitness(ours.name, lambda: at)
    changed = {
        "vkey": f"vkey = '{thief.vkey}'",
        "party": "party = 'outsider'",
        "ended": "until = now()",
    }
    alter(f"UPDATE transparency_witness SET {changed[change]} WHERE name = 'c.test'")
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    assert told()
    assert published(complex_).quorum == "needed"
    hand_in(cosigned(complex_, thief if change == "vkey" else ours, city), at=at)
    assert not ConfirmedHead.objects.exists()


@pytest.mark.parametrize("placed", [True, False], ids=["a place", "an opening"])
def test_t12_an_event_that_names_others_and_is_not_in_the_log_is_told(
    complex_, notary, at, alter, placed
):
    own = SmallWitness("c.own", lambda: at)
    entered(complex_, own, "complex", at)
    said = policy(complex_).format()
    if placed:  # it takes the place of another in the rows
        values = {"policy": said, "proposer": canonical(""), "officer": canonical(None)}
        append_event(complex_, complex_.id, Named.POLICY_CHANGED, values, at=at)
        PendingEvent.objects.all().delete()
        doc = happen(complex_, at)
        alter("UPDATE transparency_leaf SET event_id = %s WHERE event_id = %s",
              str(Event.objects.filter(doc=complex_.id).latest("seq").id),
              str(Event.objects.get(doc=doc).id))  # fmt: skip
    else:
        alter(
            "UPDATE transparency_opening SET fields = jsonb_set(fields, '{policy,value}', "
            "to_jsonb(translate(encode(%s, 'base64'), E'\\n', '')))",
            said,
        )
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    assert "누가 그 사건을 지어냈거나" in told()
    assert "c.own" not in published(complex_).witnesses
    assert not watched_log(complex_).witnesses


def test_t12_who_is_among_the_rows_alone_is_named_by_no_later_change(complex_, notary, at):
    entered(complex_, SmallWitness("c.own", lambda: at), "complex", at)
    registered(SmallWitness("u.test", lambda: at), "outsider", None, at)
    end_witness("u.test", at=at)
    Sequencer().tick()
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    assert "(c.own)" in told()
    assert set(published(complex_).witnesses) == {"c.test", "g.test"}
    end_witness("c.own", at=at)
    Sequencer().tick()
    look_and_ask(complex_, at + timedelta(seconds=2), notary)
    assert not told()


def test_t12_a_new_witness_counts_as_soon_as_the_log_says_so(complex_, notary, city, at):
    new = SmallWitness("c2.test", lambda: at)
    register_witness(
        label="감사", party=Party.COMPLEX, vkey=new.vkey, url="", complex_=complex_, at=at
    )
    notary.look(at + timedelta(seconds=1))
    assert "c2.test" not in published(complex_).witnesses
    Sequencer().tick()
    notary.look(at + timedelta(seconds=2))
    tenancy._enter("app.complex", complex_.id)
    assert "c2.test" in published(complex_).witnesses
    assert not Trouble.objects.exists()
    hand_in(cosigned(complex_, new, city), at=at)
    assert ConfirmedHead.objects.exists()


def test_t12_a_complex_taken_in_later_finds_who_follows_every_log(complex_, city, found, at):
    later = found("A10000009", "나중아파트")
    Sequencer().tick()
    tenancy._enter("app.complex", later.id)
    assert [witness.name for witness in watched_log(later).witnesses] == [city.name]
    assert not watched_log(later).wrong
    own = SmallWitness("later.own", lambda: at)
    entered(later, own, "complex", at)
    assert [witness.name for witness in watched_log(later).witnesses] == [city.name]
    assert "later.own" in watched_log(later).wrong


def test_t12_a_damaged_row_of_a_witness_keeps_no_other_from_being_heard(
    complex_, neighbour, notary, city, at, alter
):
    alter("UPDATE transparency_witness SET vkey = 'x' WHERE name = 'c.test'")
    look_and_ask(complex_, at + timedelta(seconds=1), notary)
    assert "열쇠가 적힌 행이 상했습니다" in told()
    assert len(notary.logs) == 2
    new = SmallWitness("c2.test", lambda: at)
    registered(new, "complex", complex_, at)
    hand_in(cosigned(complex_, new, city), at=at)
    assert ConfirmedHead.objects.exists()
    end_witness("c.test", at=at)
    Sequencer().tick()
    look_and_ask(complex_, at + timedelta(seconds=2), notary)
    assert not told()
