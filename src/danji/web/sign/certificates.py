"""Signing with a certificate in one's own name, instead of a signing key or a code.

The person chooses it beside the decision (`way`). In an app (간편인증): number and birthday are
asked and handed on, the app shows the statement, and what was signed there is fetched. With a
공동인증서: the statement goes out as a file, and comes back signed. Nothing of it happens inside a
transaction, for other machines are asked, and what they answer can be had once.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import urlencode

from danji.accounts.models import Officeholder
from danji.base import tenancy
from danji.rules.refusal import Refusal
from danji.signing import relay
from danji.signing.evidence import Evidence, Signer
from danji.signing.models import RelayRequest
from danji.signing.relay import JOINT_CERTIFICATE, Contact, Provider
from danji.web.sign.ceremony import (
    CertificateAsked,
    Frozen,
    Pressed,
    Tried,
    freeze,
    kept,
    read_stated_at,
    told_of,
    try_code,
    unreadable,
)
from danji.web.uploads import uploaded_file
from danji_verify.signature import MAX_CMS, statement_text

ASKED = "certificate"  # in the session: for what a certificate was last asked
_NOT_DIGITS = str.maketrans("", "", " -.")  # as people write numbers and dates


@dataclass(frozen=True)
class Waiting:
    """A decision that waits for its certificate.

    `posted` is what was pressed, `action` where it is posted to, `back` the page it was pressed on.
    """

    asked: CertificateAsked
    posted: QueryDict
    action: str
    back: str


def ways(officeholder: Officeholder) -> dict[str, str]:
    """By which certificates the officer can sign here, and what each is called on the page."""
    found = {provider.value: provider.label for provider in relay.providers(officeholder)}
    if relay.takes_certificates(officeholder):
        found[JOINT_CERTIFICATE] = "공동인증서"
    return found


def is_due(post: QueryDict) -> bool:
    """Whether something of what was posted belongs outside of every transaction."""
    return "code" in post or bool(post.get("way"))


def try_outside(
    request: HttpRequest, officeholder: Officeholder, document_id: UUID | None, *, at: datetime
) -> Tried:
    """Do what belongs outside of every transaction, before the one in which is decided.

    Args: `document_id` is the document that the address is for, None where it is for several.
    Returns: by what to sign; or what is asked next; or why it was refused; None when nothing
    `is_due`.
    """
    post, way = request.POST, request.POST.get("way", "")
    if not is_due(post):
        return None
    if "code" in post:
        return try_code(post, officeholder, at=at)
    try:
        if way not in ways(officeholder):
            raise unreadable()
        pressed = _pressed(post, document_id)
        stated_at = read_stated_at(post) if "stated_at" in post else at
        frozen = _freeze(pressed, officeholder, at=stated_at)
    except Refusal as refusal:
        return refusal
    asked = CertificateAsked(frozen, way, post.get("request", ""))
    try:
        return _proceed(request, asked, officeholder, at=at)
    except Refusal as refusal:
        return replace(asked, refusal=refusal)


def text_to_sign(post: QueryDict, officeholder: Officeholder, document_id: UUID | None) -> bytes:
    """What a program of the person's own signs with a 공동인증서. Raises: Refusal."""
    frozen = _freeze(_pressed(post, document_id), officeholder, at=read_stated_at(post))
    return statement_text(frozen.statements[0][1].data)


def ask_for_certificate(
    request: HttpRequest, asked: CertificateAsked, *, page: str, action: str, back: str
) -> HttpResponse:
    """Keep what was pressed, and go to the page that asks for the certificate.

    It has an address of its own, for a phone that comes back from the app may load it again.
    Args: `page` is that address, `action` and `back` as in `Waiting`.
    """
    refusal, (item, _) = asked.refusal, asked.frozen.statements[0]
    request.session[ASKED] = {
        "document": item.document_id.hex,
        "way": asked.way,
        "request": asked.request_id,
        "stated_at": asked.frozen.stated_at.isoformat(),
        "posted": kept(request.POST),
        "refusal": [refusal.fact, refusal.next_step] if refusal else None,
        "action": action,
        "back": back,
    }
    here = f"{page}?{urlencode({'document': item.document_id.hex})}"
    return HttpResponseRedirect(here, status=303)


def is_mistyped(asked: CertificateAsked) -> bool:
    """Whether what the app is found by was refused: it is typed again, and kept nowhere."""
    return asked.refusal is not None and not asked.request_id and asked.way != JOINT_CERTIFICATE


def waiting_for_certificate(
    request: HttpRequest, officeholder: Officeholder, *, at: datetime
) -> Waiting | str:
    """The decision of which the address says that it waits for its certificate.

    Returns: where to go instead when it does not, "" where that is not known either.
    """
    said = request.session.get(ASKED)
    if said is None or said["document"] != request.GET.get("document"):
        return ""
    posted = QueryDict(mutable=True)
    for name, value in said["posted"]:
        posted.appendlist(name, value)
    # The statement of which an app was not asked yet is made of the moment in which it is.
    is_frozen = said["request"] or said["way"] == JOINT_CERTIFICATE
    stated_at = datetime.fromisoformat(said["stated_at"]) if is_frozen else at
    frozen = freeze(Pressed.read(posted), officeholder, at=stated_at)
    if frozen.refused:
        back: str = said["back"]
        return back
    refusal = Refusal(said["refusal"][0], next_step=said["refusal"][1]) if said["refusal"] else None
    asked = CertificateAsked(frozen, said["way"], said["request"], refusal)
    return Waiting(asked, posted, said["action"], said["back"])


def _proceed(
    request: HttpRequest, asked: CertificateAsked, officeholder: Officeholder, *, at: datetime
) -> Signer | CertificateAsked:
    """Take the next step towards the signature. Raises: Refusal; it can be tried again."""
    post = request.POST
    if asked.way == JOINT_CERTIFICATE:
        if "uploaded" not in post:
            return asked
        with tenancy.within(officeholder.complex_id):
            evidence = relay.uploaded(officeholder, _read_file(request))
        # Here, so that the text stays as it was frozen when another file was signed.
        _, statement = asked.frozen.statements[0]
        relay.verify(evidence, statement.data, officeholder=officeholder)
    elif asked.request_id:
        evidence = _collect(asked.request_id, officeholder, at=at)
    elif "phone" in post:
        return _ask_app(asked, post, officeholder, at=at)
    else:
        return asked
    return relay.certificate_signer(evidence, officeholder=officeholder)


def _ask_app(
    asked: CertificateAsked, post: QueryDict, officeholder: Officeholder, *, at: datetime
) -> CertificateAsked:
    item, statement = asked.frozen.statements[0]
    contact = Contact(
        post.get("phone", "").translate(_NOT_DIGITS),
        post.get("birthday", "").translate(_NOT_DIGITS),
    )
    made = relay.request(
        Provider(asked.way),
        officeholder,
        statement.data,
        contact,
        title=told_of(item, statement),
        at=at,
    )
    return replace(asked, request_id=str(made.id))


def _collect(request_id: str, officeholder: Officeholder, *, at: datetime) -> Evidence:
    try:
        return relay.collect(UUID(request_id), officeholder=officeholder, at=at)
    except (ValueError, RelayRequest.DoesNotExist):
        raise unreadable() from None


def _read_file(request: HttpRequest) -> bytes:
    """The file that was signed. Raises: Refusal when there is none."""
    file = uploaded_file(request)
    if file is None:
        raise Refusal(
            "서명한 파일을 고르지 않았습니다.", next_step="파일을 고른 뒤 다시 눌러 주세요."
        )
    data: bytes = file.read(MAX_CMS + 1)
    return data


def _freeze(pressed: Pressed, officeholder: Officeholder, *, at: datetime) -> Frozen:
    """What is signed. Raises: Refusal when it cannot be."""
    with tenancy.within(officeholder.complex_id):
        frozen = freeze(pressed, officeholder, at=at)
    if frozen.refused:
        raise frozen.refused[0].refusal
    return frozen


def _pressed(post: QueryDict, document_id: UUID | None) -> Pressed:
    """What was pressed: one document, for a certificate signs one statement. Raises: Refusal."""
    pressed = Pressed.read(post)
    if len(pressed.items) > 1:
        raise Refusal(
            "인증서로는 한 번에 한 건씩 서명합니다.", next_step="문서를 하나씩 열어 서명해 주세요."
        )
    if document_id not in {None, pressed.items[0].document_id}:
        raise unreadable()
    return pressed
