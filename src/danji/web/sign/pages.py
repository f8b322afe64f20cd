"""What the pages of deciding and signing show, as plain data for their templates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse

from danji.accounts.models import Office, Officeholder
from danji.approvals.citing import resolutions_of
from danji.approvals.lateness import late_from, skippable
from danji.approvals.links import link_token
from danji.approvals.models import Circulation, Document, Step
from danji.approvals.queries import current, hold_on, line_of, said_afterwards
from danji.approvals.statements import Statement
from danji.authority.queries import deputising
from danji.base.prepared import Prepared
from danji.disclosure.queries import record_of
from danji.rules import approval
from danji.rules.approval import SEEING, Act, Choice, Decision, Ending
from danji.rules.money import amount_line
from danji.rules.refusal import Refusal
from danji.signing import codes, queries, terms
from danji.signing.evidence import method_label
from danji.signing.relay import JOINT_CERTIFICATE, Provider
from danji.transparency.queries import methods_of
from danji.web.desk.line import line_view
from danji.web.desk.pages import size_text
from danji.web.previews import previews_at
from danji.web.sign.asking import Waiting
from danji.web.sign.ceremony import Decided, Frozen, Item, kept
from danji.web.sign.certificates import Waiting as WaitingForCertificate
from danji.web.sign.certificates import ways
from danji.web.sign.words import done_words, pressed_word, to_do_words
from danji_verify.signature import statement_text

TEXT_NAME = "서명할 글.txt"
MAIN = (Decision.APPROVE, Decision.RETURN)  # one press; the others stand behind "다른 선택"


@dataclass(frozen=True)
class Seat:
    """Where somebody can decide now: the own place, or that of who is absent (대결)."""

    row: Step
    choices: tuple[Decision, ...]
    sent_back_to: tuple[approval.Step, ...]
    acting_for: Officeholder | None
    follows: bool  # it only sees what was decided

    @property
    def act(self) -> Act:
        return Act(self.row.act)


def seat_of(shown: Document, reader: Officeholder, *, on: date) -> Seat | None:
    """The place at which the reader decides now, if there is one.

    Args: `shown` is from `document_for`.
    """
    steps = list(shown.steps.all())
    line = line_of(steps, shown)
    rows = {step.position: step for step in current(steps)}
    waiting = {step.approver: step for step in approval.turns(line)}
    # Nobody decides in another's place on an own document.
    others = [] if shown.drafter.person_id == reader.person_id else deputising(reader, on=on)
    for officer in (reader, *others):
        if step := waiting.get(officer.id):
            return Seat(
                rows[step.position],
                approval.choices_at(step, line),
                approval.sent_back_to(step, line),
                None if officer.id == reader.id else officer,
                approval.follows_decision(step, line),
            )
    return None


def decision(
    shown: Document,
    reader: Officeholder,
    *,
    way: str,
    addresses: Mapping[str, str],
    on: date,
    typed: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> dict[str, Any] | None:
    """The context `decision` of desk/_decision.html; None when the reader has nothing to decide.

    Args: `way` is `ceremony.way_of`; `addresses` are `action`, `statement`, `agreement` and `hold`;
    `typed` is what was posted and refused, so that nothing is lost.
    """
    seat = seat_of(shown, reader, on=on)
    afterwards = seat is None and _is_asked_afterwards(shown, reader)
    if seat is None and not afterwards:
        return None
    typed = typed or {}
    certificates = ways(reader)
    has_signed_in = way == "session"
    agreement = None if has_signed_in and not certificates else queries.agreement_of(reader)
    choices = seat.choices if seat else approval.AFTERWARDS
    act = seat.act if seat else Act.APPROVE
    main = choices if act in SEEING else tuple(each for each in MAIN if each in choices)
    acting_for = seat.acting_for if seat else None
    hold = hold_on(seat.row) if seat else None
    return {
        **addresses,
        "way": way,
        "item": Item(
            shown.id, shown.digest, acting_for.id if acting_for else None, afterwards
        ).value,
        "statement": {
            "title": shown.title,
            "amount_words": amount_line(shown.amount) if shown.amount is not None else "",
            "payee": shown.payee,
            "place": f"{Circulation.Kind.AFTERWARDS.label if afterwards else act.label}",
            "who": str(acting_for or reader),
            "acting": f"{reader} 님이 대신 결재합니다." if acting_for else "",
            "digest": shown.digest,
        },
        "main": [_button(each, act, afterwards) for each in main],
        "more": [_button(each, act, afterwards) for each in choices if each not in main],
        "sent_back_to": _places(seat) if seat else [],
        "to": typed.get("to", ""),
        "opinion": typed.get("opinion", ""),
        "can_return": Decision.RETURN in choices,
        "lacks_reason": _lacks_reason(typed),
        "late_from": late_from(seat.row) if seat and seat.follows else None,
        "can_hold": seat is not None and seat.acting_for is None,
        "held": hold.reason if hold else "",
        "certificates": certificates if agreement else {},
        "chosen": typed.get("way", ""),
        "is_practice": settings.RELAY_IS_PRACTICE,
        "agree_first": bool(certificates) and not agreement and has_signed_in,
        "must_agree": not has_signed_in and not agreement,
        "terms": "" if has_signed_in else terms.TEXTS[terms.CURRENT],
        "agreed_at": agreement.accepted_at if agreement and not has_signed_in else None,
        "refusal": refusal,
    }


# What is written for somebody who was not away; it can be changed.
LATE_REASON = "기한 안에 확인하지 않음"


def skipping(
    shown: Document,
    reader: Officeholder,
    *,
    way: str,
    addresses: Mapping[str, str],
    at: datetime,
) -> dict[str, Any] | None:
    """The context `skipping` of desk/_skipping.html; None when the reader leaves out nobody.

    Args: `way` as in `decision`; `addresses` are `action`, `statement_url` and `signing_url`.
    """
    steps = list(shown.steps.all())
    places = skippable(steps, line_of(steps, shown), reader, at=at)
    if not places:
        return None
    return {
        **addresses,
        "way": way,
        "must_agree": way != "session" and not queries.agreement_of(reader),
        "places": [
            {
                "position": row.position,
                "act": Act(row.act).label,
                "who": str(row.approver),
                "item": Item(shown.id, shown.digest, skipped=row.position).value,
                "is_late": is_late,
                "told": f"{row.approver} 님"
                f"{'' if row.approver.office == Office.CHAIR else '과 회장'}께",
                "reason": LATE_REASON if is_late else "",
            }
            for row, is_late in places
        ],
    }


def _is_asked_afterwards(shown: Document, reader: Officeholder) -> bool:
    return any(
        circulation.kind == Circulation.Kind.AFTERWARDS
        and circulation.recipient_id == reader.id
        and circulation.sent_at is not None
        and circulation.confirmed_at is None
        for circulation in shown.circulations.all()
    )


# Whoever stops a document or differs says why.
_REASONED = frozenset({Decision.RETURN, Decision.SEND_BACK, Decision.DISSENT})


def _lacks_reason(typed: Mapping[str, str]) -> bool:
    """Whether what was posted and refused lacks the reason that goes with such a decision."""
    return typed.get("decision") in _REASONED and not typed.get("opinion", "").strip()


def _button(each: Decision, act: Act, afterwards: bool) -> dict[str, str]:
    return {"value": each.value, "label": pressed_word(act, each, afterwards=afterwards)}


def _places(seat: Seat) -> list[dict[str, Any]]:
    rows = {step.position: step for step in seat.row.document.steps.all()}
    return [
        {
            "position": str(step.position),
            "label": f"{step.act.label} · {rows[step.position].approver}",
        }
        for step in seat.sent_back_to
    ]


# --- The link in a message ---------------------------------------------------------------------


def by_link(
    shown: Document,
    reader: Officeholder,
    token: str,
    *,
    on: date,
    log_in: Mapping[str, str] | None,
    typed: Mapping[str, str] | None = None,
    refusal: Refusal | None = None,
) -> dict[str, Any] | None:
    """The context of sign/document.html; None when the reader has nothing to decide.

    Args: `log_in` is the way to log in, without which the reader cannot agree; None once they have.
    """
    form = decision(
        shown,
        reader,
        way=queries.way_of(reader),
        addresses={
            "action": reverse("sign:decision", args=[token]),
            "statement_url": reverse("sign:statement", args=[token]),
            "agreement_url": reverse("sign:agreement", args=[token]),
            # A link shows no more than that somebody holds it, so to hold a document one logs in.
            "hold_url": "",
            "desk_url": reverse("desk:document", args=[shown.id]),
        },
        on=on,
        typed=typed,
        refusal=refusal,
    )
    if form is None:
        return None
    if log_in is not None:
        # A certificate says a name. Whose it is of all who have it, the log-in has to say.
        form["certificates"] = {}
    content = shown.parsed_content()
    steps = list(shown.steps.all())
    return {
        "decision": form | {"log_in": log_in},
        "reader": str(reader),
        "complex_name": shown.complex.name,
        "form_title": content["form"]["title"],
        "drafter": str(shown.drafter),
        "submitted_at": shown.submitted_at,
        "notes": content["notes"],
        "blocks": content["blocks"],
        "document": {"title": shown.title, **line_view(shown, steps, line_of(steps, shown), on=on)},
        "files": [
            {
                "position": position,
                "name": file["name"],
                "size_text": size_text(file["size"]),
                "url": reverse("sign:attachment", args=[token, position]),
            }
            for position, file in enumerate(content["attachments"], 1)
        ],
        "previews": previews_at(
            content,
            shown.complex_id,
            lambda position, page: reverse("sign:preview", args=[token, position, page]),
        ),
        "cites": content["cites"],
        "resolved": resolutions_of(shown),
    }


def outcome(
    shown: Document, reader: Officeholder, *, following: UUID | None, at: datetime
) -> dict[str, Any]:
    """The context of sign/outcome.html: what the reader decided, and where the document stands.

    Args: `following` is the next document that waits for the reader.
    """
    steps = list(shown.steps.all())
    line = line_of(steps, shown)
    own = [step for step in steps if step.decided_by_id == reader.id and step.act != Act.DRAFT]
    confirmed = next((c for c in shown.circulations.all() if _was_confirmed(c, reader)), None)
    said = said_afterwards(shown).get(confirmed.id) if confirmed else None
    ending = approval.ending(line)
    record = record_of(reader, shown.id) if ending is Ending.FINISHED else None
    waiting = approval.turns(line)
    rows = {step.position: step for step in current(steps)}
    return {
        "reader": str(reader),
        "complex_name": shown.complex.name,
        "said": _said(own, said, ending),
        "decided": _decided(own[-1])
        if own
        else _confirmed(confirmed, said)
        if confirmed and said
        else None,
        "title": shown.title,
        "amount_words": amount_line(shown.amount) if shown.amount is not None else "",
        "payee": shown.payee,
        "digest": shown.digest,
        "number": record.number if record else "",
        "ending": ending.label if ending else "",
        "waiting_for": [str(rows[step.position].approver) for step in waiting],
        "can_skip": bool(skippable(steps, line, reader, at=at)),
        "next": _next(reader, following),
        "desk_url": reverse("desk:document", args=[shown.id]),
    }


def _was_confirmed(circulation: Circulation, reader: Officeholder) -> bool:
    return circulation.recipient_id == reader.id and circulation.confirmed_at is not None


def _said(own: Sequence[Step], afterwards: Choice | None, ending: Ending | None) -> str:
    if own:
        return done_words(Act(own[-1].act), Decision(own[-1].decision))
    if afterwards:
        return done_words(Act.APPROVE, afterwards.decision, afterwards=True)
    return {
        Ending.FINISHED: "이미 결재가 끝난 문서입니다.",
        Ending.RETURNED: "이미 반려된 문서입니다.",
        Ending.WITHDRAWN: "기안한 분이 회수한 문서입니다.",
        None: "지금은 결재하실 차례가 아닙니다.",
    }[ending]


def _decided(step: Step) -> dict[str, Any]:
    methods = methods_of(step.complex_id, step.document_id)
    return {
        "signed": method_label(methods.get(bytes(step.leaf_hash or b""), "")),
        "place": f"{Act(step.act).label} · {step.approver}",
        "word": pressed_word(Act(step.act), Decision(step.decision)),
        "at": step.decided_at,
        "opinion": step.opinion,
    }


def _confirmed(circulation: Circulation, said: Choice) -> dict[str, Any]:
    return {
        "place": circulation.get_kind_display(),
        "word": pressed_word(Act.APPROVE, said.decision, afterwards=True),
        "at": circulation.confirmed_at,
        "opinion": said.opinion,
    }


def _next(reader: Officeholder, following: UUID | None) -> dict[str, str] | None:
    if following is None:
        return None
    titles = Document.objects.within(reader.complex_id).filter(id=following)
    title = titles.values_list("title", flat=True).first() or ""
    url = reverse("sign:document", args=[link_token(reader, following)])
    return {"title": title, "url": url}


# --- A code, or a certificate ------------------------------------------------------------------


def code(waiting: Waiting, *, layout: str, at: datetime) -> dict[str, Any]:
    """The context of sign/code.html. Args: `layout` is the page around it."""
    closed = codes.closed_because(waiting.request, at=at)
    return {
        **_to_sign(waiting.frozen, waiting.posted),
        "layout": layout,
        "action": waiting.action,
        "back_url": waiting.back,
        "request_id": waiting.request.id,
        "is_open": closed is None,
        "sent_to": codes.sent_to(waiting.request),
        "refusal": waiting.refusal or closed,
    }


def certificate(waiting: WaitingForCertificate, *, layout: str) -> tuple[str, dict[str, Any]]:
    """What is signed, and what the person does for it. Args: `layout` is the page around it.

    Returns: sign/app.html or sign/certificate.html, and its context.
    """
    asked, posted = waiting.asked, waiting.posted
    context = {
        **_to_sign(asked.frozen, posted),
        "layout": layout,
        "action": waiting.action,
        "back_url": waiting.back,
        "request_id": asked.request_id,
        "refusal": asked.refusal,
    }
    _, statement = asked.frozen.statements[0]
    # What the app is asked names the moment at which it is asked.
    is_frozen = asked.request_id or asked.way == JOINT_CERTIFICATE
    context |= {"text": statement_text(statement.data).decode() if is_frozen else ""}
    if asked.way == JOINT_CERTIFICATE:
        return "sign/certificate.html", context
    return "sign/app.html", context | {
        "app": Provider(asked.way).label,
        "practice_app": settings.PRACTICE_APP,
        "phone": posted.get("phone", ""),
        "birthday": posted.get("birthday", ""),
    }


def _to_sign(frozen: Frozen, posted: QueryDict) -> dict[str, Any]:
    """What is signed, in the words of its buttons too, and what is posted for it again."""
    statements = [_statement(statement) for _, statement in frozen.statements]
    wish, deed = to_do_words([statement["word"] for statement in statements])
    return {
        "kept": kept(posted),
        "stated_at": frozen.stated_at.isoformat(),
        "statements": statements,
        "refused": frozen.refused,
        "wish": wish,
        "deed": deed,
    }


def _statement(statement: Statement) -> dict[str, Any]:
    """A frozen statement as its own bytes say it."""
    said = json.loads(statement.data)
    afterwards = "circulation" in said
    acting = said.get("acting")
    return {
        "title": said["title"],
        "amount_words": amount_line(said["amount"]) if said["amount"] is not None else "",
        "payee": said["payee"],
        "place": "후결" if afterwards else statement.act.label,
        "who": f"{said['office']} {said['name']}",
        "acting": _acting_words(acting, statement.choice.decision) if acting else "",
        "word": pressed_word(statement.act, statement.choice.decision, afterwards=afterwards),
        "opinion": said["opinion"],
        "digest": said["body"],
    }


def _acting_words(acting: Mapping[str, str], decision: Decision) -> str:
    """Who acts at the place of somebody else, and what they do there."""
    done = "이 자리를 건너뜁니다." if decision is Decision.SKIP else "대신 결재합니다."
    return f"{acting['office']} {acting['name']} 님이 {done}"


_last_step: Prepared[Step] = Prepared(
    lambda complex_id, document_id, reader_id: (
        Step.objects.within(complex_id)
        .filter(document_id=document_id, decided_by_id=reader_id)
        .exclude(act=Act.DRAFT)
        .order_by("-decided_at")[:1]
    ),
    UUID,
    UUID,
    UUID,
)


def said_of(decided: Document, reader: Officeholder) -> str:
    """What is said to an officer who has just decided on a document."""
    own = next(iter(_last_step(reader.complex_id, decided.id, reader.id)), None)
    if own is None:
        return done_words(Act.APPROVE, Decision.APPROVE, afterwards=True)
    return done_words(Act(own.act), Decision(own.decision))


def decided(answer: Decided) -> dict[str, Any]:
    """The context of sign/decided.html, as a session keeps it: which documents were decided."""
    count = len(answer.done)
    return {
        "said": f"{count}건을 결재했습니다" if count else "결재하지 못했습니다",
        "done": [
            {
                "title": document.title,
                "amount_words": amount_line(document.amount) if document.amount else "",
                "url": reverse("desk:document", args=[document.id]),
            }
            for document in answer.done
        ],
        "refused": [
            {
                "title": one.title,
                "refusal": {"fact": one.refusal.fact, "next_step": one.refusal.next_step},
            }
            for one in answer.refused
        ],
    }


# --- My signing page ---------------------------------------------------------------------------


def read_response(posted: QueryDict) -> dict[str, Any]:
    """What a device answered when it made a passkey; nothing when it cannot be read."""
    try:
        response = json.loads(posted.get("response", ""))
    except ValueError:
        return {}
    return response if isinstance(response, dict) else {}


def signing(reader: Officeholder) -> dict[str, Any]:
    """The context of sign/signing.html: agreement, own keys, what waits for a second officer."""
    agreement = queries.agreement_of(reader)
    vouches = reader.office in queries.VOUCHING
    return {
        "agreement_text": terms.TEXTS[terms.CURRENT],
        "agreed_at": agreement.accepted_at if agreement else None,
        "keys": [
            {
                "id": key.id,
                "name": key.name,
                "requested_at": key.requested_at,
                "confirmed_at": key.confirmed_at,
                "synced": key.synced,
            }
            for key in queries.own_keys(reader)
        ],
        "requested": [
            {
                "id": key.id,
                "name": key.name,
                "who": str(key.requested_by),
                "requested_at": key.requested_at,
            }
            for key in (queries.requested_keys(reader.complex_id) if vouches else ())
            if key.person_id != reader.person_id
        ],
        "revocations": [
            {
                "id": asked.id,
                "name": asked.key.name,
                "who": asked.key.person.name,
                "by": str(asked.officer),
                "reason": asked.reason,
                "own": asked.officer.person_id == reader.person_id,
            }
            for asked in (queries.requested_revocations(reader.complex_id) if vouches else ())
        ],
    }
