"""The addresses of deciding and signing: by the link in a message, and at the desk."""

from django.urls import path

from danji.web.sign import desk, links

app_name = "sign"
urlpatterns = [
    path("sign/<str:token>/", links.document, name="document"),
    path("sign/<str:token>/agreement/", links.agreement, name="agreement"),
    path("sign/<str:token>/statement/", links.statement, name="statement"),
    path("sign/<str:token>/decision/", links.decision, name="decision"),
    path("sign/<str:token>/code/", links.code, name="code"),
    path("sign/<str:token>/certificate/", links.certificate, name="certificate"),
    path("sign/<str:token>/text/", links.text, name="text"),
    path("sign/<str:token>/attachments/<int:position>/", links.attachment, name="attachment"),
    path(
        "sign/<str:token>/attachments/<int:position>/preview/<int:page>/",
        links.preview,
        name="preview",
    ),
    path("desk/decisions/", desk.decisions, name="decisions"),
    path("desk/decisions/statement/", desk.statement, name="decisions-statement"),
    path("desk/decisions/code/", desk.code, name="decisions-code"),
    path("desk/decisions/certificate/", desk.certificate, name="decisions-certificate"),
    path("desk/decisions/text/", desk.text, name="decisions-text"),
    path("desk/documents/<uuid:document_id>/hold/", desk.hold, name="hold"),
    path("desk/signing/", desk.signing, name="signing"),
    path("desk/signing/agreement/", desk.agreement, name="own-agreement"),
    path("desk/signing/keys/options/", desk.key_options, name="key-options"),
    path("desk/signing/keys/", desk.keys, name="keys"),
    path(
        "desk/signing/keys/<uuid:key_id>/confirmation/",
        desk.key_confirmation,
        name="key-confirmation",
    ),
    path("desk/signing/keys/<uuid:key_id>/revocation/", desk.key_revocation, name="key-revocation"),
    path(
        "desk/signing/revocations/<uuid:revocation_id>/confirmation/",
        desk.revocation_confirmation,
        name="revocation-confirmation",
    ),
]
