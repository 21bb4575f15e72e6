"""The one sign-in flow, with its two doors."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LoginConfig(AppConfig):
    """Signing in."""

    name = "login"
    verbose_name = _("Signing in")
