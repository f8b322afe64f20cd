"""Every address of Danji."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from danji.web import account
from danji.web.public import views as public

# Pages the library brings and nobody needs: people are entered by the office, without passwords.
CLOSED = r"^accounts/(?:signup|email|confirm-email|password|reauthenticate)/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", public.home, name="home"),
    re_path(CLOSED, account.closed),
    path("accounts/", include("allauth.urls")),
    path("demo/", include("danji.web.demo")),
    path("desk/", include("danji.web.desk.urls")),
    path("residents/", include("danji.web.residents.urls")),
]
handler500 = "danji.web.faults.server_error"
