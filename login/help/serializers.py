"""What the API takes and shows of help requests."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.fields import Reference, Strict, Text, Uid
from login.help.answering import HOW_LENGTH
from login.help.asking import DIGITS
from login.models import HelpAnswer, HelpReason, HelpRequest, HelpState
from tenants.models import Company


class HelpAnswerShown(serializers.ModelSerializer[HelpAnswer]):
    """One administrator's word."""

    by = serializers.CharField(source="by_name", read_only=True)

    class Meta:
        model = HelpAnswer
        fields = ("by", "how", "at")
        read_only_fields = fields


class HelpRequestShown(serializers.ModelSerializer[HelpRequest]):
    """Somebody who asks for help at the sign-in. The number is never shown: the person reads it out."""

    id = Uid(source="uid")
    user = Uid(source="user.uid")
    username = serializers.CharField(source="user.username", read_only=True)
    display_name = serializers.CharField(source="user.display_name", read_only=True)
    company = Uid(source="company.uid", allow_null=True)
    reason = serializers.ChoiceField(HelpReason.choices, read_only=True)
    state = serializers.ChoiceField(HelpState.choices, read_only=True)
    needed = serializers.IntegerField(
        read_only=True,
        help_text=_(
            "How many administrators have to confirm: two, where the person may open the administration."
        ),
    )
    answers = HelpAnswerShown(many=True, read_only=True)

    class Meta:
        model = HelpRequest
        fields = (
            "id",
            "user",
            "username",
            "display_name",
            "company",
            "reason",
            "state",
            "address",
            "wrong_numbers",
            "needed",
            "answers",
            "created_at",
            "expires_at",
            "ended_at",
        )
        read_only_fields = fields


class HelpConfirmation(Strict):
    """That it is the person."""

    number = Text(max_length=DIGITS + 4, help_text=_("What the person reads out; spaces are left out."))
    how = Text(max_length=HOW_LENGTH, help_text=_("How it was made sure, for the audit."))


class HelpDenial(Strict):
    """Why nobody is let in."""

    why = Text(max_length=HOW_LENGTH, help_text=_("For the audit; the person does not read it."))


class HelpRequestFilters(Strict):
    """Which help requests."""

    company = Reference(Company, required=False)
    state = serializers.ChoiceField(HelpState.choices, required=False)
