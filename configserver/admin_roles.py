"""Roles and permissions of the Configuration Server in the administration: what they give to external persons."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver import services
from configserver.access import Administrator
from configserver.forms_admin import PermissionForm, RoleForm
from configserver.models import DirectoryGroup, Permission, Person, Privilege, Role
from core.admin import VerbAdmin
from core.admin_pages import Panel, link_to
from core.outcomes import Denied

SHOWN = 20


class RoleAdmin(VerbAdmin):
    """Roles of external persons, with the privileges that they give."""

    form = RoleForm
    ordering = ("-rank", "name")
    list_display = ("name", "rank", "description", "package")
    sortable_by = ("name", "rank")
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    fieldsets = (
        (None, {"fields": ("name", "rank", "description", "package_name")}),
        (__("Privileges"), {"fields": ("privileges",)}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "rank", "description")}),
        (__("Privileges"), {"fields": ("privileges",)}),
    )
    readonly_fields = ("package_name", "privilege_lines")
    help_texts = {
        "package_name": __("The package that brought this role; applied again, it sets the privileges anew."),
        "privilege_lines": __("What its people may do, by application."),
    }
    remove_explains = __(
        "Its permissions go with it. A role that persons, or groups of a directory, still have cannot be deleted."
    )

    @admin.display(description=__("role package"))
    def package_name(self, role: Role) -> str:
        """The package that brought it."""
        return role.package or _("None: the role was made here.")

    @admin.display(description=__("privileges"))
    def privilege_lines(self, role: Role) -> str:
        """The privileges, one a line."""
        return "\n".join(map(str, role.privileges.all())) or _("None.")

    def choices(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """Privileges have no page of their own: whoever may see roles may see what they give."""
        return Privilege.objects.all() if model is Privilege else super().choices(request, model)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever only reads gets the privileges as lines."""
        found = super().get_fieldsets(request, obj)
        if obj is not None and not self.has_change_permission(request, obj):
            found[-1][1]["fields"] = ["privilege_lines"]
        return found

    def create(self, given: dict[str, Any], *, by: Administrator, now: datetime) -> Role | Denied:
        """Make a role."""
        return services.create_role(services.RoleDraft(**given), by=by, now=now)

    def change(self, obj: Role, given: dict[str, Any], *, by: Administrator, now: datetime) -> Role | Denied:
        """Change a role."""
        return services.change_role(obj, services.RoleDraft(**given), by=by, now=now)

    def remove(self, obj: Role, *, by: Administrator, now: datetime) -> Denied | None:
        """Delete a role that nobody has."""
        return services.delete_role(obj, by=by, now=now)

    # --- panels ---

    def panels(self, request: HttpRequest, obj: Role) -> Sequence[Panel]:
        """What its people may see, who they are, and which groups give it."""
        found = [permissions_panel(self, request, obj.permissions.all(), add={"role": obj.pk})]
        if self.gate.may(request, "view", Person):
            found.append(self._persons(request, obj))
        groups = DirectoryGroup.objects.filter(role=obj).select_related("directory")
        found.append(
            Panel(
                title=_("Groups of directories that give it"),
                headers=(_("Group"), _("Directory")),
                rows=[(one.group, one.directory.name) for one in groups[:SHOWN]],
                empty=_("None: only persons have it, by name."),
            )
        )
        return found

    def _persons(self, request: HttpRequest, role: Role) -> Panel:
        # In no order: to find the first names among very many would read them all.
        persons = self.choices(request, Person).filter(roles=role).select_related("tenant").order_by()
        rows = [
            (
                link_to(one),
                one.display_name,
                one.tenant,
            )
            for one in persons[:SHOWN]
        ]
        query = urlencode({"role": role.pk})
        return Panel(
            title=_("Persons with this role"),
            headers=(_("User name"), _("Name"), _("Tenant")),
            rows=rows,
            empty=_("Nobody that you may see has this role by name."),
            more_url=f"{reverse('admin:configserver_person_changelist')}?{query}" if rows else "",
            more_label=_("All of them"),
        )


class KindFilter(admin.SimpleListFilter):
    """The kind of object that a permission opens."""

    title = __("kind of object")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The kinds that the portal knows."""
        return list(model_admin.gate.kinds())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Permission]) -> QuerySet[Permission]:
        """Permissions that open it."""
        value = (self.value() or "").replace("\0", "")
        return queryset.filter(kind=value) if value else queryset


class PermissionAdmin(VerbAdmin):
    """Which companies' objects of which kind an external person, or whoever has a role, may see."""

    form = PermissionForm
    ordering = ("-id",)
    list_display = ("holder", "kind_name", "reach", "tenant")
    list_filter = (KindFilter, "reach")
    list_select_related = ("person__tenant", "role", "tenant")
    sortable_by = ()
    search_fields = ("~person__name_key", "role__name")
    search_help_text = __("The beginning of a person's user name or of a role's name.")
    autocomplete_fields = ("person", "role", "tenant")
    fieldsets = (
        (__("Who"), {"fields": ("person", "role")}),
        (__("What and where"), {"fields": ("kind", "reach", "tenant")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A permission stays with its holder."""
        return () if obj is None else ("person", "role")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose it is, is either a person or a role."""
        found = super().get_fieldsets(request, obj)
        if obj is not None:
            other = "role" if obj.person_id is not None else "person"
            found[0][1]["fields"] = [name for name in found[0][1]["fields"] if name != other]
        return [(title, options) for title, options in found if options["fields"]]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The kinds of object are the portal's."""
        if db_field.name == "kind":
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name),
                choices=[("", "---------"), *self.gate.kinds()],
                help_text=kwargs.get("help_text", db_field.help_text),
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=__("person or role"))
    def holder(self, permission: Any) -> str:
        """Who has it, where the reader may see who that is."""
        return str(permission.holder_name)

    @admin.display(description=__("kind of object"))
    def kind_name(self, permission: Permission) -> str:
        """The kind in words, where the portal has words for it."""
        return str(dict(self.gate.kinds()).get(permission.kind, permission.kind))

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """A person that the reader may not see is not named."""
        wanted = [row.person_id for row in rows if row.person_id is not None]
        seen = set(self.choices(request, Person).filter(pk__in=wanted).values_list("pk", flat=True))
        for row in rows:
            unnamed = row.person_id is not None and row.person_id not in seen
            row.holder_name = _("a person") if unnamed else row.person or row.role

    def create(self, given: dict[str, Any], *, by: Administrator, now: datetime) -> Permission | Denied:
        """Give a permission."""
        return services.create_permission(services.PermissionDraft(**given), by=by, now=now)

    def change(
        self, obj: Permission, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> Permission | Denied:
        """Change kind and reach."""
        return services.change_permission(obj, services.PermissionDraft(**given), by=by, now=now)

    def remove(self, obj: Permission, *, by: Administrator, now: datetime) -> Denied | None:
        """Take it away."""
        return services.delete_permission(obj, by=by, now=now)


def permissions_panel(
    model_admin: VerbAdmin, request: HttpRequest, permissions: QuerySet[Permission], *, add: dict[str, int]
) -> Panel:
    """The permissions of a person or a role, with a link to each and one to add another."""
    visible = model_admin.gate.visible(request, Permission).order_by().values("pk")
    kinds = dict(model_admin.gate.kinds())
    rows = [
        (
            link_to(one, kinds.get(one.kind, one.kind)),
            one.get_reach_display(),
            one.tenant or "–",
        )
        for one in permissions.filter(pk__in=visible).select_related("tenant")[:SHOWN]
    ]
    may_add = model_admin.gate.may(request, "add", Permission)
    return Panel(
        title=_("Permissions"),
        headers=(_("Kind of object"), _("Reach"), _("Tenant")),
        rows=rows,
        empty=_("None of its own."),
        more_url=f"{reverse('admin:configserver_permission_add')}?{urlencode(add)}" if may_add else "",
        more_label=_("Add permission"),
    )
