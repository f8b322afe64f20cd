from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "danji.approvals"
