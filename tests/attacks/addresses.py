"""Every address of the product, found by walking its URL configuration: a new one is attacked without being asked."""

import re
import uuid
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver

_NOBODY = str(uuid.UUID(int=7))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for one in patterns:
        text = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, text)
        else:
            yield text


def every_path(*, ident: str = _NOBODY) -> list[str]:
    """One path for each pattern; ids are of nothing, or the one given."""
    found = []
    for text in _walk(get_resolver().url_patterns, "/"):
        path = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?\w+>", ident, text)
        path = re.sub(r"[\^$]|\\Z|\(\?:.*?\)\??", "", path).replace("\\", "")
        found.append(path)
    return sorted(set(found))


# What opens without a sign-in, and why that is right.
OPEN = (
    "/cobrowse/js/",  # the script of customers' pages, the same for everybody
    "/cobrowse/rest/authtoken",  # draws a number that is stored nowhere
    "/embed/",  # pages without data, which sign in by a message of the site around them
    "/api/v1/embed/",
    "/join/",  # the token is the secret of an invitation
    "/login/",
    "/register/",
    "/sso/jwt/",
    "/logout/",
    "/static/",
    "/livez",
    "/readyz",
    "/outbox/",  # 404 unless this is the demo on the own machine
    "/admin/jsi18n/",  # words of the interface
    "/api/schema/",
    "/api/docs/",
    "/api/verification-service/",
    "/.well-known/",  # public keys, and where everything is
    "/api/v1/login/",
    "/api/v1/register/",
    "/api/v1/tokens/refresh/",
    "/api/v1/tokens/revoke/",
)


def is_open(path: str) -> bool:
    """Whether this path is for everybody."""
    return path.startswith(OPEN)
