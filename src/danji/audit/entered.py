"""What whoever runs the server entered by command, and no officer of the complex confirmed.

It is in order where there was nobody to ask. Whom the log believes is told each time; whoever
reads the report knows which of it they were told of.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from danji.accounts.models import Office
from danji.audit.basis import Basis
from danji.audit.chains import Chain, Logged
from danji.audit.findings import Area, Findings
from danji.rules.offices import MANAGER
from danji.rules.periods import day_in_seoul, format_date
from danji.rules.text import particle
from danji.rules.watching import CONFIRMING
from danji.transparency.models import Party, Witness
from danji_verify.canonical import canonical
from danji_verify.entry import Event
from danji_verify.errors import VerifyError
from danji_verify.policy import Policy

NOBODY = canonical(None)  # the officer of an event that was entered by command
ALONE = "운영자가 명령으로 한 일이고, 확인한 임직원은 없습니다."
OF_KEY = {"log": "봉인 장부의 열쇠", "seal": "봉인 인증서"}


@dataclass
class EnteredCheck:
    """Tells what came in by command. `own` is the chain of the complex itself, but for what came
    back without content.
    """

    own: Chain
    basis: Basis
    found: Findings

    def check(self) -> None:
        self._offices()
        self._log()
        self._witnesses()

    def _offices(self) -> None:
        taken = [
            event
            for chain in self.basis.personal.values()
            for event in chain.all(Event.OFFICE_TAKEN)
            if _is_by_command(event)
        ]
        taken.sort(key=lambda event: (_day(event), event.places))
        for day, events in groupby(taken, key=_day):
            who = ", ".join(
                f"{event.json('office').get('office')} {event.json('office').get('name')}"
                for event in events
            )
            self.found.note(Area.OFFICERS, f"{day} 취임을 등록했습니다({who}). {ALONE}")

    def _log(self) -> None:
        for event in self.own.all(Event.KEY_ROTATED, Event.LOG_CLOSED):
            if not _is_by_command(event):
                continue
            what = "봉인 장부를 닫았습니다"
            if event.name == Event.KEY_ROTATED:
                key = OF_KEY.get(event.json("key").get("use", ""), "열쇠")
                what = f"{key}{particle(key, '을')} 바꾸었습니다"
            self.found.note(Area.LOG, f"{_day(event)} {what}. {ALONE}", index=event.index)

    def _witnesses(self) -> None:
        """Each change of the witnesses; and who is one of the complex's own without its officers
        having been asked, although there were some.
        """
        before = frozenset[str]()
        came: dict[str, Logged] = {}
        newest: Policy | None = None
        for event, policy in self._policies():
            names = frozenset(policy.witnesses)
            came |= dict.fromkeys(names - before, event)
            if _is_by_command(event):
                changed = _changes(sorted(names - before), sorted(before - names))
                self.found.note(
                    Area.LOG,
                    f"{_day(event)} 확인 기관을 바꾸었습니다{changed}. {ALONE}",
                    index=event.index,
                )
            before, newest = names, policy
        for name in _of_complex(newest) if newest else ():
            event = came[name]
            if _is_by_command(event) and self._were_there_officers(event):
                self.found.doubt(
                    Area.LOG,
                    f"단지 쪽 확인 기관 {name}{particle(name, '을')} {_day(event)} 운영자가 "
                    "명령으로 더했고, 회장, 감사, 소장이 있었는데 확인한 분이 없습니다. 아는 "
                    "기관인지 물어봐 주세요. 맞으면 새 열쇠로 다시 올려 확인하고, 앞의 것은 "
                    "끝내면 됩니다.",
                    index=event.index,
                )

    def _policies(self) -> Iterator[tuple[Logged, Policy]]:
        for event in self.own.all(Event.POLICY_CHANGED):
            with suppress(VerifyError):  # told where whom to believe is read
                yield event, Policy.parse(event.value("policy"))

    def _were_there_officers(self, event: Logged) -> bool:
        """Whether somebody who could have confirmed it was in office then, as the log says."""
        if event.entry is None:
            return False
        day = day_in_seoul(event.entry.at)
        labels = {Office(office).label for office in CONFIRMING | {MANAGER}}
        for chain in self.basis.personal.values():
            taken, holder = chain.last(Event.OFFICE_TAKEN), self.basis.holders.get(chain.doc)
            if taken is None or holder is None or not taken.is_before(event):
                continue
            serves = holder.since <= day and (holder.until is None or day <= holder.until)
            if serves and holder.office in labels:
                return True
        return False


def _of_complex(policy: Policy) -> tuple[str, ...]:
    """The witnesses of the complex's own party."""
    if policy.quorum is not None:
        group = policy.groups.get(Party.COMPLEX)
        return group.members if group else ()
    # Before both parties have a witness, a policy says nothing of parties.
    rows = Witness.objects.filter(party=Party.COMPLEX, name__in=list(policy.witnesses))
    return tuple(rows.values_list("name", flat=True))


def _is_by_command(event: Logged) -> bool:
    return event.value("officer") == NOBODY


def _day(event: Logged) -> str:
    return format_date(day_in_seoul(event.entry.at)) if event.entry else ""


def _changes(added: Sequence[str], ended: Sequence[str]) -> str:
    told = [
        f"{what} {', '.join(names)}" for what, names in (("더함", added), ("끝냄", ended)) if names
    ]
    return f"({'; '.join(told)})" if told else ""
