"""What happened, chained so that a change of the record shows."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit trail."""

    name = "audit"
