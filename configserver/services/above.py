"""Whoever decides how passwords are proved could sign in as anybody whose password it is, so nobody decides it for who has more."""

from dataclasses import replace

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from configserver.access import Administrator
from configserver.granting import granted_by, opened_by, roles_held
from configserver.models import Directory, Permission, Person, Role
from configserver.values import Granted
from core.outcomes import Denied

PEOPLE_ABOVE = _("Some of its people may do or see more than you, so you cannot change how they sign in.")
NO_PROOF = Denied(
    code="invalid",
    field="directory",
    message=_("This directory proves no passwords; it only brings people here."),
)


def refuse_over(persons: QuerySet[Person], *, by: Administrator) -> Denied | None:
    """The refusal when any of these persons has more than the actor."""
    own = Permission.objects.filter(person__in=persons).select_related("tenant")
    alone = Granted(permissions=tuple({opened_by(one) for one in own}))
    return _above(*map(granted_by, roles_held(persons)), alone, by=by)


def refuse_groups(directory: Directory | None, *, by: Administrator) -> Denied | None:
    """The refusal when a group of this directory gives more than the actor has: whoever names it lets its people have that."""
    roles = Role.objects.filter(groups__directory=directory).distinct() if directory is not None else ()
    return _above(*map(granted_by, roles), by=by)


def _above(*grants: Granted, by: Administrator) -> Denied | None:
    exceeded = by.exceeded_by_grants(*grants, dbid=None)
    return None if exceeded is None else replace(exceeded, message=PEOPLE_ABOVE)
