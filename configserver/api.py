"""Tenants, directories, and the roles and permissions of external people over REST. Each action calls one verb and shows what it gave.

All of it belongs to the whole installation: it exists only for those who see every company.
"""

from dataclasses import replace
from typing import Any

from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from configserver import serializers as shapes
from configserver import serializers_directories as directories
from configserver import services
from configserver.models import Directory, Permission, Role, Tenant
from configserver.options import SECTION
from configserver.remote.forwarding import OfConfigServer
from configserver.remote.through import base_told
from configserver.scim import PATH
from configserver.services import DirectoryDraft, PermissionDraft, RoleDraft, TenantDraft
from configserver.trial import try_directory
from core.api import actor
from core.fields import Strict
from core.idempotency import idempotent
from core.outcomes import Denied
from core.refusals import settled


class Tenants(OfConfigServer):
    """Tenants of the Configuration Server."""

    model = Tenant
    reads = shapes.TenantShown
    bodies = {"create": shapes.NewTenant, "partial_update": shapes.ChangedTenant}
    filters = shapes.TenantFilters
    related = ("parent", "directory")

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a tenant; without `parent` right below ENVIRONMENT."""
        self.need()
        made = services.create_tenant(self._draft(), by=actor(request), now=timezone.now())
        return self.settle_new(_rule_named(made))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a tenant; `rules` is taken whole."""
        tenant, draft = self.get_object(), self._draft()
        changed = services.change_tenant(tenant, draft, by=actor(request), now=timezone.now())
        return self.settle(_rule_named(changed))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a tenant that nothing names."""
        return self.settle_gone(
            services.delete_tenant(self.get_object(), by=actor(request), now=timezone.now())
        )

    def _draft(self) -> TenantDraft:
        values = self.body()
        if "rules" in values:
            values["rules"] = {f"{SECTION}.{name}": value for name, value in values["rules"].items()}
        return TenantDraft(**values)


def _rule_named(result: Any) -> Any:
    """The result of a verb with the name that a rule has here."""
    if isinstance(result, Denied) and result.field is not None and result.field.startswith(f"{SECTION}."):
        return replace(result, field=f"rules.{result.field.removeprefix(f'{SECTION}.')}")
    return result


class Directories(OfConfigServer):
    """LDAP and RADIUS directories that prove passwords of external people."""

    model = Directory
    reads = directories.DirectoryShown
    bodies = {
        "create": directories.NewDirectory,
        "partial_update": directories.ChangedDirectory,
        "test": directories.TestedDirectory,
        "token": Strict,
        "import_people": directories.ImportAsked,
    }
    answers = {
        "test": directories.TrialShown,
        "token": directories.TokenMade,
        "import_people": directories.ImportShown,
    }
    verbs = {"test": "change", "token": "change", "import_people": "change"}
    related = ("people_tenant",)
    filters = directories.DirectoryFilters
    prefetched = ("groups__role", "tenant_values__tenant", "seen")

    @idempotent
    def create(self, request: Request) -> Response:
        """Add a directory."""
        self.need()
        return self.settle_new(
            services.create_directory(self._draft(), by=actor(request), now=timezone.now())
        )

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a directory; `groups` and `tenant_values` are taken whole."""
        directory, draft = self.get_object(), self._draft()
        return self.settle(services.change_directory(directory, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a directory that neither a tenant nor a person names."""
        return self.settle_gone(
            services.delete_directory(self.get_object(), by=actor(request), now=timezone.now())
        )

    @action(detail=True, methods=["post"])
    def test(self, request: Request, **where: Any) -> Response:
        """Try every server step by step; with `login` also what the mapping makes of that name. Changes nothing."""
        directory, given = self.get_object(), self.body()
        trial = try_directory(directory, login=given["login"], by=actor(request), now=timezone.now())
        return Response(directories.TrialShown(settled(trial)).data)

    @action(detail=True, methods=["post"])
    def token(self, request: Request, **where: Any) -> Response:
        """Make the bearer credential of an identity provider (SCIM); the one before does not hold any more."""
        directory = self.get_object()
        self.body()
        token = settled(services.make_token(directory, by=actor(request), now=timezone.now()))
        return Response({"token": token, "base_url": f"{base_told(request)}{PATH}"})

    @action(detail=True, methods=["post"], url_path="import")
    def import_people(self, request: Request, **where: Any) -> Response:
        """Import people from an LDAP directory, 5,000 at most; with `dry_run` only compare. One that was interrupted goes on."""
        directory, given = self.get_object(), self.body()
        run = services.import_people(
            directory,
            whole=not given["only_changed"],
            dry_run=given["dry_run"],
            even_if_many=given["even_if_many"],
            by=actor(request),
            now=timezone.now(),
        )
        return Response(directories.ImportShown(settled(run)).data)

    def _draft(self) -> DirectoryDraft:
        values = self.body()
        if "servers" in values:
            values["servers"] = "\n".join(values["servers"])
        return DirectoryDraft(**values)


class DirectoryRoles(OfConfigServer):
    """Roles of external people."""

    model = Role
    reads = shapes.DirectoryRoleShown
    bodies = {"create": shapes.NewDirectoryRole, "partial_update": shapes.ChangedDirectoryRole}
    filters = shapes.DirectoryRoleFilters
    prefetched = ("privileges",)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a role for external people."""
        self.need()
        return self.settle_new(services.create_role(self._draft(), by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a role; whoever has it signs in again."""
        role, draft = self.get_object(), self._draft()
        return self.settle(services.change_role(role, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a role that neither a person nor a group has."""
        return self.settle_gone(
            services.delete_role(self.get_object(), by=actor(request), now=timezone.now())
        )

    def _draft(self) -> RoleDraft:
        values = self.body()
        if "privileges" in values:
            values["privileges"] = [(one["application"], one["name"]) for one in values["privileges"]]
        return RoleDraft(**values)


class DirectoryPermissions(OfConfigServer):
    """Permissions of external people and of their roles."""

    model = Permission
    reads = shapes.DirectoryPermissionShown
    bodies = {"create": shapes.NewDirectoryPermission, "partial_update": shapes.ChangedDirectoryPermission}
    filters = shapes.DirectoryPermissionFilters
    related = ("person__tenant", "role", "tenant")

    @idempotent
    def create(self, request: Request) -> Response:
        """Let an external person, or the people of a role, see objects of one kind."""
        self.need()
        draft = PermissionDraft(**self.body())
        return self.settle_new(services.create_permission(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what a permission opens; its holder signs in again."""
        permission, draft = self.get_object(), PermissionDraft(**self.body())
        return self.settle(
            services.change_permission(permission, draft, by=actor(request), now=timezone.now())
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Take a permission away."""
        return self.settle_gone(
            services.delete_permission(self.get_object(), by=actor(request), now=timezone.now())
        )
