"""Companies in the administration; here and not beside the model, because switching one off ends its people's sessions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts import companies
from configserver.models import Tenant
from core.admin import VerbAdmin
from core.admin_pages import Panel, badge, link_to
from core.outcomes import Denied
from tenants import services
from tenants.actor import Actor
from tenants.models import Company
from tenants.rules import may_touch


class CompanyAdmin(VerbAdmin):
    """Companies, each linked to a tenant of the Configuration Server or to none."""

    ordering = ("name",)
    list_display = ("name", "tenant_dbid", "state", "created_at")
    list_filter = ("is_active",)
    sortable_by = ("name",)
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    fieldsets = (
        (None, {"fields": ("name", "is_active", "created_at")}),
        (__("Directory accounts"), {"fields": ("tenant_dbid",)}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "is_active")}),
        (__("Directory accounts"), {"fields": ("tenant_dbid",)}),
    )
    readonly_fields = ("created_at",)
    help_texts = {
        "created_at": __("When the company was added."),
        "tenant_dbid": __(
            "The number of a tenant. People of that tenant get this company when they sign in, and the company's administrators manage "
            "them. Empty: no directory account comes to this company by its tenant."
        ),
    }
    remove_explains = __(
        "Its roles and settings go with it. A company that still has people cannot be deleted."
    )

    @admin.display(description=__("state"))
    def state(self, company: Company) -> str:
        """Whether its people may sign in."""
        return badge(_("Active"), tone="ok") if company.is_active else badge(_("Disabled"), tone="")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only who sees every company links one to a tenant: a company would see the persons of whatever tenant it names."""
        rights = self.gate.actor(request).rights
        may_link = obj is None or may_touch(rights, "change", "company", company_id=None)
        return self.readonly_fields if may_link else (*self.readonly_fields, "tenant_dbid")

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Company | Denied:
        """Add a company."""
        return services.create_company(services.CompanyDraft(**given), by=by, now=now)

    def change(self, obj: Company, given: dict[str, Any], *, by: Actor, now: datetime) -> Company | Denied:
        """Change a company."""
        return companies.change_company(obj, services.CompanyDraft(**given), by=by, now=now)

    def remove(self, obj: Company, *, by: Actor, now: datetime) -> Denied | None:
        """Delete an empty company."""
        return services.delete_company(obj, by=by, now=now)

    def panels(self, request: HttpRequest, obj: Company) -> Sequence[Panel]:
        """Which tenant it is linked to."""
        if obj.tenant_dbid is None:
            return ()
        tenant = Tenant.objects.filter(dbid=obj.tenant_dbid).first()
        rows: list[Sequence[Any]] = []
        if tenant is not None:
            name: Any = tenant.name
            if self.gate.visible(request, Tenant).filter(pk=tenant.pk).exists():
                name = link_to(tenant, tenant.name)
            state = badge(_("Active"), tone="ok") if tenant.is_active else badge(_("Off"), tone="")
            rows.append((name, tenant.dbid, state))
        return (
            Panel(
                title=_("Linked tenant of the Configuration Server"),
                headers=(_("Name"), _("DBID"), _("State")),
                rows=rows,
                empty=_("There is no tenant with this DBID, so nobody comes to this company by it."),
            ),
        )
