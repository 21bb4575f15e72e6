"""What co-browse takes and shows over REST, in the words of the source system (design/sources, 1.8)."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from cobrowse.sessions.entering import NAME_LENGTH
from cobrowse.sessions.states import Action, Mode, Right, Role
from core.fields import Plain, Text, Whole

ROLE_HELP = _("1 customer, 2 agent, 3 controller.")


class _Data(serializers.JSONField):
    """Any JSON; the verb says what of it fits."""


class NewSession(Plain):
    """A session that a customer starts."""

    key = Text(
        max_length=40,
        required=False,
        help_text=_("The site key of the snippet; refused where it is another's."),
    )
    role = Whole(min_value=1, max_value=1, required=False, help_text=_("1: the customer joins at once."))
    name = Text(max_length=NAME_LENGTH, required=False, allow_blank=True, default="")
    custom_data = _Data(
        required=False, default=dict, help_text=_("Plain values by name, for agents and policies.")
    )


class NewParticipant(Plain):
    """Somebody who joins."""

    role = Whole(min_value=1, max_value=3, help_text=ROLE_HELP)
    name = Text(
        max_length=NAME_LENGTH,
        required=False,
        allow_blank=True,
        default="",
        help_text=_("Of the customer. Who has signed in has the name of the account."),
    )


class ModeChange(Plain):
    """What is done about write mode."""

    mode = serializers.ChoiceField([one.value for one in Mode])
    action = serializers.ChoiceField(
        [one.value for one in Action],
        help_text=_("The agent requests, the customer grants or refuses, either ends."),
    )


class PageEntered(Plain):
    """A page that the customer came to."""

    url = Text(max_length=4_000, trim_whitespace=False)


class SessionTold(serializers.Serializer[Any]):
    """A session as anybody is told of it who knows its digits."""

    sessionToken = serializers.CharField(help_text=_("Nine digits."))  # noqa: N815
    sessionServerName = serializers.CharField()  # noqa: N815
    sessionServerUrl = serializers.CharField()  # noqa: N815


class UserTold(serializers.Serializer[Any]):
    """Somebody in a session."""

    userId = serializers.IntegerField()  # noqa: N815
    role = serializers.ChoiceField([one.value for one in Role])
    name = serializers.CharField()


class JoinedTold(serializers.Serializer[Any]):
    """What whoever joined acts by."""

    userToken = serializers.CharField(help_text=_("Of this person in this session; shown this once."))  # noqa: N815
    userId = serializers.IntegerField()  # noqa: N815
    users = UserTold(many=True)
    sessionHistoryId = serializers.UUIDField()  # noqa: N815
    sessionServerUrl = serializers.CharField()  # noqa: N815


class StartedTold(SessionTold):
    """A session that began; with `role`, also what the customer acts by."""

    code = serializers.CharField(help_text=_("Six digits for the agent, until somebody joins."))
    expiresAt = serializers.IntegerField(help_text=_("Until when it waits; milliseconds."))  # noqa: N815
    userToken = serializers.CharField(required=False)  # noqa: N815
    userId = serializers.IntegerField(required=False)  # noqa: N815
    users = UserTold(many=True, required=False)
    sessionHistoryId = serializers.UUIDField(required=False)  # noqa: N815


class StateTold(serializers.Serializer[Any]):
    """How a session stands, for whoever is in it."""

    sessionHistoryId = serializers.UUIDField()  # noqa: N815
    state = serializers.ChoiceField(["idle", "active", "ended"])
    mode = serializers.ChoiceField([one.value for one in Mode])
    asked = serializers.ChoiceField(
        ["no", "requested", "refused"], help_text=_("Whether the agent asked for write mode.")
    )
    users = UserTold(many=True)
    activationTime = serializers.IntegerField(allow_null=True)  # noqa: N815
    deactivationTime = serializers.IntegerField(allow_null=True)  # noqa: N815
    endedReason = serializers.CharField(allow_null=True)  # noqa: N815


class StoppedTold(serializers.Serializer[Any]):
    """When it began and ended, in milliseconds."""

    activationTime = serializers.IntegerField(allow_null=True)  # noqa: N815
    deactivationTime = serializers.IntegerField(allow_null=True)  # noqa: N815


class PageTold(serializers.Serializer[Any]):
    """A page that was seen."""

    url = serializers.CharField()
    enteredTimestamp = serializers.IntegerField(help_text=_("Milliseconds."))  # noqa: N815
    duration = serializers.IntegerField(help_text=_("Seconds."))


class HistoryTold(serializers.Serializer[Any]):
    """A session in the history; whole once it has ended."""

    id = serializers.UUIDField()
    sessionToken = serializers.CharField()  # noqa: N815
    creationTime = serializers.IntegerField(help_text=_("Milliseconds."))  # noqa: N815
    activationTime = serializers.IntegerField(allow_null=True)  # noqa: N815
    deactivationTime = serializers.IntegerField(allow_null=True)  # noqa: N815
    pages = PageTold(many=True)


class NewAgentToken(Plain):
    """A token for oneself in one session."""

    right = serializers.ChoiceField([one.value for one in Right], help_text=_("Each holds those before it."))


class AgentTokenTold(serializers.Serializer[Any]):
    """A token for one agent in one session."""

    id = serializers.UUIDField()
    agent = serializers.UUIDField()
    right = serializers.ChoiceField([one.value for one in Right])
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class AgentTokensTold(serializers.Serializer[Any]):
    """The tokens of a session."""

    results = AgentTokenTold(many=True)


class AgentTokenMade(AgentTokenTold):
    """The same with the token itself, which is in this answer and nowhere else."""

    token = serializers.CharField()
