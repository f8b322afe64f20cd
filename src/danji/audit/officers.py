"""Who holds which office, signs with which key and stands in for whom, and by which rules: rows
against the log.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from danji.audit.basis import Basis, Holder, as_id
from danji.audit.chains import Chain, Logged
from danji.audit.findings import Area, Findings, Subject
from danji.audit.snapshot import Snapshot
from danji.authority.carrying import bylaw_value, contact_value
from danji.authority.models import ProposalOutcome
from danji.authority.queries import settings_of
from danji.routing.actions import rule_value
from danji.routing.models import RoutingOutcome, Verdict
from danji.rules.absence import Reason
from danji.rules.appointment import Answer, Change
from danji.signing import terms
from danji_verify.canonical import b64encode
from danji_verify.entry import Event

KEYS = """
SELECT key.id, key.person_id, key.requested_by_id, key.credential_id, key.public_key,
    key.algorithm, key.rp_id, key.origin, key.synced, confirmation.officer_id,
    confirmation.leaf_hash, revocation.id IS NOT NULL
FROM signing_signingkey AS key
LEFT JOIN signing_keyconfirmation AS confirmation
    ON (confirmation.complex_id, confirmation.key_id) = (key.complex_id, key.id)
LEFT JOIN signing_keyrevocation AS revocation
    ON (revocation.complex_id, revocation.key_id) = (key.complex_id, key.id)
WHERE key.complex_id = %s
"""
AGREEMENTS = """
SELECT id, officeholder_id, text_version FROM signing_agreement WHERE complex_id = %s
"""
ABSENCES = """
SELECT absence.id, absence.absent_id, absence.deputy_id, absence.since, absence.until,
    absence.reason, absence.set_by_id, absence.leaf_hash, ending.back_on, ending.leaf_hash
FROM authority_absence AS absence LEFT JOIN authority_absenceend AS ending
    ON (ending.complex_id, ending.absence_id) = (absence.complex_id, absence.id)
WHERE absence.complex_id = %s
"""

_REASONS = {reason.value: reason.label for reason in Reason}


@dataclass
class OfficerCheck:
    """Holds what people may do against the events that let them."""

    snapshot: Snapshot
    basis: Basis
    acted: Mapping[UUID, tuple[int, int]]  # by officeholder: where they first did something
    found: Findings

    def check(self) -> None:
        """Both ways: no row without its event, and no event without its row."""
        known = self._holders() | self._keys() | self._agreements()
        known |= self._absences() | self._revisions() | self._contacts() | self._bylaws()
        for doc, chain in self.basis.personal.items():
            if doc not in known:
                self._fault(
                    f"봉인 장부에 있는 {chain.events[0].title}의 행이 지워졌습니다.",
                    chain.events[0],
                    detail=doc.hex,
                )

    def _holders(self) -> set[UUID]:
        before = 0  # offices taken before the log told of it
        acted = self._acted_before_offices_were_logged()
        for holder in self.basis.holders.values():
            self.found.rows["officeholders"] += 1
            chain = self.basis.personal.get(holder.id)
            if chain is None and holder.id in acted:
                before += 1
            elif chain is None:
                self.found.doubt(
                    Area.OFFICERS,
                    f"{holder.office} {holder.name} 님의 취임이 봉인 장부에 없습니다. ‘사람과 "
                    "임기’에서 모두 아는 분인지 봐 주세요.",
                    holder.id.hex,
                )
            else:
                self._check_term(holder, chain)
        if before:
            self.found.note(
                Area.OFFICERS,
                f"취임한 사건이 봉인 장부에 없는 직책이 {before}개 있습니다. 장부가 취임을 "
                "적기 전에 등록한 분인지, ‘사람과 임기’에서 모두 아는 분인지 봐 주세요.",
            )
        return set(self.basis.holders)

    def _acted_before_offices_were_logged(self) -> set[UUID]:
        """Who was in office before the log told of it: it holds something they did by then."""
        taken = [
            event.places[0]
            for chain in self.basis.personal.values()
            for event in chain.all(Event.OFFICE_TAKEN)
            if event.places
        ]
        first = min(taken, default=None)
        acts = list(self.acted.items())
        for chain in self.basis.personal.values():
            for event in chain.events:
                for name in ("actor", "proposer", "officer"):
                    who = as_id(event.json(name).get("officeholder"))
                    acts += [(who, place) for place in event.places[:1]]
        return {who for who, place in acts if first is None or place < first}

    def _check_term(self, holder: Holder, chain: Chain) -> None:
        last = chain.last(Event.OFFICE_LEFT) or chain.last(Event.OFFICE_TAKEN)
        logged = last.json("office") if last else {}
        until = holder.until.isoformat() if holder.until else None
        said = {
            "office": holder.office,
            "name": holder.name,
            "from": holder.since.isoformat(),
            "until": until,
        }
        if last and logged and any(logged.get(key) != value for key, value in said.items()):
            self._fault(
                f"{holder.office} {holder.name} 님의 직책이나 임기가 봉인 장부에 적힌 것과 "
                "다릅니다.",
                last,
                f"row {said}, logged {logged}",
            )

    def _keys(self) -> set[UUID]:
        known = set()
        for row in self.snapshot.rows(KEYS):
            id_, person, requested_by, credential, public, *rest = row
            algorithm, rp_id, origin, synced, officer, leaf, revoked = rest
            known.add(id_)
            self.found.rows["signing keys"] += 1
            owner = self.basis.holders.get(requested_by)
            who = f"{owner.office} {owner.name} 님" if owner else "한 분"
            if owner is None or owner.person != person:
                self._fault(
                    f"{who}의 서명 열쇠가 다른 사람의 것으로 되어 있습니다.", detail=id_.hex
                )
            chain = self.basis.personal.get(id_)
            enrolled = chain.last(Event.ENROLLED) if chain else None
            if (leaf is None) != (enrolled is None) or (enrolled and enrolled.leaf != leaf):
                self._fault(
                    f"{who}의 서명 열쇠를 등록한 사실이 봉인 장부와 다릅니다.", enrolled, id_.hex
                )
            elif enrolled is not None:
                self._check_enrolled(
                    who,
                    enrolled,
                    {
                        "key": id_.hex,
                        "credential": b64encode(credential),
                        "public_key": b64encode(public),
                        "alg": algorithm,
                        "rp_id": rp_id,
                        "origin": origin,
                        "synced": synced,
                    },
                    (requested_by, officer),
                )
            if bool(chain and chain.last(Event.REVOKED)) != revoked:
                self._fault(
                    f"{who}의 서명 열쇠를 폐지한 사실이 봉인 장부와 다릅니다.", enrolled, id_.hex
                )
        return known

    def _check_enrolled(
        self,
        who: str,
        enrolled: Logged,
        expected: Mapping[str, Any],
        people: tuple[UUID, UUID],
    ) -> None:
        key = enrolled.json("key")
        officers = tuple(enrolled.json(name).get("officeholder") for name in ("actor", "officer"))
        if any(key.get(name) != value for name, value in expected.items()) or officers != tuple(
            person.hex for person in people
        ):
            self._fault(f"{who}의 서명 열쇠가 등록할 때와 다릅니다.", enrolled, expected["key"])

    def _agreements(self) -> set[UUID]:
        known = set()
        for id_, officeholder, version in self.snapshot.rows(AGREEMENTS):
            known.add(id_)
            self.found.rows["agreements"] += 1
            chain = self.basis.personal.get(id_)
            event = chain.last(Event.AGREED) if chain else None
            logged = event.json("agreement") if event else {}
            if (
                event is None
                or event.json("actor").get("officeholder") != officeholder.hex
                or (logged.get("version"), logged.get("sha256")) != (version, _terms(version))
            ):
                self._fault("전자서명 동의가 봉인 장부에 적힌 것과 다릅니다.", event, id_.hex)
        return known

    def _absences(self) -> set[UUID]:
        known = set()
        for row in self.snapshot.rows(ABSENCES):
            id_, absent, deputy, since, until, reason, set_by, leaf, back_on, end = row
            known.add(id_)
            self.found.rows["absences"] += 1
            chain = self.basis.personal.get(id_) or Chain(id_, [])
            event, ended = chain.last(Event.DELEGATION_SET), chain.last(Event.DELEGATION_ENDED)
            logged = event.json("delegation") if event else {}
            said = [
                (logged.get("absent") or {}).get("officeholder"),
                (logged.get("deputy") or {}).get("officeholder"),
                logged.get("since"),
                logged.get("until"),
                logged.get("reason"),
                event.json("actor").get("officeholder") if event else None,
                event.leaf if event else None,
            ]
            rows = [absent.hex, deputy.hex, since.isoformat(), until.isoformat()]
            if said != [*rows, _REASONS.get(reason), set_by.hex, leaf]:
                self._fault("부재와 대결이 봉인 장부에 적힌 것과 다릅니다.", event, id_.hex)
            if (end is None) != (ended is None) or (
                ended
                and (ended.leaf, ended.json("delegation").get("back_on"))
                != (end, back_on.isoformat())
            ):
                self._fault("부재를 끝낸 사실이 봉인 장부와 다릅니다.", ended or event, id_.hex)
        return known

    def _revisions(self) -> set[UUID]:
        """The confirmed rules of the approval line; few, so they are read as objects."""
        known = set()
        confirmed = RoutingOutcome.objects.within(self.snapshot.complex.id).filter(
            verdict=Verdict.CONFIRMED
        )
        for outcome in confirmed.select_related("revision"):
            known.add(outcome.revision_id)
            self.found.rows["routing rules"] += 1
            chain = self.basis.personal.get(outcome.revision_id)
            event = chain.last(Event.RULE_CHANGED) if chain else None
            revision = outcome.revision
            if (
                event is None
                or event.leaf != bytes(outcome.leaf_hash or b"")
                or event.value("rule") != rule_value(revision)
                or event.json("proposer").get("officeholder") != revision.proposer_id.hex
                or event.json("officer").get("officeholder") != outcome.officer_id.hex
            ):
                self._fault(
                    "결재선 규칙이 봉인 장부에 적힌 것과 다릅니다.", event, outcome.revision_id.hex
                )
        return known

    def _contacts(self) -> set[UUID]:
        """The changed mail addresses and telephones of officers."""
        known = set()
        for outcome in self._confirmed(Change.CONTACT):
            known.add(outcome.proposal_id)
            event, said = self._decided(outcome, Event.CONTACT_CHANGED)
            logged = event.json("contact") if event else {}
            expected = contact_value(outcome.proposal)
            if not said or any(logged.get(key) != value for key, value in expected.items()):
                self._fault(
                    "연락처를 바꾼 사실이 봉인 장부에 적힌 것과 다릅니다.",
                    event,
                    outcome.proposal_id.hex,
                )
        return known

    def _bylaws(self) -> set[UUID]:
        """What the bylaws set: the rows that hold, and the proposals that two officers decided."""
        rows = {row.id: row for row in settings_of(self.snapshot.complex.id)}
        known = set()
        for outcome in self._confirmed(Change.SETTING):
            proposal = outcome.proposal
            known.add(proposal.id)
            event, said = self._decided(outcome, Event.BYLAW_CHANGED)
            row = rows.pop(proposal.id, None)
            if (
                not said
                or event is None
                or event.value("bylaw") != bylaw_value(proposal)
                or row is None
                or (row.key, row.value, row.article, row.effective_from)
                != (proposal.setting, proposal.value, proposal.article, proposal.since)
            ):
                self._fault(
                    "관리규약에서 정한 것이 봉인 장부에 적힌 것과 다릅니다.", event, proposal.id.hex
                )
        for row in rows.values():
            self.found.doubt(
                Area.OFFICERS,
                f"관리규약에서 정한 것({row.key}, {row.article})이 봉인 장부에 없습니다. ‘관리규약"
                "에서 정한 것’에서 맞는지 봐 주세요.",
                row.id.hex,
            )
        return known

    def _confirmed(self, change: Change) -> Iterator[ProposalOutcome]:
        """The confirmed proposals of a kind; few, so they are read as objects."""
        confirmed = ProposalOutcome.objects.within(self.snapshot.complex.id).filter(
            answer=Answer.CONFIRMED, proposal__change=change
        )
        for outcome in confirmed.select_related("proposal__officeholder"):
            self.found.rows["proposals"] += 1
            yield outcome

    def _decided(self, outcome: ProposalOutcome, name: Event) -> tuple[Logged | None, bool]:
        """The event of a confirmed proposal, and whether it names the two who decided."""
        chain = self.basis.personal.get(outcome.proposal_id)
        event = chain.last(name) if chain else None
        return event, event is not None and (
            event.leaf,
            event.json("proposer").get("officeholder"),
            event.json("officer").get("officeholder"),
        ) == (
            bytes(outcome.leaf_hash),
            outcome.proposal.proposed_by_id.hex,
            outcome.answered_by_id.hex,
        )

    def _fault(self, sentence: str, event: Logged | None = None, detail: str = "") -> None:
        self.found.fault(
            Area.OFFICERS,
            sentence,
            detail,
            about=Subject(),
            index=event.index if event else None,
        )


def _terms(version: str) -> str | None:
    """The digest of the text that was agreed to; None for a version that never was."""
    return terms.digest(version) if version in terms.TEXTS else None
