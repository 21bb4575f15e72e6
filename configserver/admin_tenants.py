"""Tenants in the administration: who proves the passwords of their persons, and the rules about these."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from configserver import services, tree
from configserver.access import Administrator
from configserver.forms_admin import TenantForm, source_in_words
from configserver.inheritance import standing
from configserver.models import ENVIRONMENT_DBID, Person, Tenant
from configserver.options import STRICT, tenant_rules
from configserver.words import directory_names, proof_of
from core.admin import VerbAdmin
from core.admin_pages import Note, Panel, Words, badge, link_to, two_lines
from core.option_fields import shown, words_of
from core.outcomes import Denied

SHOWN = 20
_ROOT_HELP: dict[str, Words] = {
    "dbid": __("ENVIRONMENT keeps its number."),
    "is_active": __("ENVIRONMENT stays on."),
    "library": __("For every tenant that says nothing itself, nor one above it."),
}


def is_root(tenant: Tenant | None) -> bool:
    """Whether this is ENVIRONMENT, below which all others stand."""
    return tenant is not None and tenant.dbid == ENVIRONMENT_DBID


class TenantAdmin(VerbAdmin):
    """Tenants of the Configuration Server."""

    form = TenantForm
    ordering = ("dbid",)
    list_display = ("name", "dbid", "parent", "proof", "company", "persons", "state")
    list_filter = ("is_active",)
    list_select_related = ("parent", "directory")
    sortable_by = ("name", "dbid")
    search_fields = ("name",)
    search_help_text = __("The beginning of a name, or a whole DBID.")
    autocomplete_fields = ("parent",)
    remove_explains = __(
        "A tenant that persons, tenants below it or mappings of directories name cannot be deleted."
    )
    help_texts = {
        "dbid": __(
            "The number by which companies name this tenant. Changing it changes whose company its persons get."
        ),
        "parent": __("What this tenant does not say itself comes from there. Empty: ENVIRONMENT."),
        "library": __(
            "Option library: the Configuration Server itself, or a directory. It holds for the tenants below, too."
        ),
        "enforce": __(
            "Option enforce-external-auth: otherwise the directory is asked only for persons with an external id."
        ),
    }
    add_fieldsets = (
        (None, {"fields": ("dbid", "name", "parent", "is_active")}),
        (
            __("Who proves passwords"),
            {
                "fields": ("library", "directory", "enforce"),
                "description": __("The rules about passwords are set on the tenant's page once it is there."),
            },
        ),
    )
    fieldsets = (
        (None, {"fields": ("dbid", "name", "parent", "is_active")}),
        (__("Who proves passwords"), {"fields": ("library", "directory", "enforce")}),
    )

    # --- the list ---

    @admin.display(description=__("passwords proved by"))
    def proof(self, tenant: Any) -> str:
        """Who proves the passwords."""
        return two_lines(*tenant.proved_by)

    @admin.display(description=__("company"))
    def company(self, tenant: Any) -> str:
        """The company linked to it, where the reader may see it."""
        return str(tenant.company_name)

    @admin.display(description=__("persons"))
    def persons(self, tenant: Any) -> str:
        """How many persons there are."""
        return f"{tenant.person_count:,}"

    @admin.display(description=__("state"))
    def state(self, tenant: Tenant) -> str:
        """Whether its persons may sign in."""
        if not tenant.is_active:
            return badge(_("Off"), tone="")
        on = all(link.is_active for link in tree.chain(tenant.pk))
        return badge(_("Active"), tone="ok") if on else badge(_("Off above"), tone="")

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Persons counted, companies and directories named."""
        linked = self.gate.linked(request, [row.dbid for row in rows])
        counted = Person.objects.filter(tenant__in=[row.pk for row in rows]).order_by()
        counts = dict(counted.values_list("tenant").annotate(number=Count("pk")))
        directories = directory_names()
        for row in rows:
            row.company_name = linked.get(row.dbid, ("–", ""))[0]
            row.person_count = counts.get(row.pk, 0)
            row.proved_by = proof_of(tree.chain(row.pk), directories)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> Any:
        """By the beginning of the name, or by the number."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        term = search_term.strip()
        if term.isascii() and term.isdecimal() and len(term) < 11:
            found = found | queryset.filter(dbid=int(term))
        return found, duplicates

    # --- the page ---

    def _with_rules(self, request: HttpRequest, obj: Tenant | None) -> bool:
        return obj is not None and not is_root(obj) and self.has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The rules about passwords last, each with a field; those of ENVIRONMENT are the settings."""
        found = super().get_fieldsets(request, obj)
        if is_root(obj):
            # There is nobody above it to take anything from.
            found[0][1]["fields"] = ["dbid", "name", "is_active"]
        if self._with_rules(request, obj):
            options = {"fields": ["inherits", *tenant_rules()], "description": self._about_rules(request)}
            found.append((_("Rules about passwords"), options))
        return found

    def _about_rules(self, request: HttpRequest) -> str:
        words = _(
            "For passwords that the Configuration Server keeps; a directory has its own. Empty: as above."
        )
        if self.gate.settings().on(STRICT):
            return words
        off = _("None of them counts at present, because the setting %(name)s is off.") % {
            "name": STRICT.name
        }
        url = self.gate.settings_url(request)
        link = format_html(' <a href="{}#id_{}">{}</a>', url, STRICT.name, _("To the setting")) if url else ""
        return format_html("{} <strong>{}</strong>{}", words, off, link)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """ENVIRONMENT keeps its number, and stays on."""
        return ("dbid", "is_active") if is_root(obj) else ()

    def help_of(self, request: HttpRequest, obj: Any) -> dict[str, Words]:
        """ENVIRONMENT stands above all others."""
        return self.help_texts | _ROOT_HELP if is_root(obj) else self.help_texts

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form for this tenant, with what stands above it."""
        names = set(tenant_rules())
        if "fields" in kwargs:
            kwargs["fields"] = [name for name in kwargs["fields"] if name not in names]
        found = super().get_form(request, obj, change=change, **kwargs)
        found.environment, found.with_rules = self.gate.settings(), self._with_rules(request, obj)
        return found

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is offered to delete ENVIRONMENT."""
        return not is_root(obj) and super().has_delete_permission(request, obj)

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """What ENVIRONMENT is, and where its rules are."""
        if not is_root(obj):
            return ()
        words = _("ENVIRONMENT is the root of all tenants. Its rules about passwords are the settings.")
        return [Note(sentence=words, url=self.gate.settings_url(request) or "", label=_("To the settings"))]

    # --- verbs ---

    def create(self, given: dict[str, Any], *, by: Administrator, now: datetime) -> Tenant | Denied:
        """Add a tenant."""
        return services.create_tenant(services.TenantDraft(**given), by=by, now=now)

    def change(
        self, obj: Tenant, given: dict[str, Any], *, by: Administrator, now: datetime
    ) -> Tenant | Denied:
        """Change a tenant; what has no value of its own is taken from above."""
        said = {name: given.pop(name) for name in tenant_rules() if name in given}
        if said:
            given["rules"] = {name: value for name, value in said.items() if value}
        return services.change_tenant(obj, services.TenantDraft(**given), by=by, now=now)

    def remove(self, obj: Tenant, *, by: Administrator, now: datetime) -> Denied | None:
        """Delete a tenant that nothing names."""
        return services.delete_tenant(obj, by=by, now=now)

    # --- panels ---

    def panels(self, request: HttpRequest, obj: Tenant) -> Sequence[Panel]:
        """Whose company it is, its rules where they have no field, the tenants below, and its persons."""
        found = [] if is_root(obj) else [self._company(request, obj)]
        if not self._with_rules(request, obj):
            found.append(self._rules(request, obj))
        found.append(self._below(request, obj))
        if self.gate.may(request, "view", Person):
            found.append(self._persons(request, obj))
        return found

    def _company(self, request: HttpRequest, tenant: Tenant) -> Panel:
        linked = self.gate.linked(request, [tenant.dbid]).values()
        return Panel(
            title=_("Company"),
            headers=(_("Loaded at sign-in"),),
            rows=[(format_html('<a href="{}">{}</a>', url, name),) for name, url in linked],
            empty=_(
                "No company that you may see is linked to this tenant. A company names it on its own page, by the DBID %(dbid)s."
            )
            % {"dbid": tenant.dbid},
        )

    def _rules(self, request: HttpRequest, tenant: Tenant) -> Panel:
        links, environment = tree.chain_now(tenant.pk), self.gate.settings()
        rows = Tenant.objects.filter(pk__in=[link.pk for link in links])
        names = dict(rows.values_list("dbid", "name"))
        shown_rules = []
        for name, rule in tenant_rules().items():
            here = standing(rule, links, environment)
            source = source_in_words(here, rule, here=tenant.dbid, names=names)
            label = two_lines(words_of(name.rpartition(".")[2]), rule.help)
            shown_rules.append((label, shown(rule, here.value), source))
        return Panel(
            title=_("Rules about passwords"),
            headers=(_("Rule"), _("In force"), _("Comes from")),
            rows=shown_rules,
            empty="",
            more_url=(self.gate.settings_url(request) or "") if is_root(tenant) else "",
            more_label=_("To the settings"),
        )

    def _below(self, request: HttpRequest, tenant: Tenant) -> Panel:
        below = self.get_queryset(request).filter(parent=tenant)[:SHOWN]
        return Panel(
            title=_("Tenants below"),
            headers=(_("Name"), _("DBID"), _("State")),
            rows=[
                (
                    link_to(one, one.name),
                    one.dbid,
                    self.state(one),
                )
                for one in below
            ],
            empty=_("There are none."),
        )

    def _persons(self, request: HttpRequest, tenant: Tenant) -> Panel:
        rows = [
            (
                link_to(one),
                one.display_name,
                badge(_("Active"), tone="ok") if one.is_active else badge(_("Off"), tone=""),
            )
            for one in self.choices(request, Person).filter(tenant=tenant)[:SHOWN]
        ]
        query = urlencode({"tenant__id__exact": tenant.pk})
        return Panel(
            title=_("Persons"),
            headers=(_("User name"), _("Name"), _("State")),
            rows=rows,
            empty=_("There is nobody in this tenant whom you may see."),
            more_url=f"{reverse('admin:configserver_person_changelist')}?{query}" if rows else "",
            more_label=_("All of them"),
        )
