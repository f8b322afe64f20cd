from django.apps import AppConfig


class ConfirmingConfig(AppConfig):
    name = "danji.confirming"
