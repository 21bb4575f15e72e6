"""Whoever decides how passwords are proved could sign in as anybody whose password it is, so nobody decides it for who has more."""

from dataclasses import replace

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from configserver.access import Administrator
from configserver.granting import granted_by, opened_by, roles_held
from configserver.models import Permission, Person
from configserver.values import Granted
from core.outcomes import Denied

PEOPLE_ABOVE = _("Some of its people may do or see more than you, so you cannot change how they sign in.")


def refuse_over(persons: QuerySet[Person], *, by: Administrator) -> Denied | None:
    """The refusal when any of these persons has more than the actor."""
    own = Permission.objects.filter(person__in=persons).select_related("tenant")
    alone = Granted(permissions=tuple({opened_by(one) for one in own}))
    exceeded = by.exceeded_by_grants(*map(granted_by, roles_held(persons)), alone, dbid=None)
    return None if exceeded is None else replace(exceeded, message=PEOPLE_ABOVE)
