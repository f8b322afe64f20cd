"""The addresses of people and terms (사람과 임기), of absences (부재), of what the bylaws set."""

from django.urls import path

from danji.web.authority import views

app_name = "authority"
urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/appointment/", views.appointment, name="appointment"),
    path("people/<uuid:officeholder_id>/leaving/", views.leaving, name="leaving"),
    path("people/<uuid:officeholder_id>/contact/", views.contact, name="contact"),
    path("people/proposals/<uuid:proposal_id>/", views.proposal, name="proposal"),
    path(
        "people/proposals/<uuid:proposal_id>/confirmation/", views.confirmation, name="confirmation"
    ),
    path("people/proposals/<uuid:proposal_id>/rejection/", views.rejection, name="rejection"),
    path("people/proposals/<uuid:proposal_id>/withdrawal/", views.withdrawal, name="withdrawal"),
    path("people/invitation/<str:token>/", views.invitation, name="invitation"),
    path("bylaws/", views.bylaws, name="bylaws"),
    path("absences/", views.absences, name="absences"),
    path("absences/<uuid:absence_id>/", views.absence, name="absence"),
    path("absences/<uuid:absence_id>/end/", views.end, name="end"),
]
