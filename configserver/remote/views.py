"""What a Configuration Server answers to the portals that it has admitted, beside SCIM: thin doors to `configserver.service`."""

import base64
import binascii
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, cast
from urllib.parse import unquote
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from configserver import service, tree
from configserver.models import ENVIRONMENT_DBID, Portal, Role, Tenant
from configserver.remote import wire
from configserver.services.portal import PASSWORD_PURPOSE
from configserver.versions import versions_of
from core import entropy, epoch
from core.buckets import Rate
from core.http import client_address
from core.options import Snapshot
from core.parsers import JsonBody

logger = logging.getLogger(__name__)
LONGEST = 200
NOTED_EVERY = timedelta(minutes=10)
LONGEST_TEXT = 4_096
UNCOUNTED = Rate(
    limit=0, remaining=0, reset=0
)  # a portal asks for very many people, and twice a second for itself
EnvironmentOf = Callable[[], Snapshot]


class PortalBasic(BaseAuthentication):
    """`Authorization: Basic` with the user name and password of a portal that was admitted (RFC 7617)."""

    def authenticate(self, request: Request) -> tuple[Any, Portal] | None:
        """The portal; None when nobody is named."""
        if "Authorization" not in request.headers:
            return None
        portal = portal_in(request._request)
        if portal is None:
            logger.warning(
                "configserver: a portal that was not admitted, from %s", client_address(request._request)
            )
            raise AuthenticationFailed(_("This portal is not admitted."), code="invalid_token")
        request._request.rate = UNCOUNTED  # type: ignore[attr-defined]
        return portal, portal

    def authenticate_header(self, request: Request) -> str:
        """Makes the refusal a 401."""
        return "Basic"


def portal_in(request: HttpRequest, *, header: str = "Authorization") -> Portal | None:
    """The portal whose user name and password stand in this header."""
    application = unquote(request.headers.get(wire.APPLICATION, ""))
    scheme, _space, given = request.headers.get(header, "").partition(" ")
    if scheme.lower() != "basic" or len(given) > LONGEST:
        return None
    try:
        username, _colon, password = base64.b64decode(given, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    prints = entropy.fingerprints(password, purpose=PASSWORD_PURPOSE)
    named = Portal.objects.filter(application=application, username=username)
    found = named.filter(password__in=prints).first()
    now = timezone.now()
    if found is not None and (found.used_at is None or now - found.used_at > NOTED_EVERY):
        unnoted = Q(used_at=None) | Q(used_at__lt=now - NOTED_EVERY)
        Portal.objects.filter(unnoted, pk=found.pk).update(used_at=now)
    return found


class Call(APIView):
    """What the doors share."""

    authentication_classes = (PortalBasic,)
    permission_classes = (IsAuthenticated,)
    throttle_classes = ()
    parser_classes = (JsonBody,)
    renderer_classes = (JSONRenderer,)
    schema = None
    environment_of: EnvironmentOf = staticmethod(lambda: Snapshot({}, pinned=frozenset()))  # given by `urls`

    @property
    def environment(self) -> Snapshot:
        """The settings that hold for ENVIRONMENT."""
        return self.environment_of()

    def given(self, name: str, *types: type) -> Any:
        """A member of the body; raises ParseError."""
        body = self.request.data
        value = body.get(name) if isinstance(body, dict) else None
        fits = isinstance(value, types) and not (isinstance(value, bool) and bool not in types)
        if not fits or (isinstance(value, str) and len(value) > LONGEST_TEXT):
            raise ParseError(f"{name} is missing, of the wrong type, or too long.")
        return value

    def id(self) -> UUID:
        """The id of a person in the body; raises ParseError."""
        return _uuid(self.given("id", str))


def _uuid(text: Any) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise ParseError("An id is a UUID.") from None


class Authenticate(Call):
    """Whose password it is, or what follows on an answer."""

    def post(self, request: Request) -> Response:
        """An identity, a question, a refusal, or that a directory does not answer: all of them are 200."""
        now = timezone.now()
        if isinstance(request.data, dict) and "answer" in request.data:
            uid, state, answer = self.id(), self.given("state", str), self.given("answer", str)
            found = service.answer(uid, state, answer, environment=self.environment, now=now)
        else:
            name, password = self.given("userName", str), self.given("password", str)
            found = service.authenticate(name, password, environment=self.environment, now=now)
        logger.info("configserver: %s asked: %s", cast(Portal, request.auth), type(found).__name__.lower())
        return Response(wire.answer_told(found))


class Password(Call):
    """A person's own new password."""

    def post(self, request: Request) -> Response:
        """Put it in place."""
        found = service.set_password(
            self.id(),
            version=self.given("version", int),
            current=self.given("currentPassword", str),
            new=self.given("newPassword", str),
            environment=self.environment,
            now=timezone.now(),
        )
        return Response(wire.set_told(found))


class AboutPerson(Call):
    """What is known of a person beside a sign-in."""

    def get(self, request: Request, id: UUID) -> Response:
        """Who proves the password, and the rules for a new one."""
        found = service.about(id, environment=self.environment)
        return Response(wire.about_told(found))


class Versions(Call):
    """Whether what was granted still stands."""

    def post(self, request: Request) -> Response:
        """The versions of these persons; who is missing is nobody any more."""
        ids = self.given("ids", list)
        if len(ids) > wire.MOST_VERSIONS:
            raise ParseError(f"At most {wire.MOST_VERSIONS} persons at once.")
        found = versions_of([_uuid(one) for one in ids])
        return Response({"versions": {str(uid): version for uid, version in found.items()}})


class Tenants(Call):
    """What tenants say about passwords."""

    def get(self, request: Request) -> Response:
        """The tenants for which they, or one above them, decide anything, with these rules."""
        return Response(
            {"tenants": [{"dbid": dbid, "rules": rules} for dbid, rules in tree.every_rule().items()]}
        )


class Roles(Call):
    """What roles there are, to choose from."""

    def get(self, request: Request) -> Response:
        """Every role by its name, and what its people do."""
        return Response({"roles": list(Role.objects.values("name", "description"))})


class Filled(Call):
    """How far it is filled."""

    def get(self, request: Request) -> Response:
        """For whoever sets a portal up."""
        return Response(wire.summary_told(service.summary()))


class Changes(Call):
    """Whether anything has changed at all."""

    def get(self, request: Request) -> Response:
        """A number that grows with every change, of this installation."""
        return Response({"installation": _installation(), "counter": epoch.stored()})


@cache
def _installation() -> str:
    return str(Tenant.objects.values_list("uid", flat=True).get(dbid=ENVIRONMENT_DBID))
