"""Directories in the administration: how they are asked, how they are, who uses them, and their test."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin import helpers
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from configserver import services
from configserver.access import Administrator
from configserver.admin_imports import import_panels, imports_of
from configserver.admin_scim import address, groups_brought, persons_brought, token_in_words
from configserver.directory import PROVING, Directory, DirectoryServer, Protocol
from configserver.forms_directory import FORMS, ChooseProtocolForm, ImportForm, MakeTokenForm, TrialForm
from configserver.health import health_of
from configserver.models import Import, Person, Tenant
from configserver.trial import Trial, try_directory
from configserver.uses import Use, is_proved_by, use_of, uses
from configserver.words import STATES, age_of, answering_in_words, certificate_in_words, step_of
from core.admin import VerbAdmin
from core.admin_lists import bounded_count
from core.admin_pages import Panel, badge, link_to, object_verb, two_lines
from core.admin_verbs import page_context
from core.outcomes import Denied

SHOWN = 20
_TEMPLATES = "admin/configserver/directory"
Fieldsets = Sequence[tuple[Any, dict[str, Any]]]

LDAP: Fieldsets = (
    (None, {"fields": ("name", "is_active")}),
    (__("Servers and safety"), {"fields": ("servers", "start_tls", "ca_certificates", "bind_dn", "secret")}),
    (__("How people are found"), {"fields": ("base_dn", "user_filter", "direct_dn")}),
    (
        __("What is taken over"),
        {
            "fields": (
                "entry_attribute",
                "name_attribute",
                "email_attribute",
                "phone_attribute",
                "tenant_attribute",
                "tenant_values",
            )
        },
    ),
    (__("Groups and roles"), {"fields": ("groups", "group_filter", "group_base", "nested_groups")}),
    (__("Passwords"), {"fields": ("change_password",)}),
    (
        __("Import of people"),
        {"fields": ("import_filter", "login_attribute", "people_tenant", "import_percent")},
    ),
    (
        __("Times and caches"),
        {"fields": ("connect_timeout_ms", "timeout_ms", "cache_seconds", "negative_cache_seconds")},
    ),
)
RADIUS: Fieldsets = (
    (None, {"fields": ("name", "is_active")}),
    (__("Servers and safety"), {"fields": ("servers", "secret", "coding", "nas_identifier")}),
    (__("Questions of the server"), {"fields": ("rounds_are_factor",)}),
    (__("Times"), {"fields": ("connect_timeout_ms", "timeout_ms", "attempts")}),
)
SCIM: Fieldsets = (
    (None, {"fields": ("name", "is_active", "people_tenant")}),
    (__("Way in"), {"fields": ("address", "token_state")}),
    (__("Groups and roles"), {"fields": ("groups",)}),
)
FIELDSETS: Mapping[str, Fieldsets] = {
    Protocol.LDAP.value: LDAP,
    Protocol.RADIUS.value: RADIUS,
    Protocol.SCIM.value: SCIM,
}
# What is only read is shown by these: a table instead of lines, and of a secret whether there is one.
READ_AS = {"secret": "secret_state", "groups": "groups_shown", "tenant_values": "tenant_values_shown"}


@admin.register(Directory)
class DirectoryAdmin(VerbAdmin):
    """LDAP and RADIUS directories, and identity providers."""

    ordering = ("name",)
    list_display = ("name", "protocol", "state", "health", "server_list", "used_by")
    list_filter = ("protocol", "is_active")
    list_prefetch_related = ("seen",)
    sortable_by = ("name",)
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    object_verbs = ("test", "make_token", "import_people")
    exclude = ("secret",)  # the column; the field of the forms stands in its place
    remove_explains = __(
        "Its mapping goes with it. A directory that tenants or persons name cannot be deleted."
    )
    help_texts = {
        "protocol_shown": __("A directory keeps its protocol; add another one to change it."),
        "secret_state": __("Whether one is kept. It is never shown to anybody."),
        "address": __("Entered at the identity provider as the base URL."),
        "token_state": __(
            "The bearer token with which the identity provider calls. It is shown once, when it is made."
        ),
        "groups_shown": __("Whoever is in the group has the role."),
        "tenant_values_shown": __("Whoever has the value is of the tenant."),
    }

    # --- columns and what is only read -----------------------------------------------------------------------------------

    @admin.display(description=__("state"))
    def state(self, directory: Directory) -> str:
        """Whether it is asked at all."""
        return badge(_("Active"), tone="ok") if directory.is_active else badge(_("Off"), tone="")

    @admin.display(description=__("health"))
    def health(self, directory: Directory) -> str:
        """How the clock last found its servers, and how long their certificates hold; of an identity provider, its token."""
        if directory.protocol == Protocol.SCIM:
            return token_in_words(directory)
        now = timezone.now()
        health = health_of(directory, directory.seen.all(), now=now)
        tone, word = STATES[health.state]
        ends_tone, ends = certificate_in_words(health.certificate_expires_at, now=now)
        badges = format_html("{} {}", badge(word, tone=tone), badge(ends, tone=ends_tone) if ends else "")
        if health.since is not None:
            told = _("for %(time)s") % {"time": age_of(health.since, now=now)}
        else:
            told = answering_in_words(health) if health.answering else ""
        return two_lines(badges, told)

    @admin.display(description=__("servers"))
    def server_list(self, directory: Directory) -> str:
        """The first servers by name."""
        first, *others = directory.server_names or (_("calls by itself"),)
        more = ngettext("and %(number)s more", "and %(number)s more", len(others)) % {"number": len(others)}
        return two_lines(first, more if others else "")

    @admin.display(description=__("used by"))
    def used_by(self, directory: Directory) -> str:
        """How many tenants and persons it proves."""
        tenants, persons = directory.used_by  # type: ignore[attr-defined]
        if not tenants and not persons:
            return _("nobody yet")
        return two_lines(
            ngettext("%(number)s tenant", "%(number)s tenants", tenants) % {"number": tenants},
            ngettext("%(number)s person", "%(number)s persons", persons) % {"number": persons},
        )

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """By whom each is used."""
        found = uses()
        for row in rows:
            use = found.get(str(row.uid), Use())
            persons = Q(source=row) if row.protocol == Protocol.SCIM else is_proved_by(row, use)
            row.used_by = len(use.tenants), bounded_count(Person.objects.filter(persons))

    @admin.display(description=__("protocol"))
    def protocol_shown(self, directory: Directory) -> str:
        """LDAP or RADIUS."""
        return directory.get_protocol_display()

    @admin.display(description=__("secret"))
    def secret_state(self, directory: Directory) -> str:
        """Whether there is one."""
        return badge(_("Set"), tone="ok") if directory.secret.text else badge(_("Not set"), tone="")

    @admin.display(description=__("token"))
    def token_state(self, directory: Directory) -> str:
        """Whether there is one, and when it was last used."""
        return token_in_words(directory)

    @admin.display(description=__("address"))
    def address(self, directory: Directory) -> str:
        """Of the SCIM server."""
        return format_html("<code>{}</code>", address())

    @admin.display(description=__("groups and the roles they give"))
    def groups_shown(self, directory: Directory) -> str:
        """The mapping of groups."""
        rows = directory.groups.select_related("role")
        return _table(_("Group"), _("Role"), ((one.group, one.role) for one in rows))

    @admin.display(description=__("values of the tenant attribute"))
    def tenant_values_shown(self, directory: Directory) -> str:
        """The mapping of values."""
        rows = directory.tenant_values.select_related("tenant")
        return _table(_("Value"), _("Tenant"), ((one.value, one.tenant) for one in rows))

    # --- the form --------------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is shown of a directory and never typed."""
        return ("protocol_shown", "address", "token_state", *READ_AS.values())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Those of the protocol; for who may only read, with tables instead of lines and no field for the secret."""
        writes = obj is None or self.has_change_permission(request, obj)
        found = []
        for title, options in FIELDSETS[_protocol_of(request, obj)]:
            names = [name if writes else READ_AS.get(name, name) for name in options["fields"]]
            if title is None and obj is not None:
                names.insert(1, "protocol_shown")
            found.append((title, {"fields": names}))
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form of the protocol."""
        return super().get_form(request, obj, change, form=FORMS[_protocol_of(request, obj)], **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The page of a directory; of a new one, the protocol is asked for first."""
        if object_id is None and request.GET.get("protocol") not in FIELDSETS:
            self._demand(request, "add", None)
            return self._choose(request)
        extra = {"subtitle": Protocol(request.GET["protocol"]).label} if object_id is None else {}
        return super().changeform_view(request, object_id, form_url, extra | (extra_context or {}))

    def _choose(self, request: HttpRequest) -> HttpResponse:
        form: Any = ChooseProtocolForm(initial={"protocol": Protocol.LDAP})
        context = page_context(
            self,
            request,
            title=_("Add %s") % self.opts.verbose_name,
            adminform=helpers.AdminForm(form, [(None, {"fields": ["protocol"]})], {}, model_admin=self),
            back_url=self.list_url(request),
        )
        return TemplateResponse(request, f"{_TEMPLATES}/choose.html", context)

    # --- verbs -----------------------------------------------------------------------------------------------------------

    def create(self, given: dict[str, Any], *, by: Administrator, now: datetime) -> Directory | Denied:
        """Add a directory."""
        return services.create_directory(services.DirectoryDraft(**given), by=by, now=now)

    def change(
        self, obj: Directory, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> Directory | Denied:
        """Change a directory."""
        return services.change_directory(obj, services.DirectoryDraft(**given), by=by, now=now)

    def remove(self, obj: Directory, *, by: Administrator, now: datetime) -> Denied | None:
        """Delete a directory that nobody uses."""
        return services.delete_directory(obj, by=by, now=now)

    @object_verb(
        __("Test connection"),
        explains=__(
            "Every server is asked now, with what is stored. The steps are those of a sign-in; no password of a person is asked for."
        ),
        done=__("Tested."),
        offered=lambda directory: directory.protocol in PROVING,
        form=TrialForm,
        result_template=f"{_TEMPLATES}/test.html",
        result_context=lambda trial: {"trial": trial, "servers": list(_shown(trial))},
    )
    def test(
        self, obj: Directory, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> Trial | Denied:
        """Ask every server."""
        return try_directory(obj, login=given.get("login", ""), by=by, now=now)

    @object_verb(
        __("Make a token"),
        explains=__(
            "A new bearer token takes the place of the one there is, which does not hold any more from then on. It is shown once, on the "
            "next page, to be entered at the identity provider."
        ),
        done=__("The token was made."),
        form=MakeTokenForm,
        result_template=f"{_TEMPLATES}/token_made.html",
        result_context=lambda token: {"secret": token, "address": address()},
        confirmed=True,
        offered=lambda directory: directory.protocol == Protocol.SCIM,
    )
    def make_token(
        self, obj: Directory, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> str | Denied:
        """Make the credential of the identity provider."""
        return services.make_token(obj, by=by, now=now)

    @object_verb(
        __("Import people"),
        explains=__(
            "Everybody whom the filter of the import finds is read now and compared with who is here; then new people are made, changed "
            "ones changed, and who is gone is switched off. It takes some seconds for a thousand people."
        ),
        done=__("Imported."),
        form=ImportForm,
        result_template=f"{_TEMPLATES}/imported.html",
        result_context=lambda run: {"results": import_panels(run)},
        confirmed=True,
        offered=lambda directory: bool(directory.import_filter),
    )
    def import_people(
        self, obj: Directory, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> Import | Denied:
        """Read, compare, and unless it is only to be compared, apply."""
        return services.import_people(
            obj,
            whole=not given["only_changed"],
            dry_run=given["dry_run"],
            even_if_many=given["even_if_many"],
            by=by,
            now=now,
        )

    # --- panels ----------------------------------------------------------------------------------------------------------

    def panels(self, request: HttpRequest, obj: Directory) -> Sequence[Panel]:
        """The servers as they were last seen, and who uses the directory."""
        if obj.protocol == Protocol.SCIM:
            return [groups_brought(obj), persons_brought(obj, self.gate.visible(request, Person))]
        use = use_of(obj)
        found = [self._servers(obj), self._tenants(obj, use), self._persons(request, obj, use)]
        return [*found, imports_of(obj)] if obj.import_filter else found

    def _servers(self, directory: Directory) -> Panel:
        now = timezone.now()
        seen = {row.server: row for row in directory.seen.all()}
        return Panel(
            title=_("Servers, as they were last checked"),
            headers=(_("Server"), _("State"), _("Took"), _("Certificate"), _("Looked at")),
            rows=[_server_row(name, seen.get(name), now=now) for name in directory.server_names],
            empty="",
        )

    def _tenants(self, directory: Directory, use: Use) -> Panel:
        return Panel(
            title=_("Tenants that use it"),
            headers=(_("Tenant"), _("Named by"), _("For")),
            rows=[
                (
                    link_to(one),
                    _("itself") if one.directory_id == directory.pk else _("a tenant above"),
                    _("everybody") if one.pk in use.everybody else _("persons with an external id"),
                )
                for one in Tenant.objects.filter(pk__in=use.tenants).order_by("dbid")[:SHOWN]
            ],
            empty=_("No tenant names it. On the page of a tenant it is chosen who proves passwords."),
        )

    def _persons(self, request: HttpRequest, directory: Directory, use: Use) -> Panel:
        persons = self.gate.visible(request, Person).filter(is_proved_by(directory, use))
        # Found without an order: among a million, sorting them all takes longest.
        found = list(persons.order_by().values_list("pk", flat=True)[: SHOWN + 1])
        shown = Person.objects.filter(pk__in=found[:SHOWN]).select_related("tenant").order_by("name_key")
        rows = [(link_to(one), one.display_name, one.external_id or "–", one.tenant) for one in shown]
        title = _("Persons whose passwords it proves")
        if len(found) > SHOWN:
            title = _("%(title)s: %(number)s of %(count)s") % {
                "title": title,
                "number": SHOWN,
                "count": bounded_count(persons),
            }
        return Panel(
            title=title,
            headers=(_("User name"), _("Name"), _("External id"), _("Tenant")),
            rows=rows,
            empty=_("Nobody that you may see."),
        )


def _protocol_of(request: HttpRequest, obj: Directory | None) -> str:
    return obj.protocol if obj is not None else request.GET.get("protocol", "")


def _table(left: str, right: str, rows: Iterator[tuple[Any, Any]]) -> str:
    lines = format_html_join("", "<tr><td>{}</td><td>{}</td></tr>", rows)
    if not lines:
        return _("none")
    return format_html(
        '<div class="gh-scroll"><table class="gh-pairs"><thead><tr><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
        "<tbody>{}</tbody></table></div>",
        left,
        right,
        lines,
    )


def _server_row(name: str, row: DirectoryServer | None, *, now: datetime) -> tuple[Any, ...]:
    if row is None:
        return (name, badge(_("Not looked at yet"), tone=""), "", "", "")
    state = (
        badge(_("Answers"), tone="ok")
        if row.ok
        else two_lines(
            badge(_("Fails at: %(step)s") % {"step": step_of(row.failed_step)}, tone="danger"), row.reason
        )
    )
    since = date_format(timezone.localtime(row.since), "DATETIME_FORMAT")
    tone, ends = certificate_in_words(row.certificate_expires_at, now=now)
    looked_at = _("%(time)s ago") % {"time": age_of(row.checked_at, now=now)}
    return (
        name,
        state,
        _("%(number)s ms") % {"number": row.milliseconds},
        badge(ends, tone=tone) if ends else "–",
        two_lines(looked_at, _("the same since %(time)s") % {"time": since}),
    )


def _shown(trial: Trial) -> Iterator[dict[str, Any]]:
    now = timezone.now()
    for server in trial.servers:
        ends = server.certificate_expires_at
        expires_at = (
            None if ends is None else datetime.fromtimestamp(ends, tz=timezone.get_current_timezone())
        )
        tone, told = certificate_in_words(expires_at, now=now)
        yield {
            "name": server.server,
            "ok": server.ok,
            "certificate": badge(told, tone=tone) if told else "",
            "checks": [{"step": step_of(check.step), "check": check} for check in server.checks],
        }
