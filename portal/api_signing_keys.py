"""The keys that sign our tokens over REST: which there are, what each has signed, and the way to another one."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import signing_keys
from accounts.models import SigningKey
from accounts.serializers import Nothing
from accounts.signing_record import what_it_signed
from accounts.tokens.rotation import Standing
from core.api import Resource, Values, actor
from core.fields import Strict, Uid
from twofactor.api_caller import confirmed


class SignedShown(serializers.Serializer[Any]):
    """What a key has signed, of what is still kept; counts end at 10,000."""

    tokens = serializers.IntegerField(help_text=_("Access tokens of sign-ins and refreshes."))
    sessions = serializers.IntegerField(help_text=_("Live sessions that got one of them."))
    join_links = serializers.IntegerField()
    last_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the newest of these tokens was signed.")
    )


class SigningKeyShown(serializers.ModelSerializer[SigningKey]):
    """A key that signs our tokens; never its private half."""

    id = Uid(source="uid")
    public = serializers.DictField(child=serializers.CharField(), help_text=_("The public key (RFC 7517)."))
    state = serializers.SerializerMethodField()
    published_at = serializers.DateTimeField(source="created_at")
    active_until = serializers.SerializerMethodField(
        help_text=_("When the next key takes over. null: none is published yet.")
    )
    holds_until = serializers.SerializerMethodField(
        help_text=_("Until when something that it signed may hold.")
    )
    signed = serializers.SerializerMethodField()

    class Meta:
        model = SigningKey
        fields = (
            "id",
            "number",
            "kid",
            "state",
            "published_at",
            "active_from",
            "active_until",
            "holds_until",
            "revoked_at",
            "public",
            "signed",
        )
        read_only_fields = fields

    def _state(self, key: SigningKey) -> signing_keys.KeyState:
        found: signing_keys.KeyState = self.context["states"][key.number]
        return found

    @extend_schema_field(serializers.ChoiceField([one.value for one in Standing]))
    def get_state(self, key: SigningKey) -> str:
        """Where it stands."""
        return self._state(key).standing.value

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_active_until(self, key: SigningKey) -> Any:
        """When the next key takes over."""
        return _shown(self._state(key).active_until)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_holds_until(self, key: SigningKey) -> Any:
        """When the last thing that it signed ends."""
        return _shown(self._state(key).gone_at)

    @extend_schema_field(SignedShown)
    def get_signed(self, key: SigningKey) -> Any:
        """What it signed."""
        return SignedShown(what_it_signed(key, now=self.context["now"])).data


def _shown(at: Any) -> Any:
    return None if at is None else serializers.DateTimeField().to_representation(at)


class SigningKeys(Resource):
    """Keys that sign our tokens. They rotate by themselves."""

    model = SigningKey
    reads = SigningKeyShown
    bodies: ClassVar[dict[str, type[Strict]]] = {"rotate": Nothing, "revoke": Nothing}
    verbs: ClassVar[dict[str, str]] = {"rotate": "add", "revoke": "change"}

    def joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The keys without what they sign with."""
        return super().joined(rows).defer("private")

    def showing(self) -> Values:
        """Where every key stands."""
        now = timezone.now()
        return {**super().showing(), "now": now, "states": signing_keys.states(now=now)}

    @action(detail=False, methods=["post"])
    def rotate(self, request: Request) -> Response:
        """Let another key sign from now on, and show it. What the one before has signed goes on holding."""
        self.need()
        confirmed(request)
        self.body()
        return self.settle(signing_keys.rotate_now(by=actor(request), now=timezone.now()))

    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, **where: Any) -> Response:
        """Let nothing that this key signed hold, everywhere within a second. Where it is the active one, a new one signs at once."""
        key = self.get_object()
        confirmed(request)
        self.body()
        return self.settle(signing_keys.revoke_key(key, by=actor(request), now=timezone.now()))
