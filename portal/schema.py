"""How the API documents itself: from the `bodies`, `reads` and `answers` of its views, with the answers that every call may get."""

import re
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from accounts.middleware import SESSION_COOKIE
from cobrowse.authentication import AGENT_TOKEN, AgentBearer
from core.idempotency import HEADER, LONGEST_KEY, REPLAYED

PROBLEM = "application/problem+json"
_HEADERS = {
    "RateLimit-Limit": _("Calls a minute that are allowed at all."),
    "RateLimit-Remaining": _("Calls that are left at once."),
    "RateLimit-Reset": _("Seconds until all are."),
}
_SENTENCES = {
    400: _("The request does not fit; `errors` says which field and why."),
    401: _("Nobody is signed in, or the token or session does not hold."),
    403: _("In reach, but not allowed."),
    404: _("Not there, or not the caller's to see."),
    406: _("The answer is JSON and nothing else."),
    409: _("It does not fit how things stand; `code` says why."),
    413: _("The body is larger than a megabyte."),
    415: _("The body is not of the kind that is read here."),
    422: _("The Idempotency-Key was used with another body."),
    429: _("Too many; try again after `retry_after` seconds."),
    503: _("The database does not answer; nothing was changed."),
}


class Problem(serializers.Serializer[Any]):
    """Why a request was refused (RFC 9457)."""

    type = serializers.CharField(help_text=_("Always about:blank; `code` tells problems apart."))
    title = serializers.CharField(help_text=_("The phrase of the status."))
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text=_("A sentence for people."))
    code = serializers.CharField(help_text=_("For programs; it does not change."))
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text=_("Sentences by field."),
    )
    retry_after = serializers.IntegerField(required=False, help_text=_("Seconds to wait."))
    id = serializers.CharField(required=False, help_text=_("At /api/1/ alone: the code once more."))
    message = serializers.CharField(required=False, help_text=_("At /api/1/ alone: the sentence once more."))


class Schema(AutoSchema):
    """Reads a view's own tables. A view without them is documented as drf-spectacular does it."""

    @property
    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method.lower()

    def _is_list_view(self, serializer: Any = None) -> bool:
        if not hasattr(self.view, "reads"):
            return bool(super()._is_list_view(serializer))
        single = self._action in getattr(self.view, "single", ())
        return self._action == "list" or (bool(getattr(self.view, "many", False)) and not single)

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """The name of a shape, without the word that only tells ours from the model's."""
        return type(serializer).__name__.removesuffix("Shown")

    def get_description(self) -> str:  # type: ignore[override]
        """What the action does; for listing and reading, after the words about the resource."""
        said = str(super().get_description())
        about = (type(self.view).__doc__ or "").strip()
        return f"{about} {said}" if self._action in {"list", "retrieve"} else said

    def get_summary(self) -> str | None:
        """The first words of what the action does."""
        if self._action == "retrieve":
            return str(_("Read one"))
        said = (type(self.view).__doc__ or "") if self._action == "list" else str(super().get_description())
        return re.split(r"[.:;,]", said.strip(), maxsplit=1)[0] or None

    def get_request_serializer(self) -> Any:
        """What the action takes."""
        if not hasattr(self.view, "reads"):
            return super().get_request_serializer()
        if (media_type := getattr(self.view, "files", {}).get(self._action)) is not None:
            return {media_type: OpenApiTypes.STR}
        body = getattr(self.view, "bodies", {}).get(self._action)
        return body() if body is not None else None

    def get_response_serializers(self) -> Any:
        """What the action gives, and every problem that may stand in its place."""
        if not hasattr(self.view, "reads"):
            return super().get_response_serializers()
        status, shown = self._success()
        if shown is None:
            empty = _("Done.") if status == 204 else _("An empty object.")
            found: dict[Any, Any] = {
                status: OpenApiResponse(OpenApiTypes.OBJECT if status == 200 else None, empty)
            }
        else:
            found = {status: shown}
        if (preview := self._preview()) is not None:
            found[200] = OpenApiResponse(preview, str(_("With `dry_run`: what would change.")))
        return found | {
            (code, PROBLEM): OpenApiResponse(Problem, str(_SENTENCES[code])) for code in self._problems()
        }

    def _preview(self) -> Any:
        """What the action gives when it is only tried."""
        return getattr(self.view, "previews", {}).get(self._action)

    def _success(self) -> tuple[int, Any]:
        action = self._action
        reads = getattr(self.view, "answers", {}).get(action, getattr(self.view, "reads", None))
        if action == "destroy" or reads is None:
            return getattr(self.view, "empty_status", 204), None
        if action in {"create", "rollback", *getattr(self.view, "created", ())}:
            return 201, reads()
        return 200, reads(many=True) if self._is_list_view() else reads()

    def _problems(self) -> list[int]:
        is_open = not self.view.authentication_classes
        codes = {400}
        if not is_open or getattr(self.view, "may_refuse", False):
            codes.add(401)
        if not is_open:
            codes.add(403)
        if "{id}" in self.path:
            codes.add(404)
        if self.method != "GET" and not is_open:
            codes.add(409)
        codes |= set(getattr(self.view, "refusals", ()))
        if self._is_idempotent():
            codes.add(422)
        return sorted(codes)

    def _is_idempotent(self) -> bool:
        return bool(getattr(getattr(self.view, self._action, None), "is_idempotent", False))

    def get_override_parameters(self) -> list[Any]:
        """Filters of a list, the header of an idempotent create, and the headers of every answer."""
        found: list[Any] = [
            OpenApiParameter(
                name, int, OpenApiParameter.HEADER, response=[200, 201, 204, 429], description=str(sentence)
            )
            for name, sentence in _HEADERS.items()
        ]
        filters = getattr(self.view, "filters", None)
        if filters is not None and self.method == "GET" and self._action != "retrieve":
            found.append(filters)
        if any(issubclass(one, AgentBearer) for one in self.view.authentication_classes):
            sentence = str(_("The token of the agent's desktop, where the company's cluster has one."))
            found.append(OpenApiParameter(AGENT_TOKEN, str, OpenApiParameter.HEADER, description=sentence))
        if self._preview() is not None:
            sentence = str(_("Change nothing, and say what would change."))
            found.append(OpenApiParameter("dry_run", bool, OpenApiParameter.QUERY, description=sentence))
        if self._is_idempotent():
            key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}
            sentence = str(_("The same key with the same body within a day gets the same answer again."))
            found.append(OpenApiParameter(HEADER, key, OpenApiParameter.HEADER, description=sentence))
            sentence = str(_("`true` on an answer that was given before."))
            found.append(
                OpenApiParameter(REPLAYED, str, OpenApiParameter.HEADER, response=[201], description=sentence)
            )
        return found


def with_problems(result: dict[str, Any], **_of_the_generator: Any) -> dict[str, Any]:
    """Give every operation the refusals that stand before its view, and every refusal its shape."""
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            codes = [400, 406, 429, 503] + ([413, 415] if "requestBody" in operation else [])
            codes += [404] if "{" in path else []
            for code in codes if path.startswith(settings.PROGRAM_PREFIXES) else ():
                operation["responses"].setdefault(str(code), {"description": str(_SENTENCES[code])})
            for code, answer in operation["responses"].items():
                if int(code) >= 400:
                    answer["content"] = problem
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Says of a body that it takes no field but its own."""

    target_class = "core.fields.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> Any:
        """The shape, closed."""
        shape = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        return shape | {"additionalProperties": False}


class BearerOrSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The two ways to say who calls."""

    target_class = "accounts.authentication.BearerOrSession"
    name = ["bearer", "session"]

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        """An access token or API key, or the cookie of a page."""
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token (JWT), or an API key (`gh_key_…`), which reaches what its scopes name.",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": SESSION_COOKIE,
                "description": f"The session of a page; unsafe requests also send the header {settings.CSRF_HEADER_NAME}.",
            },
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        """Either of the two."""
        return [{"bearer": []}, {"session": []}]


class ClientCredentialsScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a client of OpenID Connect says who it is."""

    target_class = "oidc.credentials.ClientCredentials"
    name = "client"

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        """Its id and secret."""
        about = "Id and secret of a client of OpenID Connect, which asks about its own tokens."
        return {"type": "http", "scheme": "basic", "description": about}


class AgentBearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The ways to say who calls the agent's side of co-browse."""

    target_class = "cobrowse.authentication.AgentBearer"
    name = ["agent", "agentSession"]

    def get_security_definition(self, auto_schema: AutoSchema) -> Any:
        """The same as everywhere, and tokens for one session."""
        bearer, session = BearerOrSessionScheme(self.target).get_security_definition(auto_schema)  # type: ignore[no-untyped-call]
        about = "An access token, a token of an integration, or a token for one agent in one session (JWT)."
        return [bearer | {"description": about}, session]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        """Either of the two."""
        return [{"agent": []}, {"agentSession": []}]
