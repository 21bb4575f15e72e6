"""Integrations in the administration: whom they let in, their keys, and a guide with the values of this one."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from accounts import integrations as verbs
from accounts.forms_integrations import AddKeysForm, GenerateKeyForm, IntegrationForm, RemoveKeyForm
from accounts.integrations import IntegrationDraft, NewKey
from accounts.integrations.guide import addresses_of, claims_of, sample_of, steps_of
from accounts.integrations.presets import PRODUCTS, product_of
from accounts.integrations.reading import trouble_of
from accounts.models import Integration, IntegrationKey, KeySource, Preset, Session
from core.admin import VerbAdmin
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Note, Panel, badge, object_verb, two_lines, when
from core.draft import NOT_FOUND
from core.outcomes import Denied
from tenants.actor import Actor

_TEMPLATES = "admin/accounts/integration"


def _shown_once(made: NewKey) -> Mapping[str, Any]:
    pem = made.private_pem
    return {"key": made.key, "secret": pem, "download": b64encode(pem.encode()).decode()}


@admin.register(Integration)
class IntegrationAdmin(VerbAdmin):
    """Systems that vouch for people."""

    form = IntegrationForm
    change_form_template = f"{_TEMPLATES}/change_form.html"
    confirmed_verbs = frozenset({"add", "change"})
    ordering = ("name",)
    list_display = ("integration", "company", "ceiling", "key_count", "state")
    list_filter = ("preset", "is_active", ("company", VisibleRelatedFilter))
    list_select_related = ("company", "ceiling")
    sortable_by = ()
    search_fields = ("name", "=licence_key")
    search_help_text = __("The beginning of a name, or a whole licence key.")
    object_verbs = ("generate_key", "add_keys", "remove_key", "read_keys")
    autocomplete_fields = ("company",)
    readonly_fields = ("licence_key", "keys_read")
    remove_explains = __(
        "Its keys go with it, and whoever it signed in is signed out at once. The people whom it made stay."
    )
    fieldsets = (
        (None, {"fields": ("name", "company", "preset", "is_active", "licence_key")}),
        (__("Who is let in"), {"fields": ("ceiling", "lifetime_minutes", "accepts_cobrowse")}),
        (__("Pages in frames"), {"fields": ("origins",)}),
        (__("Published keys"), {"fields": ("jwks_url", "keys_read")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "company", "preset", "is_active")}),
        (__("Who is let in"), {"fields": ("ceiling", "lifetime_minutes", "accepts_cobrowse")}),
        (__("Pages in frames"), {"fields": ("origins",)}),
        (__("Published keys"), {"fields": ("jwks_url",)}),
    )
    help_texts = {
        "licence_key": __("What the claim iss of its tokens says. It is no secret."),
        "lifetime_minutes": __(
            "Minutes from iat to exp, at most a day. Tokens that live longer are refused."
        ),
        "accepts_cobrowse": __(
            "Also take tokens whose aud is https://cobrowse.io, which is how products made for Cobrowse.io sign them."
        ),
        "keys_read": __("When the keys were last read from the address, and whether it worked."),
    }

    # --- columns -----------------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The integrations, each with the number of its keys."""
        found: QuerySet[Any] = super().get_queryset(request).annotate(keys_held=Count("keys"))
        return found

    @admin.display(description=__("integration"), ordering="name")
    def integration(self, integration: Integration) -> str:
        """Its name over its product."""
        return two_lines(integration.name, integration.get_preset_display())

    @admin.display(description=__("keys"))
    def key_count(self, integration: Integration) -> str:
        """How many keys it may sign with."""
        count: int = integration.keys_held  # type: ignore[attr-defined]
        return ngettext("%(count)d key", "%(count)d keys", count) % {"count": count}

    @admin.display(description=__("state"))
    def state(self, integration: Integration) -> str:
        """Whether it lets anybody in, and whether its keys can be read."""
        if not integration.is_active:
            return badge(_("Off"), tone="")
        if not integration.keys_held:  # type: ignore[attr-defined]
            return badge(_("No key yet"), tone="warning")
        if trouble := trouble_of(integration):
            return two_lines(badge(_("Keys cannot be read"), tone="warning"), trouble)
        return badge(_("Active"), tone="ok")

    @admin.display(description=__("keys last read"))
    def keys_read(self, integration: Integration) -> str:
        """When, and the trouble if there is one."""
        if not integration.jwks_url:
            return _("Nothing to read: the keys are pasted here.")
        return two_lines(when(integration.jwks_read_at), trouble_of(integration))

    # --- the form ------------------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The company is given once."""
        return () if obj is None else (*self.readonly_fields, "company")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What is known of the product that was chosen."""
        product = product_of(request.GET.get("preset", ""))
        origins = product.origins if product.preset != Preset.OTHER else ()
        actor: Actor = self.gate.actor(request)
        own = actor.usual_company("integration")
        return {
            "company": own.pk if own is not None else None,
            "preset": product.preset,
            "lifetime_minutes": product.lifetime_minutes,
            "origins": list(origins),
        }

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form of a new one, under the products that can be filled in."""
        chosen = product_of(request.GET.get("preset", "")).preset
        products = [
            {
                "label": preset.label,
                "url": f"?{urlencode({'preset': preset})}",
                "current": preset == chosen,
            }
            for preset in (Preset.OTHER, *map(Preset, PRODUCTS))
        ]
        more = {"products": products, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**more, **(extra_context or {})})

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Integration | Denied:
        """Make an integration."""
        given["company"] = given.get("company") or by.usual_company("integration")
        return verbs.create_integration(IntegrationDraft(**given), by=by, now=now)

    def change(
        self, obj: Integration, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Integration | Denied:
        """Change what is given."""
        return verbs.change_integration(obj, IntegrationDraft(**given), by=by, now=now)

    def remove(self, obj: Integration, *, by: Actor, now: datetime) -> Denied | None:
        """Delete the integration."""
        return verbs.delete_integration(obj, by=by, now=now)

    # --- keys ------------------------------------------------------------------------------------------------------------------

    @object_verb(
        __("Generate a key"),
        explains=__(
            "A pair is made: the public key is kept here, the private one is shown once, on the next page, and kept nowhere."
        ),
        done=__("The key was generated."),
        form=GenerateKeyForm,
        result_template=f"{_TEMPLATES}/key_made.html",
        result_context=_shown_once,
        confirmed=True,
    )
    def generate_key(
        self, obj: Integration, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> NewKey | Denied:
        """Make a pair."""
        return verbs.generate_key(obj, given["algorithm"], by=by, now=now)

    @object_verb(
        __("Add public keys"),
        explains=__(
            "Whatever the private halves of these keys sign from now on is believed, within what the integration allows."
        ),
        done=__("The keys are trusted from now on."),
        form=AddKeysForm,
        confirmed=True,
    )
    def add_keys(
        self, obj: Integration, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> list[IntegrationKey] | Denied:
        """Trust keys."""
        return verbs.add_keys(obj, given["keys"], kid=given["kid"], by=by, now=now)

    @object_verb(
        __("Remove a key"),
        explains=__(
            "Tokens that are signed with it are refused from now on, and the sessions that they began end within a second."
        ),
        done=__("The key is trusted no longer."),
        form=RemoveKeyForm,
        danger=True,
        offered=lambda integration: integration.keys.exists(),
    )
    def remove_key(
        self, obj: Integration, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Denied | None:
        """Trust a key no longer."""
        key = obj.keys.select_related("integration").filter(uid=UUID(given["key"])).first()
        return NOT_FOUND if key is None else verbs.remove_key(key, by=by, now=now)

    @object_verb(
        __("Read the keys now"),
        explains=__(
            "The address is read now instead of within the hour. Keys that are not there any more are trusted no longer."
        ),
        done=__("The address was asked."),
        offered=lambda integration: bool(integration.jwks_url),
        result_template=f"{_TEMPLATES}/keys_read.html",
        result_context=lambda read: {"trouble": trouble_of(read), "keys": read.keys.all()},
    )
    def read_keys(
        self, obj: Integration, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Integration | Denied:
        """Read the published keys."""
        return verbs.read_keys(obj, by=by, now=now)

    # --- what else is shown ------------------------------------------------------------------------------------------------------

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """What stands in the way of somebody who is to be let in."""
        if obj is None:
            return ()
        found = []
        if obj.is_active and not obj.keys.exists():
            sentence = _(
                "It has no key yet, so it lets nobody in: generate one, or add the public key of whoever signs."
            )
            found.append(Note(sentence=sentence, tone="warning"))
        if trouble := trouble_of(obj):
            sentence = _("Its keys could not be read: %(trouble)s Those that were read before still count.")
            found.append(Note(sentence=sentence % {"trouble": trouble}, tone="warning"))
        return found

    def panels(self, request: HttpRequest, obj: Integration) -> Sequence[Panel]:
        """Its keys, and the guide."""
        return [self._keys(request, obj), _steps(obj), _addresses(obj), _claims(obj), _sample(obj)]

    def _keys(self, request: HttpRequest, integration: Integration) -> Panel:
        may = self.gate.may(request, "change", Integration, integration)
        live = Session.live(now=timezone.now(), path="sessions__")
        rows = [
            (
                format_html('<code class="gh-kid">{}</code>', key.kid),
                key.algorithm,
                key.get_source_display(),
                when(key.created_at),
                when(key.used_at) if key.used_at is not None else _("never"),
                key.live,
                self._remove_link(integration, key) if may else "",
            )
            for key in integration.keys.annotate(live=Count("sessions", filter=live))
        ]
        return Panel(
            title=_("Keys that its tokens may be signed with"),
            headers=(
                _("Key id"),
                _("Algorithm"),
                _("Source"),
                _("Added"),
                _("Last used"),
                _("Live sessions"),
                "",
            ),
            rows=rows,
            empty=_("None yet. Without a key it lets nobody in."),
        )

    def _remove_link(self, integration: Integration, key: IntegrationKey) -> str:
        if key.source == KeySource.READ:
            return ""
        url = f"{self.url_of(integration, 'remove_key')}?{urlencode({'key': str(key.uid)})}"
        return format_html('<a class="gh-danger" href="{}">{}</a>', url, _("Remove"))


def _code(text: Any) -> str:
    return format_html("<code>{}</code>", text)


def _steps(integration: Integration) -> Panel:
    product = product_of(integration.preset)
    title = _("How to connect %(product)s") % {"product": integration.get_preset_display()}
    return Panel(
        title=title if product.preset != Preset.OTHER else _("How to connect it"),
        headers=(_("Step"), _("What to do")),
        rows=[(number, step) for number, step in enumerate(steps_of(integration), 1)],
        empty="",
    )


def _addresses(integration: Integration) -> Panel:
    rows = [(two_lines(_code(one.value), one.what),) for one in addresses_of(integration)]
    return Panel(title=_("Where its tokens are taken"), headers=(_("Address"),), rows=rows, empty="")


def _claims(integration: Integration) -> Panel:
    return Panel(
        title=_("What its tokens say"),
        lead=_("Signed as a JWT by one of the keys above, with the id of the key as kid in the header."),
        headers=(_("Claim"), _("Value and meaning")),
        rows=[
            (format_html('<code class="gh-word">{}</code>', name), two_lines(_code(value), meaning))
            for name, value, meaning in claims_of(integration)
        ],
        empty="",
    )


def _sample(integration: Integration) -> Panel:
    return Panel(
        title=_("The claims of one token"),
        headers=(_("As JSON; the times are those at which this integration was made"),),
        rows=[(format_html('<pre class="gh-sample">{}</pre>', sample_of(integration)),)],
        empty="",
    )
