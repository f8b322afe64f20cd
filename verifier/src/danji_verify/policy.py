"""Policies (c2sp.org/tlog-policy): which logs are accepted, and whose cosignatures are needed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from danji_verify.checkpoint import Checkpoint
from danji_verify.errors import FormatError, NoteError, Unlisted, Wrong
from danji_verify.note import (
    COSIGNATURE,
    ED25519,
    MLDSA_COSIGNATURE,
    VerifierKey,
    parse_note,
    verify_signatures,
)

MAX_POLICY = 256 * 1024  # bytes
MAX_LINES = 64  # of each kind: logs, witnesses, groups
LAST_SECOND = 253370764799  # the end of the year 9998: every time zone can tell it

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BLANK = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_LOG_KEYS = frozenset({ED25519})
_WITNESS_KEYS = frozenset({COSIGNATURE, MLDSA_COSIGNATURE})


@dataclass(frozen=True)
class Party:
    """A log or a witness: its key and, where known, its address."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    needed: int
    members: tuple[str, ...]  # names of witnesses and groups


@dataclass(frozen=True)
class Judgement:
    """What a policy says about a signed checkpoint that one of its logs signed.

    `cosigned` maps a witness's name to the time of its cosignature (UTC).
    """

    checkpoint: Checkpoint
    log: VerifierKey
    cosigned: Mapping[str, datetime]
    confirmed: bool  # 확정: the policy names a quorum, and it is met; otherwise 잠정
    retired: bool = False  # signed by a key that another followed, and not by that one

    def demand_current(self) -> None:
        """A head that only a retired key signed counts where the witnesses agreed on it: they
        demand the signature of the newest key they know of a log, and agreed before they knew it.

        Raises: Wrong.
        """
        if self.retired and not self.confirmed:
            raise Wrong(
                "지금은 쓰지 않는 옛 열쇠로만 서명한 장부의 머리입니다. "
                "새 열쇠로 서명한 것을 다시 받아 주세요."
            )


@dataclass(frozen=True)
class Head:
    """A signed head that a policy accepted: the whole note, and what was found in it."""

    note: bytes
    judgement: Judgement

    @property
    def checkpoint(self) -> Checkpoint:
        return self.judgement.checkpoint


class Fork(Wrong):
    """Two heads, both signed by the log, that cannot be of one history."""

    def __init__(self, one: Head, other: Head, sentence: str = "") -> None:
        super().__init__(
            sentence or "장부가 둘로 갈라져 있습니다. 서명한 두 머리가 한 장부의 것이 아닙니다."
        )
        self.notes = (one.note, other.note)


@dataclass(frozen=True)
class Policy:
    """Logs, witnesses and groups by name; `quorum` is None where no cosignature is needed.

    A log that changed its key stands there once for each, under one origin, the newest first,
    which signs every head from the change on; one that is there must hold. An older key may have
    been followed for being stolen: what it signed alone counts where the witnesses, who demand the
    newest key's signature, vouch for it, or a newer head for what it covers (`Judgement.retired`).
    """

    logs: tuple[Party, ...]
    witnesses: Mapping[str, Party]
    groups: Mapping[str, Group]
    quorum: str | None

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Raises: FormatError."""
        if len(data) > MAX_POLICY:
            raise FormatError("a policy that is too large")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise FormatError("a policy that is not UTF-8") from problem
        if _CONTROL.search(text):
            raise FormatError("a policy with a control character")
        reader = _PolicyReader()
        for line in text.split("\n"):
            words = _BLANK.split(line.strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                reader.read(words)
        return reader.policy()

    def format(self) -> bytes:
        lines = [["log", str(log.key), log.url] for log in self.logs]
        for name, witness in self.witnesses.items():
            lines.append(["witness", name, str(witness.key), witness.url])
        for name, group in self.groups.items():
            lines.append(["group", name, str(group.needed), *group.members])
        lines.append(["quorum", self.quorum or "none"])
        text = "".join(" ".join(word for word in line if word) + "\n" for line in lines)
        return text.encode()

    def judge(self, note: bytes) -> Judgement:
        """Verify a signed checkpoint.

        Raises: NoteError when no log of the policy signed it, or a known signature does not
        hold; Unlisted, one of these, when it is signed as one of a log that the policy does not
        name; FormatError when it is no checkpoint.
        """
        logs = [log.key for log in self.logs]
        signed = parse_note(note)
        known = [*logs, *(party.key for party in self.witnesses.values())]
        verified = {found.key: found for found in verify_signatures(signed, known)}
        checkpoint = Checkpoint.parse(signed.text)
        log = next((key for key in logs if key in verified and key.name == checkpoint.origin), None)
        if log is None:
            signing = {line.name for line in signed.signatures}
            if checkpoint.origin in signing - {key.name for key in logs}:
                raise Unlisted(checkpoint.origin)
            raise NoteError("a checkpoint that no known log signed")
        cosigned = {
            name: datetime.fromtimestamp(min(found.time, LAST_SECOND), UTC)
            for name, party in self.witnesses.items()
            if (found := verified.get(party.key)) and found.time is not None
        }
        confirmed = self.agreed_at(cosigned) is not None
        newest = next(key for key in logs if key.name == checkpoint.origin)
        return Judgement(checkpoint, log, cosigned, confirmed, retired=log != newest)

    def needed(self) -> frozenset[str]:
        """The names of the witnesses whose cosignatures can count towards the quorum."""
        names, found = [self.quorum] if self.quorum else [], set()
        while names:
            name = names.pop()
            if name in self.groups:
                names += self.groups[name].members
            else:
                found.add(name)
        return frozenset(found)

    def agreed_at(self, cosigned: Mapping[str, datetime]) -> datetime | None:
        """The latest time since which the quorum has cosigned; None where it has not at all.

        One witness alone makes no head young: of a group that needs n, the n-th newest counts.
        """
        return None if self.quorum is None else self._agreed_at(self.quorum, cosigned)

    def _agreed_at(self, name: str, cosigned: Mapping[str, datetime]) -> datetime | None:
        group = self.groups.get(name)
        if group is None:
            return cosigned.get(name)
        found = (self._agreed_at(member, cosigned) for member in group.members)
        times = sorted((at for at in found if at is not None), reverse=True)
        return times[group.needed - 1] if len(times) >= group.needed else None


class _PolicyReader:
    """Reads the lines in order: a name is known only after the line that defines it."""

    def __init__(self) -> None:
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: list[str] = []
        self.keys: set[bytes] = set()
        self.members: set[str] = set()

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self.logs.append(self._party(vkey, url, _LOG_KEYS))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._define(name)
                self.witnesses[name] = self._party(vkey, url, _WITNESS_KEYS)
            case ["group", name, needed, *members] if members:
                self._define(name)
                self.groups[name] = self._group(needed, members)
            case ["quorum", name]:
                if name != "none":
                    self._demand_known(name)
                self.quorum.append(name)
            case _:
                raise FormatError("a policy with a line that means nothing")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > MAX_LINES:
            raise FormatError("a policy with too many lines")

    def policy(self) -> Policy:
        if len(self.quorum) != 1:
            raise FormatError("a policy needs exactly one quorum")
        quorum = None if self.quorum[0] == "none" else self.quorum[0]
        return Policy(tuple(self.logs), self.witnesses, self.groups, quorum)

    def _party(self, vkey: str, url: list[str], types: frozenset[int]) -> Party:
        try:
            key = VerifierKey.parse(vkey)
        except NoteError as problem:
            raise FormatError(f"a policy with a bad key: {problem}") from problem
        if key.type not in types:
            raise FormatError("a policy with a key of the wrong type")
        if key.public in self.keys:
            raise FormatError("a policy with the same key twice")
        self.keys.add(key.public)
        return Party(key, url[0] if url else None)

    def _group(self, needed: str, members: list[str]) -> Group:
        for member in members:
            self._demand_known(member)
            if member in self.members:
                raise FormatError(f"{member} is a member twice")
            self.members.add(member)
        counts = {"all": len(members), "any": 1}
        if needed not in counts and not _NUMBER.fullmatch(needed):
            raise FormatError("a group without a number")
        count = counts.get(needed) or int(needed)
        if count > len(members):
            raise FormatError("a group that needs more than it has")
        return Group(count, tuple(members))

    def _define(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise FormatError(f"{name} is defined twice")

    def _demand_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise FormatError(f"{name} is not defined yet")
