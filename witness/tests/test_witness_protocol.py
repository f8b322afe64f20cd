"""c2sp.org/tlog-witness, answer by answer."""

import pytest

from danji_verify.canonical import b64encode
from danji_verify.checkpoint import Checkpoint, cosign
from danji_verify.merkle import EMPTY_ROOT
from danji_verify.note import Note, Signature, format_note, open_note, parse_note, sign_note
from danji_witness.logs import log_id
from danji_witness.witness import MAX_EVIDENCE, Witness, request_body
from made_log import NOON, MadeLog, lines_of


def cosigned(witness, made, answer):
    """The head and the cosignature that was answered, verified together."""
    assert (answer.status, answer.type) == (200, "text/plain; charset=utf-8")
    line = Signature.parse(answer.body.decode().removesuffix("\n"))
    text = made.tree().text()
    opened = open_note(format_note(text, [line]), [witness.identity.key])
    return opened.verified[0]


def test_a_first_head_is_cosigned(witness, made):
    answer = witness.add_checkpoint(made.grow_by(3).request(0))

    assert cosigned(witness, made, answer).time == NOON
    assert witness.state.head(log_id(made.origin)).delivered


def test_a_head_that_continues_is_cosigned(witness, made, clock):
    witness.add_checkpoint(made.grow_by(3).request(0))
    clock.now += 60

    answer = witness.add_checkpoint(made.grow_by(500).request(3))

    assert cosigned(witness, made, answer).time == NOON + 60


def test_the_same_head_is_cosigned_again_with_the_new_time(witness, made, clock):
    witness.add_checkpoint(made.grow_by(3).request(0))
    clock.now += 3600

    answer = witness.add_checkpoint(made.request(3))

    assert cosigned(witness, made, answer).time == NOON + 3600


def test_an_empty_log_is_cosigned_and_may_grow(witness, made):
    made.add()

    assert witness.add_checkpoint(made.request(0)).status == 200
    assert witness.add_checkpoint(made.grow_by(2).request(0)).status == 200


def test_whoever_continues_another_head_is_told_the_size(witness, made):
    witness.add_checkpoint(made.grow_by(3).request(0))

    answer = witness.add_checkpoint(made.grow_by(2).request(4))

    assert (answer.status, answer.body, answer.type) == (409, b"3\n", "text/x.tlog.size")


def test_whoever_begins_with_an_old_size_is_told_zero(witness, made):
    answer = witness.add_checkpoint(made.grow_by(3).request(2))

    assert (answer.status, answer.body) == (409, b"0\n")


def test_a_smaller_head_is_not_cosigned(witness, made):
    witness.add_checkpoint(made.grow_by(5).request(0))

    assert witness.add_checkpoint(made.request(3, 4)).status == 409


def test_an_unknown_log_is_not_found(witness):
    stranger = MadeLog("danji.test/apt/A99999999/1").grow_by(1)

    assert witness.add_checkpoint(stranger.request(0)).status == 404


def test_a_head_signed_by_another_key_is_forbidden(witness, made):
    thief = MadeLog(made.origin).grow_by(1)

    assert witness.add_checkpoint(thief.request(0)).status == 403


def test_a_broken_signature_of_the_log_is_forbidden(witness, made):
    head = parse_note(made.grow_by(1).head())
    [line] = head.signatures
    bad = Signature(line.name, line.key_id, bytes(64))

    assert witness.add_checkpoint(request_body(0, [], Note(head.text, (bad,)))).status == 403
    assert witness.add_checkpoint(request_body(0, [], Note(head.text, (line, bad)))).status == 403


def test_lines_of_strangers_are_ignored(witness, made):
    head = parse_note(made.grow_by(1).head())
    stranger = Signature("someone.test", b"abcd", bytes(72))

    answer = witness.add_checkpoint(
        request_body(0, [], Note(head.text, (stranger, *head.signatures)))
    )

    assert answer.status == 200
    kept = parse_note(witness.state.head(log_id(made.origin)).note)
    assert [line.name for line in kept.signatures] == [made.origin, witness.identity.name]


def _empty_with_another_root(made):
    text = f"{made.origin}\n0\n{b64encode(bytes(32))}\n"
    return request_body(0, [], parse_note(sign_note(text, made.origin, made.private)))


def test_an_empty_tree_has_one_root(witness, made):
    assert witness.add_checkpoint(_empty_with_another_root(made)).status == 422


def test_a_first_head_needs_no_proof(witness, made):
    made.grow_by(3)

    body = request_body(0, [EMPTY_ROOT], parse_note(made.head()))

    assert witness.add_checkpoint(body).status == 422


def test_a_proof_that_does_not_lead_there_is_refused(witness, made):
    witness.add_checkpoint(made.grow_by(3).request(0))
    made.grow_by(4)
    proof = made.proof(3)
    head = parse_note(made.head())

    for wrong in (proof[:-1], [*proof, bytes(32)], [bytes(32), *proof[1:]], []):
        assert witness.add_checkpoint(request_body(3, wrong, head)).status == 422
    assert witness.add_checkpoint(request_body(3, proof, head)).status == 200


def test_another_tree_of_the_same_size_is_refused(witness, made):
    witness.add_checkpoint(made.grow_by(3).request(0))
    other = made.fork(2).add(b"something else")

    assert witness.add_checkpoint(other.request(3)).status == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 0\n\n",
        b"old 00\n\n%s",
        b"old -1\n\n%s",
        b"old 9223372036854775808\n\n%s",
        b"new 0\n\n%s",
        b"old 0\nAAAA\n\n%s",
        b"old 0\n" + b"A" * 43 + b"=\n" * 1 + b"x\n\n%s",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n%s",
        b"old 0\r\n\r\n%s",
        b"old 4\n\n%s",
        b"\xff\n\n%s",
    ],
)
def test_what_is_malformed_is_a_bad_request(witness, made, body):
    head = made.grow_by(3).head()

    assert witness.add_checkpoint(body.replace(b"%s", head)).status == 400


def test_a_signed_text_that_is_no_checkpoint_is_a_bad_request(witness, made):
    note = parse_note(sign_note(f"{made.origin}\nhello\nworld\n", made.origin, made.private))

    assert witness.add_checkpoint(request_body(0, [], note)).status == 400


def test_during_a_rotation_the_newest_key_signs_every_head(witness, folder, made):
    witness.add_checkpoint(made.grow_by(2).request(0))
    both = made.rotated()
    folder.logs.write_text(lines_of([(both.key, ""), (made.key, "")]), "utf-8")

    assert witness.add_checkpoint(made.grow_by(1).request(2)).status == 403
    assert witness.add_checkpoint(both.grow_by(1).request(2)).status == 200


def test_before_the_new_key_is_listed_the_old_one_beside_it_will_do(witness, made):
    witness.add_checkpoint(made.grow_by(2).request(0))

    assert witness.add_checkpoint(made.rotated().grow_by(1).request(2)).status == 200


def test_a_list_edited_meanwhile_counts_from_the_next_request(witness, folder, made):
    other = MadeLog("danji.test/apt/A10000002/1").grow_by(1)
    assert witness.add_checkpoint(other.request(0)).status == 404

    folder.logs.write_text(lines_of([(made.key, ""), (other.key, "")]), "utf-8")

    assert witness.add_checkpoint(other.request(0)).status == 200


def test_a_list_that_cannot_be_read_leaves_the_one_before(witness, folder, made):
    folder.logs.write_text("log nonsense\n", "utf-8")

    assert witness.add_checkpoint(made.grow_by(1).request(0)).status == 200
    assert "1번째 줄" in witness.logs.problem


def test_what_was_answered_is_published(witness, folder, made):
    witness.add_checkpoint(made.grow_by(3).request(0))

    shown = open_note(
        folder.published(log_id(made.origin)).read_bytes(), [made.key, witness.identity.key]
    )

    assert Checkpoint.parse(shown.text) == made.tree()
    assert len(shown.verified) == 2


def test_a_head_that_should_not_exist_is_kept_as_evidence(witness, folder, made):
    witness.add_checkpoint(made.grow_by(3).request(0))
    forged = made.fork(2).add(b"something else")

    witness.add_checkpoint(forged.request(3))
    witness.add_checkpoint(forged.request(1))  # asked on from elsewhere, it is as telling

    [kept] = (folder.evidence / log_id(made.origin)).iterdir()
    assert kept.read_bytes().endswith(forged.head())


def test_evidence_is_kept_once_whoever_else_signs_it(witness, folder, made):
    witness.add_checkpoint(made.grow_by(3).request(0))
    forged = parse_note(made.fork(2).add(b"something else").head())
    for number in range(3):
        stranger = Signature("someone.test", b"abc%d" % number, bytes(72))
        note = Note(forged.text, (stranger, *forged.signatures))
        assert witness.add_checkpoint(request_body(3, [], note)).status == 422

    [kept] = (folder.evidence / log_id(made.origin)).iterdir()
    assert parse_note(kept.read_bytes()) == forged


def test_evidence_does_not_fill_the_disk(witness, folder, made):
    witness.add_checkpoint(made.grow_by(1).request(0))
    for number in range(MAX_EVIDENCE + 5):
        witness.add_checkpoint(MadeLog(made.origin, made.private).add(b"%d" % number).request(1))

    assert len(list((folder.evidence / log_id(made.origin)).iterdir())) == MAX_EVIDENCE


def test_our_own_later_cosignature_stops_the_log(witness, made):
    witness.add_checkpoint(made.grow_by(1).request(0))
    ours = witness.identity
    later = cosign(made.grow_by(2).tree(), name=ours.name, private_key=ours.private, at=NOON)
    note = parse_note(made.head())
    body = request_body(1, made.proof(1), Note(note.text, (*note.signatures, later)))

    assert witness.add_checkpoint(body).status == 503
    assert "더 서명하지 않습니다" in witness.add_checkpoint(made.request(1)).body.decode()


def test_our_own_cosignature_that_we_remember_is_welcome(witness, folder, made):
    witness.add_checkpoint(made.grow_by(1).request(0))
    note = parse_note(folder.published(log_id(made.origin)).read_bytes())

    assert witness.add_checkpoint(request_body(1, [], note)).status == 200


def test_what_anybody_may_have_pushed_is_yet_to_be_handed_in(opened, made):
    witness = opened(made.grow_by(1), url="https://danji.test/log")

    witness.add_checkpoint(made.request(0))

    assert not witness.state.head(log_id(made.origin)).delivered


def test_where_nobody_visits_the_answer_is_all(folder, made):
    folder.logs.write_text(lines_of([(made.grow_by(1).key, "https://danji.test/log")]), "utf-8")
    witness = Witness(folder, visits=False)

    witness.add_checkpoint(made.request(0))

    assert witness.state.head(log_id(made.origin)).delivered
    witness.close()


def test_a_log_that_is_halted_meanwhile_is_cosigned_no_more(witness, made):
    class Slow:
        def hold(self, log, _head, _since):
            witness.state.halt(log.id, "잊었습니다.", NOON)

    witness.keeper = Slow()

    answer = witness.add_checkpoint(made.grow_by(1).request(0))

    assert (answer.status, answer.body.decode()) == (503, "잊었습니다.\n")
    assert witness.published(log_id(made.origin)) is None


def test_a_signature_that_stands_there_often_is_not_taken(opened, made):
    made.grow_by(2)
    note = parse_note(made.head())
    often = request_body(0, [], note) + 59 * f"{note.signatures[-1]}\n".encode()
    witness = opened(made)
    assert witness.add_checkpoint(often).status == 400
    assert witness.add_checkpoint(request_body(0, [], note)).status == 200
    assert len(parse_note(witness.published(log_id(made.origin))).signatures) == 2
