"""The Configuration Server: the store of external persons, and the directories that prove their passwords."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConfigServerConfig(AppConfig):
    """Persons, tenants, their roles, and directories."""

    name = "configserver"
    verbose_name = _("Configuration Server")
