"""The filters of the lists of people, and of the persons of the Configuration Server."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as __

from accounts.models import User
from accounts.names import Realm
from configserver.models import Person
from configserver.models import Role as DirectoryRole
from core.admin_lists import FILTER_CHOICES
from tenants.models import Role


class AccountStateFilter(admin.SimpleListFilter):
    """Whether a person may sign in."""

    title = __("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The three states."""
        return [("active", __("Active")), ("locked", __("Locked")), ("disabled", __("Disabled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """People in this state."""
        if self.value() == "active":
            return queryset.filter(is_active=True, locked_at=None)
        if self.value() == "locked":
            return queryset.filter(locked_at__isnull=False)
        return queryset.filter(is_active=False) if self.value() == "disabled" else queryset


class KeptFilter(admin.SimpleListFilter):
    """Where a person is kept."""

    title = __("kept")
    parameter_name = "kept"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Here, or in the Configuration Server."""
        return [("here", __("Here")), ("directory", __("In the Configuration Server"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """People who are kept there."""
        realm = {"here": Realm.INTERNAL, "directory": Realm.EXTERNAL}.get(self.value() or "")
        return queryset if realm is None else queryset.filter(realm=realm)


class PersonStateFilter(admin.SimpleListFilter):
    """Whether a person is switched on, and the account here locked."""

    title = __("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The three states."""
        return [("active", __("Active")), ("locked", __("Locked here")), ("off", __("Switched off"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        """Persons in this state."""
        if self.value() == "active":
            return queryset.filter(is_active=True)
        if self.value() == "locked":
            accounts = admin.site.get_model_admin(User).get_queryset(request)
            locked = accounts.filter(locked_at__isnull=False, source_id__isnull=False)
            return queryset.filter(uid__in=locked.order_by().values("source_id"))
        return queryset.filter(is_active=False) if self.value() == "off" else queryset


class RoleFilter(admin.SimpleListFilter):
    """Who has a role of this model."""

    model: type[Model]
    title = __("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The first roles that the reader can choose."""
        return [
            (str(role.pk), str(role)) for role in model_admin.choices(request, self.model)[:FILTER_CHOICES]
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """People who have it."""
        value = self.value() or ""
        if not (value.isascii() and value.isdecimal()):
            return queryset
        # A number that no column holds is the number of no role.
        return queryset.filter(roles=int(value)) if len(value) < 19 else queryset.none()


class PortalRoleFilter(RoleFilter):
    """People who have a role of the portal."""

    model = Role


class DirectoryRoleFilter(RoleFilter):
    """Persons who have a role of the Configuration Server by name."""

    model = DirectoryRole
