"""What stands in the way of a role package: a file that is none, rights above the actor's, and what is not there or still held."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from configserver import spd
from configserver.access import Administrator
from configserver.models import Role
from configserver.package_words import why_not
from configserver.services.package_roles import tenants_of
from configserver.spd import Difference, Malformed, PermissionSpec, RoleSpec
from configserver.values import Granted, Opened
from core.outcomes import FORBIDDEN, Denied


@dataclass(frozen=True, kw_only=True)
class BadPackage(Denied):
    """Why a file is no package: beside the sentence the identifier of the fault, and the line."""

    fault: str
    line: int | None = None


def bad_package(malformed: Malformed) -> BadPackage:
    """The refusal of a file that is no package."""
    return BadPackage(
        code="bad_package", message=why_not(malformed), fault=malformed.code.value, line=malformed.line
    )


def _granted(role: RoleSpec) -> Granted:
    return Granted(
        name=role.name,
        rank=role.rank,
        privileges=frozenset((one.application, one.name) for one in role.privileges),
        permissions=tuple(
            Opened(kind=one.kind, reach=one.reach, tenant=one.tenant) for one in role.permissions
        ),
    )


def refuse_anything(verb: str, *, by: Administrator) -> Denied | None:
    """The refusal of somebody who may not do this to packages at all; nothing else is told to him."""
    return None if by.may_touch_tenant(verb, "directory", dbid=None) else FORBIDDEN


def refuse_rights(roles: Iterable[RoleSpec], *, by: Administrator) -> Denied | None:
    """The refusal when one of these roles, as it is or as it would be, stands above the actor."""
    grants = {_granted(role): None for role in roles}
    together = Granted(
        rank=max((one.rank for one in grants), default=0),
        privileges=frozenset().union(*(one.privileges for one in grants)),
        permissions=tuple(dict.fromkeys(opened for one in grants for opened in one.permissions)),
    )
    exceeded = by.exceeded_by_grants(together, dbid=None)
    if exceeded is None:
        return None
    for one in grants:
        if (alone := by.exceeded_by_grants(one, dbid=None)) is not None:
            sentence = _("Role “%(role)s”: %(reason)s") % {"role": one.name, "reason": alone.message}
            return replace(alone, message=sentence)
    return exceeded


def refuse_opened(roles: Iterable[RoleSpec]) -> Denied | None:
    """The refusal when a permission names a tenant that there is not."""
    opened: dict[PermissionSpec, str] = {one: role.name for role in roles for one in role.permissions}
    known = tenants_of(opened)
    for one, role in opened.items():
        if one.tenant is not None and one.tenant not in known:
            return Denied(
                code="unknown_tenant",
                message=_("Role “%(role)s” opens the company of the tenant %(dbid)s, and there is none.")
                % {"role": role, "dbid": one.tenant},
            )
    return None


def refuse_kinds(roles: Iterable[RoleSpec], *, by: Administrator) -> Denied | None:
    """The refusal when a permission opens objects of a kind that there is not."""
    for role in roles:
        for one in role.permissions:
            if not by.knows_kind(one.kind):
                return bad_package(Malformed(code=spd.Fault.KIND, detail=one.kind))
    return None


def refuse_taking(difference: Difference) -> Denied | None:
    """The refusal when somebody has a role that would go: to take it away is a decision of its own."""
    going = Role.objects.filter(name__in=[role.name for role in difference.removed])
    held = going.filter(Q(persons__isnull=False) | Q(groups__isnull=False)).order_by("name").first()
    if held is None:
        return None
    persons, groups = held.persons.count(), held.groups.count()
    holders = []
    if persons:
        holders.append(ngettext("%(count)d person", "%(count)d persons", persons) % {"count": persons})
    if groups:
        holders.append(ngettext("%(count)d group", "%(count)d groups", groups) % {"count": groups})
    return Denied(
        code="in_use",
        message=_("The role “%(role)s” would go, and it is held by %(holders)s. Take it from them first.")
        % {"role": held.name, "holders": _(" and ").join(holders)},
    )
