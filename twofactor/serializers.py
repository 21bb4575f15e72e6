"""What the API shows of second factors and remembered browsers, and takes of passkeys."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import User
from core.fields import Strict, Text
from twofactor.methods import label_of
from twofactor.methods.passkey_wire import LONGEST, read
from twofactor.models import Factor, FactorKind
from twofactor.services.factors import NAME_LENGTH
from twofactor.services.lost import awaited
from twofactor.services.paper import has_paper, recovery_codes_left


class FactorName(Text):
    """As the person calls it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"max_length": NAME_LENGTH, "allow_blank": True} | kwargs))


class Code(Strict):
    """The code that was sent, or that an app shows."""

    code = Text(max_length=12)


class FactorShown(serializers.Serializer[Any]):
    """A second factor."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(FactorKind.choices)
    name = serializers.CharField(help_text=_("As the person calls it."))
    label = serializers.CharField(help_text=_("Where codes go, masked."))  # type: ignore[assignment]
    preferred = serializers.BooleanField(
        help_text=_("Proposed first at sign-in, with the others of its kind.")
    )
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(
        allow_null=True, help_text=_("Null: it waits for its first code and counts for nothing yet.")
    )
    last_used_at = serializers.DateTimeField(allow_null=True)
    codes_left = serializers.IntegerField(
        required=False, help_text=_("Of recovery codes: how many are unused.")
    )
    is_backed_up = serializers.BooleanField(
        required=False, help_text=_("Of a passkey: kept by its maker beyond the one device.")
    )


def shown(factor: Factor, user: User) -> dict[str, Any]:
    """The plain values of a factor of this person."""
    more: dict[str, Any] = {}
    if factor.kind == FactorKind.RECOVERY:
        more["codes_left"] = recovery_codes_left(user)
    elif factor.kind == FactorKind.PASSKEY:
        more["is_backed_up"] = factor.is_backed_up
    return {
        "id": factor.uid,
        "kind": factor.kind,
        "name": factor.name,
        "label": label_of(factor.kind, user),
        "preferred": user.preferred_factor == factor.kind,
        "created_at": factor.created_at,
        "confirmed_at": factor.confirmed_at,
        "last_used_at": factor.last_used_at,
        **more,
    }


def all_shown(user: User) -> Any:
    """All factors of this person, as an answer holds them."""
    return FactorShown(
        [shown(one, user) for one in without_temporary(user.factors.all(), user)], many=True
    ).data


def without_temporary(factors: Iterable[Factor], user: User) -> list[Factor]:
    """The same without recovery codes where there is only a temporary one: it is nothing of the person's, and over within the hour."""
    return [one for one in factors if one.kind != FactorKind.RECOVERY or has_paper(user)]


class DeviceShown(serializers.Serializer[Any]):
    """A browser that stands for the second factor."""

    id = serializers.UUIDField(source="uid")
    user_agent = serializers.CharField()
    address = serializers.CharField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    remembered_until = serializers.DateTimeField()


@extend_schema_field(OpenApiTypes.OBJECT)
class CredentialField(serializers.Field[Any, Any, Any, Any]):
    """What the browser gave (`PublicKeyCredential.toJSON()`), of a size and depth that a credential has."""

    default_error_messages = {
        "invalid": _(
            "Send the credential as the object that the browser gave, at most %(longest)s characters."
        )
        % {"longest": LONGEST}
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The object; raises ValidationError."""
        found = read(data) if isinstance(data, dict) else None
        if found is None:
            self.fail("invalid")
        return dict(found)


class PasskeyAsked(serializers.Serializer[Any]):
    """What the browser is asked to make."""

    id = serializers.UUIDField(help_text=_("Of this question; the newest one of the session is answered."))
    options = serializers.DictField(help_text=_("For `PublicKeyCredential.parseCreationOptionsFromJSON`."))


class NewPasskey(Strict):
    """What it is to be called."""

    name = FactorName(required=False)


class MadePasskey(Strict):
    """What the browser made."""

    credential = CredentialField(help_text=_("As `toJSON()` of the credential gives it."))
    name = FactorName(required=False)


_NO_RECOVERY = {"asked_at": None, "due_at": None, "address": None}


class RecoveryShown(serializers.Serializer[Any]):
    """The wait of somebody who says that the second factor is lost."""

    asked_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on a code to a verified address stands for it, once."
    )
    address = serializers.CharField(allow_null=True, help_text="Network address of whoever asked.")


def recovery_shown(user: User, *, now: datetime) -> Any:
    """Whether this person waits to replace a lost second factor, as an answer holds it."""
    return RecoveryShown(awaited(user, now=now) or _NO_RECOVERY).data
