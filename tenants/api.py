"""Roles, privileges, permissions and settings over REST. Each action reads its body, calls one verb, and shows what it gave."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from core.api import Resource, actor, body, caller
from core.fields import Strict
from core.idempotency import idempotent
from core.options import declared, type_name
from core.outcomes import FORBIDDEN
from core.refusals import Refused, settled
from tenants import serializers as shapes
from tenants import services
from tenants.models import Company, Kind, Permission, Privilege, Role, SettingsRevision
from tenants.rights import EVERYWHERE, covers
from tenants.services import PermissionDraft, PrivilegeDraft, RoleDraft
from tenants.settings import change_settings, pinned, roll_back, snapshot, sources


class Roles(Resource):
    """Roles: those of companies in reach, and those of every company."""

    model = Role
    reads = shapes.RoleShown
    bodies = {"create": shapes.NewRole, "partial_update": shapes.ChangedRole}
    filters = shapes.RoleFilters
    related = ("company",)
    prefetched = ("privileges",)

    @idempotent
    def create(self, request: Request) -> Response:
        """Make a role; without `company` in the caller's own."""
        self.need()
        draft = RoleDraft(**{"company": caller(request).company} | self.body())
        return self.settle_new(services.create_role(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a role; people who have it are affected within a second."""
        role, draft = self.get_object(), RoleDraft(**self.body())
        return self.settle(services.change_role(role, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Delete a role that nobody has."""
        return self.settle_gone(
            services.delete_role(self.get_object(), by=actor(request), now=timezone.now())
        )


class Privileges(Resource):
    """The catalogue of privileges, one for all companies."""

    model = Privilege
    reads = shapes.PrivilegeShown
    bodies = {"create": shapes.NewPrivilege, "partial_update": shapes.ChangedPrivilege}
    filters = shapes.PrivilegeFilters
    oldest_first = True

    @idempotent
    def create(self, request: Request) -> Response:
        """Add a privilege to the catalogue."""
        self.need()
        draft = PrivilegeDraft(**self.body())
        return self.settle_new(services.create_privilege(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what is given of a privilege."""
        privilege, draft = self.get_object(), PrivilegeDraft(**self.body())
        return self.settle(services.change_privilege(privilege, draft, by=actor(request), now=timezone.now()))

    def destroy(self, request: Request, **where: Any) -> Response:
        """Take a privilege that no role gives out of the catalogue."""
        return self.settle_gone(
            services.delete_privilege(self.get_object(), by=actor(request), now=timezone.now())
        )


class Permissions(Resource):
    """Permissions of people and roles in reach."""

    model = Permission
    reads = shapes.PermissionShown
    bodies = {"create": shapes.NewPermission, "partial_update": shapes.ChangedPermission}
    filters = shapes.PermissionFilters
    related = ("user", "role", "company")

    @idempotent
    def create(self, request: Request) -> Response:
        """Let a person or the people of a role see objects of one kind."""
        self.need()
        draft = PermissionDraft(**self.body())
        return self.settle_new(services.create_permission(draft, by=actor(request), now=timezone.now()))

    def partial_update(self, request: Request, **where: Any) -> Response:
        """Change what a permission opens."""
        permission, draft = self.get_object(), PermissionDraft(**self.body())
        return self.settle(
            services.change_permission(permission, draft, by=actor(request), now=timezone.now())
        )

    def destroy(self, request: Request, **where: Any) -> Response:
        """Take a permission away."""
        return self.settle_gone(
            services.delete_permission(self.get_object(), by=actor(request), now=timezone.now())
        )


def _shown(company_id: int | None) -> list[dict[str, Any]]:
    values, where = snapshot(company_id), sources(company_id)
    return [
        {
            "name": name,
            "value": option.told(values[name]),
            "default": option.default,
            "pinned": name in pinned(),
            "source": where[name],
            "help": str(option.help),
            "unit": str(option.unit),
            "type": type_name[option.type],
            "choices": list(option.choices),
            "minimum": option.minimum,
            "maximum": option.maximum,
        }
        for name, option in declared().items()
        if company_id is None or option.company
    ]


class Settings(APIView):
    """The runtime settings for everyone."""

    reads: ClassVar[type[BaseSerializer[Any]]] = shapes.SettingShown
    bodies: ClassVar[Mapping[str, type[Strict]]] = {"patch": shapes.ChangedSettings}
    for_programs = True
    many = True  # both answers are the whole list

    def company(self, request: Request, verb: str, **where: Any) -> Company | None:
        """The company whose settings are meant (None: everyone's); raises NotFound out of reach, Refused without the privilege."""
        if not actor(request).rights.may(verb, Kind.SETTING) or not _covers(request, None):
            raise Refused(FORBIDDEN)
        return None

    def get(self, request: Request, **where: Any) -> Response:
        """Every setting with the value in force and where it comes from."""
        company = self.company(request, "view", **where)
        return Response(_shown(company.pk if company else None))

    def patch(self, request: Request, **where: Any) -> Response:
        """Put new values in force, as one revision with its reason."""
        company = self.company(request, "change", **where)
        given = body(request, shapes.ChangedSettings)
        by, now = actor(request), timezone.now()
        settled(change_settings(given["values"], company=company, reason=given["reason"], by=by, now=now))
        return Response(_shown(company.pk if company else None))


class CompanySettings(Settings):
    """The runtime settings of one company: its own value stands above the global one."""

    def company(self, request: Request, verb: str, **where: Any) -> Company:
        """The company that the address names."""
        found = Company.objects.filter(uid=where["id"]).first()
        if found is None or not _covers(request, found.pk):
            raise NotFound
        if not actor(request).rights.may(verb, Kind.SETTING):
            raise Refused(FORBIDDEN)
        return found


def _covers(request: Request, company_id: int | None) -> bool:
    reach = actor(request).rights.sees(Kind.SETTING)
    return covers(reach, EVERYWHERE if company_id is None else frozenset([company_id]))


class Revisions(Resource):
    """Earlier states of the settings: of everyone for those who see every company, of a company for its administrators."""

    model = SettingsRevision
    reads = shapes.RevisionShown
    bodies = {"rollback": shapes.RollBack}
    verbs = {"rollback": "change"}
    filters = shapes.RevisionFilters
    related = ("company",)

    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, **where: Any) -> Response:
        """Put the values of this revision in force again, as a new revision."""
        revision, given = self.get_object(), self.body()
        by, now = actor(request), timezone.now()
        return self.settle_new(roll_back(revision, reason=given["reason"], by=by, now=now))
