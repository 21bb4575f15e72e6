"""The app of OpenID Connect: other systems let people sign in here."""

from django.apps import AppConfig


class OidcConfig(AppConfig):
    """An OpenID Connect provider on the sessions and tokens of `accounts`."""

    name = "oidc"
    verbose_name = "OpenID Connect"

    def ready(self) -> None:
        """Have the sessions at clients end with the sign-in that they came from, and their clients told."""
        from accounts.sessions import end_with
        from oidc.ending import followers_of, note_ended

        end_with(followers_of, told=note_ended)
