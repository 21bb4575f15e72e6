"""What people of the Configuration Server need before they can sign in, and whether it is there (seed 002, the four prerequisites)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts import external
from accounts.mode import external_is_on
from accounts.options import DEFAULT_COMPANY, MODE
from configserver import where
from configserver.contract import Summary
from configserver.engines.base import Unreachable
from tenants import settings
from tenants.models import Company
from tenants.rights import Rights
from tenants.rules import may_touch
from tenants.settings import snapshot

TENANTS_NAMED = 5


def names_no_company() -> bool:
    """Whether the default company of the settings is none that is there and active."""
    return bool(snapshot(None).text(DEFAULT_COMPANY)) and external.default_company() is None


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """How things stand."""

    mode_on: bool
    answers: bool  # the Configuration Server, where it is a remote one
    silent: tuple[str, ...]  # which of its servers do not, each with the reason
    has_persons: bool
    package: str  # the one that was applied last and is in force
    has_roles: bool  # any directory role, however it was made
    links: int  # companies that are linked to a tenant
    unlinked: tuple[str, ...]  # tenants with persons and without a company, the first few
    default: Company | None  # for all other tenants, if the setting names one that is active
    default_wrong: bool  # it names one that is not

    @property
    def turned_away(self) -> tuple[str, ...]:
        """The first tenants with persons for whom no company is loaded."""
        return self.unlinked if self.default is None else ()

    @property
    def all_have_companies(self) -> bool:
        """Whether nobody is turned away for want of a company."""
        return self.default is not None or (self.links > 0 and not self.unlinked)


def may_see(rights: Rights) -> bool:
    """Whether somebody may see what belongs to the whole installation's directories."""
    return may_touch(rights, "view", "directory", company_id=None)


def prerequisites() -> Prerequisites:
    """How things stand now."""
    said = where.server().summary()
    filled = Summary() if isinstance(said, Unreachable) else said
    linked = set(Company.objects.exclude(tenant_dbid=None).values_list("tenant_dbid", flat=True))
    unlinked = [name for dbid, name in filled.peopled if dbid not in linked]
    return Prerequisites(
        mode_on=external_is_on(),
        answers=not isinstance(said, Unreachable),
        silent=_silent(),
        has_persons=bool(filled.peopled),
        package=filled.package,
        has_roles=filled.has_roles,
        links=len(linked),
        unlinked=tuple(unlinked[:TENANTS_NAMED]),
        default=external.default_company(),
        default_wrong=names_no_company(),
    )


def _silent() -> tuple[str, ...]:
    far = where.remote()
    return () if far is None else tuple(f"{name} ({why})" for name, why in far.silent().items())


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that has to be done, and whether it is."""

    name: str  # for programs
    title: str
    done: bool
    sentence: str


def steps(found: Prerequisites) -> Iterator[Step]:
    """What has to be done, in its order."""
    yield Step(
        name="mode",
        title=_("Let people of the Configuration Server sign in"),
        done=found.mode_on,
        sentence=_mode(found),
    )
    yield Step(
        name="access",
        title=_("Give the portal access to the Configuration Server"),
        done=found.answers,
        sentence=_access(found),
    )
    yield Step(
        name="package",
        title=_("Import the role package (SPD)"),
        done=bool(found.package),
        sentence=_package(found),
    )
    yield Step(
        name="companies",
        title=_("Link tenants to companies, and name a default company"),
        done=found.all_have_companies and not found.default_wrong,
        sentence=_companies(found),
    )


def _mode(found: Prerequisites) -> str:
    if found.mode_on:
        sentence = _("The setting %(name)s is ConfigServer: people of the Configuration Server may sign in.")
    elif MODE.name in settings.pinned():
        sentence = _("The environment pins the setting %(name)s to None. Set it to ConfigServer there.")
    else:
        sentence = _("The setting %(name)s is None. Set it to ConfigServer.")
    return sentence % {"name": MODE.name}


def _access(found: Prerequisites) -> str:
    if not (address := where.address()):
        return _("It is part of this portal, so there is nothing to connect.")
    silent = ", ".join(found.silent)
    if found.answers and silent:
        return _("The Configuration Server answers, but not all of its servers do: %(silent)s.") % {
            "silent": silent
        }
    if found.answers:
        return _("The Configuration Server at %(address)s answers.") % {"address": address}
    return _("The Configuration Server does not answer: %(silent)s.") % {"silent": silent or address}


def _package(found: Prerequisites) -> str:
    if not found.answers:
        return _("That is seen once the Configuration Server answers.")
    if found.package:
        return _("%(package)s is in force.") % {"package": found.package}
    if found.has_roles:
        return _(
            "None has been imported. There are directory roles that were made by hand; without any, people sign in and may do nothing."
        )
    return _(
        "None has been imported, so people sign in without roles and may do nothing. Import the SPD file with the roles and their "
        "privileges."
    )


def _companies(found: Prerequisites) -> str:
    if found.default_wrong:
        return _("The setting %(name)s names no company that is there and active. Correct it.") % {
            "name": DEFAULT_COMPANY.name
        }
    default = (
        _("The default company is %(name)s.") % {"name": found.default.name}
        if found.default is not None
        else _("There is no default company (setting %(name)s).") % {"name": DEFAULT_COMPANY.name}
    )
    names = ", ".join(map(str, found.unlinked))
    if found.turned_away:
        told = _("Persons of these tenants are turned away: %(names)s.") % {"names": names}
    elif found.unlinked:
        told = _("These tenants are linked to none: %(names)s.") % {"names": names}
    elif found.links:
        told = _("Every tenant with persons is linked to a company.")
    else:
        told = _("No company is linked to a tenant. Write the DBID of the tenant on the page of its company.")
    return f"{told} {default}"
