"""The addresses of what other programs are given and told."""

from django.urls import path

from danji.web.integration import views

app_name = "integration"
urlpatterns = [
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/", views.token, name="token"),
    path("tokens/<uuid:token_id>/confirmation/", views.confirmation, name="confirmation"),
    path("tokens/<uuid:token_id>/revocation/", views.revocation, name="revocation"),
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", views.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_id>/end/", views.end, name="end"),
]
