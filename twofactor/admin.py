"""What the second factor puts on the page of a person in the administration: verbs and panels."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.admin import MORE_NOTES, MORE_PANELS, UserAdmin
from accounts.held import device
from accounts.models import User
from core.admin_pages import (
    Note,
    ObjectForm,
    OnceForm,
    Panel,
    Words,
    add_verb,
    badge,
    object_verb,
    two_lines,
    when,
)
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.models import SecondFactorPolicy
from twofactor.methods import label_of
from twofactor.models import Factor
from twofactor.policy import SPARE
from twofactor.services import administered
from twofactor.services.asked import policy_for
from twofactor.services.devices import remembered
from twofactor.services.factors import confirmed, is_permitted
from twofactor.services.lost import awaited, waiting
from twofactor.services.paper import newest_temporary, recovery_codes_left, temporary_until
from twofactor.services.two_persons import WAITS, waiting_words


class ReasonForm(ObjectForm):
    """Why the second factors of a person are turned off."""

    reason = forms.CharField(
        label=__("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=__("Such as how you made sure who asked. It stands in the audit events."),
    )


@object_verb(
    __("Turn off every second factor"),
    explains=__(
        "For somebody who lost phone and paper. Make sure first that it is the person who asks: from now on the password alone, or what "
        "the settings say about somebody without a second factor, decides. All sessions end, devices are forgotten, the person is told. "
        "For somebody who may open the administration a second administrator has to do the same."
    ),
    done=__("Every second factor was turned off."),
    form=ReasonForm,
    danger=True,
    confirmed=True,
    offered=lambda user: administered.is_resettable(user, now=timezone.now()),
)
def turn_off_factors(
    self: UserAdmin,  # noqa: ARG001
    obj: User,
    given: dict[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> Denied | None:
    """Turn every second factor of the person off."""
    return administered.turn_off_factors(obj, reason=given["reason"], by=by, now=now)


class TemporaryCodeForm(ReasonForm, OnceForm):
    """Why a temporary code is made."""

    def stamp(self) -> str:
        """Which code is the newest."""
        return str(newest_temporary(self.obj))  # type: ignore[arg-type]


def _shown_once(made: administered.TemporaryCode) -> Mapping[str, Any]:
    return {"secret": made.code, "expires_at": when(made.expires_at)}


@object_verb(
    __("Make a temporary code"),
    explains=__(
        "For somebody who lost phone and paper and has to get in now. Make sure first that it is the person who asks. The code stands for "
        "the second factor once, within an hour; it is shown once, on the next page. The person is told. For somebody who may open the "
        "administration it takes two: whoever does this as the second one sees the code."
    ),
    done=__("The code was made."),
    form=TemporaryCodeForm,
    result_template="admin/accounts/user/temporary_code.html",
    result_context=_shown_once,
    confirmed=True,
)
def temporary_code(
    self: UserAdmin,  # noqa: ARG001
    obj: User,
    given: dict[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> administered.TemporaryCode | Denied:
    """Make a code that stands for the second factor once."""
    return administered.make_temporary_code(obj, reason=given["reason"], by=by, now=now)


@object_verb(
    __("Forget remembered devices"),
    explains=__("On every device of this person the second factor is asked for again at the next sign-in."),
    done=__("The remembered devices were forgotten."),
    offered=lambda user: bool(remembered(user, now=timezone.now())),
)
def forget_devices(
    self: UserAdmin,  # noqa: ARG001
    obj: User,
    given: dict[str, Any],  # noqa: ARG001
    *,
    by: Actor,
    now: datetime,
) -> Denied | None:
    """Let no browser of the person stand for the second factor."""
    return administered.forget_devices(obj, by=by, now=now)


@object_verb(
    __("End the recovery"),
    explains=__(
        "This person, or somebody with the password, waits to replace a second factor that is lost. You end that: it stays as it is, and "
        "the person is told."
    ),
    done=__("The second factor stays."),
    offered=lambda user: awaited(user, now=timezone.now()) is not None,
)
def end_recovery(
    self: UserAdmin,  # noqa: ARG001
    obj: User,
    given: dict[str, Any],  # noqa: ARG001
    *,
    by: Actor,
    now: datetime,
) -> Denied | None:
    """End that a lost second factor is replaced."""
    return administered.end_recovery_of(obj, by=by, now=now)


class LostFilter(admin.SimpleListFilter):
    """Whose second factor is said to be lost."""

    title = __("lost second factor")
    parameter_name = "lost"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Those who wait to replace it."""
        return [("waiting", __("Being replaced"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """People who wait, or for whom somebody with the password does."""
        if self.value() != "waiting":
            return queryset
        return queryset.filter(pk__in=waiting(now=timezone.now()).values("user"))


_VERBS: Mapping[str, Words] = {
    "reset": __("Turn off every second factor"),
    "code": __("Make a temporary code"),
}


def notes(user: User) -> Iterator[Note]:
    """What waits: a lost factor to be replaced, and what one administrator wants done, who needs another one."""
    now = timezone.now()
    if (waits := awaited(user, now=now)) is not None:
        words = _("Said to be lost on %(asked)s; from %(due)s on a code to a verified address stands for it.")
        said = {"asked": when(waits.asked_at), "due": when(waits.due_at)}
        yield Note(sentence=f"{_('Second factor')}: {words % said}", tone="warning")
    for one in waiting_words(user, now=now):
        words = _(
            "%(who)s wants: %(what)s. Until %(until)s a second administrator can do the same; then it is done."
        )
        names: dict[str, Any] = {"who": one.by, "what": _VERBS[one.verb], "until": when(one.at + WAITS)}
        yield Note(sentence=words % names, tone="warning")


def panels(_request: HttpRequest, user: User) -> Sequence[Panel]:
    """The factors in force, and the browsers that stand for one."""
    return _factors(user), _devices(user)


def _factors(user: User) -> Panel:
    policy = policy_for(user)
    lead = _("Policy for this person: %(policy)s. The strictest of everywhere, company and roles holds.")
    lead = lead % {"policy": SecondFactorPolicy(policy).label}
    return Panel(
        title=_("Second factor"),
        lead=lead,
        headers=(_("Kind"), _("Added"), _("Last used"), _("State")),
        rows=[
            (
                two_lines(one.get_kind_display(), one.name or label_of(one.kind, user)),
                timezone.localtime(one.confirmed_at or one.created_at),
                timezone.localtime(one.last_used_at) if one.last_used_at else "–",
                _state(one, user),
            )
            for one in confirmed(user)
        ],
        empty=_("None is turned on."),
    )


def _state(factor: Factor, user: User) -> str:
    if not is_permitted(factor.kind, user):
        return badge(_("Not used: CodeGeneration leaves it out"), tone="warning")
    if factor.kind == SPARE:
        until = temporary_until(user, now=timezone.now())
        if until is not None:
            return badge(_("Temporary code, until %(until)s") % {"until": when(until)}, tone="warning")
        left = recovery_codes_left(user)
        return badge(_("%(left)s of 10 left") % {"left": left}, tone="ok" if left else "warning")
    return badge(_("Preferred") if user.preferred_factor == factor.kind else _("On"), tone="ok")


def _devices(user: User) -> Panel:
    return Panel(
        title=_("Remembered devices"),
        headers=(_("Program"), _("Address"), _("Last used"), _("Remembered until")),
        rows=[
            (
                device(one.user_agent),
                one.address or "–",
                timezone.localtime(one.last_seen_at),
                timezone.localtime(one.remembered_until) if one.remembered_until else "–",
            )
            for one in remembered(user, now=timezone.now())
        ],
        empty=_("No device stands for the second factor of this person."),
    )


add_verb(UserAdmin, turn_off_factors)
add_verb(UserAdmin, temporary_code)
add_verb(UserAdmin, forget_devices)
add_verb(UserAdmin, end_recovery)
UserAdmin.list_filter = (*UserAdmin.list_filter, LostFilter)
MORE_PANELS.append(panels)
MORE_NOTES.append(notes)
