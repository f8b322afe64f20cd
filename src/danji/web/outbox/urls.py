"""The addresses of what people are told, and of the devices on which they are."""

from django.urls import path

from danji.web.outbox import views

app_name = "outbox"
urlpatterns = [
    path("messages/", views.told, name="told"),
    path("messages/<uuid:message_id>/again/", views.again, name="again"),
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/devices/", views.devices, name="devices"),
    path("notifications/devices/<uuid:device_id>/end/", views.end, name="end"),
]
