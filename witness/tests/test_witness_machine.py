"""Whatever is pushed in whatever order, what was cosigned is one history, growing."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from danji_verify.checkpoint import Checkpoint
from danji_verify.merkle import verify_consistency
from danji_verify.note import Signature, format_note, open_note, parse_note
from danji_witness.folder import Folder, make
from danji_witness.logs import log_id
from danji_witness.witness import Witness, request_body
from made_log import NOON, MadeLog, lines_of

PERCENT = st.integers(0, 100)  # of the log


class Pushing(RuleBasedStateMachine):
    """Two forks of one log push to a witness that is restarted now and then."""

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.folder = Folder(Path(self.place.name) / "witness")
        make(self.folder, "witness.test")
        self.now = NOON
        self.cosigned = []  # (tree, the log it is of, time), in the order of the answers

    @initialize()
    def begin(self):
        self.logs = [MadeLog()]
        self.logs.append(MadeLog(self.logs[0].origin, self.logs[0].private))
        for which in (0, 1):
            self.grow(which, 5, same=True)
            self.grow(which, 40, same=False)
        self.folder.logs.write_text(lines_of([(self.logs[0].key, "")]), "utf-8")
        self.witness = self.start()

    def start(self):
        return Witness(self.folder, clock=lambda: self.now)

    @rule(which=st.booleans(), count=st.integers(1, 300), same=st.booleans())
    def grow(self, which, count, same):
        log = self.logs[which]
        if log.size < 2000:
            name = "both" if same else f"fork {which}"
            log.add(*(f"{name} {log.size + each}".encode() for each in range(count)))

    @rule(which=st.booleans(), old=PERCENT, size=PERCENT)
    def push(self, which, old, size):
        log = self.logs[which]
        self.send(log, log.size * old // 100, log.size * size // 100)

    @rule(which=st.booleans(), size=PERCENT)
    def push_on_from_what_was_cosigned(self, which, size):
        log = self.logs[which]
        head = self.witness.state.head(log_id(log.origin))
        self.send(log, head.size if head else 0, log.size * size // 100)

    @rule(seconds=st.integers(-3, 100))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def restart(self):
        self.witness.close()
        self.witness = self.start()

    def send(self, log, old, size):
        proof = log.proof(old, size) if old <= size else []
        answer = self.witness.add_checkpoint(request_body(old, proof, parse_note(log.head(size))))
        if answer.status == 200:
            line = Signature.parse(answer.body.decode().removesuffix("\n"))
            note = format_note(log.tree(size).text(), [line])
            [found] = open_note(note, [self.witness.identity.key]).verified
            self.cosigned.append((log.tree(size), log, found.time))

    @invariant()
    def what_was_cosigned_is_one_history_that_grows(self):
        for (old, _, earlier), (new, log, later) in zip(
            self.cosigned, self.cosigned[1:], strict=False
        ):
            assert old.size <= new.size
            assert earlier <= later
            verify_consistency(
                old.size, new.size, log.proof(old.size, new.size), old.root, new.root
            )

    @invariant()
    def what_is_published_is_what_was_cosigned_last(self):
        if self.cosigned:
            tree, log, _ = self.cosigned[-1]
            shown = parse_note(self.folder.published(log_id(log.origin)).read_bytes())
            assert Checkpoint.parse(shown.text) == tree

    def teardown(self):
        self.witness.close()
        self.place.cleanup()


Pushing.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_pushes_in_any_order = Pushing.TestCase
