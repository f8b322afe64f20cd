"""Telling programs how documents ended, and forgetting what was kept for a while."""

import logging
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from danji.accounts.models import Office, Officeholder
from danji.accounts.queries import holder_of
from danji.approvals.models import Outcome
from danji.base import tenancy
from danji.disclosure.queries import record_of
from danji.integration import ahead
from danji.integration.links import webhooks_link
from danji.integration.models import (
    IdempotentAnswer,
    Upload,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEnd,
)
from danji.integration.queries import due, webhooks_of
from danji.integration.webhooks import NotTaken, ReceiverGone, body_of, send, sign
from danji.outbox.actions import tell
from danji.rules.periods import day_in_seoul
from danji_verify.entry import format_time

logger = logging.getLogger(__name__)

# How long to wait after each try that failed; after the last one it is given up.
# Source: Standard Webhooks 1.0.0, Deliverability and reliability.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
# Older endings are not told any more, also where nobody could try: the program asks by itself.
LASTING = timedelta(days=30)
AT_ONCE = 50  # messages for one receiver in one go
PATIENCE = 30.0  # seconds after which a go is over; the message under way is sent to its end
LOCK = 0x686F6F6B  # "hook": the advisory lock of whoever tells programs
KEPT = timedelta(days=7)  # answers to a key, and files that were sent ahead


def deliver_webhooks(complex_id: UUID) -> int:
    """Tell every receiver of the endings it was not told yet. Returns: how many.

    A crash between sending and noting it tells twice, never not at all. What fails is tried again
    later, longer each time; then the next one's turn comes, and in the end it is given up and the
    manager is told.
    """
    with tenancy.within(complex_id):
        hooks = list(webhooks_of(complex_id).filter(ends=None))
    done = 0
    for hook in hooks:
        try:
            done += _deliver(hook)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # Whatever is wrong with one receiver, the others are told.
            logger.exception("webhook %s was not told", hook.id)
    return done


def forget_answers(complex_id: UUID) -> int:
    """Forget answers and uploads that have been kept long enough. Returns: how many."""
    before = timezone.now() - KEPT
    with tenancy.within(complex_id):
        answers = IdempotentAnswer.objects.within(complex_id).filter(answered_at__lt=before)
        uploads = Upload.objects.within(complex_id).filter(uploaded_at__lt=before)
        forgotten = int(answers.delete()[0] + uploads.delete()[0])
    return forgotten + ahead.forget(complex_id, before=before)


def _deliver(hook: Webhook) -> int:
    """Tell one receiver what is due; after the first failure the rest waits for the next go."""
    with tenancy.within(hook.complex_id):
        now = timezone.now()
        since = max(hook.registered_at, now - LASTING)
        outcomes = list(due(hook, WAITS, since=since, at=now)[:AT_ONCE])
    done, until = 0, monotonic() + PATIENCE
    for outcome in outcomes:
        at = timezone.now()
        try:
            _hand_over(hook, outcome, at)
        except NotTaken as problem:
            logger.warning("webhook %s was not taken: %s", hook.id, problem)
            _note_failure(hook, outcome, problem, at)
            break
        _note(hook, outcome, at)
        done += 1
        if monotonic() > until:
            break
    return done


def _hand_over(hook: Webhook, outcome: Outcome, at: datetime) -> None:
    """Raises: NotTaken, also when we go wrong: one that cannot be told keeps no other waiting."""
    try:
        with tenancy.within(hook.complex_id):
            body = body_of(_said(hook, outcome, at))
        send(hook, body, sign(hook, outcome.id.hex, body, at=at))
    except (NotTaken, OperationalError, InterfaceError):
        raise
    except Exception as problem:
        logger.exception("webhook %s could not be told %s", hook.id, outcome.id)
        raise NotTaken("보내다가 잘못되었습니다. 운영자에게 알려 주세요.") from problem


def _said(hook: Webhook, outcome: Outcome, at: datetime) -> dict[str, object]:
    """What leaves the house: that something ended, and by which name to ask for it.

    No title and no amount: a title names people and flats, and whoever holds the address would have
    them. The program asks with its token, and sees what that token may see.
    """
    manager = _manager(hook, at)
    record = record_of(manager, outcome.document_id) if manager else None
    return {
        "type": f"document.{outcome.ending}",
        "timestamp": format_time(outcome.ended_at.replace(microsecond=0)),
        "data": {
            "complex": hook.complex.code,
            "document": str(outcome.document_id),
            "ending": outcome.ending,
            "number": record.number if record else None,
        },
    }


def _note(hook: Webhook, outcome: Outcome, at: datetime, *, given_up: str = "") -> bool:
    """Write down that it is done with. Returns: False when somebody else has."""
    with tenancy.within(hook.complex_id):
        _, is_new = WebhookDelivery.objects.get_or_create(
            complex_id=hook.complex_id,
            webhook=hook,
            outcome_id=outcome.id,
            defaults={"delivered_at": at, "given_up": given_up},
        )
    return bool(is_new)


def _note_failure(hook: Webhook, outcome: Outcome, problem: NotTaken, at: datetime) -> None:
    """Write down a try and all that follows from it, at once. Args: `outcome` is one of `due`."""
    failed = outcome.tries + 1  # type: ignore[attr-defined]
    with tenancy.within(hook.complex_id):
        WebhookAttempt.objects.create(
            complex_id=hook.complex_id,
            webhook=hook,
            outcome_id=outcome.id,
            tried_at=at,
            problem=str(problem),
        )
        if isinstance(problem, ReceiverGone):
            _end(hook, at)
        elif failed > len(WAITS) and _note(hook, outcome, at, given_up=str(problem)):
            _tell(hook, f"{failed}번 보냈지만 받지 않아 그만 보냅니다. {problem}", at)


def _end(hook: Webhook, at: datetime) -> None:
    _, is_new = WebhookEnd.objects.get_or_create(
        complex_id=hook.complex_id, webhook=hook, defaults={"ended_at": at}
    )
    if is_new:
        _tell(hook, "받는 곳이 더는 받지 않겠다고 해서 알림을 끝냈습니다.", at)


def _tell(hook: Webhook, body: str, at: datetime) -> None:
    """Tell the manager; without one, the page of the webhooks says it."""
    if (manager := _manager(hook, at)) is not None:
        subject = f"연계 알림을 전하지 못함: {hook.name}"
        tell(manager, subject, body, at=at, link=webhooks_link())


def _manager(hook: Webhook, at: datetime) -> Officeholder | None:
    """Who is manager now: whoever registered the receiver may have left."""
    return holder_of(hook.complex_id, Office.MANAGER, on=day_in_seoul(at))
