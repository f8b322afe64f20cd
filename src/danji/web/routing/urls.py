"""The addresses of the rules for approval lines (결재선 규칙)."""

from django.urls import path

from danji.web.routing import views

app_name = "routing"
urlpatterns = [
    path("", views.rules, name="rules"),
    path("edit/", views.editor, name="editor"),
    path("revisions/<uuid:revision_id>/", views.revision, name="revision"),
    path("revisions/<uuid:revision_id>/confirmation/", views.confirmation, name="confirmation"),
    path("revisions/<uuid:revision_id>/rejection/", views.rejection, name="rejection"),
    path("revisions/<uuid:revision_id>/withdrawal/", views.withdrawal, name="withdrawal"),
]
