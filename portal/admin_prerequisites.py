"""The page *Prerequisites*: what directory accounts need before they can sign in, what of it is done, and what to do next."""

from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from configserver.models import SolutionPackage
from portal.prerequisites import Prerequisites, Step, may_see, prerequisites, steps
from tenants.models import Company
from tenants.rights import Rights
from tenants.rules import may_touch


@dataclass(frozen=True, kw_only=True)
class Next:
    """Where somebody does something about a step; no address for who may not go there."""

    url: str = ""
    label: str | Promise = ""


def prerequisites_page(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The four prerequisites in their order, with links for who may follow them."""
    rights: Rights = request.principal.rights  # type: ignore[attr-defined]
    if not may_see(rights):
        raise PermissionDenied
    found = prerequisites()
    shown = [(step, _next(step, found, rights=rights, site=site)) for step in steps(found)]
    request.current_app = site.name
    context = {
        **site.each_context(request),
        "title": _("Prerequisites"),
        "prerequisites": shown,
        "left": sum(not step.done for step, _where in shown),
    }
    return TemplateResponse(request, "admin/configserver/prerequisites.html", context)


def _next(step: Step, found: Prerequisites, *, rights: Rights, site: AdminSite) -> Next:
    if step.name == "package":
        return Next(url=_list_url(SolutionPackage, rights=rights, site=site), label=_("To the role packages"))
    if step.name == "companies" and not found.default_wrong:
        return Next(url=_list_url(Company, rights=rights, site=site), label=_("To the companies"))
    if step.name == "access":
        return Next()
    return Next(url=_settings_url(rights), label=_("To the settings"))


def _settings_url(rights: Rights) -> str:
    if not may_touch(rights, "view", "setting", company_id=None):
        return ""
    return reverse("admin:tenants_settingsrevision_everywhere")


def _list_url(model: type[Model], *, rights: Rights, site: AdminSite) -> str:
    if not site.is_registered(model) or not rights.may("view", str(getattr(model, "scope_kind", ""))):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
