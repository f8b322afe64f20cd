"""The addresses of the desk."""

from django.urls import path

from danji.web.desk import views

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("offices/", views.offices, name="offices"),
    path("forms/", views.forms, name="forms"),
    path("drafts/", views.drafts, name="drafts"),
    path("drafts/<uuid:draft_id>/", views.draft, name="draft"),
    path("drafts/<uuid:draft_id>/attachments/", views.attachments, name="attachments"),
    path("drafts/<uuid:draft_id>/submission/", views.submission, name="submission"),
    path("drafts/<uuid:draft_id>/discard/", views.discard, name="discard"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/decision/", views.decision, name="decision"),
    path("documents/<uuid:document_id>/withdrawal/", views.withdrawal, name="withdrawal"),
    path("documents/<uuid:document_id>/redraft/", views.redraft, name="redraft"),
    path(
        "documents/<uuid:document_id>/attachments/<int:position>/",
        views.attachment,
        name="attachment",
    ),
    path("records/", views.register, name="register"),
    path("records/<uuid:record_id>/", views.record, name="record"),
    path("records/<uuid:record_id>/rendition/", views.rendition, name="rendition"),
    path("records/<uuid:record_id>/proof/", views.proof, name="proof"),
    path("records/<uuid:record_id>/clearance/", views.clearance, name="clearance"),
    path("records/<uuid:record_id>/attachments/<int:position>/", views.enclosure, name="enclosure"),
]
