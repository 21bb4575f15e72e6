"""Several operations in one request (RFC 7644, 3.7). Each is done by itself: one that fails leaves the others as they are."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from configserver.scim.errors import ScimError, invalid
from configserver.scim.groups import Groups
from configserver.scim.people import People
from configserver.scim.resources import etag_of
from configserver.scim.views import MOST_AT_ONCE, Body, ScimView, change_row, row_of, settle

logger = logging.getLogger(__name__)
REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REFERENCE = "bulkId:"
NOTHING = UUID(int=0)
STORES: Mapping[str, People | Groups] = {"Users": People(), "Groups": Groups()}


class Bulk(ScimView):
    """The door to several operations."""

    def post(self, request: Request) -> Response:
        """Do them in their order, until as many have failed as `failOnErrors` says."""
        operations, too_many = _read(request.data)
        made: dict[str, str] = {}
        told: list[Body] = []
        for one in operations:
            told.append(self._told(one, made))
            if sum(int(each["status"]) >= 400 for each in told) >= too_many:
                break
        return Response({"schemas": [RESPONSE], "Operations": told})

    def _told(self, one: Body, made: dict[str, str]) -> Body:
        """What came of one operation."""
        answer: Body = {"method": one["method"]} | ({"bulkId": one["bulkId"]} if "bulkId" in one else {})
        try:
            return answer | self._done(one, made)
        except Exception as error:
            refused = self._refusal(error)
            return answer | {"status": str(refused.status_code), "response": refused.data}

    def _refusal(self, error: Exception) -> Response:
        if isinstance(error, OperationalError | InterfaceError):
            raise error  # nothing can be done at all
        try:
            return self.handle_exception(error)
        except Exception:
            # A fault of ours in one operation: the others were done, and it has to be told which.
            logger.exception("scim: an operation of a bulk failed")
            return Response(ScimError(500, "Something went wrong on our side.").body(), status=500)

    def _done(self, one: Body, made: dict[str, str]) -> Body:
        method, by = one["method"], self.caller()
        store, uid = _target(one, made)
        body = _resolved(one.get("data"), made)
        if method == "POST":
            row = settle(store, store.create(body, by=by, now=timezone.now()))
            made[one["bulkId"]] = str(row.uid)
            status = "201"
        else:
            row = row_of(store, uid, by=by)
            change_row(method, store, row, body, tags=one.get("version"), by=by)
            status = "204" if method == "DELETE" else "200"
        location = f"{self.base}{store.kind.endpoint}/{row.uid}"
        tag = {} if method == "DELETE" else {"version": etag_of(row_of(store, row.uid, by=by))}
        return {"status": status, "location": location} | tag


def _read(body: Any) -> tuple[list[Body], int]:
    """The operations, and how many errors are too many; raises ScimError."""
    schemas = body.get("schemas") if isinstance(body, dict) else None
    if not isinstance(schemas, list) or REQUEST not in schemas:
        raise ScimError(400, f"schemas does not name {REQUEST}.", scim_type="invalidSyntax")
    operations, too_many = body.get("Operations"), body.get("failOnErrors", MOST_AT_ONCE)
    if not isinstance(operations, list):
        raise ScimError(400, "Operations is not a list.", scim_type="invalidSyntax")
    if len(operations) > MOST_AT_ONCE:
        raise ScimError(413, f"There are more than {MOST_AT_ONCE} operations.")
    if isinstance(too_many, bool) or not isinstance(too_many, int) or too_many < 1:
        raise invalid("failOnErrors is a number from 1 on.")
    return list(_checked(operations)), too_many


def _checked(operations: list[Any]) -> Iterator[Body]:
    for one in operations:
        if not isinstance(one, dict):
            raise ScimError(400, "An operation is not an object.", scim_type="invalidSyntax")
        method = one.get("method")
        if not isinstance(method, str) or method.upper() not in METHODS:
            raise ScimError(400, "method is POST, PUT, PATCH or DELETE.", scim_type="invalidSyntax")
        if any(not isinstance(one.get(name, ""), str) for name in ("path", "bulkId", "version")):
            raise invalid("path, bulkId and version are texts.")
        if method.upper() == "POST" and not one.get("bulkId"):
            raise ScimError(400, "An operation that makes something has a bulkId.", scim_type="invalidSyntax")
        yield {**one, "method": method.upper()}


def _target(one: Body, made: Mapping[str, str]) -> tuple[People | Groups, UUID]:
    """Where an operation goes; raises NotFound."""
    name, _slash, id = one.get("path", "").removeprefix("/").partition("/")
    store = STORES.get(name)
    if store is None or (one["method"] == "POST") is bool(id):
        raise NotFound
    try:
        return store, UUID(_resolved(id, made)) if id else NOTHING
    except ValueError as error:
        raise NotFound from error


def _resolved(value: Any, made: Mapping[str, str]) -> Any:
    """The value with ids in the place of references to what earlier operations made; raises ScimError (409) for one to nothing."""
    if isinstance(value, dict):
        return {key: _resolved(one, made) for key, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, made) for one in value]
    if not isinstance(value, str) or not value.startswith(REFERENCE):
        return value
    found = made.get(value.removeprefix(REFERENCE))
    if found is None:
        raise ScimError(409, f"{value[:60]} names nothing that an earlier operation made.")
    return found
