"""Administrators of portals on other machines, as a Configuration Server knows them: by what their portal says of them.

The portal is believed, for it was admitted on this machine. Where a portal has companies, tenants stand here: so what an administrator
may do is judged by the same rules (`tenants.rights`), with DBIDs in the place of the numbers of companies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from audit.record import Origin
from configserver.models import Portal
from configserver.remote.behalf import ACTOR_HEADER, read_on_behalf
from configserver.remote.views import PortalBasic
from configserver.values import Granted
from core.outcomes import Denied
from tenants.granted import company_of_tenant, most_of
from tenants.models import Kind
from tenants.rights import EVERYWHERE, Companies, Everywhere, Rights, exceeds
from tenants.rules import BY_TENANT, may_touch

AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(kw_only=True)
class FarPerson:
    """Somebody of another installation, for the trail."""

    uid: UUID
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True)
class _Company:
    """The company of whoever calls, as far as it is known here."""

    tenant_dbid: int | None


@dataclass(frozen=True, kw_only=True)
class FarAdministrator:
    """To the verbs an `Administrator`, and to the views of the API a `Caller`."""

    rights: Rights  # with DBIDs for companies
    origin: Origin
    person: UUID | None
    tenant: int | None  # of the caller's own company
    portal: str  # the id of the portal that says so
    kept: str
    catalogue: frozenset[tuple[str, str]]  # the privileges that somebody there can have at all

    @property
    def caller_id(self) -> str:
        """An id that stays."""
        return f"{self.portal}/{self.origin.actor.uid if self.origin.actor is not None else ''}"

    @property
    def kept_under(self) -> str:
        """An id under which what he was answered can be kept, as his portal has it."""
        return f"{self.portal}/{self.kept}"

    @property
    def company(self) -> _Company:
        """The caller's own company."""
        return _Company(tenant_dbid=self.tenant)

    def may(self, verb: str, kind: str) -> bool:
        """Whether the verb is allowed on some objects of this kind."""
        return self.rights.may(verb, kind)

    def within_reach(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects of the tenants that are open to him."""
        objects = model._default_manager.all()
        tenants = self.rights.sees(getattr(model, "scope_kind", ""))
        if isinstance(tenants, Everywhere):
            return objects
        path: str = getattr(model, "scope_path", "")
        if not path.startswith(BY_TENANT):
            return objects.none()  # a matter of the whole installation
        return objects.filter(**{f"{path.removeprefix(BY_TENANT)}__in": tenants})

    def visible(self, model: type[AnyModel]) -> QuerySet[AnyModel]:
        """The objects that he may see."""
        return (
            self.within_reach(model)
            if self.may("view", getattr(model, "scope_kind", ""))
            else model._default_manager.none()
        )

    def company_uid(self, number: int | None) -> str | None:
        """None: companies are the portal's."""
        return None

    def actor(self, *, address: str) -> "FarAdministrator":
        """Himself: from where he acts, his portal has said."""
        return self

    def may_touch_tenant(self, verb: str, kind: str, *, dbid: int | None) -> bool:
        """Whether the verb is allowed on objects of this kind in the tenant with this DBID (None: in all at once)."""
        return may_touch(self.rights, verb, kind, company_id=dbid)

    def exceeded_by_grants(self, *grants: Granted, dbid: int | None) -> Denied | None:
        """The refusal when any of these gives somebody of this tenant (None: of any) more than he has."""
        given = (
            most_of(one, dbid=dbid, company_of=lambda tenant: tenant, catalogue=self.catalogue)
            for one in grants
        )
        return next((denied for one in given if (denied := exceeds(self.rights, one)) is not None), None)

    def company_of_tenant(self, dbid: int | None) -> int | None:
        """The number of the company that is linked to the tenant in this installation, for its trail."""
        return company_of_tenant(dbid)

    def knows_kind(self, kind: str) -> bool:
        """Whether there are objects of this kind."""
        return kind in Kind.values

    def is_person(self, uid: UUID) -> bool:
        """Whether he is this very person."""
        return self.person == uid

    def may_touch_people_of(self, source: UUID | None) -> bool:
        """Always: rights and reach decide."""
        return True

    def is_directory(self, uid: UUID) -> bool:
        """Never."""
        return False


def read_administrator(said: Mapping[str, Any], *, portal: str, name: str) -> FarAdministrator:
    """The administrator whom a portal describes (`Actor.told`). Raises ValueError, KeyError, TypeError or AttributeError."""
    reach = {str(kind): _tenants(found) for kind, found in said["reach"].items()}
    privileges = frozenset(map(_pair, said["privileges"]))
    return FarAdministrator(
        rights=Rights(rank=int(said["rank"]), privileges=privileges, reach=reach),
        origin=Origin(
            actor=_named(said["actor"]),
            address=str(said["address"])[:45],
            impersonator=_named(said["impersonator"]),
            portal=name,
        ),
        person=UUID(said["person"]) if said["person"] else None,
        tenant=None if said["tenant"] is None else int(said["tenant"]),
        portal=portal,
        kept=str(said["kept_under"])[:200],
        catalogue=privileges | frozenset(map(_pair, said["lacks"])),
    )


class ActingPortal(PortalBasic):
    """A portal that was admitted, on behalf of an administrator whom it describes: the principal of the request."""

    def authenticate(self, request: Request) -> tuple[Any, Portal] | None:
        """The portal; None when nobody is named."""
        found = super().authenticate(request)
        if found is None:
            return None
        portal = found[0]
        try:
            said = read_on_behalf(request.headers.get(ACTOR_HEADER, ""))
            principal = read_administrator(said, portal=f"portal:{portal.uid}", name=portal.application)
            request.principal = principal  # type: ignore[attr-defined]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ParseError(f"{ACTOR_HEADER} says nobody.") from None
        return found


def _pair(value: Any) -> tuple[str, str]:
    application, name = value
    return str(application), str(name)


def _named(said: Mapping[str, Any] | None) -> FarPerson | None:
    return None if said is None else FarPerson(uid=UUID(said["id"]), name=str(said["name"])[:254])


def _tenants(found: Any) -> Companies:
    return EVERYWHERE if found is None else frozenset(map(int, found))
