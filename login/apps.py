"""The one sign-in flow, with its two doors."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LoginConfig(AppConfig):
    """Signing in."""

    name = "login"
    verbose_name = _("Signing in")

    def ready(self) -> None:
        """Mails with links are decided by the worker."""
        from delivery.sources import add_source
        from login.links.mailed import mail_due

        add_source(mail_due)
