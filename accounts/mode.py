"""Whether people kept in the Configuration Server can sign in at all (setting Login.ExternalAuthenticationMode)."""

from accounts.options import MODE
from tenants.settings import snapshot


def external_is_on() -> bool:
    """Whether the mode lets external people in."""
    return snapshot(None).text(MODE) == "ConfigServer"
