from django.apps import AppConfig


class FormbookConfig(AppConfig):
    name = "danji.formbook"
