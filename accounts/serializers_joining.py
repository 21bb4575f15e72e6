"""What the API takes and shows of join links."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.invite_rows import MOST_CHARACTERS, MOST_ROWS
from accounts.inviting import MOST_HOURS
from accounts.models import JoinLink
from core.contacts import NAME_LENGTH
from core.fields import Reference, Strict, Text, Uid, Whole
from tenants.models import Company, Role

STATES = [
    ("open", _("open")),
    ("accepted", _("accepted")),
    ("revoked", _("revoked")),
    ("expired", _("expired")),
]
_HOURS = _("For how many hours it can be accepted, 1 to 72.")


class JoinLinkShown(serializers.ModelSerializer[JoinLink]):
    """An invitation. Its address is no part of it: whoever has that may join."""

    id = Uid(source="uid")
    company = Uid(source="company.uid")
    role = Uid(source="role.uid")
    role_name = serializers.CharField(source="role.name", read_only=True)
    email = serializers.CharField(
        read_only=True, help_text=_("Only this address can join; empty: whoever has the link.")
    )
    state = serializers.SerializerMethodField()
    made_by = Uid(source="made_by.uid", allow_null=True)
    made_by_name = serializers.CharField(read_only=True)
    delivery = Uid(source="delivery_uid", allow_null=True, help_text=_("The newest mail, at `deliveries/`."))
    used_by = Uid(source="used_by.uid", allow_null=True, help_text=_("Who accepted it."))
    used_by_name = serializers.CharField(read_only=True)

    class Meta:
        model = JoinLink
        fields: tuple[str, ...] = (
            "id",
            "company",
            "role",
            "role_name",
            "email",
            "state",
            "made_by",
            "made_by_name",
            "created_at",
            "expires_at",
            "mailed_at",
            "delivery",
            "revoked_at",
            "used_at",
            "used_by",
            "used_by_name",
        )
        read_only_fields = fields

    def get_state(self, link: JoinLink) -> str:
        """Where it stands at this moment: open, accepted, revoked or expired."""
        return link.state(now=timezone.now())


class JoinLinkMade(JoinLinkShown):
    """The same, once with the address that whoever is invited opens."""

    url = serializers.SerializerMethodField(help_text=_("Shown again only on request, at `show/`."))

    class Meta(JoinLinkShown.Meta):
        fields = (*JoinLinkShown.Meta.fields, "url")
        read_only_fields = fields

    def get_url(self, _link: JoinLink) -> str:
        """The address, with its token."""
        url: str = self.context["url"]
        return url


class JoinLinkAddress(serializers.Serializer[Any]):
    """The address that whoever is invited opens."""

    url = serializers.CharField()


class NewJoinLink(Strict):
    """A link to be made. With an e-mail address it is mailed there, and good for nobody else."""

    company = Reference(Company, required=False, help_text=_("Without it, the caller's own company."))
    role = Reference(Role, help_text=_("What whoever joins may do; not above your own rank."))
    email = Text(max_length=NAME_LENGTH, required=False, allow_blank=True)
    hours = Whole(min_value=1, max_value=MOST_HOURS, required=False, help_text=_HOURS)
    name = Text(
        max_length=120, required=False, allow_blank=True, help_text=_("For the greeting of the mail.")
    )


class InvitedRow(Strict):
    """One person to invite."""

    email = Text(max_length=NAME_LENGTH, allow_blank=True)
    role = Text(
        max_length=120,
        required=False,
        allow_blank=True,
        help_text=_("By its name; empty: `role` of the body."),
    )
    name = Text(max_length=120, required=False, allow_blank=True)


class ManyInvited(Strict):
    """Many people to invite: as `rows`, or as `csv` with lines of e-mail; role; name."""

    company = Reference(Company, required=False, help_text=_("Without it, the caller's own company."))
    role = Reference(Role, required=False, help_text=_("Of rows that name none."))
    hours = Whole(min_value=1, max_value=MOST_HOURS, required=False, help_text=_HOURS)
    rows = serializers.ListField(child=InvitedRow(), max_length=MOST_ROWS, required=False)
    csv = Text(max_length=MOST_CHARACTERS, required=False, trim_whitespace=False)


class RowResult(serializers.Serializer[Any]):
    """What became of one row."""

    row = serializers.IntegerField(help_text=_("Its number, from 1."))
    email = serializers.CharField()
    code = serializers.CharField(
        help_text=_("`invited`, or why not: such as already_member, already_invited, twice, unknown_role.")
    )
    detail = serializers.CharField(help_text=_("A sentence for people; empty where it worked."))
    id = serializers.UUIDField(allow_null=True, help_text=_("Of the link that was made."))


class ManyResults(serializers.Serializer[Any]):
    """What became of each row, in their order."""

    invited = serializers.IntegerField()
    results = RowResult(many=True)


class JoinLinkFilters(Strict):
    """Which links."""

    company = Reference(Company, required=False)
    email = Text(max_length=NAME_LENGTH, required=False, help_text=_("The whole address, in any spelling."))
    state = serializers.ChoiceField(STATES, required=False)
