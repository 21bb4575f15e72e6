"""Who stands above an actor among many: whoever says how persons are proved, or where they belong, could sign in as any of them."""

from dataclasses import replace

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from configserver.access import Administrator
from configserver.granting import granted_by
from configserver.models import Directory, Permission, Person, Role
from configserver.values import Granted, Opened
from core.outcomes import Denied

STAND_ABOVE = _("Persons whose sign-in this decides may do or see more than you, so you cannot change it.")


def refuse_above(persons: QuerySet[Person], *, by: Administrator) -> Denied | None:
    """The refusal when one of these persons has, by name or alone, more than the actor."""
    chosen = persons.order_by().values("pk")
    own = Permission.objects.filter(person__in=chosen).order_by().values_list("kind", "reach", "tenant__dbid")
    alone = Granted(
        permissions=tuple(Opened(kind=kind, reach=reach, tenant=dbid) for kind, reach, dbid in own.distinct())
    )
    roles = Role.objects.filter(persons__in=chosen).distinct()
    return _above(*map(granted_by, roles), alone, by=by)


def refuse_groups(directory: Directory | None, *, by: Administrator) -> Denied | None:
    """The refusal when a group of this directory gives more than the actor has."""
    roles = Role.objects.filter(groups__directory=directory).distinct() if directory is not None else ()
    return _above(*map(granted_by, roles), by=by)


def _above(*grants: Granted, by: Administrator) -> Denied | None:
    exceeded = by.exceeded_by_grants(*grants, dbid=None)
    return None if exceeded is None else replace(exceeded, message=STAND_ABOVE)
