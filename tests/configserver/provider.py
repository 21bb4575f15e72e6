"""An identity provider that provisions over SCIM, as Okta and Entra ID do."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from configserver import services
from configserver.directory import Directory
from configserver.models import Role, Tenant
from tenants.actor import system_actor

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PERSON = "urn:gatehouse:params:scim:schemas:extension:1.0:Person"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ROOT = "/scim/v2"


def scim_directory(
    name: str = "Okta", *, dbid: int = 1, groups: dict[str, Role] | None = None
) -> tuple[Directory, str]:
    """A directory for an identity provider, and its token."""
    by, now = system_actor(), timezone.now()
    draft = services.DirectoryDraft(
        name=name,
        protocol="scim",
        people_tenant=Tenant.objects.get(dbid=dbid),
        groups=list((groups or {}).items()),
    )
    directory = services.create_directory(draft, by=by, now=now)
    assert isinstance(directory, Directory), directory
    token = services.make_token(directory, by=by, now=now)
    assert isinstance(token, str), token
    return directory, token


class Provider:
    """What calls with the token of a directory."""

    def __init__(self, token: str) -> None:
        self.browser = Client(headers={"Authorization": f"Bearer {token}"} if token else {})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Any request, with a body in the form of SCIM."""
        data = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        return self.browser.generic(
            method, f"{ROOT}/{path}", data, content_type="application/scim+json", headers=headers
        )

    def get(self, path: str, status: int = 200) -> Any:
        """What a GET answers."""
        return self._told(self.call("GET", path), status)

    def found(self, kind: str, filter: str, **more: str) -> list[dict[str, Any]]:  # noqa: A002 - SCIM's word
        """What a filter finds."""
        answer = self.browser.get(f"{ROOT}/{kind}", {"filter": filter, **more})
        found: list[dict[str, Any]] = self._told(answer, 200)["Resources"]
        return found

    def brings(self, name: str, /, status: int = 201, **more: Any) -> Any:
        """Make a user."""
        return self._told(self.call("POST", "Users", {"schemas": [USER], "userName": name} | more), status)

    def groups(self, name: str, /, *members: str, status: int = 201, **more: Any) -> Any:
        """Make a group."""
        body = {
            "schemas": [GROUP],
            "displayName": name,
            "members": [{"value": one} for one in members],
        } | more
        return self._told(self.call("POST", "Groups", body), status)

    def patch(self, path: str, *operations: dict[str, Any], status: int = 200, **headers: str) -> Any:
        """Apply operations."""
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return self._told(self.call("PATCH", path, body, **headers), status)

    @staticmethod
    def _told(answer: HttpResponse, status: int) -> Any:
        assert answer.status_code == status, (answer.status_code, answer.content)
        if not answer.content:
            return None
        assert answer["Content-Type"] == "application/scim+json"
        told = json.loads(answer.content)
        if status >= 400:
            assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
            assert (told["status"], bool(told["detail"])) == (str(status), True)
        return told
