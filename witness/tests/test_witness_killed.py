"""A witness that is killed at any moment has not forgotten anything that it answered."""

import random
import threading
from http.client import HTTPException

import pytest

from danji_verify.note import Signature, format_note, open_note
from danji_witness.folder import open_folder
from danji_witness.logs import log_id
from made_log import MadeLog, lines_of
from witness_program import running

ENTRIES = 400


@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_outlives_a_kill(folder, seed):
    chance = random.Random(seed)
    logs = [MadeLog(f"danji.test/apt/A1000000{number}/1") for number in range(3)]
    for log in logs:
        log.grow_by(ENTRIES)
    folder.logs.write_text(lines_of((log.key, "") for log in logs), "utf-8")
    answered: dict[str, int] = {}
    lines = []
    for _ in range(2):
        after, enough = chance.randrange(5, 60), threading.Event()
        with running(folder.path) as program:

            def push(log, program=program, after=after, enough=enough):
                try:
                    while answered.get(log.origin, 0) < ENTRIES:
                        old = _known(program, log)
                        for size in range(old + 1, ENTRIES + 1):
                            status, body, _ = program.add_checkpoint(log.request(size - 1, size))
                            assert status == 200
                            answered[log.origin] = size
                            lines.append((log.tree(size), body))
                            if len(lines) >= after:
                                enough.set()
                except (OSError, HTTPException):
                    pass  # killed

            threads = [threading.Thread(target=push, args=[log]) for log in logs]
            for thread in threads:
                thread.start()
            assert enough.wait(30)
            program.kill()
            for thread in threads:
                thread.join()

        identity, state = open_folder(folder)
        for log in logs:
            head = state.head(log_id(log.origin))
            assert (head.size if head else 0) >= answered.get(log.origin, 0)
            assert head is None or head.root == log.tree(head.size).root
        state.close()

    for tree, body in lines:
        line = Signature.parse(body.decode().removesuffix("\n"))
        assert open_note(format_note(tree.text(), [line]), [identity.key]).verified


def _known(program, log):
    """The size cosigned last, as whoever asks on from nowhere is told."""
    status, body, _ = program.add_checkpoint(log.request(ENTRIES))
    return int(body) if status == 409 else ENTRIES
