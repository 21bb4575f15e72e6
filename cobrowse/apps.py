"""Co-browse: which agent may join which customer's session."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CobrowseConfig(AppConfig):
    """Applications, agent tokens and sessions."""

    name = "cobrowse"
    verbose_name = _("Co-browse")

    def ready(self) -> None:
        """The settings are known before anybody reads one."""
        from cobrowse import options  # noqa: F401
