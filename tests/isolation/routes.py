"""Every address of the running product, as its URLconf has it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import site
from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Route:
    """One address: its text with the arguments in angle brackets, and what answers there."""

    text: str
    name: str
    arguments: tuple[tuple[str, str], ...]  # converter and name
    callback: Any

    @property
    def view(self) -> Any:
        """The class of an API view, or None."""
        return getattr(self.callback, "cls", None)

    @property
    def actions(self) -> dict[str, str]:
        """The action of a resource by HTTP method in small letters; for a plain API view the methods stand for themselves."""
        given = getattr(self.callback, "actions", None)
        return dict(given) if given else {verb.lower(): verb.lower() for verb in VERBS}

    @property
    def model_admin(self) -> Any:
        """The admin that answers here, or None."""
        names = {
            f"{model._meta.app_label}_{model._meta.model_name}": one for model, one in site._registry.items()
        }
        found = [label for label in names if self.name.removeprefix("admin:").startswith(f"{label}_")]
        return names[max(found, key=len)] if found else None

    def path(self, **arguments: object) -> str:
        """The address with these arguments."""
        return "/" + _ARGUMENT.sub(lambda found: str(arguments[found[2]]), self.text)


def _text(pattern: Any) -> str:
    if isinstance(pattern, RoutePattern):
        return str(pattern)
    return simplify_regex(str(pattern)).lstrip("/")


def _walk(patterns: Sequence[URLPattern | URLResolver], text: str = "", space: str = "") -> Iterator[Route]:
    for one in patterns:
        here = text + _text(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, here, f"{space}{one.namespace}:" if one.namespace else space)
            continue
        yield Route(
            text=here,
            name=f"{space}{one.name or ''}",
            arguments=tuple(_ARGUMENT.findall(here)),
            callback=one.callback,
        )


ROUTES = {route.text: route for route in _walk(get_resolver().url_patterns)}
