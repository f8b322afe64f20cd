"""What the pages of deciding and signing show, as plain data for their templates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse

from danji.accounts.models import Officeholder
from danji.approvals.links import link_token
from danji.approvals.models import Circulation, Document, Step
from danji.approvals.queries import current, hold_on, line_of
from danji.approvals.statements import Statement
from danji.authority.queries import deputising
from danji.base.prepared import Prepared
from danji.disclosure.queries import record_of
from danji.rules import approval
from danji.rules.approval import SEEING, Act, Decision, Ending
from danji.rules.money import amount_line
from danji.rules.refusal import Refusal
from danji.signing import queries, terms
from danji.web.desk.line import line_view
from danji.web.desk.pages import size_text
from danji.web.previews import previews_at
from danji.web.sign.ceremony import CodeAsked, Decided, Item
from danji.web.sign.words import done_words, pressed_word

MAIN = (Decision.APPROVE, Decision.RETURN)  # one press; the others stand behind "다른 선택"


@dataclass(frozen=True)
class Seat:
    """Where somebody can decide now: the own place, or that of who is absent (대결)."""

    row: Step
    choices: tuple[Decision, ...]
    sent_back_to: tuple[approval.Step, ...]
    acting_for: Officeholder | None

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
    agreement = queries.agreement_of(reader) if way != "session" else None
    choices = seat.choices if seat else (Decision.APPROVE,)
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
        "can_hold": seat is not None and seat.acting_for is None,
        "held": hold.reason if hold else "",
        "must_agree": way != "session" and not agreement,
        "terms": terms.TEXTS[terms.CURRENT] if way != "session" else "",
        "agreed_at": agreement.accepted_at if agreement else None,
        "refusal": refusal,
    }


def _is_asked_afterwards(shown: Document, reader: Officeholder) -> bool:
    return any(
        circulation.kind == Circulation.Kind.AFTERWARDS
        and circulation.recipient_id == reader.id
        and circulation.sent_at is not None
        and circulation.confirmed_at is None
        for circulation in shown.circulations.all()
    )


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
    }


def outcome(shown: Document, reader: Officeholder, *, following: UUID | None) -> dict[str, Any]:
    """The context of sign/outcome.html: what the reader decided, and where the document stands.

    Args: `following` is the next document that waits for the reader.
    """
    steps = list(shown.steps.all())
    line = line_of(steps, shown)
    own = [step for step in steps if step.decided_by_id == reader.id and step.act != Act.DRAFT]
    confirmed = next((c for c in shown.circulations.all() if _was_confirmed(c, reader)), None)
    ending = approval.ending(line)
    record = record_of(reader, shown.id) if ending is Ending.FINISHED else None
    waiting = approval.turns(line)
    rows = {step.position: step for step in current(steps)}
    return {
        "reader": str(reader),
        "complex_name": shown.complex.name,
        "said": _said(own, confirmed, ending),
        "decided": _decided(own[-1]) if own else _confirmed(confirmed) if confirmed else None,
        "title": shown.title,
        "amount_words": amount_line(shown.amount) if shown.amount is not None else "",
        "payee": shown.payee,
        "digest": shown.digest,
        "number": record.number if record else "",
        "ending": ending.label if ending else "",
        "waiting_for": [str(rows[step.position].approver) for step in waiting],
        "next": _next(reader, following),
        "desk_url": reverse("desk:document", args=[shown.id]),
    }


def _was_confirmed(circulation: Circulation, reader: Officeholder) -> bool:
    return circulation.recipient_id == reader.id and circulation.confirmed_at is not None


def _said(own: Sequence[Step], confirmed: Circulation | None, ending: Ending | None) -> str:
    if own:
        return done_words(Act(own[-1].act), Decision(own[-1].decision))
    if confirmed:
        return done_words(Act.APPROVE, Decision.APPROVE, afterwards=True)
    return {
        Ending.FINISHED: "이미 결재가 끝난 문서입니다.",
        Ending.RETURNED: "이미 반려된 문서입니다.",
        Ending.WITHDRAWN: "기안한 분이 회수한 문서입니다.",
        None: "지금은 결재하실 차례가 아닙니다.",
    }[ending]


def _decided(step: Step) -> dict[str, Any]:
    return {
        "place": f"{Act(step.act).label} · {step.approver}",
        "word": pressed_word(Act(step.act), Decision(step.decision)),
        "at": step.decided_at,
        "opinion": step.opinion,
    }


def _confirmed(circulation: Circulation) -> dict[str, Any]:
    return {
        "place": circulation.get_kind_display(),
        "word": circulation.get_kind_display(),
        "at": circulation.confirmed_at,
        "opinion": "",
    }


def _next(reader: Officeholder, following: UUID | None) -> dict[str, str] | None:
    if following is None:
        return None
    titles = Document.objects.within(reader.complex_id).filter(id=following)
    title = titles.values_list("title", flat=True).first() or ""
    url = reverse("sign:document", args=[link_token(reader, following)])
    return {"title": title, "url": url}


# --- A code ------------------------------------------------------------------------------------


def code(
    asked: CodeAsked, posted: QueryDict, *, layout: str, action: str, back: str
) -> dict[str, Any]:
    """The context of sign/code.html: what is signed, and the field for the code.

    Args: `posted` is kept as it was, so that the same is decided; `layout` is the page around it.
    """
    kept = [
        (name, value)
        for name in ("item", "decision", "opinion", "to")
        for value in posted.getlist(name)
    ]
    return {
        "layout": layout,
        "action": action,
        "back_url": back,
        "kept": kept,
        "request_id": asked.request_id,
        "stated_at": asked.frozen.stated_at.isoformat(),
        "sent_to": asked.sent_to,
        "statements": [_statement(statement) for _, statement in asked.frozen.statements],
        "refused": asked.frozen.refused,
        "refusal": asked.refusal,
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
        "acting": f"{acting['office']} {acting['name']} 님이 대신 결재합니다." if acting else "",
        "word": pressed_word(statement.act, statement.choice.decision, afterwards=afterwards),
        "opinion": said["opinion"],
        "digest": said["body"],
    }


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
