"""Pages of the administration that are no list of objects: their addresses, and their places in the navigation."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.http import HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.admin_explain import explain_page
from portal.admin_factors import factors_page
from portal.admin_prerequisites import prerequisites_page
from portal.prerequisites import may_see
from tenants.rights import Rights
from twofactor.explain import may_explain
from twofactor.report import may_read


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: below which app it stands, who finds it in the navigation, and what answers."""

    app: str
    name: str
    label: str | Promise
    may_see: Callable[[Rights], bool]
    view: Callable[..., HttpResponse]


PAGES = (
    Page(
        app="accounts",
        name="factors",
        label=_("Second factors"),
        may_see=may_read,
        view=factors_page,
    ),
    Page(
        app="configserver",
        name="prerequisites",
        label=_("Prerequisites"),
        may_see=may_see,
        view=prerequisites_page,
    ),
    Page(
        app="configserver",
        name="explain",
        label=_("Explain a sign-in"),
        may_see=may_explain,
        view=explain_page,
    ),
)


def addresses(site: AdminSite) -> list[URLPattern]:
    """Where the pages are."""
    return [
        path(
            f"{one.app}/{one.name}/",
            site.admin_view(partial(one.view, site=site)),
            name=f"{one.app}_{one.name}",
        )
        for one in PAGES
    ]


def in_navigation(found: list[dict[str, Any]], rights: Rights, *, app_label: str | None) -> None:
    """Put the pages that this person may see before the lists of their apps."""
    for app in dict.fromkeys(one.app for one in PAGES if app_label in {None, one.app}):
        entries = [_entry(one) for one in PAGES if one.app == app and one.may_see(rights)]
        place = next((one for one in found if one["app_label"] == app), None)
        if place is None and entries:
            place = _app(app)
            found.append(place)
        if place is not None:
            place["models"] = [*entries, *place["models"]]


def _entry(page: Page) -> dict[str, Any]:
    return {
        "name": page.label,
        "object_name": page.name,
        "admin_url": reverse(f"admin:{page.app}_{page.name}"),
        "add_url": None,
        "view_only": True,
        "perms": {},
    }


def _app(label: str) -> dict[str, Any]:
    return {
        "name": apps.get_app_config(label).verbose_name,
        "app_label": label,
        "app_url": reverse("admin:app_list", kwargs={"app_label": label}),
        "has_module_perms": True,
        "models": [],
    }
