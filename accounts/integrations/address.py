"""The address at which an integration may publish its keys. Pure."""

from django.utils.translation import gettext_lazy as _

from core.origins import parsed
from core.outcomes import Denied

LONGEST_URL = 500


def checked_url(text: str) -> str | Denied:
    """The address of a JWKS; empty for none."""
    url = text.strip()
    parts = parsed(url, longest=LONGEST_URL) if url else None
    if not url or (parts is not None and parts[0] in {"https", "http"} and "#" not in url):
        return url
    return Denied(
        code="invalid",
        field="jwks_url",
        message=_("Write a whole address such as https://login.example.com/.well-known/jwks.json."),
    )
