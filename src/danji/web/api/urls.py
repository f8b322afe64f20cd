"""The addresses of the API."""

from django.urls import path

from danji.web.api import docs
from danji.web.api.api import api

operations, _, app_name = api.urls
urlpatterns = [
    path("", docs.page, name="page"),
    path("openapi.json", docs.openapi, name="openapi"),
    *operations,
]
