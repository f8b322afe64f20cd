from django.apps import AppConfig


class RenditionsConfig(AppConfig):
    name = "danji.renditions"
