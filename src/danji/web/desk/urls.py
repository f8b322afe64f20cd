"""The addresses of the desk."""

from django.urls import path

from danji.web import previews
from danji.web.desk import after, habits, seal, views

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("offices/", views.offices, name="offices"),
    path("several/", views.several, name="several"),
    path("settings/", views.settings, name="settings"),
    path("seal/", seal.seal, name="seal"),
    path("seal/<uuid:proposal_id>/", seal.witness, name="witness"),
    path(
        "seal/<uuid:proposal_id>/confirmation/",
        seal.confirmation,
        name="witness-confirmation",
    ),
    path("seal/<uuid:proposal_id>/rejection/", seal.rejection, name="witness-rejection"),
    path("forms/", habits.forms, name="forms"),
    path("forms/favourites/", habits.favourite, name="favourites"),
    path("recurring/", habits.recurring, name="recurring"),
    path("drafts/", habits.drafts, name="drafts"),
    path("drafts/<uuid:draft_id>/", views.draft, name="draft"),
    path("drafts/<uuid:draft_id>/attachments/", views.attachments, name="attachments"),
    path("drafts/<uuid:draft_id>/submission/", views.submission, name="submission"),
    path("drafts/<uuid:draft_id>/discard/", views.discard, name="discard"),
    path("documents/<uuid:document_id>/", views.document, name="document"),
    path("documents/<uuid:document_id>/decision/", views.decision, name="decision"),
    path("documents/<uuid:document_id>/withdrawal/", after.withdrawal, name="withdrawal"),
    path("documents/<uuid:document_id>/redraft/", after.redraft, name="redraft"),
    path("documents/<uuid:document_id>/correction/", after.correction, name="correction"),
    path("documents/<uuid:document_id>/adjustment/", after.adjustment, name="adjustment"),
    path("documents/<uuid:document_id>/copy/", habits.copy, name="copy"),
    path("documents/<uuid:document_id>/omission/", after.omission, name="omission"),
    path("documents/<uuid:document_id>/circulation/", after.circulation, name="circulation"),
    path(
        "documents/<uuid:document_id>/attachments/<int:position>/",
        views.attachment,
        name="attachment",
    ),
    path(
        "documents/<uuid:document_id>/attachments/<int:position>/preview/<int:page>/",
        previews.of_document,
        name="preview",
    ),
    path("records/", views.register, name="register"),
    path("records/<uuid:record_id>/", views.record, name="record"),
    path("records/<uuid:record_id>/rendition/", views.rendition, name="rendition"),
    path("records/<uuid:record_id>/proof/", views.proof, name="proof"),
    path("records/<uuid:record_id>/bundle/", views.bundle, name="bundle"),
    path("records/<uuid:record_id>/clearance/", views.clearance, name="clearance"),
    path("records/<uuid:record_id>/attachments/<int:position>/", views.enclosure, name="enclosure"),
    path(
        "records/<uuid:record_id>/attachments/<int:position>/preview/<int:page>/",
        previews.of_record,
        name="enclosure-preview",
    ),
]
