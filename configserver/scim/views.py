"""The SCIM server (RFC 7644): thin doors. An identity provider sees and changes what it brought itself; all else is 404 to it."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from configserver import where
from configserver.models import Group, Person
from configserver.remote.through import base_of
from configserver.scim import PATH
from configserver.scim.asked import LARGEST_PAGE, Asked, asked_in, asked_in_body
from configserver.scim.caller import CompanyOf, Provider, ProviderBearer
from configserver.scim.errors import ScimError
from configserver.scim.groups import Groups
from configserver.scim.passing import pass_on
from configserver.scim.people import People
from configserver.scim.query import condition_of, order_of
from configserver.scim.resources import etag_of
from configserver.scim.schemas import KINDS, Schema
from core.outcomes import Denied
from core.parsers import JsonBody
from core.refusals import Refused

MEDIA = "application/scim+json"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
CONFIGURATION = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
MOST_AT_ONCE = 100  # operations of one bulk
Body = dict[str, Any]


class ScimBody(JsonBody):
    """application/scim+json."""

    media_type = MEDIA


class ScimJson(JSONRenderer):
    """application/scim+json, which every answer is."""

    media_type = MEDIA
    charset = None


class PlainJson(ScimJson):
    """For those who ask for application/json; the answer is the same."""

    media_type = "application/json"


class ScimView(APIView):
    """What the doors share."""

    authentication_classes = (ProviderBearer,)
    permission_classes = (IsAuthenticated,)
    parser_classes = (ScimBody, JsonBody)
    renderer_classes = (ScimJson, PlainJson)
    schema = None  # SCIM describes itself at /Schemas
    company_of: CompanyOf = staticmethod(lambda dbid: None)  # noqa: ARG005 - given by `urls`

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer here, or pass on to the remote Configuration Server that the settings name: it knows the tokens."""
        remote = where.remote()
        return super().dispatch(request, *args, **kwargs) if remote is None else pass_on(remote, request)

    def handle_exception(self, exc: Exception) -> Response:
        """The answer to what cannot be done."""
        if isinstance(exc, ScimError):
            return Response(exc.body(), status=exc.status)
        return super().handle_exception(exc)

    def caller(self) -> Provider:
        """The identity provider that calls."""
        return cast(Provider, self.request.auth)

    @property
    def base(self) -> str:
        """The address of the server, as providers know it."""
        return f"{base_of(self.request._request)}{PATH}"


def listed(resources: list[Body], *, total: int, start: int = 1) -> Response:
    """A page of resources (RFC 7644, 3.4.2)."""
    return Response(
        {
            "schemas": [LIST],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
    )


# --- users and groups ------------------------------------------------------------------------------------------------------


def row_of(store: People | Groups, uid: UUID, *, by: Provider) -> Person | Group:
    """The resource of this id; raises NotFound."""
    found = store.rows(by).filter(uid=uid).first()
    if found is None:
        raise NotFound
    return found


def seen_in(row: Person | Group, tags: str | None) -> datetime | None:
    """The time of the change that a caller has seen who names these entity tags; raises ScimError (412) when it is another one."""
    if tags is None or tags.strip() == "*":
        return None
    if etag_of(row) not in [one.strip() for one in tags.split(",")]:
        raise ScimError(412, "The resource is not as it was any more.")
    return row.changed_at


def settle(store: People | Groups, result: Any, *, tagged: bool = False) -> Any:
    """What a verb gave; raises Refused, whose sentence names the attribute that it is about."""
    if not isinstance(result, Denied):
        return result
    if tagged and result.code == "conflict":
        raise ScimError(412, str(result.message))
    name = store.names.get(result.field or "")
    raise Refused(replace(result, message=f"{name}: {result.message}") if name else result)


def change_row(
    method: str, store: People | Groups, row: Any, body: Any, *, tags: str | None, by: Provider
) -> None:
    """Do what PUT, PATCH or DELETE asks; raises Refused and ScimError."""
    verb: Any = {"PUT": store.put, "PATCH": store.patch, "DELETE": store.delete}[method]
    seen = seen_in(row, tags)
    given = () if method == "DELETE" else (body,)
    settle(store, verb(row, *given, by=by, seen=seen, now=timezone.now()), tagged=seen is not None)


class ResourceView(ScimView):
    """A door to the resources of one kind."""

    store: People | Groups = People()  # the right one is given by `urls`

    def page(self, asked: Asked) -> Response:
        """The page that is asked for."""
        store = self.store
        rows: Any = store.rows(self.caller())
        if asked.filter is not None:
            rows = rows.filter(condition_of(asked.filter, store.kind))
        order = ["pk"]
        if asked.sort_by is not None:
            order = order_of(asked.sort_by, store.kind, descending=asked.descending)
        total = rows.count()
        first = asked.start - 1
        found = (
            list(rows.order_by(*order)[first : first + asked.count]) if asked.count and first < total else []
        )
        return listed(store.shown(found, asked, base=self.base), total=total, start=asked.start)

    def shown(self, row: Any, asked: Asked, **how: Any) -> Response:
        """One resource, with its entity tag."""
        response = Response(self.store.shown([row], asked, base=self.base)[0], **how)
        response["ETag"] = etag_of(row)
        return response


class ResourceList(ResourceView):
    """All resources of one kind."""

    def get(self, request: Request, **where: Any) -> Response:
        """A page of them."""
        return self.page(asked_in(request.query_params))

    def post(self, request: Request, **where: Any) -> Response:
        """Make one."""
        asked = asked_in(request.query_params)  # before anything is done
        made = settle(self.store, self.store.create(request.data, by=self.caller(), now=timezone.now()))
        found = self.store.rows(self.caller()).get(pk=made.pk)
        response = self.shown(found, asked, status=status.HTTP_201_CREATED)
        response["Location"] = f"{self.base}{self.store.kind.endpoint}/{made.uid}"
        return response


class Search(ResourceView):
    """The same page, asked for by a body."""

    def post(self, request: Request, **where: Any) -> Response:
        """A page of them."""
        return self.page(asked_in_body(request.data))


class Resource(ResourceView):
    """One resource."""

    def row(self) -> Person | Group:
        """The resource that the address names; raises NotFound."""
        return row_of(self.store, self.kwargs["id"], by=self.caller())

    def get(self, request: Request, **where: Any) -> Response:
        """The resource; 304 to who has it already."""
        row = self.row()
        seen = request.META.get("HTTP_IF_NONE_MATCH", "")
        if etag_of(row) in [one.strip() for one in seen.split(",")]:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag_of(row)})
        return self.shown(row, asked_in(request.query_params))

    def put(self, request: Request, **where: Any) -> Response:
        """Put the body in its place."""
        asked = asked_in(request.query_params)
        self._change(request)
        return self.shown(self.row(), asked)

    def patch(self, request: Request, **where: Any) -> Response:
        """Apply operations to it."""
        asked = asked_in(request.query_params)
        self._change(request)
        row = self.row()
        if self.store.answers_patch or asked.only is not None:
            return self.shown(row, asked)
        return Response(status=status.HTTP_204_NO_CONTENT, headers={"ETag": etag_of(row)})

    def delete(self, request: Request, **where: Any) -> Response:
        """Delete it."""
        self._change(request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request) -> None:
        tags, method = request.META.get("HTTP_IF_MATCH"), str(request.method)
        change_row(method, self.store, self.row(), request.data, tags=tags, by=self.caller())


# --- what it says of itself ------------------------------------------------------------------------------------------------


def _described(request: Request) -> None:
    if "filter" in {name.lower() for name in request.query_params}:
        raise ScimError(403, "What the server says of itself is not filtered.")  # RFC 7644, 4


def _meta(base: str, kind: str, path: str) -> Body:
    return {"meta": {"resourceType": kind, "location": f"{base}/{path}"}}


class Configuration(ScimView):
    """What the server can do."""

    def get(self, request: Request) -> Response:
        """The truth about it (RFC 7643, 5)."""
        _described(request)
        return Response(
            {
                "schemas": [CONFIGURATION],
                "documentationUri": f"{settings.PUBLIC_URL}/api/docs/",
                "patch": {"supported": True},
                "bulk": {
                    "supported": True,
                    "maxOperations": MOST_AT_ONCE,
                    "maxPayloadSize": settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
                },
                "filter": {"supported": True, "maxResults": LARGEST_PAGE},
                "changePassword": {"supported": False},
                "sort": {"supported": True},
                "etag": {"supported": True},
                "authenticationSchemes": [
                    {
                        "type": "oauthbearertoken",
                        "name": "Bearer token",
                        "description": "The token of the directory, as the header Authorization carries it.",
                        "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                        "primary": True,
                    }
                ],
                **_meta(self.base, "ServiceProviderConfig", "ServiceProviderConfig"),
            }
        )


class ResourceTypes(ScimView):
    """What types of resources there are."""

    def get(self, request: Request, id: str = "") -> Response:
        """All, or the one that is named."""
        _described(request)
        found = [self._shown(one.shown()) for one in KINDS if id in {"", one.name}]
        if not id:
            return listed(found, total=len(found))
        if not found:
            raise NotFound
        return Response(found[0])

    def _shown(self, kind: Body) -> Body:
        return {
            "schemas": [RESOURCE_TYPE],
            **kind,
            **_meta(self.base, "ResourceType", f"ResourceTypes/{kind['id']}"),
        }


class Schemas(ScimView):
    """What attributes they have."""

    def get(self, request: Request, id: str = "") -> Response:
        """All, or the one that is named."""
        _described(request)
        found = [
            self._shown(one) for kind in KINDS for one in kind.schemas if id.lower() in {"", one.id.lower()}
        ]
        if not id:
            return listed(found, total=len(found))
        if not found:
            raise NotFound
        return Response(found[0])

    def _shown(self, schema: Schema) -> Body:
        return {"schemas": [SCHEMA], **schema.shown(), **_meta(self.base, "Schema", f"Schemas/{schema.id}")}


class Me(ScimView):
    """Nobody: an identity provider is no user (RFC 7644, 3.11)."""

    def get(self, request: Request) -> Response:
        """501."""
        raise ScimError(501, "A bearer token of a directory is no user's.")

    post = put = patch = delete = get
