"""Where and what: companies, roles, privileges, permissions, settings."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Companies and rights."""

    name = "tenants"
    verbose_name = _("Companies and rights")

    def ready(self) -> None:
        """Tell the Configuration Server's package below what the settings say of a remote one."""
        from configserver import where
        from tenants import remote

        where.told_by(remote.config)
