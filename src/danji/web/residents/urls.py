"""The addresses of residents."""

from django.urls import path

from danji.web.residents import views

app_name = "residents"
urlpatterns = [
    path("", views.home, name="home"),
    path("records/<uuid:record_id>/", views.record, name="record"),
    path("records/<uuid:record_id>/rendition/", views.rendition, name="rendition"),
    path("records/<uuid:record_id>/proof/", views.proof, name="proof"),
    path("records/<uuid:record_id>/bundle/", views.bundle, name="bundle"),
]
