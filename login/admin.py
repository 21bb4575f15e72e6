"""Who asks for help at the sign-in: the queue, and the answers. Never the number, which only the person's own page shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.models import User
from core.admin import VerbAdmin
from core.admin_lists import UsualFirst, VisibleRelatedFilter
from core.admin_pages import Note, ObjectForm, Panel, Words, badge, link_to, object_verb, two_lines, when
from core.outcomes import Denied
from login.help.answering import HOW_LENGTH, confirm_person, deny_person
from login.help.asking import DIGITS, as_it_is, over, waiting
from login.models import HelpRequest, HelpState
from tenants.actor import Actor
from twofactor.services.two_persons import takes_two

TONES: Mapping[str, str] = {
    HelpState.WAITING: "warning",
    HelpState.CONFIRMED: "ok",
    HelpState.DENIED: "danger",
}
CALL_BACK: Words = __(
    "Make sure of the person in a way that whoever knows the password could not fake: call back on a number that you had before, or meet. "
    "That somebody called you proves nothing. Then ask for the number on the person's page."
)
IT_TAKES_TWO: Words = __(
    "This person may open the administration, so two administrators have to confirm it, each by himself."
)


GOES_ON: Words = __("This one sign-in goes on now.")
ONE_MORE: Words = __("Your word counts. One more administrator has to confirm.")


class StateFilter(UsualFirst):
    """Who waits, unless others are asked for."""

    title = __("state")
    parameter_name = "state"
    usual = __("Waiting")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What can be asked for besides those who wait."""
        return [("over", __("Over")), ("all", __("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows in this state."""
        now = timezone.now()
        return queryset.filter({"over": over(now=now), "all": Q()}.get(self.value() or "", waiting(now=now)))


class ConfirmForm(ObjectForm):
    """What the person read out, and how it was made sure that it is the person."""

    number = forms.CharField(
        label=__("Number that the person reads out"),
        max_length=DIGITS + 4,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "inputmode": "numeric"}),
    )
    how = forms.CharField(
        label=__("How you made sure that it is the person"),
        max_length=HOW_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=__("Such as: called back on the number in the staff list. It stands in the audit events."),
    )


class DenyForm(ObjectForm):
    """Why nobody is let in."""

    why = forms.CharField(
        label=__("Reason"),
        max_length=HOW_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=__("It stands in the audit events; the person does not read it."),
    )


def _waits(request: HelpRequest) -> bool:
    return as_it_is(request, now=timezone.now()).state == HelpState.WAITING


@admin.register(HelpRequest)
class HelpRequestAdmin(VerbAdmin):
    """Who waits for an administrator at the sign-in, since when, and for which company."""

    ordering = ("id",)
    list_display = ("person", "state_shown", "company", "reason_and_place", "since")
    list_filter = (StateFilter, ("company", VisibleRelatedFilter))
    list_select_related = ("company", "user__company", "attempt")
    list_prefetch_related = ("answers",)
    sortable_by = ()
    object_verbs = ("confirm", "deny")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "person_shown",
                    "phone",
                    "company",
                    "state_shown",
                    "reason",
                    "address",
                    "wrong_numbers",
                )
            },
        ),
        (__("Times"), {"fields": ("created_at", "expires_at", "ended_at")}),
    )
    readonly_fields = ("person_shown", "phone", "state_shown")
    help_texts = {
        "person_shown": __("Who gave the first proof, such as the password."),
        "phone": __(
            "Of the account. A number that you have from elsewhere, such as the staff list, is better."
        ),
        "company": __("The person's own."),
        "state_shown": __("A request waits until it is answered, withdrawn, or too old."),
        "reason": __("Why the person cannot prove it himself."),
        "address": __("Where the sign-in comes from."),
        "wrong_numbers": __("How often a wrong number was typed here; after three the request is denied."),
        "created_at": __("When the person asked."),
        "expires_at": __("Until then it can be answered."),
        "ended_at": __("When it was answered or withdrawn, or was too old."),
    }

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """None is shown as waiting that is over."""
        for row in rows:
            as_it_is(row, now=timezone.now())

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The request as it really is."""
        found: Any = as_it_is(super().get_object(request, object_id), now=timezone.now())
        found.leads_to_person = self.gate.visible(request, User).filter(pk=found.user_id).exists()
        return found

    # --- columns ---------------------------------------------------------------------------------------------------------

    @admin.display(description=__("person"))
    def person(self, request: HelpRequest) -> str:
        """By name, over what he signs in by."""
        return two_lines(request.user.display_name or request.user.username, request.user.username)

    @admin.display(description=__("person"))
    def person_shown(self, request: HelpRequest) -> str:
        """The same, with the way to his page for whoever may see that."""
        user = request.user
        name = user.display_name or user.username
        leads = getattr(request, "leads_to_person", False)
        return two_lines(link_to(user, name) if leads else name, user.username)

    @admin.display(description=__("phone"))
    def phone(self, request: HelpRequest) -> str:
        """The number of the account, and since when it is known to be the person's."""
        user = request.user
        if not user.phone:
            return "–"
        verified = _("verified on %(at)s") % {"at": when(user.phone_verified_at)}
        return two_lines(user.phone, verified if user.phone_verified_at else _("not verified"))

    @admin.display(description=__("state"))
    def state_shown(self, request: HelpRequest) -> str:
        """In a word, with how many have confirmed one who still waits."""
        half = request.state == HelpState.WAITING and len(request.answers.all())
        return two_lines(
            badge(request.get_state_display(), tone=TONES.get(request.state, "")),
            _("confirmed once") if half else "",
        )

    @admin.display(description=__("reason and network address"))
    def reason_and_place(self, request: HelpRequest) -> str:
        """Why, over from where."""
        return two_lines(request.get_reason_display(), request.address)

    @admin.display(description=__("asked"))
    def since(self, request: HelpRequest) -> str:
        """When it was asked."""
        return when(request.created_at)

    # --- what else is shown ----------------------------------------------------------------------------------------------

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """How to make sure of somebody, and by how many."""
        if obj is None or obj.state != HelpState.WAITING:
            return ()
        found = [Note(sentence=CALL_BACK)]
        if takes_two(obj.user, now=timezone.now()):
            found.append(Note(sentence=IT_TAKES_TWO, tone="warning"))
        return found

    def panels(self, request: HttpRequest, obj: HelpRequest) -> Sequence[Panel]:
        """Who confirmed it, and the person's page."""
        rows = [(one.by_name, one.how, when(one.at)) for one in obj.answers.all()]
        return [
            Panel(
                title=_("Confirmed by"),
                headers=(_("Administrator"), _("How"), _("When")),
                rows=rows,
                empty=_("Nobody yet."),
            )
        ]

    # --- verbs -----------------------------------------------------------------------------------------------------------

    @object_verb(
        __("Confirm the person"),
        explains=CALL_BACK,
        done=lambda request: GOES_ON if request.state == HelpState.CONFIRMED else ONE_MORE,
        primary=True,
        form=ConfirmForm,
        confirmed=True,
        offered=_waits,
    )
    def confirm(
        self, obj: HelpRequest, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> HelpRequest | Denied:
        """Say that it is the person."""
        return confirm_person(obj, number=given["number"], how=given["how"], by=by, now=now)

    @object_verb(
        __("Deny"),
        explains=__("The sign-in that asks ends. The person reads that nobody could make sure of him."),
        done=__("The request was denied, and the sign-in has ended."),
        form=DenyForm,
        danger=True,
        offered=_waits,
    )
    def deny(
        self, obj: HelpRequest, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> HelpRequest | Denied:
        """End the request and the sign-in."""
        return deny_person(obj, why=given["why"], by=by, now=now)
