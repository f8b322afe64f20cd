"""Messages as mails: plain text, and the same in HTML with one large button to the page."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from danji.outbox.models import PendingDelivery
from danji.outbox.sending import Away, Later, Refused, Send

PERMANENT = 500  # SMTP replies from here on say never, below it says not now
CLOSED = "메일 서버와 연결되지 않습니다. 운영자에게 알려 주세요."
NOT_NOW = "메일 서버가 이 메일을 지금은 받지 않습니다."


@contextmanager
def mail_sender() -> Iterator[Send]:
    """Open one connection to the mail server for several messages.

    Raises: Away when it does not answer, or does not let us in.
    """
    connection = get_connection()
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as problem:
        raise Away(CLOSED, problem) from problem
    try:
        yield lambda pending: _send(connection, pending)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            connection.close()


def _send(connection: BaseEmailBackend, pending: PendingDelivery) -> str:
    message = pending.message
    text, link = pending.text, message.link
    # The same each time: a mailbox that gets it twice can see that it is one message.
    name = f"<{message.id.hex}@{settings.DOMAIN}>"
    letter = EmailMultiAlternatives(
        subject=message.subject,
        body=f"{text}\n\n{link}\n" if link and link not in text else text,
        to=[pending.address or message.recipient.email],
        headers={"Message-ID": name},
        connection=connection,
    )
    context = {
        "subject": message.subject,
        "lines": text.splitlines(),
        "link": link,
        "complex_name": pending.complex.name,
    }
    letter.attach_alternative(render_to_string("outbox/mail.html", context), "text/html")
    try:
        letter.send()
    except smtplib.SMTPRecipientsRefused as refused:
        ((code, words),) = refused.recipients.values()
        if code < PERMANENT:
            raise Later(NOT_NOW, (code, words)) from refused
        raise Refused(
            "메일 서버가 이 주소로는 보내지 못한다고 합니다. 받는 분의 메일 주소를 확인해 주세요.",
            (code, words),
        ) from refused
    except smtplib.SMTPDataError as refused:
        if refused.smtp_code < PERMANENT:
            raise Later(NOT_NOW, refused) from refused
        raise Refused(
            "메일 서버가 이 메일을 받지 않았습니다. 받는 분께 직접 알려 주세요.", refused
        ) from refused
    except smtplib.SMTPHeloError as refused:  # said before anything of the message was
        raise Away(CLOSED, refused) from refused
    except (smtplib.SMTPException, OSError) as problem:
        # It may be this message that the server fails at: the others have their turn.
        raise Later(NOT_NOW, problem) from problem
    return name
