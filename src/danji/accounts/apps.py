from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "danji.accounts"
