"""What a change takes from persons: their version counts up, and with it everything ends that was granted under the old one."""

from collections.abc import Collection

from django.db.models import F, Q, QuerySet

from configserver.models import Directory, Person, Role, Tenant
from core import epoch


def void(persons: QuerySet[Person]) -> int:
    """Inside a unit: end what these persons hold, everywhere within a second; how many they are."""
    epoch.bump()
    return persons.update(version=F("version") + 1)


def void_role(role: Role) -> int:
    """The same for everyone who may have this role: by name, or through a group of a directory."""
    return void_roles([role])


def void_roles(roles: Collection[Role]) -> int:
    """The same for everyone who may have one of these roles."""
    through = Directory.objects.filter(groups__role__in=roles).values("pk")
    return void(Person.objects.filter(pk__in=_holders(roles)) | _asking(Q(pk__in=through)))


def void_directory(directory: Directory) -> int:
    """The same for everyone whose password this directory may prove, or whom it brought."""
    return void(of_directory(directory))


def void_tenant(tenant: Tenant) -> int:
    """The same for everyone of this tenant and those below it, and for whomever a directory may say to be."""
    return void(of_tenant(tenant))


def of_directory(directory: Directory) -> QuerySet[Person]:
    """Everyone whose password this directory may prove, or whom it brought."""
    return _asking(Q(pk=directory.pk))


def of_tenant(tenant: Tenant) -> QuerySet[Person]:
    """Everyone of this tenant and those below it, by what is kept here or by what a directory may say."""
    numbers = [one.pk for one in below(tenant)]
    return Person.objects.filter(tenant__in=numbers) | _asking(Q(tenant_values__tenant__in=numbers))


def below(tenant: Tenant) -> list[Tenant]:
    """The tenant and all below it."""
    found, level = [tenant], [tenant]
    while level:
        known = {one.pk for one in found}
        level = [one for one in Tenant.objects.filter(parent__in=level) if one.pk not in known]
        found += level
    return found


def _holders(roles: Collection[Role]) -> QuerySet[Person, int]:
    return Person.objects.filter(roles__in=roles).values_list("pk", flat=True)


def _asking(directories: Q) -> QuerySet[Person]:
    """Whoever names one of these directories, was brought by it, or is of a tenant that names it, or of one below."""
    named = Directory.objects.filter(directories)
    tenants = {one.pk for tenant in Tenant.objects.filter(directory__in=named) for one in below(tenant)}
    return Person.objects.filter(Q(directory__in=named) | Q(source__in=named) | Q(tenant__in=tenants))
