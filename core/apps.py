"""The ground floor; it knows no word of the domain."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Ground floor."""

    name = "core"
