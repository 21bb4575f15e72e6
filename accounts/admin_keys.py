"""API keys in the administration: who has which, a page to make one, and a verb to revoke it."""

from collections.abc import Sequence
from copy import copy, deepcopy
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.admin_sessions import LiveFilter
from accounts.api_keys import KeyDraft, make_key, rename_key, revoke_key
from accounts.forms_keys import AddApiKeyForm, ApiKeyForm, scope_boxes
from accounts.models import ApiKey, Session, User
from accounts.principal import Principal
from core.admin import VerbAdmin
from core.admin_forms import Autocomplete
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Note, Panel, badge, link_to, object_verb, two_lines, when
from core.admin_verbs import page_context
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.rights import PRIVILEGES, SCOPES


class LiveKeyFilter(LiveFilter):
    """Live keys, unless others are asked for."""

    through = "session__"


class ApiKeyAdmin(VerbAdmin):
    """Keys of programs."""

    form = ApiKeyForm
    add_form = AddApiKeyForm
    confirmed_verbs = frozenset({"add"})  # else whoever sits at an open page for a moment keeps a way in
    ordering = ("-id",)
    list_display = ("key", "person", "maker", "scope_names", "last_used", "ends", "state")
    list_filter = (LiveKeyFilter, ("session__user__company", VisibleRelatedFilter))
    list_select_related = ("session__user__company",)
    sortable_by = ()
    search_fields = ("name", "=hint", "~session__user__login_key")
    search_help_text = __(
        "The beginning of a name or of a person's sign-in name, or the first ten characters of a key."
    )
    object_verbs = ("revoke",)
    fieldsets = (
        (None, {"fields": ("name", "person", "state", "hint", "made_by_name")}),
        (__("Times"), {"fields": ("made", "last_used", "ends", "ended")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "user", "days")}),
        (__("Scopes"), {"fields": ("scopes",)}),
    )
    readonly_fields = ("person", "state", "hint", "made_by_name", "made", "last_used", "ends", "ended")
    help_texts = {
        "name": __("What uses it."),
        "person": __("As whom it acts."),
        "state": __("Whether it still opens anything."),
        "hint": __("The key itself was shown once, when it was made, and is kept nowhere."),
        "made_by_name": __("Who made it, and so has seen it."),
        "made": __("When it was made."),
        "last_used": __("To a minute."),
        "ends": __("It ends then by itself, to the second."),
        "ended": __("When it was revoked, or ended with its person's other sessions, and why."),
    }

    # --- what is shown ---

    @admin.display(description=__("API key"))
    def key(self, key: ApiKey) -> str:
        """Its name over its first characters."""
        return two_lines(key.name, f"{key.hint}…")

    @admin.display(description=__("person"))
    def person(self, key: ApiKey) -> str:
        """As whom it acts, and of which company."""
        return two_lines(key.session.user, key.session.user.company)

    @admin.display(description=__("made by"))
    def maker(self, key: ApiKey) -> str:
        """Who made it, and so has seen it."""
        return key.made_by_name if key.made_by_id != key.session.user_id else _("that person")

    @admin.display(description=__("scopes"))
    def scope_names(self, key: ApiKey) -> str:
        """The first of what it may do."""
        names = key.scopes
        return ", ".join(names[:3]) + (", …" if len(names) > 3 else "") or "–"

    @admin.display(description=__("made"))
    def made(self, key: ApiKey) -> str:
        """When it was made."""
        return when(key.session.created_at)

    @admin.display(description=__("last used"))
    def last_used(self, key: ApiKey) -> str:
        """When it was last used."""
        return when(key.last_used_at) if key.last_used_at is not None else _("never")

    @admin.display(description=__("ends"))
    def ends(self, key: ApiKey) -> str:
        """When it ends by itself."""
        return when(key.session.expires_at)

    @admin.display(description=__("ended"))
    def ended(self, key: ApiKey) -> str:
        """When it ended, and why."""
        session = key.session
        return f"{when(session.ended_at)} ({session.ended_reason})" if session.ended_at is not None else "–"

    @admin.display(description=__("state"))
    def state(self, key: ApiKey) -> str:
        """Live, ended, or of no use because its person is."""
        now = timezone.now()
        if not key.session.is_live(now=now):
            return badge(_("Ended"), tone="")
        if not key.session.user.may_sign_in:
            return badge(_("Person cannot sign in"), tone="warning")
        return badge(_("Live"), tone="ok")

    def panels(self, request: HttpRequest, obj: ApiKey) -> Sequence[Panel]:
        """What it may do, and the session that it is."""
        found = [
            Panel(
                title=_("Scopes"),
                headers=(_("Scope"), _("Allows, as far as its person may")),
                rows=[(scope, PRIVILEGES[SCOPES[scope]]) for scope in obj.scopes if scope in SCOPES],
                empty=_("None: it may only ask who it is."),
            )
        ]
        if self.gate.may(request, "view", Session):
            shown = self.choices(request, Session).filter(pk=obj.session_id)
            rows = [(link_to(one, _("Session")), one.address or "–") for one in shown]
            found.append(
                Panel(
                    title=_("Session"), headers=(_("Session"), _("Address when made")), rows=rows, empty="–"
                )
            )
        return found

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """Where one's own keys are made."""
        if obj is not None:
            return ()
        sentence = _("It is shown once, on the next page. Its person is told by mail that there is one.")
        return [Note(sentence=sentence)]

    # --- verbs ---

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, with the people that this person may see to choose from."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None:
            # Fields of their own for each request: the declared ones are shared by all.
            user = form.base_fields["user"] = copy(form.base_fields["user"])
            user.widget = Autocomplete(Session._meta.get_field("user"), self.admin_site)
            user.queryset = self.choices(request, User)
            principal: Principal = request.principal  # type: ignore[attr-defined]
            scopes = form.base_fields["scopes"] = deepcopy(form.base_fields["scopes"])
            scopes.choices = scope_boxes(principal.rights)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The page of a key, or of a new one."""
        more = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**more, **(extra_context or {})})

    def attempt(self, request: HttpRequest, verb: str, obj: Any, run: Any, *args: Any) -> Any:
        """Run a verb; a new key is made in the session of this request, which has to hold still."""
        if verb == "add":
            principal: Principal = request.principal  # type: ignore[attr-defined]
            args = ({**args[0], "session": principal.session, "maker": principal.user},)
        return super().attempt(request, verb, obj, run, *args)

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> ApiKey | Denied:
        """Make a key."""
        draft = KeyDraft(
            user=given["user"] or given["maker"],
            name=given["name"],
            scopes=given["scopes"],
            days=given["days"],
        )
        return make_key(draft, session=given["session"], by=by, now=now)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: Any = None) -> Any:
        """The only page that shows the secret."""
        context = page_context(
            self,
            request,
            title=_("Your new API key"),
            subtitle=obj.name,
            original=obj,
            secret=obj.secret,
            ends=obj.session.expires_at,
            back_url=self.list_url(request),
        )
        return TemplateResponse(request, "admin/accounts/key_made.html", context)

    def change(self, obj: ApiKey, given: dict[str, Any], *, by: Actor, now: datetime) -> ApiKey | Denied:
        """Give it another name."""
        return rename_key(obj, given.get("name", obj.name), by=by, now=now)

    @object_verb(
        __("Revoke"),
        explains=__("Whatever uses the key is refused within a second. It cannot be brought back."),
        done=__("The key was revoked."),
        needs="delete",
        danger=True,
        bulk=True,
        offered=lambda key: key.session.is_live(now=timezone.now()),
    )
    def revoke(self, obj: ApiKey, given: dict[str, Any], *, by: Actor, now: datetime) -> Denied | None:
        """End the key."""
        return revoke_key(obj, by=by, now=now)
