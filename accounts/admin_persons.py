"""External persons in the administration: here and not beside their model, because the portal decides whose they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts import admin_far, limits
from accounts.admin_filters import DirectoryRoleFilter, PersonStateFilter
from accounts.admin_places import KEPT_OUT, NO_TENANT, places
from accounts.explain import explain
from accounts.forms_persons import (
    AddPersonForm,
    DescribedRolesField,
    PersonForm,
    PersonPasswordForm,
    RolesField,
)
from accounts.mode import external_is_on
from accounts.models import Session, User
from accounts.names import Realm
from accounts.options import MODE
from configserver import services, where
from configserver.admin_roles import permissions_panel
from configserver.choice import INTERNAL
from configserver.models import Directory, Permission, Person, Role, Tenant
from configserver.service import choice_of, is_able
from configserver.words import choice_in_words, directory_names
from core.admin import VerbAdmin
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import REMOVE, Note, ObjectVerb, Panel, badge, link_to, object_verb, two_lines
from core.findings import Verdict
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.granted import tenants_within
from tenants.models import Kind
from tenants.rights import Everywhere, Rights
from tenants.settings import snapshot


def only_tenant(rights: Rights) -> Tenant | None:
    """The tenant of whoever has no choice: one is in reach, and not all of them are."""
    if isinstance(rights.sees(Kind.USER), Everywhere):
        return None
    found = list(tenants_within(rights, Kind.USER)[:2])
    return found[0] if len(found) == 1 else None


def explain_url(person: Person) -> str:
    """The page that explains the person's sign-in, step by step."""
    query = urlencode({"name": person.name, "realm": Realm.EXTERNAL})
    return f"{reverse('admin:configserver_explain')}?{query}"


# What a matter of the installation is, not of one company.
OF_DIRECTORIES = ("directory", "source")


class PersonAdmin(VerbAdmin):
    """Persons of the Configuration Server."""

    form = PersonForm
    add_form = AddPersonForm
    add_form_template = "admin/add_person.html"
    ordering = ("name_key",)
    list_display = ("person", "tenant", "company", "role_names", "state", "last_sign_in")
    list_filter = (PersonStateFilter, ("tenant", VisibleRelatedFilter), DirectoryRoleFilter)
    list_select_related = ("tenant", "directory", "source")
    list_prefetch_related = ("roles",)
    sortable_by = ("person",)
    search_fields = ("~name_key", "display_name")
    search_help_text = __("The beginning of a user name or of a name.")
    object_verbs = ("set_password", "unlock", "forget_entry")
    remove_explains = __(
        "The person can no longer sign in, and the account here ends at once. It cannot be brought back. "
        "What the person did stays in the audit events."
    )
    fieldsets = (
        (None, {"fields": ("name", "display_name", "email", "phone")}),
        (__("Tenant and roles"), {"fields": ("tenant", "roles")}),
        (
            __("Password"),
            {
                "fields": (
                    "external_id",
                    "directory",
                    "entry_kept",
                    "must_change_password",
                    "password_changed_at",
                )
            },
        ),
        (__("Access"), {"fields": ("is_active", "source", "created_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "display_name", "email", "phone")}),
        (__("Tenant and roles"), {"fields": ("tenant", "roles")}),
        (__("First password"), {"fields": ("new_password", "must_change_password")}),
        (__("Directory"), {"fields": ("external_id", "directory")}),
    )
    readonly_fields = ("tenant_name", "entry_kept", "password_changed_at", "created_at")
    help_texts = {
        "roles": __("What the person may do. Roles of a directory's groups are added at sign-in."),
        "tenant_name": __("Decides the company that is loaded at sign-in, and who proves the password."),
        "entry_kept": __(
            "The directory's own id of this person, kept at the first sign-in. Another entry under the same name is turned away."
        ),
        "password_changed_at": __(
            "When the password kept by the Configuration Server was last set or changed."
        ),
        "created_at": __("When the person was added."),
        "must_change_password": __(
            "At the next sign-in a new password is asked for; then this is switched off. Where a directory proves the password, "
            "the directory decides."
        ),
    }

    # --- where a remote Configuration Server keeps them ---

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, of wherever they are kept."""
        if where.remote() is None:
            return super().changelist_view(request, extra_context)
        self._demand(request, "view", None)
        return admin_far.list_page(self, request)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The page of a person, or of a new one."""
        if where.remote() is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        posted = request.method == "POST"
        self._demand(request, "add" if object_id is None else "change" if posted else "view", None)
        return admin_far.form_page(self, request, object_id)

    def object_verb_view(self, request: HttpRequest, object_id: str, *, verb: ObjectVerb) -> HttpResponse:
        """The page that asks before a verb is done."""
        if where.remote() is None:
            return super().object_verb_view(request, object_id, verb=verb)
        return admin_far.verb_page(self, request, object_id, verb=verb)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The page that asks before a person is deleted."""
        if where.remote() is None:
            return super().delete_view(request, object_id, extra_context)
        return admin_far.verb_page(self, request, object_id, verb=REMOVE)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit events of a person stand where the person is kept."""
        if where.remote() is None:
            return super().history_view(request, object_id, extra_context)
        raise Http404

    # --- who may choose what ---

    def _rights(self, request: HttpRequest) -> Rights:
        rights: Rights = self.gate.actor(request).rights
        return rights

    def choices(self, request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
        """Tenants whose persons the reader may see, and every role by its name: what a role gives, the verbs judge."""
        if model is Tenant:
            return tenants_within(self._rights(request), Kind.USER)
        return Role.objects.all() if model is Role else super().choices(request, model)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Very many tenants are offered by typing; suggestions know all tenants and nothing of the reader's companies."""
        rights = self._rights(request)
        every = isinstance(rights.sees(Kind.USER), Everywhere) and self.gate.visible(request, Tenant).exists()
        return ("tenant",) if every else ()

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Roles as boxes to tick."""
        sees_roles = self.gate.visible(request, Role).exists()
        fields = DescribedRolesField if sees_roles else RolesField
        return super().formfield_for_manytomany(db_field, request, form_class=fields, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may add people, in a tenant that is in reach."""
        if not super().has_add_permission(request):
            return False
        if where.remote() is not None:
            return True  # in which tenants, is judged over there
        # Asked for the navigation of every page: whoever sees every tenant sees ENVIRONMENT, so nothing is looked up.
        every = isinstance(self._rights(request).sees(Kind.USER), Everywhere)
        return every or self.choices(request, Tenant).exists()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What can be chosen; a tenant without a choice is named, and directories are for those who may see them."""
        here = only_tenant(self._rights(request))
        asked = here is None and (obj is None or self.has_change_permission(request, obj))
        directories = self.gate.visible(request, Directory).exists()
        found = []
        for title, options in super().get_fieldsets(request, obj):
            names = [name for name in options["fields"] if directories or name not in OF_DIRECTORIES]
            described = {}
            if "tenant" in names and not asked:
                named = [] if obj is None else ["tenant_name"]
                names = [*named, *(name for name in names if name != "tenant")]
            if "roles" in names and obj is None and here is not None:
                words = _("The person will belong to the tenant %(name)s.") % {"name": here}
                described = {"description": escape(words)}
            if "password_changed_at" in names:
                known = directory_names() if directories else {}
                described = {"description": escape(choice_in_words(choice_of(obj), known))}
            found.append((title, {**options, **described, "fields": names}))
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Which directory proves a password is a matter of the installation."""
        may = self.gate.may(request, "change", Directory)
        return self.readonly_fields if may else (*self.readonly_fields, *OF_DIRECTORIES)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form for this person; a new one's tells the rules of the only tenant that there is to choose."""
        found = super().get_form(request, obj, change=change, **kwargs)
        here = only_tenant(self._rights(request)) if obj is None else None
        found.tenant_dbid = here.dbid if here is not None else None
        return found

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form of a new person, under the choice where the person is kept."""
        where = {"places": places(self.admin_site, request, current=Person)}
        return super().add_view(request, form_url, {**where, **(extra_context or {})})

    # --- the list ---

    @admin.display(description=__("person"), ordering="name_key")
    def person(self, person: Person) -> str:
        """User name and name."""
        return two_lines(person.name, person.display_name)

    @admin.display(description=__("company"))
    def company(self, person: Any) -> str:
        """The company linked to the tenant, where the reader may see it."""
        return str(person.company_name)

    @admin.display(description=__("roles"))
    def role_names(self, person: Person) -> str:
        """The roles by name; those of a directory's groups come at sign-in."""
        return ", ".join(role.name for role in person.roles.all()) or "–"

    @admin.display(description=__("state"))
    def state(self, person: Any) -> str:
        """Whether the person may sign in."""
        if not person.is_active:
            return badge(_("Off"), tone="")
        if not is_able(person):
            return badge(_("Tenant off"), tone="")
        if person.account is not None and person.account.locked_at is not None:
            return badge(_("Locked here"), tone="danger")
        return badge(_("Active"), tone="ok")

    @admin.display(description=__("last sign-in"))
    def last_sign_in(self, person: Any) -> str:
        """When the person last finished signing in here."""
        at = person.account.last_login if person.account is not None else None
        return "–" if at is None else date_format(timezone.localtime(at), "DATETIME_FORMAT")

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """The accounts and companies of the persons shown, as far as the reader may see them."""
        accounts = {
            one.source_id: one
            for one in self.choices(request, User).filter(source_id__in=[row.uid for row in rows])
        }
        linked = self.gate.linked(request, [row.tenant.dbid for row in rows])
        for row in rows:
            row.account = accounts.get(row.uid)
            row.company_name = linked.get(row.tenant.dbid, ("–", ""))[0]

    # --- the page ---

    @admin.display(description=__("tenant"))
    def tenant_name(self, person: Person) -> str:
        """The tenant, where it cannot be chosen."""
        return str(person.tenant)

    @admin.display(description=__("directory entry"))
    def entry_kept(self, person: Person) -> str:
        """Whether an entry of the directory was kept; which one is nobody's to read."""
        return _("One is kept.") if person.entry else _("None is kept.")

    def _account(self, request: HttpRequest, person: Person) -> User | None:
        found: User | None = self.choices(request, User).filter(source_id=person.uid).first()
        return found

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """What keeps the person out at present, or would keep a new one out."""
        if obj is None:
            return self._notes_for_all(request)
        told = explain(
            obj.name, realm=Realm.EXTERNAL, ask=False, by=self.gate.actor(request), now=timezone.now()
        )
        first = next((one.sentence for one in told.findings if one.verdict is Verdict.STOP), None)
        if first is None:
            return ()
        words = _("This person cannot sign in at present. %(why)s") % {"why": first}
        return [Note(sentence=words, tone="warning", url=explain_url(obj), label=_("Explain the sign-in"))]

    def _notes_for_all(self, request: HttpRequest) -> Sequence[Note]:
        if external_is_on():
            return ()
        url = self.gate.settings_url(request)
        link = f"{url}#id_{MODE.name}" if url else ""
        found = [
            Note(sentence=KEPT_OUT % {"name": MODE.name}, tone="warning", url=link, label=_("To the setting"))
        ]
        return found if self.choices(request, Tenant).exists() else [Note(sentence=NO_TENANT), *found]

    def panels(self, request: HttpRequest, obj: Person) -> Sequence[Panel]:
        """How the account here stands, and what the person was given alone."""
        found = [self._here(request, obj)]
        if self.gate.may(request, "view", Permission):
            found.append(permissions_panel(self, request, obj.permissions.all(), add={"person": obj.pk}))
        return found

    def _here(self, request: HttpRequest, person: Person) -> Panel:
        account = self._account(request, person)
        rows: list[Sequence[Any]] = []
        if account is not None:
            state = badge(_("Active"), tone="ok")
            if account.locked_at is not None or not account.is_active:
                state = badge(_("Locked") if account.locked_at else _("Disabled"), tone="danger")
            at = account.last_login
            row: list[Any] = [
                link_to(account),
                account.company or "–",
                state,
                "–" if at is None else timezone.localtime(at),
            ]
            if self.gate.may(request, "view", Session):
                live = self.choices(request, Session).filter(Session.live(now=timezone.now()), user=account)
                row.append(live.count())
            rows.append(row)
        return Panel(
            title=_("Account here"),
            headers=(_("Account"), _("Company"), _("State"), _("Last sign-in"), _("Live sessions"))[
                : len(rows[0]) if rows else 4
            ],
            rows=rows,
            empty=_("There is none that you may see. An account is made here at the first sign-in."),
            more_url=explain_url(person),
            more_label=_("Explain the sign-in"),
        )

    # --- verbs ---

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Person | Denied:
        """Make an external person, in the only tenant that there is to choose where none was asked for."""
        password = given.pop("new_password", "")
        if "tenant" not in given:
            given["tenant"] = only_tenant(by.rights)
        draft = services.PersonDraft(**given)
        return services.create_person(draft, password=password, environment=snapshot(None), by=by, now=now)

    def change(self, obj: Person, given: dict[str, Any], *, by: Actor, now: datetime) -> Person | Denied:
        """Change what is given."""
        return services.change_person(obj, services.PersonDraft(**given), by=by, now=now)

    def remove(self, obj: Person, *, by: Actor, now: datetime) -> Denied | None:
        """Delete the person."""
        return services.delete_person(obj, by=by, now=now)

    @object_verb(
        __("Set password"),
        explains=__(
            "The old password stops working and every session of this person ends at once. Tell the new one in person."
        ),
        done=__("The password was set."),
        form=PersonPasswordForm,
        offered=lambda person: choice_of(person).engine == INTERNAL,
    )
    def set_password(self, obj: Person, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Give a new password."""
        return services.give_password(
            obj,
            given["new_password"],
            must_change=given["must_change_password"],
            environment=snapshot(None),
            by=by,
            now=now,
        )

    @object_verb(
        __("Unlock"),
        explains=__(
            "Forgets the wrong passwords counted for the name, and takes every lock from the account here."
        ),
        done=__("Unlocked."),
        offered=lambda person: limits.is_held_back(person, now=timezone.now()),
    )
    def unlock(self, obj: Person, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Take locks and counters away."""
        return limits.unlock_person(obj, by=by, now=now)

    @object_verb(
        __("Forget directory entry"),
        explains=__(
            "The next sign-in keeps whatever entry the directory then has under this name. Do this only when the organisation has made "
            "the account anew there, for the same person. Every session of this person ends at once."
        ),
        done=__("The entry is forgotten."),
        offered=lambda person: bool(person.entry),
    )
    def forget_entry(self, obj: Person, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """Let the next sign-in keep another entry."""
        return services.forget_entry(obj, by=by, now=now)
