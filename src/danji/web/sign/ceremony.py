"""From a pressed button to signed decisions: what is asked of the person, and by what they sign.

A person with a signing key signs with it; who has none types a code that was sent. Whoever chooses
so signs with a certificate in their own name, see `danji.web.sign.certificates`. At the desk of a
demonstration complex, having signed in there is enough.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import QueryDict

from danji.accounts.models import Officeholder
from danji.approvals import deciding, showing
from danji.approvals.models import Document
from danji.approvals.statements import Statement
from danji.rules.approval import Choice, Decision
from danji.rules.money import figures_line
from danji.rules.refusal import Refusal
from danji.signing import codes, passkeys, queries
from danji.signing.evidence import Signer
from danji.web.sign.words import pressed_word

logger = logging.getLogger(__name__)

MOST = 100  # documents decided with one press
AFTERWARDS = "afterwards"
SKIP = "skip-"  # before the position of a place that is left out
# What a device answers, by the names of the fields it is posted in.
_ASSERTION = ("id", "client_data", "authenticator_data", "signature")
_KEPT = ("item", "decision", "opinion", "to", "way")


@dataclass(frozen=True)
class Item:
    """One document to decide on, as a form names it.

    `digest` is that of the content the person was shown; `acting_for` the absent officer in whose
    place they decide (대결); `afterwards` says that it is approved afterwards (후결); `skipped` is
    the position of a place that is left out (생략).
    """

    document_id: UUID
    digest: str
    acting_for: UUID | None = None
    afterwards: bool = False
    skipped: int | None = None

    @property
    def value(self) -> str:
        """What stands in the form."""
        seat = AFTERWARDS if self.afterwards else self.acting_for.hex if self.acting_for else ""
        seat = f"{SKIP}{self.skipped}" if self.skipped is not None else seat
        return f"{self.document_id.hex}/{self.digest}/{seat}"

    @classmethod
    def parse(cls, value: str) -> "Item":
        """Raises: Refusal."""
        try:
            document, digest, seat = value.split("/")
            if seat == AFTERWARDS:
                return cls(UUID(document), digest, afterwards=True)
            if seat.startswith(SKIP):
                return cls(UUID(document), digest, skipped=int(seat.removeprefix(SKIP)[:3]))
            return cls(UUID(document), digest, UUID(seat) if seat else None)
        except ValueError as problem:
            raise unreadable() from problem


@dataclass(frozen=True)
class Pressed:
    """What a person wants: one choice for some documents."""

    items: tuple[Item, ...]
    choice: Choice

    @classmethod
    def read(cls, post: QueryDict) -> "Pressed":
        """Raises: Refusal when nothing was chosen, or too much."""
        items = dict.fromkeys(Item.parse(value) for value in post.getlist("item"))
        if not items:
            raise Refusal(
                "결재할 문서를 고르지 않았습니다.", next_step="문서를 고른 뒤 다시 눌러 주세요."
            )
        if len(items) > MOST:
            raise Refusal(
                f"한 번에 {MOST}건까지 결재할 수 있습니다. 지금 {len(items)}건을 골랐습니다.",
                next_step="나누어서 결재해 주세요.",
            )
        try:
            decision = Decision(post.get("decision", ""))
        except ValueError:
            raise Refusal(
                "승인인지 반려인지 고르지 않았습니다.", next_step="둘 가운데 하나를 눌러 주세요."
            ) from None
        to = post.get("to", "")
        position = int(to) if to.isascii() and to.isdigit() and len(to) < 4 else None
        return cls(tuple(items), Choice(decision, post.get("opinion", ""), position))


@dataclass(frozen=True)
class Refused:
    """A document that was not decided, and why."""

    item: Item
    title: str
    refusal: Refusal


@dataclass(frozen=True)
class Frozen:
    """What is signed with one gesture or code, and what is left out of it."""

    stated_at: datetime
    statements: tuple[tuple[Item, Statement], ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Decided:
    """What was decided, and what was not."""

    done: tuple[Document, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class CodeAsked:
    """A code was sent, and has to be typed; `refusal` says why the last one was not taken."""

    frozen: Frozen
    request_id: str
    refusal: Refusal | None = None


@dataclass(frozen=True)
class CertificateAsked:
    """The statement is to be signed with a certificate in the person's own name.

    `way` is a `relay.Provider`, in whose app they sign, or `relay.JOINT_CERTIFICATE`; `request_id`
    names what the app was asked, "" before that; `refusal` says why it was not signed yet.
    """

    frozen: Frozen
    way: str
    request_id: str = ""
    refusal: Refusal | None = None


Asked = CodeAsked | CertificateAsked
# What came of what belongs outside of the transaction: see `certificates.try_outside`.
Tried = Signer | CertificateAsked | Refusal | None


def way_of(officeholder: Officeholder, session: Signer | None) -> str:
    """How the officer signs now: "passkey", "code", or "session" in a demonstration.

    Args: `session` is `danji.web.account.demonstration_signer` at the desk, else None.
    """
    return "session" if session else queries.way_of(officeholder)


def perform(
    post: QueryDict,
    pressed: Pressed,
    actor: Officeholder,
    *,
    session: Signer | None,
    tried: Tried,
    at: datetime,
) -> Asked | Decided:
    """Decide once it is signed; before that, send the code where one is needed.

    Args: `tried` is from `certificates.try_outside`.
    Raises: Refusal when nothing was signed.
    """
    if isinstance(tried, CertificateAsked):
        return tried
    if session is not None and tried is None:
        return decide_each(pressed, actor, session, at=at, stated_at=None)
    if isinstance(tried, Refusal):
        if "code" not in post:
            raise tried
        frozen = freeze(pressed, actor, at=read_stated_at(post))
        return CodeAsked(frozen, post.get("request", ""), tried)
    if tried is None and queries.way_of(actor) == "code":
        return _ask_for_code(post, pressed, actor, at=at)
    sign = tried or _device_signer(post, pressed, actor)
    return decide_each(pressed, actor, sign, at=at, stated_at=read_stated_at(post))


def freeze(pressed: Pressed, actor: Officeholder, *, at: datetime) -> Frozen:
    """What would be signed, each document for itself."""
    stated_at = at.replace(microsecond=0)
    statements, refused = [], []
    for item in pressed.items:
        try:
            statements.append((item, _state(item, pressed.choice, actor, stated_at)))
        except (Refusal, Document.DoesNotExist) as problem:
            refused.append(_refused(item, actor, problem))
    return Frozen(stated_at, tuple(statements), tuple(refused))


def offer(pressed: Pressed, actor: Officeholder, *, at: datetime) -> dict[str, Any]:
    """What the page hands to the device: the challenge, and what it stands for.

    Returns: `stated_at`, `challenge`, `rp_id` and `allow` (base64url), and `signed`, the items in
    the order in which they are signed.
    Raises: Refusal when nothing can be signed.
    """
    queries.demand_agreement(actor)
    frozen = freeze(pressed, actor, at=at)
    if not frozen.statements:
        raise frozen.refused[0].refusal
    challenge = passkeys.challenge([statement.data for _, statement in frozen.statements])
    return {
        "stated_at": frozen.stated_at.isoformat(),
        "challenge": passkeys.websafe(challenge),
        "signed": [item.value for item, _ in frozen.statements],
        **passkeys.assertion_options(actor),
    }


def try_code(post: QueryDict, officeholder: Officeholder, *, at: datetime) -> Signer | Refusal:
    """Try the code that was typed, outside of every transaction, for a wrong one counts.

    Returns: by what to sign, or why the code was refused.
    """
    try:
        request_id = UUID(post.get("request", ""))
    except ValueError:
        return unreadable()
    try:
        return codes.code_signer(request_id, post.get("code", ""), officeholder=officeholder, at=at)
    except Refusal as refusal:
        return refusal


def _device_signer(post: QueryDict, pressed: Pressed, actor: Officeholder) -> Signer:
    """By the answer of the person's device.

    Raises: Refusal when there is none, or what was signed together is no longer so.
    """
    if not post.get("signature"):
        raise Refusal(
            "등록한 기기로 서명하지 않아 결재하지 않았습니다.",
            next_step="다시 누른 뒤, 기기의 안내에 따라 확인해 주세요.",
        )
    assertion = {name: post.get(name, "") for name in _ASSERTION}
    signed = [Item.parse(value) for value in post.getlist("signed")]
    if len(signed) < 2:
        return passkeys.passkey_signer(actor, assertion)
    stated_at = read_stated_at(post)
    try:
        batch = [_state(item, pressed.choice, actor, stated_at).data for item in signed]
    except (Refusal, Document.DoesNotExist) as problem:
        # The device signed all of them at once, so without one of them nothing can be shown.
        raise Refusal(
            "서명하는 동안 고르신 문서 가운데 하나가 바뀌었습니다. 아무것도 결재하지 않았습니다.",
            next_step="목록을 새로 열어 다시 결재해 주세요.",
        ) from problem
    return passkeys.passkey_signer(actor, assertion, batch=batch)


def read_stated_at(post: QueryDict) -> datetime:
    """The moment which the signed statements name. Raises: Refusal."""
    try:
        moment = datetime.fromisoformat(post.get("stated_at", ""))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as problem:
        raise unreadable() from problem


def _ask_for_code(
    post: QueryDict, pressed: Pressed, actor: Officeholder, *, at: datetime
) -> CodeAsked | Decided:
    frozen = freeze(pressed, actor, at=at)
    if not frozen.statements:
        return Decided((), frozen.refused)
    try:
        with transaction.atomic():
            request = codes.send_code(
                actor,
                [statement.data for _, statement in frozen.statements],
                [told_of(item, statement) for item, statement in frozen.statements],
                at=at,
            )
    except Refusal as refusal:
        if "request" not in post:
            if isinstance(refusal, codes.JustSent):
                return _asked_before(refusal, pressed, actor)
            raise
        # Asked for anew too soon: the field for the one that is on its way stays.
        earlier = freeze(pressed, actor, at=read_stated_at(post))
        return CodeAsked(earlier, post.get("request", ""), refusal)
    return CodeAsked(frozen, str(request.id))


def _asked_before(just: codes.JustSent, pressed: Pressed, actor: Officeholder) -> CodeAsked:
    """The field for the code that is on its way, when it was sent for the same that is pressed now.

    Raises: Refusal when it was sent for anything else.
    """
    # The statements name the moment at which the code was sent, see `freeze`.
    earlier = freeze(pressed, actor, at=just.request.sent_at)
    if not codes.covers(just.request, [statement.data for _, statement in earlier.statements]):
        raise Refusal(
            "방금 다른 결재의 확인 번호를 보냈습니다. 이번 것은 아직 보내지 않았습니다.",
            next_step="1분 뒤에 다시 눌러 새 번호를 받아 주세요. "
            "먼저 받은 번호는 그 화면에서만 쓸 수 있습니다.",
        ) from just
    return CodeAsked(earlier, str(just.request.id), just)


def decide_each(
    pressed: Pressed,
    actor: Officeholder,
    sign: Signer,
    *,
    at: datetime,
    stated_at: datetime | None,
) -> Decided:
    """Decide on each document, in a transaction; one that is refused undoes no other."""
    done, refused = [], []
    for item in pressed.items:
        try:
            with transaction.atomic():
                done.append(_decide(item, pressed.choice, actor, sign, (at, stated_at)))
        except (Refusal, Document.DoesNotExist) as problem:
            refused.append(_refused(item, actor, problem))
            logger.warning("%s was refused on %s: %s", actor.id, item.document_id, problem)
    return Decided(tuple(done), tuple(refused))


def _refused(item: Item, actor: Officeholder, problem: Refusal | Document.DoesNotExist) -> Refused:
    # Who knows the digest has seen the document.
    shown = Document.objects.within(actor.complex_id).filter(
        id=item.document_id, digest=item.digest
    )
    title = shown.values_list("title", flat=True).first() or "찾을 수 없는 문서"
    if isinstance(problem, Refusal):
        return Refused(item, title, problem)
    refusal = Refusal("없는 문서입니다.", next_step="목록을 새로 열어 다시 골라 주세요.")
    return Refused(item, title, refusal)


def _state(item: Item, choice: Choice, actor: Officeholder, at: datetime) -> Statement:
    if item.skipped is not None:
        _demand_skip(choice)
        statement = deciding.state_skip(
            item.document_id, item.skipped, choice.opinion, actor=actor, at=at
        )
    elif item.afterwards:
        statement = showing.state_confirmation(item.document_id, actor=actor, choice=choice, at=at)
    else:
        statement = deciding.state_decision(
            item.document_id, actor=actor, choice=choice, at=at, acting_for=item.acting_for
        )
    _demand_shown(item, statement.digest)
    return statement


def _decide(
    item: Item,
    choice: Choice,
    actor: Officeholder,
    sign: Signer,
    moments: tuple[datetime, datetime | None],
) -> Document:
    at, stated_at = moments
    document: Document
    if item.skipped is not None:
        _demand_skip(choice)
        document = deciding.skip_step(
            item.document_id,
            item.skipped,
            choice.opinion,
            actor=actor,
            sign=sign,
            at=at,
            stated_at=stated_at,
        )
    elif item.afterwards:
        document = showing.confirm_afterwards(
            item.document_id,
            actor=actor,
            choice=choice,
            sign=sign,
            at=at,
            stated_at=stated_at,
        ).document
    else:
        document = deciding.decide_step(
            item.document_id,
            actor=actor,
            choice=choice,
            sign=sign,
            at=at,
            stated_at=stated_at,
            acting_for=item.acting_for,
        )
    # Compared afterwards, with what was loaded under the lock; a refusal undoes the decision.
    _demand_shown(item, document.digest)
    return document


def _demand_skip(choice: Choice) -> None:
    """What is pressed for a place that is left out says so. Raises: Refusal."""
    if choice.decision is not Decision.SKIP:
        raise unreadable()


def _demand_shown(item: Item, digest: str) -> None:
    if item.digest != digest:
        raise Refusal(
            "보신 화면과 지금의 문서가 다릅니다. 결재하지 않았습니다.",
            next_step="문서를 새로 열어 내용을 확인한 뒤 결재해 주세요.",
        )


def kept(post: QueryDict) -> list[tuple[str, str]]:
    """What was pressed, as it is posted again with a code or a certificate."""
    return [(name, value) for name in _KEPT for value in post.getlist(name)]


def told_of(item: Item, statement: Statement) -> str:
    """What is signed, in one line: in the message that brings the code, and in the person's app."""
    word = pressed_word(statement.act, statement.choice.decision, afterwards=item.afterwards)
    amount = f", {figures_line(statement.amount)}" if statement.amount is not None else ""
    return f"{word}: {statement.title}{amount}"


def unreadable() -> Refusal:
    """What is said of a form that no page of ours has sent."""
    return Refusal(
        "화면이 보낸 내용을 읽을 수 없습니다. 결재하지 않았습니다.",
        next_step="화면을 새로 열어 다시 눌러 주세요.",
    )
