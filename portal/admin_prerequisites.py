"""The page *Prerequisites*: what directory accounts need before they can sign in, what of it is done, and what to do next."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.options import DEFAULT_COMPANY, MODE
from configserver.models import SolutionPackage
from portal.prerequisites import Prerequisites, may_see, prerequisites
from tenants import settings
from tenants.models import Company
from tenants.rights import Rights
from tenants.rules import may_touch


@dataclass(frozen=True, kw_only=True)
class Prerequisite:
    """One thing that has to be done, whether it is, and where the next step is taken."""

    title: str
    done: bool
    sentence: str
    url: str = ""
    label: str | Promise = ""


def prerequisites_page(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The four prerequisites in their order."""
    rights: Rights = request.principal.rights  # type: ignore[attr-defined]
    if not may_see(rights):
        raise PermissionDenied
    found = list(steps(prerequisites(), rights=rights, site=site))
    request.current_app = site.name
    context = {
        **site.each_context(request),
        "title": __("Prerequisites"),
        "prerequisites": found,
        "left": sum(not one.done for one in found),
    }
    return TemplateResponse(request, "admin/configserver/prerequisites.html", context)


def steps(found: Prerequisites, *, rights: Rights, site: AdminSite) -> Iterator[Prerequisite]:
    """What has to be done, and what of it is; with links for who may follow them."""
    yield _mode(found, rights=rights)
    yield Prerequisite(
        title=_("Give the portal access to the Configuration Server"),
        done=True,
        sentence=_("It is part of this portal, so there is nothing to connect."),
    )
    yield _package(found, rights=rights, site=site)
    yield _companies(found, rights=rights, site=site)


def _settings_url(rights: Rights) -> str:
    if not may_touch(rights, "view", "setting", company_id=None):
        return ""
    return reverse("admin:tenants_settingsrevision_everywhere")


def _list_url(model: type[Model], *, rights: Rights, site: AdminSite) -> str:
    if not site.is_registered(model) or not rights.may("view", str(getattr(model, "scope_kind", ""))):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _mode(found: Prerequisites, *, rights: Rights) -> Prerequisite:
    if found.mode_on:
        sentence = _("The setting %(name)s is ConfigServer: people of the Configuration Server may sign in.")
    elif MODE.name in settings.pinned():
        sentence = _("The environment pins the setting %(name)s to None. Set it to ConfigServer there.")
    else:
        sentence = _("The setting %(name)s is None. Set it to ConfigServer.")
    return Prerequisite(
        title=_("Let people of the Configuration Server sign in"),
        done=found.mode_on,
        sentence=sentence % {"name": MODE.name},
        url=_settings_url(rights),
        label=__("To the settings"),
    )


def _package(found: Prerequisites, *, rights: Rights, site: AdminSite) -> Prerequisite:
    if found.package is not None:
        sentence = _("%(package)s is in force.") % {"package": found.package}
    elif found.has_roles:
        sentence = _(
            "None has been imported. There are directory roles that were made by hand; without any, people sign in and may do nothing."
        )
    else:
        sentence = _(
            "None has been imported, so people sign in without roles and may do nothing. Import the SPD file with the roles and their "
            "privileges."
        )
    return Prerequisite(
        title=_("Import the role package (SPD)"),
        done=found.package is not None,
        sentence=sentence,
        url=_list_url(SolutionPackage, rights=rights, site=site),
        label=__("To the role packages"),
    )


def _companies(found: Prerequisites, *, rights: Rights, site: AdminSite) -> Prerequisite:
    title = _("Link tenants to companies, and name a default company")
    if found.default_wrong:
        return Prerequisite(
            title=title,
            done=False,
            sentence=_("The setting %(name)s names no company that is there and active. Correct it.")
            % {"name": DEFAULT_COMPANY.name},
            url=_settings_url(rights),
            label=__("To the settings"),
        )
    default = (
        _("The default company is %(name)s.") % {"name": found.default.name}
        if found.default is not None
        else _("There is no default company (setting %(name)s).") % {"name": DEFAULT_COMPANY.name}
    )
    names = ", ".join(map(str, found.unlinked))
    if found.turned_away:
        told = _("Persons of these tenants are turned away: %(names)s.") % {"names": names}
    elif found.unlinked:
        told = _("These tenants are linked to none: %(names)s.") % {"names": names}
    elif found.links:
        told = _("Every tenant with persons is linked to a company.")
    else:
        told = _("No company is linked to a tenant. Write the DBID of the tenant on the page of its company.")
    return Prerequisite(
        title=title,
        done=found.all_have_companies,
        sentence=f"{told} {default}",
        url=_list_url(Company, rights=rights, site=site),
        label=__("To the companies"),
    )
