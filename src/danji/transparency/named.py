"""Who counts as a witness (확인 기관) of a complex's log: those whom the log itself named.

Whatever can write rows could enter a witness of its own and agree with itself; but each change of
the policy is an event (`policy.changed`) of the log, where whoever follows it finds it for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from danji.complexes.models import Complex
from danji.transparency.keys import log_keys
from danji.transparency.models import PendingEvent, Witness
from danji.transparency.queries import (
    BOTH,
    events_of,
    log_of,
    newest_head,
    policy,
    policy_of,
    readable,
    witnesses_of,
)
from danji.transparency.tree import file_reader, log_folder
from danji_verify import note
from danji_verify.canonical import canonical, parse_object
from danji_verify.commitment import Opening
from danji_verify.entry import Event, parse_entry
from danji_verify.errors import ProofError, VerifyError
from danji_verify.merkle import leaf_hash, verify_inclusion
from danji_verify.note import VerifierKey
from danji_verify.policy import Policy
from danji_verify.tiles import inclusion_proof

EVER = datetime.max.replace(tzinfo=UTC)  # where it is asked who signed, and not when
NOT_SAID = (
    "확인 기관의 목록을 바꾼 사건이 봉인 장부에 적힌 것과 다릅니다. 누가 그 사건을 지어냈거나 "
    "바꾸었습니다."
)

Members = frozenset[tuple[str, str]]  # names and keys


@dataclass(frozen=True)
class Difference:
    """What the rows say otherwise than the log: `members` are in one of the two only; none are,
    where the same are counted in another way.
    """

    members: Members

    @property
    def sentence(self) -> str:
        names = ", ".join(sorted({name for name, _ in self.members}))
        return (
            f"확인 기관의 목록이 봉인 장부에 적힌 것과 다릅니다({names or '묶음'}). 누가 확인 "
            "기관을 몰래 더하거나 바꾸었습니다."
        )


def speaks_here(said: Policy, origin: str) -> bool:
    """Whether the log of that name, or one that it continues, named this policy while it was kept
    here. Another operator, who kept the logs before us, named others.
    """
    return any(house(log.key.name) == house(origin) for log in said.logs)


def house(origin: str) -> str:
    """Under which name the logs of an operator are kept."""
    return origin.rpartition("/apt/")[0]


def difference(complex_: Complex, today: Policy, named: Policy | None) -> Difference | None:
    """What the rows say otherwise than the log did last. Without a word of the log they name those
    who follow every log here, and whom a complex that was taken in later finds.

    Args: `today` is the policy by the rows.
    """
    if named is None:
        own = Witness.objects.filter(complex=complex_, until=None).values_list("name", "vkey")
        return Difference(frozenset(own)) if own else None
    members = members_of(today) ^ members_of(named)
    if members or (today.groups, today.quorum) != (named.groups, named.quorum):
        return Difference(members)
    return None


def members_of(policy: Policy) -> Members:
    return frozenset((name, str(party.key)) for name, party in policy.witnesses.items())


@dataclass(frozen=True)
class Counted:
    """Who counts today: the `witnesses` whom the log named and who are entered, by the `policy`
    that it named. `wrong` is a sentence where the rows say something else; it `waits` where they
    say what has no published place yet. `said` are all policies that the log ever named.
    """

    policy: Policy
    witnesses: tuple[Witness, ...]
    said: tuple[Policy, ...] = ()
    wrong: str = ""
    waits: bool = False


def who_counts(complex_: Complex) -> Counted:
    """Who counts as a witness of the log of a complex that goes on.

    Raises: Refusal where a key of its logs is not to be had.
    """
    # In this order: what is entered later has not been seen, and what was placed meanwhile has.
    today, following = policy(complex_), witnesses_of(complex_)
    pending = PendingEvent.objects.within(complex_.id)
    waits = pending.filter(event__name=Event.POLICY_CHANGED).exists()
    try:
        said, is_behind = _all_said(complex_)
    except VerifyError:
        return Counted(policy_of(today.logs, [], BOTH), (), wrong=NOT_SAID)
    named = said[0] if said else None
    counted = named_of(following, named)
    agreed = replace(named, logs=today.logs) if named else policy_of(today.logs, counted, BOTH)
    if wrong := damaged(following):
        return Counted(agreed, counted, said, wrong)
    found = difference(complex_, today, named)
    if found is None:
        return Counted(agreed, counted, said)
    if waits or is_behind or policy(complex_) != today:
        return Counted(agreed, counted, said, waits=True)
    return Counted(agreed, counted, said, found.sentence)


def named_of(following: Sequence[Witness], named: Policy | None) -> tuple[Witness, ...]:
    """Those whom a policy of the log names, by name, key and party; without one those who follow
    every log here.
    """
    keys = readable(following)
    if named is None:
        return tuple(witness for witness in keys if witness.complex_id is None)
    members = members_of(named)
    return tuple(
        witness
        for witness, key in keys.items()
        if (witness.name, str(key)) in members and _is_of_its_party(witness, named)
    )


def _is_of_its_party(witness: Witness, named: Policy) -> bool:
    """Before both parties have a witness, a policy says nothing of parties."""
    return named.quorum is None or all(
        (witness.name in named.groups[party].members) == (witness.party == party) for party in BOTH
    )


def damaged(witnesses: Sequence[Witness]) -> str:
    """Whose rows cannot be read, as a sentence; "" where all can."""
    keys = readable(witnesses)
    labels = ", ".join(witness.label for witness in witnesses if witness not in keys)
    return f"확인 기관({labels})의 열쇠가 적힌 행이 상했습니다." if labels else ""


def _all_said(complex_: Complex) -> tuple[tuple[Policy, ...], bool]:
    """The policies that the logs of a complex named, the newest first, and whether there is a newer
    one of which that cannot be seen at the moment.

    Raises: VerifyError where the newest that has a place in the rows has none in the log.
    """
    origin, said, is_behind = log_of(complex_.id).origin, list[Policy](), False
    for event in reversed(events_of(complex_.id, complex_.id)):
        # What was lost with a database, nobody can say what it said.
        if event.name != Event.POLICY_CHANGED or "policy" not in event.openings:
            continue
        opening = canonical(event.openings["policy"])
        try:
            one = _said(complex_, event.log_number, event.index, event.entry, opening)
        except (NotYet, OSError):
            is_behind = is_behind or not said
        except VerifyError:
            if not said:
                raise
        else:
            said += [one] if speaks_here(one, origin) else []
    return tuple(said), is_behind


def agreed_by(said: Iterable[Policy], signers: Iterable[VerifierKey]) -> bool:
    """Whether signatures by these keys were enough by a policy that the log named."""
    keys = set(signers)
    return any(
        policy.agreed_at(
            {name: EVER for name, party in policy.witnesses.items() if party.key in keys}
        )
        for policy in said
    )


class NotYet(Exception):
    """What has its place is not published yet."""


@lru_cache(4096)  # a log only grows: it goes on saying what it said. What fails is asked again.
def _said(complex_: Complex, number: int, index: int, entry: bytes, opening: bytes) -> Policy:
    """The policy that an event of a log named, proven from its published files.

    Args: `opening` opens the policy, in canonical JSON.
    Raises: VerifyError where the log does not say so; NotYet; OSError.
    """
    log = log_of(complex_.id, number)
    head = newest_head(complex_, log)
    size, root = head.checkpoint.size, head.checkpoint.root
    note.open_note(head.note, log_keys(complex_, log))
    if index >= size:
        raise NotYet
    path = inclusion_proof(index, size, file_reader(log_folder(complex_.code, number)))
    verify_inclusion(index, size, leaf_hash(entry), path, root)
    parsed, opened = parse_entry(entry), Opening.parse(parse_object(opening))
    if parsed.event is not Event.POLICY_CHANGED or parsed.document != complex_.id.hex:
        raise ProofError("another event")
    if opened.value is None or not opened.opens("policy", parsed.commitments["policy"]):
        raise ProofError("what is kept does not open it")
    return Policy.parse(opened.value)
