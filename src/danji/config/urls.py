"""Every address of Danji."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from danji.web import account, witness
from danji.web.outbox.views import service_worker
from danji.web.public import views as public

# Pages the library brings and nobody needs: people are entered by the office, without passwords.
CLOSED = r"^accounts/(?:signup|email|confirm-email|password|reauthenticate)/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", public.home, name="home"),
    path("service-worker.js", service_worker, name="service-worker"),
    path("witness/cosignature", witness.cosignature, name="cosignature"),
    re_path(CLOSED, account.closed),
    path("accounts/login/code/confirm/", account.confirm_code, name="account_confirm_login_code"),
    path("accounts/", include("allauth.urls")),
    path("demo/", include("danji.web.demo")),
    path("desk/routing/", include("danji.web.routing.urls")),
    path("", include("danji.web.sign.urls")),
    path("desk/", include("danji.web.desk.urls")),
    path("desk/", include("danji.web.authority.urls")),
    path("desk/", include("danji.web.disposal.urls")),
    path("desk/", include("danji.web.audit.urls")),
    path("desk/", include("danji.web.outbox.urls")),
    path("desk/", include("danji.web.integration.urls")),
    path("residents/", include("danji.web.residents.urls")),
    path("api/", include("danji.web.api.urls")),
]
handler404 = "danji.web.missing.not_found"
handler500 = "danji.web.faults.server_error"
