"""The folder of a witness: its key, what it signed, which logs it watches, what it publishes.

key.pem       the key of the witness; never leaves this folder
state.db      what was cosigned last, of every log
logs.txt      which logs are watched; edited by hand
public/       <log>/checkpoint: the same heads as anybody may read them
evidence/     <log>/: heads that a log signed and should not have; unproven/: perhaps should not
mirror/, held/, flags.jsonl    the copies of a witness that keeps them (danji_witness.mirror)
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from danji_verify.checkpoint import Checkpoint, witness_key
from danji_verify.errors import NoteError, VerifyError
from danji_verify.note import VerifierKey, check_key_name, open_note
from danji_witness.errors import Refused
from danji_witness.logs import TEMPLATE
from danji_witness.state import Head, State

_LOST = (
    "예전 서명을 잊은 채 다시 서명하면 두 얼굴의 장부를 도와주게 되므로 켜지 않습니다. "
    "이 폴더는 그대로 두고, 새 폴더에서 다른 이름으로 init을 실행해 "
    "새 열쇠를 운영자에게 알려 주세요."
)


@dataclass(frozen=True)
class Folder:
    path: Path

    @property
    def key(self) -> Path:
        return self.path / "key.pem"

    @property
    def state(self) -> Path:
        return self.path / "state.db"

    @property
    def logs(self) -> Path:
        return self.path / "logs.txt"

    @property
    def public(self) -> Path:
        return self.path / "public"

    @property
    def evidence(self) -> Path:
        return self.path / "evidence"

    @property
    def mirror(self) -> Path:
        return self.path / "mirror"

    @property
    def held(self) -> Path:
        return self.path / "held"

    @property
    def flags(self) -> Path:
        return self.path / "flags.jsonl"

    def published(self, log: str) -> Path:
        return self.public / log / "checkpoint"

    def demand_made(self) -> None:
        """Raises: Refused where no witness was made."""
        if not self.key.exists():
            raise Refused("이 폴더에는 확인 기관이 없습니다. 먼저 init을 실행해 주세요.")

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One program runs in a folder. Raises: Refused when another does already."""
        self.demand_made()
        # A lock of SQLite: it ends with the process, on every system.
        lock = sqlite3.connect(self.path / "run.lock", isolation_level=None, timeout=0)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as problem:
            lock.close()
            raise Refused("이 폴더에서 이미 실행하고 있습니다.") from problem
        try:
            yield
        finally:
            lock.close()


@dataclass(frozen=True)
class Identity:
    """Under which name and with which key a witness signs."""

    name: str
    private: Ed25519PrivateKey
    key: VerifierKey

    @classmethod
    def of(cls, name: str, private: Ed25519PrivateKey) -> "Identity":
        return cls(name, private, witness_key(name, private))


def make(folder: Folder, name: str) -> Identity:
    """Make a new witness. Raises: Refused when there is one, or the name is not allowed."""
    try:
        check_key_name(name)
    except NoteError as problem:
        raise Refused("이름에는 빈칸과 + 기호를 쓸 수 없습니다.") from problem
    if any(path.exists() for path in (folder.key, folder.state, folder.public)):
        raise Refused(
            "이 폴더에는 확인 기관이 이미 있습니다. 새로 만드시려면 다른 폴더를 골라 주세요."
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    identity = Identity.of(name, Ed25519PrivateKey.generate())
    # The state comes first: a key without one means that what it signed is forgotten.
    State.create(folder.state, str(identity.key)).close()
    pem = identity.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    folder.key.touch(mode=0o600, exist_ok=False)
    folder.key.write_bytes(pem)
    if not folder.logs.exists():
        folder.logs.write_text(TEMPLATE, "utf-8")
    return identity


def open_folder(folder: Folder) -> tuple[Identity, State]:
    """The witness of a folder, once it is sure that nothing it signed is forgotten.

    Raises: Refused.
    """
    folder.demand_made()
    if not folder.state.exists():
        raise Refused(f"열쇠는 있는데 서명한 기록(state.db)이 없습니다. {_LOST}")
    state = State(folder.state)
    try:
        identity = _identity(folder, state)
        for copy in sorted(folder.public.glob("*/checkpoint")):
            _demand_remembered(copy, state, identity)
    except Refused:
        state.close()
        raise
    return identity, state


def _identity(folder: Folder, state: State) -> Identity:
    try:
        private = load_pem_private_key(folder.key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as problem:
        raise Refused("열쇠 파일(key.pem)을 읽을 수 없습니다.") from problem
    if not isinstance(private, Ed25519PrivateKey):
        raise Refused("열쇠 파일(key.pem)이 이 프로그램의 것이 아닙니다.")
    identity = Identity.of(state.vkey.partition("+")[0], private)
    if str(identity.key) != state.vkey:
        raise Refused("열쇠(key.pem)와 서명한 기록(state.db)이 서로 다른 확인 기관의 것입니다.")
    return identity


def _demand_remembered(copy: Path, state: State, identity: Identity) -> None:
    """What was published must be in the state: a state that is behind was restored."""
    try:
        opened = open_note(copy.read_bytes(), [identity.key])
        shown = Checkpoint.parse(opened.text)
    except VerifyError:
        return  # cut off by a crash of the whole computer; it is written anew
    time = opened.verified[0].time or 0
    head = state.head(copy.parent.name)  # read after the copy, which only ever follows it
    if head is None or (shown.size, time) > (head.size, head.time) or _differs(shown, head):
        kept = 0 if head is None else head.size
        raise Refused(
            f"서명한 기록(state.db)이 예전 것으로 되돌려졌습니다. {shown.origin} 장부에 "
            f"{shown.size}번까지 서명했는데 기록에는 {kept}번까지만 있습니다. {_LOST}"
        )


def _differs(shown: Checkpoint, head: Head) -> bool:
    return shown.size > head.size or (shown.size == head.size and shown.root != head.root)
