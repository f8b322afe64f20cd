"""Every setting of Danji. The environment is read here and nowhere else."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from danji.base.postgres import socket_folder
from danji.base.secrets import kept_secret

HOME = Path(os.environ.get("DANJI_HOME") or Path(__file__).resolve().parents[3] / "var").absolute()
DEMO = os.environ.get("DANJI_DEMO") == "1"
HOST = os.environ.get("DANJI_HOST", "127.0.0.1")
PORT = int(os.environ.get("DANJI_PORT", "8000"))
DATABASE_URL = os.environ.get("DATABASE_URL", "")
DATABASE_OWNER_URL = os.environ.get("DATABASE_OWNER_URL", "")
# The folder of PostgreSQL's programs, when the embedded server is to use others than it finds.
PG_BINDIR = os.environ.get("PG_BINDIR", "")
# The name that every log here begins with; it is signed into each checkpoint, so keep it.
DOMAIN = os.environ.get("DANJI_DOMAIN", "danji.localhost")
# A passkey belongs to a name, never to a number.
_NAME = "localhost" if HOST == "127.0.0.1" else f"[{HOST}]" if ":" in HOST else HOST
SITE_URL = os.environ.get("DANJI_SITE_URL", f"http://{_NAME}:{PORT}")
SECRET_KEY = os.environ.get("DANJI_SECRET_KEY") or kept_secret(HOME / "keys" / "django.secret")

FILES = HOME / "files"
KEYS = HOME / "keys"
PUBLIC = HOME / "public"
STAGING = HOME / "staging"
ASIDE = HOME / "aside"  # damaged files of logs that were mended
REPORTS = HOME / "reports"
EVIDENCE = HOME / "evidence"  # what shows that a log has two faces
# Below this much free space nothing new is taken in: what was promised must still fit.
FREE_SPACE_FLOOR = int(os.environ.get("DANJI_FREE_SPACE_FLOOR", str(256 * 1024 * 1024)))
UPLOAD_LIMIT = int(os.environ.get("DANJI_UPLOAD_LIMIT", str(20 * 1024 * 1024)))
# Where ClamAV listens, if one does: "unix:/run/clamav/clamd.ctl" or "tcp:127.0.0.1:3310".
CLAMAV = os.environ.get("DANJI_CLAMAV", "")
if not re.fullmatch(r"(unix:/.+|tcp:.+:\d{1,5})?", CLAMAV):  # else each upload would fail
    raise ValueError(f"DANJI_CLAMAV={CLAMAV}")
# The token (HSM) in which new keys are made, by PKCS#11; without a module, keys are files.
PKCS11_MODULE = os.environ.get("DANJI_PKCS11_MODULE", "")
PKCS11_TOKEN = os.environ.get("DANJI_PKCS11_TOKEN", "")
PKCS11_PIN = os.environ.get("DANJI_PKCS11_PIN", "")
PKCS11_PIN_FILE = os.environ.get("DANJI_PKCS11_PIN_FILE", "")

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", DOMAIN, urlsplit(SITE_URL).hostname or HOST]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "danji.web",  # first, because its templates stand in for those of the libraries
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_cotton",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "danji.complexes",
    "danji.accounts",
    "danji.attachments",
    "danji.outbox",
    "danji.transparency",
    "danji.signing",
    "danji.authority",
    "danji.records",
    "danji.formbook",
    "danji.routing",
    "danji.approvals",
    "danji.renditions",
    "danji.disclosure",
    "danji.integration",
    "danji.disposal",
    "danji.confirming",
    "danji.audit",
    "danji.config",
]
MIDDLEWARE = [
    "danji.web.faults.FaultMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "danji.web.headers.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "danji.web.texts.TextMiddleware",  # after it, for it reads the form with more patience
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "danji.config.urls"
WSGI_APPLICATION = "danji.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "danji.web.context.site",
            ],
        },
    }
]


def _database(url: str, role: str) -> dict[str, Any]:
    """One Django database entry: `url` when given, else the embedded server as `role`.

    Raises: ValueError when `url` is no address of a database.
    """
    entry: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "NAME": "danji",
        "USER": role,
        "HOST": str(socket_folder(HOME)),
        # Statements are prepared and planned by the server once they come again: it spends more
        # time on that than on doing them, and every one goes by complex, so one plan serves all.
        # A pooler in between has to know of it.
        "OPTIONS": {
            "connect_timeout": 5,
            "server_side_binding": True,
            "prepare_threshold": 2,
            "options": "-c plan_cache_mode=force_generic_plan",
        },
    }
    if url:
        try:
            parts = conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise ValueError(str(error).strip()) from None
        entry |= {
            "NAME": parts.pop("dbname", ""),
            "USER": parts.pop("user", ""),
            "PASSWORD": parts.pop("password", ""),
            "HOST": parts.pop("host", ""),
            "PORT": parts.pop("port", ""),
        }
        # What is left says how to connect: `sslmode=verify-full` must not be lost on the way.
        entry["OPTIONS"] |= parts
    return entry


DATABASES = {
    "default": _database(DATABASE_URL, "danji_app"),
    "owner": _database(DATABASE_OWNER_URL, "danji_owner"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "desk:home"
LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "danji.web.account.Adapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_REQUIRED = False
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 8}  # typed on a telephone's number keys
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
# Whose tries to log in are counted: behind so many proxies the address before them is the person's.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("DANJI_PROXIES", "0"))
MFA_SUPPORTED_TYPES = ["webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEMO
SESSION_ENGINE = "danji.accounts.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "danji.web.faults.stale_form"

EMAIL_HOST = os.environ.get("DANJI_MAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("DANJI_MAIL_PORT", "25"))
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_HOST_USER = os.environ.get("DANJI_MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("DANJI_MAIL_PASSWORD", "")
_MAIL_SECURITY = os.environ.get("DANJI_MAIL_SECURITY", "")
if _MAIL_SECURITY not in {"", "tls", "starttls"}:  # a slip would send the password in the clear
    raise ValueError(f"DANJI_MAIL_SECURITY={_MAIL_SECURITY}")
EMAIL_USE_SSL = _MAIL_SECURITY == "tls"
EMAIL_USE_TLS = _MAIL_SECURITY == "starttls"
EMAIL_TIMEOUT = 10  # seconds
EMAIL_FILE_PATH = HOME / "mail"
DEFAULT_FROM_EMAIL = os.environ.get("DANJI_MAIL_FROM", f"danji@{DOMAIN}")

# Without a key nobody is told by phone.
GATEWAY_URL = os.environ.get("DANJI_GATEWAY_URL", "https://api.solapi.com")
GATEWAY_KEY = os.environ.get("DANJI_GATEWAY_KEY", "")
GATEWAY_SECRET = os.environ.get("DANJI_GATEWAY_SECRET", "")
GATEWAY_SENDER = os.environ.get("DANJI_GATEWAY_SENDER", "")
KAKAO_CHANNEL = os.environ.get("DANJI_KAKAO_CHANNEL", "")
KAKAO_TEMPLATE = os.environ.get("DANJI_KAKAO_TEMPLATE", "")

# Signing with certificates: through which relay people's apps are asked, and which authorities are
# believed to issue to people only in their own name.
RELAY_URL = os.environ.get("DANJI_RELAY_URL", "")
RELAY_KEY = os.environ.get("DANJI_RELAY_KEY", "")
CERTIFICATE_ISSUERS = os.environ.get("DANJI_CERTIFICATE_ISSUERS", "")
# Where none is set, a demonstration practises with a relay and an authority of its own.
PRACTICE = HOME / "demo" / "relay"
RELAY_IS_PRACTICE = DEMO and not (RELAY_URL or CERTIFICATE_ISSUERS) and (PRACTICE / "port").exists()
PRACTICE_APP = ""  # where people do what they would do in their own app
if RELAY_IS_PRACTICE:
    _PRACTICE_PORT = (PRACTICE / "port").read_text()
    RELAY_URL = f"http://127.0.0.1:{_PRACTICE_PORT}"
    RELAY_KEY = (PRACTICE / "key").read_text()
    CERTIFICATE_ISSUERS = str(PRACTICE / "issuers.pem")
    PRACTICE_APP = f"http://{urlsplit(SITE_URL).hostname}:{_PRACTICE_PORT}/"

# Who tells the time (RFC 3161) under the log of logs once a day, and a PEM file of the authorities
# it has to be one of. Without an address no time is asked for.
TSA_URL = os.environ.get("DANJI_TSA_URL", "")
TSA_CERTS = os.environ.get("DANJI_TSA_CERTS", "")

# 1: programs inside the house may be told how documents end, also by plain http.
WEBHOOK_ALLOW_PRIVATE = os.environ.get("DANJI_WEBHOOK_ALLOW_PRIVATE") == "1"

# Holidays that were declared for once (임시공휴일): nobody is reminded on them either.
HOLIDAYS = frozenset(map(date.fromisoformat, os.environ.get("DANJI_HOLIDAYS", "").split()))

LANGUAGE_CODE = "ko"
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
PUBLIC_URL = "/public/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 25_000  # a filled fee notice has thousands
FILE_UPLOAD_HANDLERS = [
    "danji.web.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = HOME / "run"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"danji": {"level": "INFO"}},
}
