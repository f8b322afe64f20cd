"""Many ask at once: of two histories one is cosigned, whichever process judges."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from danji_verify.merkle import verify_consistency
from danji_witness.logs import log_id
from made_log import MadeLog

ROUNDS = 15


@pytest.mark.parametrize("openings", [1, 2], ids=["threads", "as in two processes"])
def test_of_two_histories_pushed_at_once_one_is_cosigned(opened, made, openings):
    witnesses = [opened(made.grow_by(1)) for _ in range(openings)]
    assert witnesses[0].add_checkpoint(made.request(0)).status == 200
    with ThreadPoolExecutor(8) as threads:
        for _ in range(ROUNDS):
            forks = [made.fork(made.size).add(b"fork %d" % number) for number in range(8)]
            start = Barrier(8)

            def push(number, forks=forks, start=start):
                body = forks[number].request(forks[number].size - 1)
                start.wait()
                return witnesses[number % openings].add_checkpoint(body).status

            statuses = list(threads.map(push, range(8)))

            assert sorted(set(statuses)) == [200, 409]
            assert statuses.count(200) == 1
            made = forks[statuses.index(200)]
            assert (
                witnesses[0].published(log_id(made.origin))
                == witnesses[0].folder.published(log_id(made.origin)).read_bytes()
            )


def test_growing_heads_pushed_at_once_end_with_one_history(opened, made, folder):
    witness, sizes = opened(made.grow_by(40)), range(1, 41)
    witness.add_checkpoint(made.request(0, 1))

    def push(size):
        head = witness.state.head(log_id(made.origin))
        return witness.add_checkpoint(made.request(head.size, max(size, head.size))).status

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(push, sizes))

    assert statuses <= {200, 409}
    last = witness.state.head(log_id(made.origin))
    assert last.root == made.tree(last.size).root
    assert folder.published(log_id(made.origin)).read_bytes() == last.note
    proof = made.proof(1, last.size)
    verify_consistency(1, last.size, proof, made.tree(1).root, last.root)


def test_another_log_is_not_held_up(opened):
    logs = [MadeLog(f"danji.test/apt/A1000000{number}/1").grow_by(2) for number in range(8)]
    witness = opened(*logs)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda log: witness.add_checkpoint(log.request(0)), logs))

    assert {answer.status for answer in answers} == {200}
    assert len(witness.state.heads()) == 8
