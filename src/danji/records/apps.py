from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "danji.records"
