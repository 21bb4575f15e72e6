"""Every mail and text goes through this app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    """The outbox, its gateways and its worker's tasks."""

    name = "delivery"
    verbose_name = _("Deliveries")

    def ready(self) -> None:
        """Register the checks."""
        from delivery import checks  # noqa: F401
