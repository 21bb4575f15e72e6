"""Proving it: second factors, codes and their policy."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TwoFactorConfig(AppConfig):
    """Second factors."""

    name = "twofactor"
    verbose_name = _("Second factors")
