"""Who calls the SCIM server: an identity provider, by the token of its directory. It acts on what it brought, and on nothing else."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from audit.record import Origin
from configserver.directory import Directory, Protocol
from configserver.granting import granted_by
from configserver.models import Group, Person, Role, Tenant
from configserver.remote.through import address_of
from configserver.services.directory import TOKEN_PURPOSE
from configserver.services.person import KIND
from configserver.values import Granted
from core import entropy
from core.outcomes import Denied

logger = logging.getLogger(__name__)
LONGEST = 200
NOTED_EVERY = timedelta(minutes=10)
ABOVE = Denied(
    code="rank_too_high",
    message=_(
        "This person has more here than the directory can give. It can be switched off, and nothing else."
    ),
)
CompanyOf = Callable[[int | None], int | None]


@dataclass(frozen=True)
class Provider:
    """The identity provider of a directory; to the verbs their `Administrator`. What its groups give bounds whom it may touch."""

    directory: Directory
    address: str
    company_of: CompanyOf = field(repr=False)

    is_authenticated = True

    @property
    def caller_id(self) -> str:
        """By which its calls are counted."""
        return f"directory:{self.directory.uid}"

    @property
    def origin(self) -> Origin:
        """The directory itself, for the trail."""
        return Origin(actor=self.directory, address=self.address)

    @property
    def tenant(self) -> Tenant:
        """Where whoever it brings belongs."""
        tenant = self.directory.people_tenant
        if tenant is None:
            raise ValueError("A directory that brings people has a tenant for them.")  # the verbs see to it
        return tenant

    @property
    def persons(self) -> QuerySet[Person]:
        """Whom it brought."""
        return Person.objects.filter(source=self.directory).select_related("tenant", "directory", "source")

    @property
    def groups(self) -> QuerySet[Group]:
        """What groups it brought."""
        return Group.objects.filter(directory=self.directory).select_related("directory")

    def may_touch_tenant(self, verb: str, kind: str, *, dbid: int | None) -> bool:
        """People alone; which of them, `persons` says."""
        return kind == KIND and dbid is not None

    @cached_property
    def _given(self) -> list[Granted]:
        mapped = Role.objects.filter(groups__directory=self.directory).distinct()
        return [Granted(), *map(granted_by, mapped)]

    def exceeded_by_grants(self, *grants: Granted, dbid: int | None) -> Denied | None:
        """The refusal when any of these is none of what its groups give."""
        return None if all(one in self._given for one in grants) else ABOVE

    def company_of_tenant(self, dbid: int | None) -> int | None:
        """The number of the company that is linked to the tenant, for the trail."""
        return self.company_of(dbid)

    def knows_kind(self, kind: str) -> bool:
        """None: it gives no permissions."""
        return False

    def is_person(self, uid: UUID) -> bool:
        """Never."""
        return False

    def may_touch_people_of(self, source: UUID | None) -> bool:
        """Its own, as they are at the moment of the change."""
        return source == self.directory.uid

    def is_directory(self, uid: UUID) -> bool:
        """Whether it is this directory."""
        return self.directory.uid == uid


class ProviderBearer(BaseAuthentication):
    """`Authorization: Bearer` with the token of a directory that is switched on. No cookie, no key and no other token counts here."""

    def authenticate(self, request: Request) -> tuple[Any, Provider] | None:
        """The provider; None when nobody is named."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        scheme, _space, token = header.partition(" ")
        address = address_of(request._request)
        directory = _directory_of(token.strip()) if scheme.lower() == "bearer" else None
        if directory is None:
            logger.warning("scim: a token that does not hold, from %s", address)
            raise AuthenticationFailed(_("The bearer token does not hold."), code="invalid_token")
        company_of: CompanyOf = request.parser_context["view"].company_of
        provider = Provider(directory, address, company_of)
        request.principal = provider  # type: ignore[attr-defined]
        return provider, provider

    def authenticate_header(self, request: Request) -> str:
        """Makes the refusal a 401; the header itself is written by `portal.api`."""
        return "Bearer"


def _directory_of(token: str) -> Directory | None:
    if not 0 < len(token) <= LONGEST or not token.isascii():
        return None
    prints = entropy.fingerprints(token, purpose=TOKEN_PURPOSE)
    rows = Directory.objects.select_related("people_tenant")
    found = rows.filter(token__in=prints, protocol=Protocol.SCIM, is_active=True).first()
    now = timezone.now()
    if found is not None and (found.token_used_at is None or now - found.token_used_at > NOTED_EVERY):
        unnoted = Q(token_used_at=None) | Q(token_used_at__lt=now - NOTED_EVERY)
        Directory.objects.filter(unnoted, pk=found.pk).update(token_used_at=now)
    return found
