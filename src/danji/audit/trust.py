"""Whom to believe about the logs of a complex: rows, held against what the log itself says.

Whoever owns the database could enter a witness of their own and agree with themselves; but each
change of the policy (`policy.changed`) and of a key (`key.rotated`) is an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from danji.audit.chains import Logged, chain_of
from danji.audit.findings import Area, Findings
from danji.audit.snapshot import Snapshot
from danji.rules.refusal import Refusal
from danji.transparency.models import Log, LogKey, Witness
from danji.transparency.queries import policy
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.note import Verified, VerifierKey
from danji_verify.policy import Policy

EVER = datetime.max.replace(tzinfo=UTC)  # where it is asked who signed, and not when


@dataclass(frozen=True)
class Watcher:
    """A witness, of today or of before, and its key."""

    label: str
    key: VerifierKey


@dataclass(frozen=True)
class Trust:
    """`policy` is today's, as the rows have it; `said` are all that the log ever named, in order;
    `watchers` are by the id of their row.
    """

    policy: Policy
    said: Sequence[Policy]
    watchers: Mapping[UUID, Watcher]

    @property
    def logs(self) -> list[VerifierKey]:
        return [party.key for party in self.policy.logs]

    @property
    def keys(self) -> list[VerifierKey]:
        """Of the complex's logs, and of every witness there ever was."""
        return [*self.logs, *(watcher.key for watcher in self.watchers.values())]

    def agreed(self, verified: Iterable[Verified]) -> bool:
        """Whether these signatures were enough by a policy that the log named."""
        keys = {one.key for one in verified}
        return any(
            policy.agreed_at(
                {name: EVER for name, party in policy.witnesses.items() if party.key in keys}
            )
            for policy in self.said
        )


def read_trust(snapshot: Snapshot, found: Findings) -> Trust | None:
    """None where the log's own key is not to be had, so that nothing can be said of signatures."""
    try:
        today = policy(snapshot.complex)
    except Refusal as refusal:
        found.doubt(Area.LOG, f"장부의 서명을 확인하지 못했습니다. {refusal.fact}")
        return None
    except VerifyError as problem:
        found.fault(Area.LOG, "장부나 확인 기관의 열쇠가 상했습니다.", repr(problem))
        return None
    watchers = {}
    for id_, name, label, vkey in Witness.objects.values_list("id", "name", "label", "vkey"):
        try:
            watchers[id_] = Watcher(label, VerifierKey.parse(vkey))
        except VerifyError as problem:
            found.fault(Area.LOG, f"확인 기관 {name}의 열쇠가 상했습니다.", repr(problem))
    chain = chain_of(snapshot, snapshot.complex.id)
    said = _said(chain.all(Event.POLICY_CHANGED), found)
    _check_witnesses(snapshot, today, said, found)
    _check_log_keys(snapshot, said, chain.all(Event.KEY_ROTATED), found)
    return Trust(today, said, watchers)


def _said(events: Iterable[Logged], found: Findings) -> list[Policy]:
    policies = []
    for event in events:
        if "policy" in event.openings:  # told where the openings are, otherwise
            with found.guarding(Area.LOG, f"{event.title}:"):
                policies.append(Policy.parse(event.value("policy")))
    return policies


def _check_witnesses(
    snapshot: Snapshot, today: Policy, said: Sequence[Policy], found: Findings
) -> None:
    """Those who count today are those whom the log named last."""
    here = _ours(snapshot)
    named = [one for one in said if any(_house(log.key.name) in here for log in one.logs)]
    if named:
        newest = named[-1]
        agrees = (_members(today), today.groups, today.quorum) == (
            _members(newest),
            newest.groups,
            newest.quorum,
        )
        differing = _members(today) ^ _members(newest)
    else:
        # A complex that was taken in later finds those who follow every log here.
        own = Witness.objects.filter(complex=snapshot.complex, until=None)
        differing = {(name, vkey) for name, vkey in own.values_list("name", "vkey")}
        agrees = not differing
    if not agrees:
        names = ", ".join(sorted({name for name, _ in differing}))
        found.fault(
            Area.LOG,
            f"확인 기관의 목록이 봉인 장부에 적힌 것과 다릅니다({names or '묶음'}). 누가 확인 "
            "기관을 몰래 더하거나 바꾸었습니다.",
            repr(sorted(differing)),
        )


def _check_log_keys(
    snapshot: Snapshot, said: Sequence[Policy], rotated: Iterable[Logged], found: Findings
) -> None:
    """A log has the keys that the log named, and one where it named none yet."""
    named = {str(log.key) for one in said for log in one.logs}
    for event in rotated:
        key = event.json("key")
        if key.get("use") == "log":
            named |= {str(key.get("old")), str(key.get("new"))}
    rows = LogKey.objects.within(snapshot.complex.id).values_list("log_number", "vkey")
    here = _ours(snapshot)
    for number, origin in Log.objects.within(snapshot.complex.id).values_list("number", "origin"):
        if _house(origin) not in here:
            continue  # kept by another before us, who changed its keys
        known = {vkey for of, vkey in rows if of == number}
        expected = {vkey for vkey in named if vkey.partition("+")[0] == origin}
        if (known != expected) if expected else len(known) != 1:
            found.fault(
                Area.LOG,
                f"{number}번 장부의 열쇠가 봉인 장부에 적힌 것과 다릅니다. 누가 열쇠를 몰래 "
                "더하거나 바꾸었습니다.",
                f"{origin}: rows {sorted(known)}, logged {sorted(expected)}",
            )


def _members(policy: Policy) -> set[tuple[str, str]]:
    return {(name, str(party.key)) for name, party in policy.witnesses.items()}


def _ours(snapshot: Snapshot) -> set[str]:
    """Under which name the logs that go on here are kept."""
    newest = Log.objects.within(snapshot.complex.id).order_by("-number").first()
    return {_house(newest.origin)} if newest else set()


def _house(origin: str) -> str:
    return origin.rpartition("/apt/")[0]
