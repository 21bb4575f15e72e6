"""The composition root, and the stock administration on our own site."""

from django.apps import AppConfig
from django.contrib.admin import apps as stock
from django.utils.module_loading import autodiscover_modules


class PortalConfig(AppConfig):
    """The composition root."""

    name = "portal"
    default = True

    def ready(self) -> None:
        """Declare every setting in every process, and refuse to start with a pin that does not fit."""
        from tenants.settings import pinned

        autodiscover_modules("options", "checks")
        pinned()


class AdminConfig(stock.AdminConfig):
    """The stock administration, on the site of `portal.admin`."""

    default = False
    default_site = "portal.admin.GatehouseAdminSite"
