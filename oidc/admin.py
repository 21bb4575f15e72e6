"""Clients of OpenID Connect in the administration."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.models import Session
from accounts.tokens.signed import issuer
from core.admin import VerbAdmin
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Note, Panel, badge, object_verb, two_lines, when
from core.outcomes import Denied
from oidc import clients as verbs
from oidc.clients import ClientDraft, NewSecret
from oidc.forms import ClientForm, SecretForm
from oidc.models import Client, ClientSession
from tenants.actor import Actor

_SHOWN = 20


def _shown_once(made: NewSecret) -> Mapping[str, Any]:
    return {"secret": made.secret}


@admin.register(Client)
class ClientAdmin(VerbAdmin):
    """Systems that people sign in to from here."""

    form = ClientForm
    confirmed_verbs = frozenset({"add", "change"})
    ordering = ("name",)
    list_display = ("client", "company_shown", "kind", "state")
    list_filter = ("is_active", ("company", VisibleRelatedFilter))
    list_select_related = ("company",)
    sortable_by = ()
    search_fields = ("name", "=client_id")
    search_help_text = __("The beginning of a name, or a whole client id.")
    object_verbs = ("make_secret",)
    autocomplete_fields = ("company",)
    readonly_fields = ("kind", "client_id", "secret_made_at")
    remove_explains = __(
        "Nobody signs in to it any more, its sessions end at once, and what people let it know is forgotten."
    )
    fieldsets = (
        (None, {"fields": ("name", "company", "kind", "is_active", "client_id", "secret_made_at")}),
        (__("Addresses"), {"fields": ("redirect_uris", "logout_uris", "backchannel_uri")}),
        (__("What it learns"), {"fields": ("scopes", "asks_consent", "needs_factor", "algorithm")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "company", "is_public", "is_active")}),
        (__("Addresses"), {"fields": ("redirect_uris", "logout_uris", "backchannel_uri")}),
        (__("What it learns"), {"fields": ("scopes", "asks_consent", "needs_factor", "algorithm")}),
    )
    help_texts = {
        "company": __(
            "Whose people sign in to it. Empty: those of your own company, or of every one if you see every one."
        ),
        "kind": __(
            "A public one is a program on people's devices or in their browsers, which can keep no secret. It stays so."
        ),
        "client_id": __("By this it says who it is. No secret."),
        "secret_made_at": __(
            "When its secret was made, which was shown once. Empty: it has none, and gets no tokens."
        ),
    }

    # --- columns -----------------------------------------------------------------------------------------------------------

    @admin.display(description=__("connected application"), ordering="name")
    def client(self, client: Client) -> str:
        """Its name over its first address."""
        return two_lines(client.name, client.redirect_uris[0] if client.redirect_uris else "")

    @admin.display(description=__("company"))
    def company_shown(self, client: Client) -> str:
        """Whose people sign in to it."""
        return str(client.company) if client.company is not None else _("every company")

    @admin.display(description=__("kind"))
    def kind(self, client: Client) -> str:
        """Whether it keeps a secret."""
        return _("public, without a secret") if client.is_public else _("with a secret")

    @admin.display(description=__("state"))
    def state(self, client: Client) -> str:
        """Whether people can sign in to it."""
        if not client.is_active:
            return badge(_("Off"), tone="")
        if not client.is_public and not client.secret:
            return badge(_("No secret yet"), tone="warning")
        return badge(_("Active"), tone="ok")

    # --- the form ------------------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Company and sort are given once."""
        return () if obj is None else (*self.readonly_fields, "company")

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Client | Denied:
        """Make a client."""
        given["company"] = given.get("company") or by.usual_company("integration")
        return verbs.create_client(ClientDraft(**given), by=by, now=now)

    def change(self, obj: Client, given: dict[str, Any], *, by: Actor, now: datetime) -> Client | Denied:
        """Change what is given."""
        return verbs.change_client(obj, ClientDraft(**given), by=by, now=now)

    def remove(self, obj: Client, *, by: Actor, now: datetime) -> Denied | None:
        """Delete the client."""
        return verbs.delete_client(obj, by=by, now=now)

    @object_verb(
        __("Make a secret"),
        explains=__(
            "The secret is shown once, on the next page. One that was made before is worth nothing from that moment on."
        ),
        done=__("The secret was made."),
        form=SecretForm,
        result_template="admin/oidc/client/secret_made.html",
        result_context=_shown_once,
        confirmed=True,
        offered=lambda client: not client.is_public,
    )
    def make_secret(
        self, obj: Client, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> NewSecret | Denied:
        """A new secret."""
        return verbs.make_secret(obj, by=by, now=now)

    def response_add(self, request: HttpRequest, obj: Client, post_url_continue: str | None = None) -> Any:
        """On to its page, where the secret is made."""
        if obj.is_public or "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, _("%(name)s was added. Make its secret now.") % {"name": obj.name})
        return redirect("admin:oidc_client_change", obj.pk)

    # --- what else is shown ------------------------------------------------------------------------------------------------------

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """What stands in its way, and what anybody can find out by it."""
        if obj is None:
            return ()
        found = []
        if obj.is_active and not obj.is_public and not obj.secret:
            found.append(
                Note(sentence=_("It has no secret yet, so it gets no tokens: make one."), tone="warning")
            )
        late = (
            ClientSession.objects.filter(client=obj, logout_due_at__isnull=False)
            .exclude(logout_trouble="")
            .first()
        )
        if late is not None:
            sentence = _(
                "It could not be told that a session has ended: %(why)s. It is called again for two hours."
            )
            found.append(Note(sentence=sentence % {"why": late.logout_trouble}, tone="warning"))
        return found

    def panels(self, request: HttpRequest, obj: Client) -> Sequence[Panel]:
        """Its sessions, and what is entered at the other side."""
        live = Session.live(now=timezone.now(), path="session__")
        rows = ClientSession.objects.filter(live, client=obj, used_at__isnull=False).select_related(
            "session__user"
        )
        sessions = Panel(
            title=_("Who is signed in to it"),
            lead=_("The newest %(most)s.") % {"most": _SHOWN} if rows.count() > _SHOWN else "",
            headers=(_("Person"), _("Since"), _("From")),
            rows=[
                (one.session.user, when(one.session.created_at), one.session.address) for one in rows[:_SHOWN]
            ],
            empty=_("Nobody at present."),
        )
        return [_addresses(obj), sessions]


def _addresses(client: Client) -> Panel:
    base = issuer()
    rows = [
        (_("Issuer"), base),
        (_("Client id"), client.client_id),
        (_("Scopes"), " ".join(client.scopes)),
        (_("Discovery"), f"{base}{reverse('oidc:discovery')}"),
        (_("Authorization"), f"{base}{reverse('oidc:authorize')}"),
        (_("Token"), f"{base}{reverse('oidc:token')}"),
        (_("Userinfo"), f"{base}{reverse('oidc:userinfo')}"),
        (_("Sign out"), f"{base}{reverse('oidc:logout')}"),
        (_("Introspection"), f"{base}{reverse('api:token-introspect')}"),
        (_("Revocation"), f"{base}{reverse('api:token-revoke')}"),
        (_("Keys (JWKS)"), f"{base}{reverse('jwks')}"),
    ]
    return Panel(
        title=_("What to enter there"),
        lead=_(
            "Most products need the first three and the secret: they read the others from discovery. PKCE (S256) is always asked for."
        ),
        headers=(_("Field"), _("Value")),
        rows=[(name, format_html("<code>{}</code>", value)) for name, value in rows],
        empty="",
        stacked=True,
    )
