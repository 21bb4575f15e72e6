"""Who may see and give what: rights loaded from the database, and querysets cut down to them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from tenants.models import Company, Permission, Privilege, Reach, Role
from tenants.rights import EVERYWHERE, NOWHERE, Companies, Everywhere, Rights, sum_of
from tenants.roles import RoleGiven, given_by

AnyModel = TypeVar("AnyModel", bound=Model)
# What `scope_path` of a model may begin with, or be, beside a path to a company.
BY_TENANT = "@"  # a path to the DBID of a tenant: of the company that is linked to it
OF_INSTALLATION = "*"  # of no company: only for those who see every one


def companies_of(permission: Permission, *, own: int | None) -> Companies:
    """The companies that one permission opens for somebody whose own company is `own`."""
    if permission.reach == Reach.EVERY:
        return EVERYWHERE
    company = permission.company_id if permission.reach == Reach.ONE else own
    return NOWHERE if company is None else frozenset([company])


def _of_permissions(permissions: Iterable[Permission], *, own: int | None) -> Rights:
    return sum_of(Rights(reach={one.kind: companies_of(one, own=own)}) for one in permissions)


def rights_given_by(*, roles: Sequence[Role], permissions: Sequence[Permission], own: int | None) -> Rights:
    """What these roles, with what they hold in the database, and these permissions give."""
    ids = [role.pk for role in roles]
    held = Privilege.objects.filter(role__in=ids).values_list("application", "name") if ids else []
    pairs = frozenset((application, name) for application, name in held)
    through_roles = Permission.objects.filter(role__in=ids) if ids else []
    base = Rights(rank=max((role.rank for role in roles), default=0), privileges=pairs)
    return sum_of([base, _of_permissions([*permissions, *through_roles], own=own)])


def within_reach(rights: Rights, model: type[AnyModel]) -> QuerySet[AnyModel]:
    """The objects in the companies that these rights open, whatever may be done with them; the others do not exist (404)."""
    objects = model._default_manager.all()
    kind: str = getattr(model, "scope_kind", "")
    if not kind:
        return objects.none()
    path: str = getattr(model, "scope_path", "")
    if not path:
        return objects  # one catalogue for all companies, such as that of privileges
    companies = rights.sees(kind)
    if isinstance(companies, Everywhere):
        return objects
    if path == OF_INSTALLATION:
        return objects.none()
    if path.startswith(BY_TENANT):
        linked = Company.objects.filter(pk__in=companies).exclude(tenant_dbid=None)
        return objects.filter(**{f"{path.removeprefix(BY_TENANT)}__in": linked.values("tenant_dbid")})
    wanted = Q(**{f"{path}__in": companies})
    if model is Role and (companies or rights.may("view", kind)):
        # Roles for every company can be given by everyone who may give roles; who may change them is another question.
        wanted |= Q(company=None)
    if model is Permission:
        wanted |= Q(role__company__in=companies)
    return objects.filter(wanted)


def visible_to(rights: Rights, model: type[AnyModel]) -> QuerySet[AnyModel]:
    """The objects that these rights let somebody see; everything else does not exist for him (404)."""
    if not rights.may("view", getattr(model, "scope_kind", "")):
        return model._default_manager.none()
    return within_reach(rights, model)


def may_touch(rights: Rights, verb: str, kind: str, *, company_id: int | None) -> bool:
    """Whether the verb is allowed on an object of this kind in this company (None: in every company at once)."""
    if not rights.may(verb, kind):
        return False
    companies = rights.sees(kind)
    return isinstance(companies, Everywhere) or (company_id is not None and company_id in companies)


def rights_by_user(
    users: Iterable[tuple[int, int | None]], *, role_ids: dict[int, list[int]]
) -> dict[int, Rights]:
    """Rights of many people in three statements: (user, own company) pairs and the ids of their roles."""
    pairs = list(users)
    wanted = {role for ids in role_ids.values() for role in ids}
    roles = {
        role.pk: given_by(role)
        for role in Role.objects.filter(pk__in=wanted).prefetch_related("privileges", "permissions")
    }
    own_permissions: dict[int, list[Permission]] = defaultdict(list)
    for permission in Permission.objects.filter(user__in=[user for user, _company in pairs]):
        own_permissions[permission.user_id or 0].append(permission)
    return {
        user: rights_from(
            [roles[pk] for pk in role_ids.get(user, []) if pk in roles], own_permissions[user], own=company
        )
        for user, company in pairs
    }


def rights_through(role: Role, *, company: Company) -> Rights:
    """Everything that the role gives to somebody of this company."""
    return rights_from([given_by(role)], (), own=company.pk)


def fits(role: Role, *, company: Company | None) -> bool:
    """Whether the role can be given in this company; without one, whether it is for every company."""
    return role.company_id is None or (company is not None and role.company_id == company.pk)


def rights_from(roles: Sequence[RoleGiven], permissions: Iterable[Permission], *, own: int | None) -> Rights:
    """What these roles and these permissions of one's own give together; asks the database nothing."""
    parts = [Rights(rank=role.rank, privileges=role.privileges) for role in roles]
    through_roles = [permission for role in roles for permission in role.permissions]
    return sum_of([*parts, _of_permissions([*permissions, *through_roles], own=own)])
