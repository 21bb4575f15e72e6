"""Who: people, their sessions and tokens."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """People."""

    name = "accounts"
    verbose_name = _("People and sessions")

    def ready(self) -> None:
        """Sign the links of mails."""
        from accounts.allowed import refuse_pattern
        from accounts.options import ADDRESSES
        from accounts.tokens.links import sign_described
        from delivery.derived import sign_links
        from tenants.settings import check_with

        sign_links(by=sign_described)
        check_with(ADDRESSES, refuse_pattern)
