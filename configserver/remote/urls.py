"""The addresses at which portals ask, below `/scim/v2/`."""

from django.urls import URLPattern, path

from configserver.remote import views, wire
from configserver.remote.views import EnvironmentOf


def portal_urls(environment_of: EnvironmentOf) -> list[URLPattern]:
    """The addresses; `environment_of` tells the settings that hold for ENVIRONMENT, which lie above this package."""

    def at(text: str, view: type[views.Call]) -> URLPattern:
        return path(text, view.as_view(environment_of=environment_of))

    return [
        at(wire.AUTHENTICATE, views.Authenticate),
        at(wire.PASSWORD, views.Password),
        at(f"{wire.PERSON}/<uuid:id>", views.AboutPerson),
        at(wire.VERSIONS, views.Versions),
        at(wire.TENANTS, views.Tenants),
        at(wire.ROLES, views.Roles),
        at(wire.SUMMARY, views.Filled),
        at(wire.CHANGES, views.Changes),
    ]
