"""What the published agent client sends. It sends more than it means, so a field that says nothing new is taken and passed over."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.fields import Moment, Plain, Text


class _Data(serializers.JSONField):
    """Any JSON; the verb says what of it fits."""


class NewSdkSession(Plain):
    """A session that an agent makes."""

    custom_data = _Data(required=False, default=dict)
    agent = serializers.ChoiceField(["me"], required=False, help_text=_("Always the caller."))
    region = Text(
        max_length=100,
        required=False,
        allow_null=True,
        help_text=_("There is one region: this installation."),
    )
    full_device = _Data(required=False, help_text=_("off; pages are all that there is."))


class ChangedSdkSession(Plain):
    """What is to change of a session; one of these at a time."""

    id = Text(max_length=40, required=False, help_text=_("Of this session."))
    state = serializers.ChoiceField(["ended"], required=False)
    agent = serializers.ChoiceField(["me"], required=False, help_text=_("me: join it as its agent."))
    remote_control = serializers.ChoiceField(
        ["off", "requested", "on", "rejected"],
        required=False,
        help_text=_("requested or off; the customer decides the others."),
    )
    full_device = _Data(required=False, help_text=_("off; pages are all that there is."))
    custom_data = _Data(required=False, help_text=_("Names with values; null takes one away."))


class SdkSession(serializers.Serializer[Any]):
    """A session as the client reads it."""

    id = serializers.UUIDField()
    code = serializers.CharField(required=False, help_text=_("Six digits, while it waits."))
    session_token = serializers.CharField(
        required=False,
        allow_null=True,
        help_text=_("Nine digits for the customer, of a session that an agent made."),
    )
    state = serializers.ChoiceField(["pending", "active", "ended"])
    created = serializers.DateTimeField()
    updated = serializers.DateTimeField()
    activated = serializers.DateTimeField(allow_null=True)
    ended = serializers.DateTimeField(allow_null=True)
    expires = serializers.DateTimeField()
    agent = serializers.DictField(allow_null=True)
    agents = serializers.ListField(child=serializers.DictField())
    custom_data = serializers.DictField()
    device = serializers.DictField()
    full_device = serializers.ChoiceField(["off"])
    remote_control = serializers.ChoiceField(["off", "requested", "on", "rejected"])
    recorded = serializers.BooleanField()
    calling = serializers.ChoiceField(["off"])
    virtual = serializers.BooleanField()
    ended_reason = serializers.CharField(allow_null=True)


class SdkUser(serializers.Serializer[Any]):
    """A person as the client reads one."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()
    notification_token = serializers.CharField(allow_null=True)
    notification_url = serializers.CharField(allow_null=True)


class SdkAccount(serializers.Serializer[Any]):
    """A company as the client reads one."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    license_key = serializers.CharField()
    features = serializers.DictField(child=serializers.BooleanField())


class SdkEntry(serializers.Serializer[Any]):
    """What is allowed with one kind of things; what is left out bounds nothing."""

    id = serializers.CharField(required=False, help_text=_("Only the one of this id."))
    custom_data = serializers.DictField(required=False, help_text=_("Only those with these values."))
    permissions = serializers.ListField(child=serializers.CharField(), required=False)


class SdkPolicy(serializers.Serializer[Any]):
    """What counts for the bearer; beside these, `*` stands for everything that is not named."""

    version = serializers.IntegerField()
    sessions = SdkEntry(required=False)
    users = SdkEntry(required=False)
    accounts = SdkEntry(required=False)
    devices = SdkEntry(required=False)
    regions = SdkEntry(required=False)


class SdkNothing(serializers.Serializer[Any]):
    """What there is none of here: a device, a recording."""

    id = serializers.CharField()


class SdkRegion(serializers.Serializer[Any]):
    """Where this is."""

    id = serializers.CharField()
    type = serializers.CharField()


class SessionQuery(serializers.Serializer[Any]):
    """What is asked of the list, beside `filter_<name>`."""

    agent = serializers.CharField(max_length=40, required=False, default="me")
    activated_before = Moment(required=False)
    activated_after = Moment(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=1_000, required=False, default=100)
