"""Where and what: companies, roles, privileges, permissions, settings."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Companies and rights."""

    name = "tenants"
    verbose_name = _("Companies and rights")
