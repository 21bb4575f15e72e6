"""People in the administration; their sessions, companies, and the persons of the Configuration Server have files of their own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts import admin_external, ending, impersonation, limits, lock_down, people
from accounts.admin_companies import CompanyAdmin
from accounts.admin_filters import AccountStateFilter, KeptFilter, PortalRoleFilter
from accounts.admin_integrations import IntegrationAdmin as IntegrationAdmin
from accounts.admin_keys import ApiKeyAdmin
from accounts.admin_persons import PersonAdmin
from accounts.admin_places import places, switched_off
from accounts.admin_sessions import SessionAdmin
from accounts.admin_signing_keys import SigningKeyAdmin
from accounts.checks import rules_of
from accounts.forms_admin import (
    AddPersonForm,
    ImpersonationForm,
    LockDownForm,
    LockForm,
    PasswordForm,
    PersonForm,
)
from accounts.held import HELD_THROUGH, device, held_by
from accounts.loaded import roles_loaded
from accounts.middleware import set_impersonation_cookie
from accounts.models import ApiKey, Session, SigningKey, User
from configserver.models import Person
from core.admin import VerbAdmin
from core.admin_gate import unseen
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Note, Panel, Words, badge, object_verb, two_lines
from core.outcomes import Denied
from core.throttle import Taken
from tenants.actor import Actor
from tenants.admin import permissions_panel
from tenants.models import Company, Permission

SHOWN_SESSIONS = 20
# Panels about a person that apps above put on the page.
MORE_PANELS: list[Callable[[HttpRequest, User], Sequence[Panel]]] = []
# The same with notes before the form.
MORE_NOTES: list[Callable[[User], Iterable[Note]]] = []

admin.site.register(Session, SessionAdmin)
admin.site.register(SigningKey, SigningKeyAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
admin.site.register(Company, CompanyAdmin)
admin.site.register(Person, PersonAdmin)


def _counted(user: User) -> list[Taken]:
    return limits.standing_of(user, rules=rules_of(user.company_id), now=timezone.now())


def _codes_wait(user: User) -> bool:
    return user.codes_paused_until is not None and timezone.now() < user.codes_paused_until


def go_on_as(_request: HttpRequest, begun: impersonation.Begun) -> HttpResponse:
    """To the first page that the person sees."""
    response = redirect("dashboard")
    set_impersonation_cookie(response, begun.secret)
    return response


_OF_PERSON: Mapping[str, Words] = {
    limits.HELP.name: __("Requests for help"),
    limits.RECOVERY.name: __("Lost second factor"),
    limits.CODES_A_DAY.name: __("Codes"),
    limits.CODES_AT_ONCE.name: __("Codes"),
}


def is_locked(user: User) -> bool:
    """Whether there is something to unlock: a lock, tries counted, or a wait after too many codes."""
    held = user.locked_at is not None or _codes_wait(user) or bool(_counted(user))
    return held or bool(limits.used_up_by(user, now=timezone.now()))


@admin.register(User)
class UserAdmin(VerbAdmin):
    """People."""

    form = PersonForm
    add_form = AddPersonForm
    add_form_template = "admin/add_person.html"
    ordering = ("login_key",)
    list_display = ("person", "company", "role_names", "state", "last_login")
    list_filter: ClassVar[tuple[Any, ...]] = (
        AccountStateFilter,
        KeptFilter,
        ("company", VisibleRelatedFilter),
        PortalRoleFilter,
    )
    list_select_related = ("company",)
    list_prefetch_related = ("roles",)
    sortable_by = ("person",)
    search_fields = ("~login_key", "display_name")
    search_help_text = __("The beginning of a sign-in name or of a name.")
    autocomplete_fields = ("company", "roles")
    object_verbs = ("set_password", "lock", "lock_down", "unlock", "sign_out", "impersonate")
    remove_explains = __(
        "The person can no longer sign in and all sessions end at once. It cannot be brought back. "
        "What the person did stays in the audit events. "
        "Somebody kept in the Configuration Server gets a new account at the next sign-in, unless deleted there."
    )
    fieldsets = (
        (None, {"fields": ("email", "display_name", "phone", "language")}),
        (__("Company and roles"), {"fields": ("company", "roles")}),
        (__("Access"), {"fields": ("is_active", "must_change_password", "lock_state", "tries")}),
        (
            __("Last sign-in and proofs"),
            {
                "fields": (
                    "last_login",
                    "last_login_from",
                    "email_verified_at",
                    "phone_verified_at",
                    "password_changed_at",
                    "created_at",
                )
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "display_name", "phone", "language")}),
        (__("Company and roles"), {"fields": ("company", "roles")}),
        (__("First password"), {"fields": ("new_password", "must_change_password")}),
    )
    readonly_fields = (
        "lock_state",
        "tries",
        "tenant_loaded",
        "proved_by",
        "last_login",
        "last_login_from",
        "email_verified_at",
        "phone_verified_at",
        "password_changed_at",
        "created_at",
    )
    help_texts = {
        "lock_state": __("A locked person cannot sign in until somebody unlocks the account."),
        "tries": __("Wrong passwords and codes that count at the moment, and what they have led to."),
        "last_login": __("When the person last finished signing in."),
        "last_login_from": __("Network address and program of that sign-in."),
        "email_verified_at": __(
            "When a code sent to this address last came back. Codes go only to verified addresses."
        ),
        "phone_verified_at": __("When a code sent to this number last came back."),
        "password_changed_at": __("When the password was last set or changed."),
        "created_at": __("When the person was added."),
    }

    # --- what is shown ---

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of an external person, mostly what is to be read."""
        if obj is None or not obj.is_external:
            return super().get_fieldsets(request, obj)
        found = []
        for title, options in admin_external.FIELDSETS:
            left_out = set(unseen(obj, options["fields"], partial(self.choices, request)))
            found.append((title, {"fields": [name for name in options["fields"] if name not in left_out]}))
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What of an external person cannot be changed here."""
        if obj is None or not obj.is_external:
            return self.readonly_fields
        names = flatten_fieldsets(admin_external.FIELDSETS)
        return tuple(name for name in names if name not in admin_external.CHANGEABLE)

    def help_of(self, request: HttpRequest, obj: Any) -> dict[str, Words]:
        """The sentences that explain fields."""
        external = obj is not None and obj.is_external
        return self.help_texts | admin_external.HELP if external else self.help_texts

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """Where a person can be kept, or is."""
        if obj is None:
            return switched_off(self.gate.settings_url(request))
        found = list(admin_external.notes(self, request, obj)) if obj.is_external else []
        if obj.locked_down_at is not None:
            at = date_format(timezone.localtime(obj.locked_down_at), "DATETIME_FORMAT")
            since = (
                _("Locked down on %(at)s.")
                if obj.locked_at
                else _("Locked down on %(at)s, and unlocked since.")
            )
            back = _(
                "Nothing of before opens it: the person comes back by a mailed link and the second factor, or by a password that you set; "
                "whoever has only the mailbox needs a password or a temporary code from you."
            )
            found.append(Note(sentence=f"{since % {'at': at}} {back}", tone="warning"))
        for notes in MORE_NOTES:
            found.extend(notes(obj))
        return found

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form of a new person, under the choice where the person is kept."""
        where = {"places": places(self.admin_site, request, current=User)}
        return super().add_view(request, form_url, {**where, **(extra_context or {})})

    @admin.display(description=__("person"), ordering="login_key")
    def person(self, user: User) -> str:
        """Sign-in name and name, and whether the person is kept elsewhere."""
        name = f"{user.display_name} · {_('directory account')}" if user.is_external else user.display_name
        return two_lines(user.username, name)

    @admin.display(description=__("roles"))
    def role_names(self, user: User) -> str:
        """The roles by name; of an external person, those loaded at the last sign-in."""
        roles = roles_loaded(user) if user.is_external else user.roles.all()
        return ", ".join(role.name for role in roles) or "–"

    @admin.display(description=__("tenant"))
    def tenant_loaded(self, user: User) -> str:
        """The tenant of an external person."""
        return admin_external.tenant_in_words(user)

    @admin.display(description=__("password proved by"))
    def proved_by(self, user: User) -> str:
        """Who proves an external person's password."""
        return admin_external.engine_in_words(user)

    @admin.display(description=__("state"))
    def state(self, user: User) -> str:
        """Whether the person may sign in."""
        if user.locked_at is not None:
            return badge(_("Locked"), tone="danger")
        return badge(_("Active"), tone="ok") if user.is_active else badge(_("Disabled"), tone="")

    @admin.display(description=__("lock"))
    def lock_state(self, user: User) -> str:
        """Whether the account is locked, since when and why."""
        if user.locked_at is None:
            return _("Not locked.")
        return _("Locked since %(since)s: %(reason)s") % {
            "since": date_format(user.locked_at, "DATETIME_FORMAT"),
            "reason": user.locked_reason or _("no reason given"),
        }

    @admin.display(description=__("tries"))
    def tries(self, user: User) -> str:
        """Where the limits stand for this person."""
        now = timezone.now()
        lines = []
        for taken in _counted(user):
            if taken.refused:
                until = timeuntil(datetime.fromtimestamp(now.timestamp() + taken.reset, tz=now.tzinfo), now)
                lines.append(_("Refused for another %(time)s.") % {"time": until})
            else:
                lines.append(
                    _("%(left)s of %(tries)s tries left.")
                    % {"left": taken.remaining, "tries": taken.limit.tries}
                )
        if user.codes_paused_until is not None and _codes_wait(user):
            lines.append(
                _("No codes for another %(time)s.") % {"time": timeuntil(user.codes_paused_until, now)}
            )
        lines += [
            _("%(what)s: refused for another %(time)s.")
            % {"what": _OF_PERSON[one.limit.name], "time": timeuntil(now + timedelta(seconds=one.reset), now)}
            for one in limits.used_up_by(user, now=now)
        ]
        return "\n".join(dict.fromkeys(lines)) or _("None counted.")

    @admin.display(description=__("from"))
    def last_login_from(self, user: User) -> str:
        """Address and program of the last sign-in."""
        if user.last_login is None:
            return "–"
        return two_lines(device(user.last_login_agent), user.last_login_address)

    # --- verbs ---

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> User | Denied:
        """Make an internal person."""
        password = given.pop("new_password")
        given["company"] = given.get("company") or by.usual_company("user")
        return people.create_user(people.UserDraft(**given), password=password, by=by, now=now)

    def change(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> User | Denied:
        """Change what is given."""
        return people.change_user(obj, people.UserDraft(**given), by=by, now=now)

    def remove(self, obj: User, *, by: Actor, now: datetime) -> Denied | None:
        """Delete the account."""
        return people.delete_user(obj, by=by, now=now)

    @object_verb(
        __("Set password"),
        explains=__(
            "The old password stops working and every session of this person ends at once. Tell the new one in person."
        ),
        done=__("The password was set."),
        form=PasswordForm,
        offered=lambda user: not user.is_external,
    )
    def set_password(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Give a new password."""
        return people.set_password(
            obj, given["new_password"], must_change=given["must_change_password"], by=by, now=now
        )

    @object_verb(
        __("Lock"),
        explains=__(
            "The person cannot sign in until somebody unlocks the account. All sessions end at once."
        ),
        done=__("Locked."),
        form=LockForm,
        danger=True,
        offered=lambda user: user.locked_at is None,
    )
    def lock(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Lock the account."""
        return people.lock_user(obj, reason=given["reason"], by=by, now=now)

    @object_verb(
        __("Lock down"),
        explains=__(
            "For an account that somebody else may have. It is locked, and everything ends within a second: sessions, tokens, API keys, "
            "codes, mailed links, remembered devices, and the join links that it made. A password kept here is void: once the account is "
            "unlocked, the person proves it anew by a mailed link and the second factor, or by a password that you give. "
            "The person is told. Second factors and the address stay: look whose they are before you unlock."
        ),
        done=__("Locked down."),
        form=LockDownForm,
        danger=True,
    )
    def lock_down(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Take everything from the account and lock it."""
        return lock_down.lock_down(obj, **given, by=by, now=now)

    @object_verb(
        __("Unlock"),
        explains=__("Takes every lock from the account and forgets the wrong passwords counted against it."),
        done=__("Unlocked."),
        bulk=True,
        offered=is_locked,
    )
    def unlock(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Take locks and counters away."""
        return limits.unlock_user(obj, by=by, now=now)

    @object_verb(
        __("Sign out everywhere"),
        explains=__("Every session of this person ends within a second, in browsers and in programs."),
        done=__("Signed out everywhere."),
        bulk=True,
    )
    def sign_out(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """End every session."""
        return ending.sign_out_everywhere(obj, by=by, now=now)

    @object_verb(
        __("Act as this person"),
        explains=__(
            "You see the portal as this person sees it, for a short time, without the person's own account and the administration. "
            "The person is told by mail, with your name and reason, and whatever you do is written down with your name."
        ),
        done="",
        form=ImpersonationForm,
        needs="impersonate",
        confirmed=True,
        leads=go_on_as,
    )
    def impersonate(self, obj: User, given: dict[str, Any], *, by: Actor, now: datetime) -> Any:
        """Begin a session as this person."""
        return impersonation.begin_impersonation(obj, **given, by=by, now=now)

    # --- panels ---

    def _tools(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        asked = urlencode({"name": obj.username, "realm": obj.realm})
        url = f"{reverse('admin:configserver_explain')}?{asked}"
        return [*super()._tools(request, obj), {"label": _("Explain a sign-in"), "url": url, "danger": False}]

    def panels(self, request: HttpRequest, obj: User) -> Sequence[Panel]:
        """Live sessions and permissions of the person, and what apps above know."""
        found = []
        if self.gate.may(request, "view", Session):
            found.append(self._sessions(request, obj))
        if obj.is_external:
            found.extend(admin_external.panels(self, request, obj))
        elif self.gate.may(request, "view", Permission):
            found.append(permissions_panel(self, request, obj.permissions.all(), add={"user": obj.pk}))
        for panels in MORE_PANELS:
            found.extend(panels(request, obj))
        return found

    def _sessions(self, request: HttpRequest, user: User) -> Panel:
        live = self.choices(request, Session).filter(Session.live(now=timezone.now()), user=user)
        live = live.select_related(*HELD_THROUGH)
        may_end = self.gate.may(request, "delete", Session)
        rows = [
            (
                format_html('<span class="gh-long">{}</span>', held_by(one)),
                one.get_kind_display(),
                timezone.localtime(one.created_at),
                timezone.localtime(one.seen_at),
                one.address,
                format_html(
                    '<a href="{}">{}</a>', reverse("admin:accounts_session_end", args=(one.pk,)), _("End")
                )
                if may_end
                else "",
            )
            for one in live[:SHOWN_SESSIONS]
        ]
        return Panel(
            title=_("Live sessions"),
            headers=(_("Program"), _("Held by"), _("Since"), _("Last used"), _("Address"), ""),
            rows=rows,
            stacked=True,
            empty=_("This person is not signed in anywhere."),
        )
