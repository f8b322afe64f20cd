from django.apps import AppConfig


class ComplexesConfig(AppConfig):
    name = "danji.complexes"
