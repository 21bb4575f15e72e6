"""What happened, chained so that a change of the record shows."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    """Audit trail."""

    name = "audit"
    verbose_name = _("Audit")
