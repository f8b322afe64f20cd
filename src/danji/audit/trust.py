"""Whom to believe about the logs of a complex: rows, held against what the log itself says.

Whoever owns the database could enter a witness of their own and agree with themselves; but each
change of the policy (`policy.changed`) and of a key (`key.rotated`) is an event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from danji.audit.chains import Logged, chain_of
from danji.audit.findings import Area, Findings
from danji.audit.recovered import Recoveries
from danji.audit.snapshot import Snapshot
from danji.rules.refusal import Refusal
from danji.transparency.keys import DamagedKey
from danji.transparency.models import Log, LogKey, Witness
from danji.transparency.named import agreed_by, difference, house, speaks_here
from danji.transparency.queries import policy
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.note import VerifierKey
from danji_verify.policy import Policy


@dataclass(frozen=True)
class Watcher:
    """A witness, of today or of before, and its key."""

    label: str
    key: VerifierKey


@dataclass(frozen=True)
class Trust:
    """`policy` is today's, as the rows have it; `said` are all that the log ever named, in order;
    `watchers` are by the id of their row; `ended` are the heads, notes, with which later logs say
    that those before them ended.
    """

    policy: Policy
    said: Sequence[Policy]
    watchers: Mapping[UUID, Watcher]
    ended: Sequence[bytes]

    @property
    def logs(self) -> list[VerifierKey]:
        return [party.key for party in self.policy.logs]

    @property
    def keys(self) -> list[VerifierKey]:
        """Of the complex's logs, and of every witness there ever was."""
        return [*self.logs, *(watcher.key for watcher in self.watchers.values())]

    def agreed(self, signers: Iterable[VerifierKey]) -> bool:
        """Whether signatures by these keys were enough by a policy that the log named."""
        return agreed_by(self.said, signers)


def read_trust(snapshot: Snapshot, recoveries: Recoveries, found: Findings) -> Trust | None:
    """None where the log's own key is not to be had, so that nothing can be said of signatures."""
    try:
        today = policy(snapshot.complex)
    except DamagedKey as problem:
        found.fault(Area.LOG, problem.fact)
        return None
    except Refusal as refusal:
        found.doubt(Area.LOG, f"장부의 서명을 확인하지 못했습니다. {refusal.fact}")
        return None
    watchers = {}
    for id_, name, label, vkey in Witness.objects.values_list("id", "name", "label", "vkey"):
        try:
            watchers[id_] = Watcher(label, VerifierKey.parse(vkey))
        except VerifyError as problem:
            found.fault(Area.LOG, f"확인 기관 {name}의 열쇠가 상했습니다.", repr(problem))
    (chain,) = recoveries.mark([chain_of(snapshot, snapshot.complex.id)])
    said = _said(chain.all(Event.POLICY_CHANGED), found)
    _check_witnesses(snapshot, today, said, found)
    _check_log_keys(snapshot, said, chain.all(Event.KEY_ROTATED), found)
    ended = [event.value("previous") for event in chain.all(Event.LOG_CONTINUED)]
    return Trust(today, said, watchers, ended)


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
    origin = _newest_origin(snapshot)
    named = next((one for one in reversed(said) if speaks_here(one, origin)), None)
    differing = difference(snapshot.complex, today, named)
    if differing is not None:
        found.fault(Area.LOG, differing.sentence, repr(sorted(differing.members)))


def _check_log_keys(
    snapshot: Snapshot, said: Sequence[Policy], rotated: Sequence[Logged], found: Findings
) -> None:
    """A log has the keys that the log named, and one where it named none yet."""
    named = {str(log.key) for one in said for log in one.logs}
    for event in rotated:
        key = event.json("key")
        if key.get("use") == "log":
            named |= {str(key.get("old")), str(key.get("new"))}
    rows = LogKey.objects.within(snapshot.complex.id).values_list("log_number", "vkey")
    here = house(_newest_origin(snapshot))
    for number, origin in Log.objects.within(snapshot.complex.id).values_list("number", "origin"):
        if house(origin) != here:
            continue  # kept by another before us, who changed its keys
        known = {vkey for of, vkey in rows if of == number}
        expected = {vkey for vkey in named if vkey.partition("+")[0] == origin}
        differs = known != expected if expected else len(known) != 1
        if differs and any(event.lost for event in rotated):
            found.doubt(
                Area.LOG,
                f"열쇠를 바꾼 사건이 내용 없이 돌아와, {number}번 장부의 열쇠가 그때 바꾼 것인지 "
                "알 수 없습니다. 운영자와 확인 기관에 물어봐 주세요.",
                f"{origin}: rows {sorted(known)}, logged {sorted(expected)}",
            )
        elif differs:
            found.fault(
                Area.LOG,
                f"{number}번 장부의 열쇠가 봉인 장부에 적힌 것과 다릅니다. 누가 열쇠를 몰래 "
                "더하거나 바꾸었습니다.",
                f"{origin}: rows {sorted(known)}, logged {sorted(expected)}",
            )


def _newest_origin(snapshot: Snapshot) -> str:
    """The name of the log that goes on; "" where there is none."""
    newest = Log.objects.within(snapshot.complex.id).order_by("-number").first()
    return newest.origin if newest else ""
