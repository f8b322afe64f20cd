"""The addresses of disposal (파기), of taking a disclosure back, and of who read what."""

from django.urls import path

from danji.web.disposal import views

app_name = "disposal"
urlpatterns = [
    path("disposals/", views.disposals, name="disposals"),
    path("disposals/new/", views.proposal, name="proposal"),
    path("disposals/<uuid:disposal_id>/", views.disposal, name="disposal"),
    path("disposals/<uuid:disposal_id>/confirmation/", views.confirmation, name="confirmation"),
    path("disposals/<uuid:disposal_id>/rejection/", views.rejection, name="rejection"),
    path("disposals/<uuid:disposal_id>/withdrawal/", views.withdrawal, name="withdrawal"),
    path(
        "records/<uuid:record_id>/disclosure/withdrawal/",
        views.disclosure_withdrawal,
        name="disclosure-withdrawal",
    ),
    path("readings/", views.readings, name="readings"),
]
