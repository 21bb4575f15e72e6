"""Proving it: second factors, codes and their policy."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TwoFactorConfig(AppConfig):
    """Second factors."""

    name = "twofactor"
    verbose_name = _("Second factors")

    def ready(self) -> None:
        """Have temporary codes go with everything else that a lock-down takes."""
        from accounts.lock_down import AT_LOCK_DOWN
        from twofactor.services.paper import forget_temporary

        AT_LOCK_DOWN.append(forget_temporary)
