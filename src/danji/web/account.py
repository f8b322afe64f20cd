"""Signing in: by mailed code or passkey, by those whom the office has entered, and nobody else."""

import logging
import smtplib
from datetime import UTC, datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.stages import LoginByCodeStage
from allauth.account.views import ConfirmLoginCodeView
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from danji.accounts.models import Officeholder
from danji.rules.refusal import Refusal
from danji.signing.evidence import Signer, session_signer

logger = logging.getLogger(__name__)

SIGNED_IN = "signed_in"
# What allauth calls the last thing a person did to sign in, and what we write down.
METHODS = {"code": "mail-code", "mfa": "passkey"}
_LIBRARY_STAGE = "allauth.account.stages.LoginByCodeStage"


class CodeStage(LoginByCodeStage):  # type: ignore[misc]
    """A code was mailed. The log-in page opens all the same, for the address may be mistyped."""

    def is_resumable(self, _request: HttpRequest) -> bool:
        """Whether every way in leads to the code until it is typed; another address replaces it."""
        return False


class ConfirmCode(ConfirmLoginCodeView):  # type: ignore[misc]
    """The page for the code; after a wrong one it says how many tries are left."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The library's context with `tries_left`."""
        failed = self._process.state["failed_attempts"]
        left = settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS - failed
        return {**super().get_context_data(**kwargs), "tries_left": left}


confirm_code = ConfirmCode.as_view()


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """How the library's account pages behave here."""

    error_messages = DefaultAccountAdapter.error_messages | {
        # Said of codes that were asked for too often, and of wrong ones.
        "too_many_login_attempts": "로그인 번호를 여러 번 받거나 잘못 넣으셨습니다. "
        "1분 뒤에 번호를 다시 받아 주세요.",
        "rate_limited": "잠깐 사이에 여러 번 하셔서 멈추었습니다. 1분 뒤에 다시 해 주세요.",
    }

    def get_login_stages(self) -> list[str]:
        """What may stand between a log-in and the desk."""
        own = f"{CodeStage.__module__}.{CodeStage.__qualname__}"
        return [own if stage == _LIBRARY_STAGE else stage for stage in super().get_login_stages()]

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Nobody signs up; the office enters people."""
        return False

    def format_email_subject(self, subject: str) -> str:
        """The subject as written, without the host's name in brackets."""
        return subject

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail. Raises: Refusal when the mail server does not take it."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, smtplib.SMTPException) as problem:
            logger.exception("a log-in mail was not sent")
            raise Refusal(
                "메일을 보내지 못했습니다.",
                next_step="잠시 뒤 다시 해 주세요. 계속 안 되면 관리사무소에 알려 주세요.",
            ) from problem

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Sign in, and write down how and when."""
        super().login(request, user)
        last = get_authentication_records(request, user)[-1]
        remember_sign_in(request, METHODS[last["method"]], at=timezone.now())


def remember_sign_in(request: HttpRequest, method: str, *, at: datetime) -> None:
    """Keep in the session how the person signed in: "mail-code", "passkey" or "demo"."""
    request.session[SIGNED_IN] = {"method": method, "at": at.astimezone(UTC).isoformat()}


def demonstration_signer(request: HttpRequest, officeholder: Officeholder) -> Signer | None:
    """Signs by having signed in as one of the demonstration's people; None in a real complex."""
    signed_in = request.session.get(SIGNED_IN) or {}
    if not officeholder.complex.demonstration or signed_in.get("method") != "demo":
        return None
    return session_signer("demo", datetime.fromisoformat(signed_in["at"]))


def closed(request: HttpRequest) -> HttpResponse:
    """A page of the library that does not exist here."""
    raise Http404(request.path)
