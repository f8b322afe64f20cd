"""Who decided, in which office, and by what they signed: every evidence verified once more."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from danji.accounts.models import Office
from danji.audit.basis import Basis, as_id
from danji.audit.chains import Chain, Logged
from danji.audit.findings import Area, Findings, Subject
from danji.audit.omissions import is_founded
from danji.audit.replay import Content, Way
from danji.rules.approval import FINAL, SEEING, Act
from danji.rules.periods import day_in_seoul
from danji_verify.entry import Event
from danji_verify.errors import VerifyError, Wrong
from danji_verify.shapes import Fields
from danji_verify.signature import check_auth

SIGNING = (Event.DECIDED, Event.RETURNED, Event.SENT_BACK, Event.SKIPPED)


@dataclass
class SignatureCheck:
    """Checks decisions one after another; `unsigned` counts those that carry no signature, `acted`
    says where an officeholder first did something, as (log number, index).
    """

    complex_id: UUID
    basis: Basis
    found: Findings
    unsigned: Counter[str] = field(default_factory=Counter)
    acted: dict[UUID, tuple[int, int]] = field(default_factory=dict)

    def check_chain(self, chain: Chain, content: Content, way: Way, about: Subject) -> None:
        """Every decision on a document, and its submission."""
        self._check_actor(way.submitted, content.parsed["line"][0], about)
        places = {place["position"]: place for place in content.parsed["line"]}
        for event in chain.all(*SIGNING):
            statement = event.json("stmt")
            place = places.get(statement.get("step"))
            if place is not None:
                self._check_actor(event, self._who(event, statement, place, places[1]), about)
                if event.name == Event.SKIPPED:
                    self._check_leaver(event, statement, places, about)
                    self._check_reason(event, places, way, about)
                elif statement.get("acting"):
                    self._check_deputy(event, statement, place, way, about)
            self.check_auth(event, about)
        withdrawn = chain.last(Event.WITHDRAWN)
        if withdrawn is not None:
            self._check_actor(withdrawn, None, about)

    def check_followed(self, event: Logged, about: Subject) -> None:
        """An approval afterwards (후결), which is a chain of its own."""
        statement = event.json("stmt")
        self._check_actor(event, statement, about)
        self.check_auth(event, about)

    def check_auth(self, event: Logged, about: Subject) -> None:
        """Whether the evidence holds for exactly what was decided."""
        statement, given = event.value("stmt"), event.value("auth")
        if not statement or not given:
            return  # erased, or told where the opening is
        self.found.rows["signatures"] += 1
        try:
            auth = Fields.parse(given)
            check_auth(auth, statement)
            if auth.text("level") == "simple":
                self.unsigned[auth.text("method")] += 1
            if auth.text("method") == "passkey":
                self._demand_enrolled(auth, event)
        except Wrong as problem:
            self._fault(event, about, f"{event.title}의 서명이 맞지 않습니다. {problem}")
        except VerifyError as problem:
            self._fault(
                event, about, f"{event.title}의 서명이 정해진 꼴이 아닙니다.", detail=str(problem)
            )

    def _demand_enrolled(self, auth: Fields, event: Logged) -> None:
        """The key that signed is one that two officers enrolled for this person. Raises: Wrong."""
        enrolled = self.basis.keys.get(auth.text("enrolled"))
        if enrolled is None:
            raise Wrong("봉인 장부에 등록되지 않은 열쇠로 한 서명입니다.")
        key = enrolled.json("key")
        if any(
            key.get(part) != auth.text(part)
            for part in ("key", "credential", "public_key", "rp_id", "origin")
        ):
            raise Wrong("등록한 열쇠가 아닌 열쇠로 한 서명입니다.")
        signer = self._person(event.json("actor"))
        if signer is None or signer != self._person(enrolled.json("actor")):
            raise Wrong("다른 분의 열쇠로 한 서명입니다.")
        if event.places and not enrolled.is_before(event):
            raise Wrong("열쇠가 서명한 뒤에 등록되었습니다.")
        revoked = self.basis.revoked.get(auth.text("key"))
        if revoked and event.entry and revoked < event.entry.at:
            raise Wrong("폐지한 열쇠로 한 서명입니다.")

    def _person(self, actor: Mapping[str, Any]) -> UUID | None:
        holder = self.basis.holders.get(as_id(actor.get("officeholder")))
        return holder.person if holder else None

    def _who(
        self,
        event: Logged,
        statement: Mapping[str, Any],
        place: Mapping[str, Any],
        drafter: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Who should have acted: a deputy acts for the absent, and a place is left out by whom the
        statement names; by the drafter, before version 3.
        """
        acting: Mapping[str, Any] | None = statement.get("acting")
        return acting or (drafter if event.name == Event.SKIPPED else place)

    def _check_actor(self, event: Logged, who: Mapping[str, Any] | None, about: Subject) -> None:
        """Whoever acted is the one who should have, and held that office on that day."""
        actor = event.json("actor")
        if not actor or event.entry is None:
            return  # erased, or told where the opening is
        id_ = as_id(actor.get("officeholder"))
        holder = self.basis.holders.get(id_)
        for place in event.places[:1]:
            self.acted[id_] = min(place, self.acted.get(id_, place))
        if holder is None or (holder.office, holder.name, holder.since.isoformat()) != (
            actor.get("office"),
            actor.get("name"),
            actor.get("from"),
        ):
            self._fault(
                event,
                about,
                f"{event.title}을 한 분({actor.get('office')} {actor.get('name')})의 직책이나 "
                "이름이 지금 적힌 것과 다릅니다.",
                area=Area.OFFICERS,
            )
        if who and (actor.get("office"), actor.get("name")) != (who.get("office"), who.get("name")):
            self._fault(
                event,
                about,
                f"{event.title}을 {who.get('office')} {who.get('name')} 님이 아닌 분이 했습니다.",
            )
        day, until = day_in_seoul(event.entry.at), actor.get("until")
        if not _day(actor.get("from")) <= day or (until and day > _day(until)):
            self._fault(event, about, f"{event.title}을 임기가 아닌 날에 했습니다.")

    def _check_leaver(
        self,
        event: Logged,
        statement: Mapping[str, Any],
        places: Mapping[int, Mapping[str, Any]],
        about: Subject,
    ) -> None:
        """The drafter leaves places out; the manager too, where it only sees what was decided."""
        place = places[statement["step"]]
        by = self._who(event, statement, place, places[1])
        if (by["office"], by["name"]) == (places[1]["office"], places[1]["name"]):
            return
        decides = next(one for one in places.values() if Act(one["act"]) in FINAL)
        if (
            by["office"] != Office.MANAGER.label
            or Act(place["act"]) not in SEEING
            or decides["position"] > place["position"]
        ):
            self._fault(event, about, f"{event.title}을 할 수 없는 분이 했습니다.")

    def _check_reason(
        self, event: Logged, places: Mapping[int, Mapping[str, Any]], way: Way, about: Subject
    ) -> None:
        """Nobody is left out who was there and still had time."""
        if not is_founded(event, places, way, self.basis, self.complex_id):
            self.found.doubt(
                Area.SIGNATURES,
                f"{event.title}에서 부재가 아닌 분의 자리를 기한 전에 건너뛰었습니다. 그럴 까닭이 "
                "있었는지 물어봐 주세요.",
                about=about,
                index=event.index,
            )

    def _check_deputy(
        self,
        event: Logged,
        statement: Mapping[str, Any],
        place: Mapping[str, Any],
        way: Way,
        about: Subject,
    ) -> None:
        """Whoever decided in another's place (대결) had been named for it, for that day."""
        actor = event.json("actor")
        named = self.basis.delegations.get(statement["acting"].get("delegation", ""))
        delegation = named.json("delegation") if named else {}
        absent, deputy = delegation.get("absent", {}), delegation.get("deputy", {})
        day = day_in_seoul(event.entry.at) if event.entry else date.min
        if (
            named is None
            or deputy.get("officeholder") != actor.get("officeholder")
            or (absent.get("office"), absent.get("name")) != (place["office"], place["name"])
            or not _day(delegation["since"]) <= day <= _day(delegation["until"])
            or (event.places and not named.is_before(event))
        ):
            self._fault(
                event, about, f"{event.title}을 대신한 분이 대결하도록 정해져 있지 않았습니다."
            )
        drafter = way.submitted.json("actor").get("officeholder")
        if actor.get("officeholder") == drafter:
            self._fault(event, about, f"기안한 분이 {event.title}을 대신했습니다.")

    def _fault(
        self,
        event: Logged,
        about: Subject,
        sentence: str,
        *,
        detail: str = "",
        area: Area = Area.SIGNATURES,
    ) -> None:
        self.found.fault(area, sentence, detail, about=about, index=event.index)


def _day(text: object) -> date:
    return date.fromisoformat(str(text))
