"""The admin site: our sign-in instead of its own, our rights, our audit, and the dashboard."""

from collections.abc import Iterable
from functools import update_wrapper
from operator import attrgetter
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db.models import Field, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from audit.events import Event
from audit.models import AuditEvent
from audit.record import record
from configserver import where
from core.admin import VerbAdmin
from core.admin_lists import FILTER_CHOICES
from core.admin_pages import Words
from core.db import unit
from core.http import client_address, safe_next
from core.options import Snapshot
from core.outcomes import Denied
from portal import admin_pages, dashboard
from portal.confirming import way_to_confirm
from tenants.actor import Actor
from tenants.granted import company_of_tenant
from tenants.models import Company, Kind, Permission
from tenants.rules import BY_TENANT, OF_INSTALLATION, may_touch, visible_to
from tenants.settings import snapshot

ORDER = ("accounts", "login", "oidc", "cobrowse", "configserver", "tenants", "delivery", "audit")
# Addresses of the stock site that have nothing to do here: passwords change at /account/, and `view_on_site` redirects for
# every object that exists, whosever it is.
LEFT_OUT = {"password_change", "password_change_done", "view_on_site"}


class Suggestions(AutocompleteJsonView):
    """The stock suggestions for the fields of forms; asked for a relation from its other end, the stock one breaks."""

    def process_request(self, request: HttpRequest) -> Any:
        """What is asked for; raises Http404 for what no form has."""
        found = super().process_request(request)
        if not isinstance(found[2], Field):
            raise Http404
        return found


class SameMethodRedirect(HttpResponseRedirect):
    """307: the browser sends the same form to the other address."""

    status_code = 307


class GatehouseAdminSite(admin.AdminSite):
    """Opens for a live, unlocked session whose person may open the administration; it is the `Gate` of every VerbAdmin."""

    site_title = _("Gatehouse")
    site_header = _("Gatehouse")
    index_title = _("Administration")
    empty_value_display = "–"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Takes admins that write through verbs, and no other: django.contrib.auth would bring its groups."""
        if admin_class is not None and issubclass(admin_class, VerbAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page has; `elsewhere` names the remote Configuration Server that is asked in the place of ours."""
        return {**super().each_context(request), "elsewhere": where.address()}

    # --- the gate of core.admin --------------------------------------------------------------------------------------------

    def visible(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """The objects that exist for this person: the same rule as the API's."""
        return visible_to(_principal(request).rights, model)

    def may(self, request: HttpRequest, verb: str, model: type[Model], obj: Model | None = None) -> bool:
        """Whether the verb is allowed on this visible object (None: on some)."""
        rights, kind = _principal(request).rights, str(getattr(model, "scope_kind", ""))
        # A visible object may be read, also one that belongs to every company, such as a shared role.
        if verb == "view" or (obj is None and verb != "add"):
            return rights.may(verb, kind)
        if obj is None:
            # A company, or an entry of a catalogue for all, can only be added by those who see every company.
            everywhere = getattr(model, "scope_path", "") in {"", "pk", OF_INSTALLATION}
            return may_touch(rights, verb, kind, company_id=None) if everywhere else rights.may(verb, kind)
        return may_touch(rights, verb, kind, company_id=company_of(obj))

    def actor(self, request: HttpRequest) -> Actor:
        """The person of this request, as verbs take him."""
        return _principal(request).actor(address=client_address(request))

    def confirm_first(self, request: HttpRequest) -> HttpResponse | None:
        """The page that asks for the proof, for somebody who has not given it recently; None for everybody else."""
        return way_to_confirm(request, _principal(request), back=request.get_full_path())

    def refused(
        self, request: HttpRequest, denied: Denied, *, verb: str, model: type[Model], obj: Model | None
    ) -> None:
        """Write a refusal down; the verb's own transaction is over, so this row stays."""
        principal = _principal(request)
        company_id = company_of(obj) if obj is not None else principal.user.company_id
        with unit():
            record(
                Event.REFUSED,
                origin=self.actor(request).origin,
                at=timezone.now(),
                company_id=company_id,
                subject=obj,  # type: ignore[arg-type]
                verb=verb,
                kind=model._meta.model_name,
                code=denied.code,
            )

    def history_url(self, request: HttpRequest, obj: Model) -> str | None:
        """The audit events about this object, for those who may read them."""
        if not self.may(request, "view", AuditEvent) or not hasattr(obj, "uid"):
            return None
        url = reverse("admin:audit_auditevent_changelist", current_app=self.name)
        return f"{url}?{urlencode({'subject': obj.uid})}"

    def owners(self, request: HttpRequest, numbers: Iterable[int] | None = None) -> dict[int, str]:
        """Names of companies by their numbers, as far as this person may see them; without numbers, of the first fifty."""
        companies = self.visible(request, Company)
        companies = companies[:FILTER_CHOICES] if numbers is None else companies.filter(pk__in=set(numbers))
        return dict(companies.values_list("pk", "name"))

    def settings(self) -> Snapshot:
        """The settings in force for everybody."""
        return snapshot(None)

    def settings_url(self, request: HttpRequest) -> str | None:
        """Their page, for those who may see it."""
        may = may_touch(_principal(request).rights, "view", "setting", company_id=None)
        return reverse("admin:tenants_settingsrevision_everywhere", current_app=self.name) if may else None

    def linked(self, request: HttpRequest, dbids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Name and page of the company linked to each of these tenants, as far as this person may see it."""
        rows = self.visible(request, Company).filter(tenant_dbid__in=set(dbids))
        return {
            dbid: (name, reverse("admin:tenants_company_change", args=(pk,), current_app=self.name))
            for dbid, name, pk in rows.values_list("tenant_dbid", "name", "pk")
        }

    def kinds(self) -> list[tuple[str, Words]]:
        """The kinds of object that this portal knows."""
        return [(kind.value, kind.label) for kind in Kind]

    # --- the site ------------------------------------------------------------------------------------------------------------

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the administration is open for this request."""
        principal: Principal | None = request.principal  # type: ignore[attr-defined]
        locked: bool = request.locked  # type: ignore[attr-defined]
        return principal is not None and not locked and principal.rights.may_open_admin

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """The stock guard; somebody signed in who may not come in finds nothing, instead of a second sign-in."""
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.principal is not None and not self.has_permission(request):  # type: ignore[attr-defined]
                raise Http404
            return guarded(request, *args, **kwargs)

        return update_wrapper(inner, guarded)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Our own pages, and the stock addresses but those that lead round them."""
        stock = [one for one in super().get_urls() if getattr(one, "name", None) not in LEFT_OUT]
        return [*admin_pages.addresses(self), *stock]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """On to the one sign-in there is."""
        target = safe_next(request.GET.get("next"), default=reverse("admin:index", current_app=self.name))
        if request.principal is None:  # type: ignore[attr-defined]
            return HttpResponseRedirect(f"/login/?{urlencode({'next': target})}")
        if not self.has_permission(request):
            raise Http404
        return HttpResponseRedirect(target)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """On to the one sign-out there is."""
        return (
            SameMethodRedirect("/logout/") if request.method == "POST" else HttpResponseNotAllowed(["POST"])
        )

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """What a field with very many choices suggests, of what this person may see."""
        return Suggestions.as_view(admin_site=self)(request)  # type: ignore[return-value]

    def get_log_entries(self, request: HttpRequest) -> Any:
        """None: what happened stands in the audit events."""
        return ()

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """People first, the trail last."""
        found = super().get_app_list(request, app_label)
        for app in found:
            for model in app["models"]:
                model["name"] = self.get_model_admin(model["model"]).nav_label or model["name"]  # type: ignore[attr-defined]
        admin_pages.in_navigation(found, _principal(request).rights, app_label=app_label)
        return sorted(
            found, key=lambda app: ORDER.index(app["app_label"]) if app["app_label"] in ORDER else len(ORDER)
        )

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The dashboard above the list of pages."""
        principal, now = _principal(request), timezone.now()
        directories = dashboard.directories_of(principal)
        shown = {
            "cards": dashboard.cards(principal, directories=directories, now=now),
            "warnings": dashboard.warnings(principal, directories=directories, now=now),
        }
        return super().index(request, {**shown, **(extra_context or {})})


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def company_of(obj: Model) -> int | None:
    """The number of the company that an object belongs to; None: of no single one."""
    if isinstance(obj, Permission):
        holder = obj.user or obj.role
        return holder.company_id if holder is not None else None
    path: str = getattr(obj, "scope_path", "")
    if path in {"", OF_INSTALLATION}:
        return None
    found: int | None = attrgetter(path.removeprefix(BY_TENANT).replace("__", "."))(obj)
    return company_of_tenant(found) if path.startswith(BY_TENANT) else found


site = admin.site
