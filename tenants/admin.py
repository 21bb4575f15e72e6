"""Roles, privileges, permissions and settings in the administration."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from core.admin import VerbAdmin
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Panel, link_to
from core.outcomes import Denied
from tenants import services
from tenants.actor import Actor
from tenants.admin_settings import SettingsRevisionAdmin
from tenants.forms_role import PrivilegesField
from tenants.models import Permission, Privilege, Role, SettingsRevision
from tenants.rights import Everywhere

SHOWN = 20

admin.site.register(SettingsRevision, SettingsRevisionAdmin)


@admin.register(Role)
class RoleAdmin(VerbAdmin):
    """Roles, with the privileges that they hold."""

    ordering = ("-rank", "name")
    list_display = ("name", "company", "rank", "twofactor_policy", "is_built_in")
    list_filter = (("company", VisibleRelatedFilter), "is_built_in")
    list_select_related = ("company",)
    sortable_by = ("name", "rank")
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    autocomplete_fields = ("company",)
    fieldsets = (
        (None, {"fields": ("name", "company", "rank", "twofactor_policy")}),
        (__("Privileges"), {"fields": ("privileges",)}),
    )
    remove_explains = __(
        "Its permissions go with it. A role that people still have cannot be deleted, and a built-in one never."
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A role stays with its company, and a built-in one keeps its name and rank."""
        if obj is None:
            return ()
        return ("name", "company", "rank") if obj.is_built_in else ("company",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Privileges as boxes to tick."""
        return super().formfield_for_manytomany(db_field, request, form_class=PrivilegesField, **kwargs)

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Role | Denied:
        """Make a role."""
        if given.get("company") is None and not isinstance(by.rights.sees("role"), Everywhere):
            # A role for every company is not his to make, so who names no company means his own.
            given["company"] = getattr(by.origin.actor, "company", None)
        return services.create_role(services.RoleDraft(**given), by=by, now=now)

    def change(self, obj: Role, given: dict[str, Any], *, by: Actor, now: datetime) -> Role | Denied:
        """Change a role."""
        return services.change_role(obj, services.RoleDraft(**given), by=by, now=now)

    def remove(self, obj: Role, *, by: Actor, now: datetime) -> Denied | None:
        """Delete a role that nobody has."""
        return services.delete_role(obj, by=by, now=now)

    def panels(self, request: HttpRequest, obj: Role) -> Sequence[Panel]:
        """What its people may see, and who they are."""
        found = [permissions_panel(self, request, obj.permissions.all(), add={"role": obj.pk})]
        user_model = get_user_model()
        if self.gate.may(request, "view", user_model):
            people = self.choices(request, user_model).filter(roles=obj)[:SHOWN]
            rows = [
                (
                    link_to(one),
                    one.display_name,
                    one.company or "–",
                )
                for one in people
            ]
            found.append(
                Panel(
                    title=_("People with this role"),
                    headers=(_("Sign-in name"), _("Name"), _("Company")),
                    rows=rows,
                    empty=_("Nobody that you may see has this role."),
                    more_url=f"{reverse('admin:accounts_user_changelist')}?{urlencode({'role': obj.pk})}"
                    if rows
                    else "",
                    more_label=_("All of them"),
                )
            )
        return found


@admin.register(Privilege)
class PrivilegeAdmin(VerbAdmin):
    """The catalogue of privileges: what can be given in each application."""

    ordering = ("application", "name")
    list_display = ("name", "application", "description")
    list_filter = ("application",)
    sortable_by = ("name", "application")
    search_fields = ("name", "application")
    search_help_text = __("The beginning of a name or of an application's name.")
    fieldsets = ((None, {"fields": ("application", "name", "description")}),)
    remove_explains = __("A privilege that a role still gives cannot be deleted.")

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Privilege | Denied:
        """Add a privilege."""
        return services.create_privilege(services.PrivilegeDraft(**given), by=by, now=now)

    def change(
        self, obj: Privilege, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Privilege | Denied:
        """Change a privilege."""
        return services.change_privilege(obj, services.PrivilegeDraft(**given), by=by, now=now)

    def remove(self, obj: Privilege, *, by: Actor, now: datetime) -> Denied | None:
        """Delete a privilege that no role gives."""
        return services.delete_privilege(obj, by=by, now=now)


@admin.register(Permission)
class PermissionAdmin(VerbAdmin):
    """Who may see which companies' objects of which kind."""

    ordering = ("-id",)
    list_display = ("holder", "kind", "reach", "where")
    list_filter = ("kind", "reach")
    list_select_related = ("user", "role", "role__company", "company")
    sortable_by = ()
    search_fields = ("~user__login_key", "role__name")
    search_help_text = __("The beginning of a person's sign-in name or of a role's name.")
    autocomplete_fields = ("user", "role", "company")
    fieldsets = (
        (__("Who"), {"fields": ("user", "role")}),
        (__("What and where"), {"fields": ("kind", "reach", "company")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A permission stays with its holder."""
        return () if obj is None else ("user", "role")

    @admin.display(description=__("person or role"))
    def holder(self, permission: Permission) -> str:
        """Who has it."""
        return str(permission.user or permission.role)

    @admin.display(description=__("company"))
    def where(self, permission: Permission) -> str:
        """The company named in it, where the reader may see that company."""
        return str(getattr(permission, "company_name", "")) or "–"

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """A company that the reader may not see is not named."""
        names = self.gate.owners(request, [row.company_id for row in rows if row.company_id is not None])
        for row in rows:
            row.company_name = (
                "" if row.company_id is None else names.get(row.company_id, _("another company"))
            )

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Permission | Denied:
        """Give a permission."""
        return services.create_permission(services.PermissionDraft(**given), by=by, now=now)

    def change(
        self, obj: Permission, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Permission | Denied:
        """Change kind and reach."""
        return services.change_permission(obj, services.PermissionDraft(**given), by=by, now=now)

    def remove(self, obj: Permission, *, by: Actor, now: datetime) -> Denied | None:
        """Take it away."""
        return services.delete_permission(obj, by=by, now=now)


def permissions_panel(
    model_admin: VerbAdmin, request: HttpRequest, permissions: QuerySet[Permission], *, add: dict[str, int]
) -> Panel:
    """The permissions of a person or a role, with a link to each and one to add another."""
    visible = model_admin.gate.visible(request, Permission).order_by().values("pk")
    shown = list(permissions.filter(pk__in=visible)[:SHOWN])
    names = model_admin.gate.owners(request, [one.company_id for one in shown if one.company_id is not None])
    rows = [
        (
            link_to(one, one.get_kind_display()),
            one.get_reach_display(),
            "–" if one.company_id is None else names.get(one.company_id, _("another company")),
        )
        for one in shown
    ]
    may_add = model_admin.gate.may(request, "add", Permission)
    return Panel(
        title=_("Permissions"),
        headers=(_("Kind of object"), _("Reach"), _("Company")),
        rows=rows,
        empty=_("None of its own."),
        more_url=f"{reverse('admin:tenants_permission_add')}?{urlencode(add)}" if may_add else "",
        more_label=_("Add permission"),
    )
