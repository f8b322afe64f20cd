"""The addresses of the audits (점검)."""

from django.urls import path

from danji.web.audit import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.audits, name="audits"),
    path("audit/<uuid:run_id>/", views.audit, name="audit"),
    path("audit/<uuid:run_id>/report.txt", views.report, name="report"),
    path("audit/<uuid:run_id>/report.json", views.findings, name="findings"),
]
