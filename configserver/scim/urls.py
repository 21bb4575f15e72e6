"""The addresses of the SCIM server, below `/scim/v2/` and without a last slash, as identity providers write them."""

from typing import Any

from django.urls import URLPattern, path
from rest_framework.views import APIView

from configserver.scim import views
from configserver.scim.bulk import Bulk
from configserver.scim.caller import CompanyOf
from configserver.scim.groups import Groups
from configserver.scim.people import People


def scim_urls(company_of: CompanyOf) -> list[URLPattern]:
    """The addresses; `company_of` tells the company of a tenant, for the trail."""

    def at(text: str, view: type[APIView], **given: Any) -> URLPattern:
        return path(text, view.as_view(company_of=company_of, **given))

    resources = [
        at(text, view, store=store)
        for name, store in (("Users", People()), ("Groups", Groups()))
        for text, view in (
            (name, views.ResourceList),
            (f"{name}/.search", views.Search),
            (f"{name}/<uuid:id>", views.Resource),
        )
    ]
    return [
        *resources,
        at("ServiceProviderConfig", views.Configuration),
        at("ResourceTypes", views.ResourceTypes),
        at("ResourceTypes/<slug:id>", views.ResourceTypes),
        at("Schemas", views.Schemas),
        at("Schemas/<str:id>", views.Schemas),
        at("Bulk", Bulk),
        at("Me", views.Me),
    ]
