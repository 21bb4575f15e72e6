"""Co-browse applications in the administration: their options, the agent token, and what the company's pages need."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from cobrowse import applications as verbs
from cobrowse.admin_sessions import CobrowseSessionAdmin as CobrowseSessionAdmin
from cobrowse.applications import ApplicationDraft, NewToken
from cobrowse.catalogue import KINDS, TOKEN_OF, Kind
from cobrowse.forms import FORMS, ApplicationForm, GenerateTokenForm
from cobrowse.instrumentation import instrumentation_of
from cobrowse.models import Application, ApplicationType, Option, Validity
from cobrowse.options import REFUSE_WHEN_UNSET
from cobrowse.tokens import application_of, desk_of, without_token
from cobrowse.validity import TROUBLES
from core.admin import VerbAdmin
from core.admin_lists import VisibleRelatedFilter
from core.admin_pages import Note, Panel, Words, badge, object_verb, two_lines, when
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.settings import snapshot

MASKED = "••••••"
STATES: Mapping[str, tuple[str, Words]] = {
    Validity.OFF: ("warning", __("Authentication is off")),
    Validity.VALID: ("ok", __("The same")),
    Validity.MISMATCH: ("danger", __("They differ")),
    Validity.WORKSPACE_MISSING: ("warning", __("None in the Workspace application")),
    Validity.CLUSTER_MISSING: ("warning", __("None in the Co-browse Cluster")),
    Validity.UNREADABLE: ("danger", __("Cannot be opened")),
}
REMEDIES: Mapping[str, Words] = {
    Validity.MISMATCH: __(
        "The two applications of the company hold different tokens, so agents are refused who come with the other one. "
        "Enter the same in both, or generate one for both."
    ),
    Validity.WORKSPACE_MISSING: __(
        "The Co-browse Cluster has a token and there is none in a Workspace application, so the agent's page here is refused. "
        "Enter the same one there, or generate one for both."
    ),
    Validity.CLUSTER_MISSING: __(
        "The Workspace application has a token and the Co-browse Cluster has none, so nobody asks for it. "
        "Enter the same one there, or generate one for both."
    ),
    Validity.UNREADABLE: __(
        "A token cannot be opened with the keys of this installation, so nobody comes in by it. Generate another one for both."
    ),
}
OFF = __(
    "Agent authentication is off: any desktop may work with the sessions of this company, if the person at it has the privilege. "
    "Generate a token to turn it on."
)
REFUSED = __(
    "The Co-browse Cluster has no token, and Cobrowse.RefuseWhenTokenUnset is on: every agent of this company is refused. "
    "Generate a token to let them in."
)


def _shown_once(made: NewToken) -> Mapping[str, Any]:
    compared = Validity(Application.objects.get(pk=made.applications[0].pk).validity).label
    return {"secret": made.token, "applications": made.applications, "compared": compared}


class TokensFilter(admin.SimpleListFilter):
    """Applications by what came of comparing their tokens."""

    title = __("agent tokens")
    parameter_name = "tokens"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What can be asked for."""
        return [
            ("off", __("Clusters without a token")),
            ("amiss", __("Something is amiss")),
            ("valid", __("The same in both")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Applications in this state."""
        if self.value() == "off":
            return without_token(queryset)
        wanted = {"amiss": TROUBLES, "valid": {Validity.VALID}}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(validity__in=wanted)


def _has_token(application: Application) -> bool:
    kind = TOKEN_OF[application.type]
    option = application.held().get(kind.path)
    return option is not None and option.is_set


@admin.register(Application)
class ApplicationAdmin(VerbAdmin):
    """What decides a company's sessions, and what stands for its agents' desktops."""

    form = ApplicationForm
    # Who changes an option, or takes the token away, decides who works with sessions.
    confirmed_verbs = frozenset({"change", "delete"})
    ordering = ("name", "pk")
    list_display = ("application", "company", "tokens", "compared")
    list_filter = ("type", TokensFilter, ("company", VisibleRelatedFilter))
    list_select_related = ("company",)
    sortable_by = ()
    search_fields = ("name",)
    search_help_text = __("The beginning of a name.")
    object_verbs = ("generate_token", "forget_token")
    autocomplete_fields = ("company",)
    remove_explains = __(
        "Its options go with it. With a Co-browse Cluster goes its token, so agent authentication is off then, and its sites, so "
        "nobody can start a session on the company's pages any more."
    )
    fieldsets = ((None, {"fields": ("name", "company", "type", "tokens_compared")}),)
    add_fieldsets = ((None, {"fields": ("name", "company", "type")}),)
    help_texts = {
        "tokens_compared": __(
            "The token of the Co-browse Cluster against that of the Workspace application: compared at every change, every hour, and "
            "whenever this installation starts."
        )
    }

    # --- columns and what is only read -----------------------------------------------------------------------------------

    @admin.display(description=__("application"), ordering="name")
    def application(self, application: Application) -> str:
        """Its name over its type."""
        return two_lines(application.name, application.get_type_display())

    @admin.display(description=__("agent tokens"))
    def tokens(self, application: Application) -> str:
        """What came of comparing them, in a word."""
        tone, word = STATES[application.validity]
        return badge(word, tone=tone)

    @admin.display(description=__("compared"))
    def compared(self, application: Application) -> str:
        """When."""
        return when(application.checked_at)

    @admin.display(description=__("agent tokens"))
    def tokens_compared(self, application: Application) -> str:
        """Both in one."""
        told = _("compared %(time)s") % {"time": when(application.checked_at)}
        return two_lines(self.tokens(application), told)

    # --- the form ----------------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Company and type are given once."""
        return () if obj is None else ("company", "type", "tokens_compared")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """For who may change it, a field for each option, under the name of its section; the others read them in the panel."""
        found = list(super().get_fieldsets(request, obj))
        if obj is not None and self.has_change_permission(request, obj):
            sections = dict.fromkeys(kind.section for kind in KINDS[obj.type])
            found += [
                (one, {"fields": [kind.field for kind in KINDS[obj.type] if kind.section == one]})
                for one in sections
            ]
        return found

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """The form of a new one, or that of the type."""
        if obj is not None:
            kwargs["form"] = FORMS[obj.type]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One's own company, for who sees no other."""
        actor: Actor = self.gate.actor(request)
        own = actor.usual_company(verbs.KIND)
        return {"company": own.pk if own is not None else None}

    def create(self, given: dict[str, Any], *, by: Actor, now: datetime) -> Application | Denied:
        """Make an application."""
        given["company"] = given.get("company") or by.usual_company(verbs.KIND)
        return verbs.create_application(ApplicationDraft(**given), by=by, now=now)

    def change(
        self, obj: Application, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Application | Denied:
        """Change its name and options."""
        draft = ApplicationDraft(name=given["name"])
        return verbs.change_application(obj, draft, given["options"], by=by, now=now)

    def remove(self, obj: Application, *, by: Actor, now: datetime) -> Denied | None:
        """Delete it."""
        return verbs.delete_application(obj, by=by, now=now)

    # --- the token -----------------------------------------------------------------------------------------------------------

    @object_verb(
        __("Generate a token"),
        explains=__(
            "A new agent token of 26 characters takes the place of the one that is kept. It is shown once, on the next page. Agents "
            "whose desktops send another one, or none, are refused within a second: also programs with the published client "
            "cobrowse-agent-sdk, which cannot send one."
        ),
        done=__("The token was generated."),
        form=GenerateTokenForm,
        result_template="admin/cobrowse/application/token_made.html",
        result_context=_shown_once,
        confirmed=True,
    )
    def generate_token(
        self, obj: Application, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> NewToken | Denied:
        """Draw a token and keep it sealed."""
        return verbs.generate_token(obj, both=given["both"], by=by, now=now)

    @object_verb(
        __("Remove the token"),
        explains=__(
            "Of a Co-browse Cluster this turns agent authentication off: any desktop may then work with the company's sessions, unless "
            "Cobrowse.RefuseWhenTokenUnset is on. Of a Workspace application, the agent's page here sends no token any more."
        ),
        done=__("The token is gone."),
        danger=True,
        confirmed=True,
        offered=_has_token,
    )
    def forget_token(
        self, obj: Application, given: dict[str, Any], *, by: Actor, now: datetime
    ) -> Application | Denied:
        """Take the token away."""
        return verbs.set_options(obj, {TOKEN_OF[obj.type].path: ""}, by=by, now=now)

    # --- what else is shown ------------------------------------------------------------------------------------------------------

    def notes(self, request: HttpRequest, obj: Any) -> Sequence[Note]:
        """Whether desktops authenticate, and what is amiss."""
        if obj is None:
            return ()
        found = []
        if not desk_of(obj.company_id).is_on:
            refuses = snapshot(obj.company_id).on(REFUSE_WHEN_UNSET)
            found.append(Note(sentence=REFUSED if refuses else OFF, tone="warning"))
        if obj.validity == Validity.VALID:
            sentence = _(
                "Agents' desktops authenticate: both applications of the company hold the same token."
            )
            found.append(Note(sentence=sentence, tone="ok"))
        elif obj.validity in REMEDIES and (
            desk_of(obj.company_id).is_on or obj.validity != Validity.CLUSTER_MISSING
        ):
            found.append(Note(sentence=REMEDIES[obj.validity], tone="warning"))
        if application_of(obj.company_id, ApplicationType.CLUSTER) is None:
            sentence = _(
                "The company has no Co-browse Cluster application, so nobody can start a session on its pages."
            )
            found.append(Note(sentence=sentence, tone="warning"))
        return found

    def panels(self, request: HttpRequest, obj: Application) -> Sequence[Panel]:
        """The options with who set them last, and what the pages need."""
        own = [_options(obj)]
        return [*own, _instrumentation(obj)] if obj.type == ApplicationType.CLUSTER else own


def _code(text: str) -> str:
    return format_html("<code>{}</code>", text)


def _to_copy(name: str, text: str) -> str:
    return format_html(
        '<code id="{0}">{1}</code><p><button class="button" type="button" data-copy="{0}" data-copied="{2}" hidden>{3}</button></p>',
        name,
        text,
        _("Copied"),
        _("Copy"),
    )


def _lines(lines: Sequence[str]) -> str:
    return format_html_join("", "<div><code>{}</code></div>", ((one,) for one in lines))


def _value_of(kind: Kind, option: Option | None) -> str:
    if option is None or not option.is_set:
        return "–"
    return MASKED if kind.is_secret else _lines(option.value.splitlines())


def _options(application: Application) -> Panel:
    held = application.held()
    rows = []
    for kind in KINDS[application.type]:
        option = held.get(kind.path)
        rows.append(
            (
                _code(kind.path),
                _value_of(kind, option),
                when(option.changed_at) if option is not None else _("never"),
                (option.changed_by_name or _("this installation")) if option is not None else "–",
            )
        )
    return Panel(
        title=_("Options, and who changed them last"),
        headers=(_("Option"), _("Value"), _("Last changed"), _("By")),
        rows=rows,
        empty="",
        stacked=True,
    )


def _instrumentation(cluster: Application) -> Panel:
    found = instrumentation_of(cluster)
    nowhere = _("None yet: no page can start a session. List the site under cross-origin/allowedOrigins.")
    rows: list[tuple[Any, Any]] = [
        (
            two_lines(_("Snippet"), _("In every page, before </head>.")),
            _to_copy("snippet", found.snippet),
        ),
        (two_lines(_("Site key"), _("Names the company. It is no secret.")), _code(found.site_key)),
        (
            two_lines(_("Sites that may start sessions"), _("Nothing is allowed until it is listed.")),
            _lines(found.origins) or nowhere,
        ),
        (
            two_lines(_("Address"), _("What the pages call: cluster/url, or this installation's own.")),
            _code(found.address),
        ),
        (
            two_lines(
                _("Content-Security-Policy"),
                _("Where the site has one, add these sources to its directives."),
            ),
            _lines(found.policies),
        ),
    ]
    return Panel(
        title=_("Instrumentation"),
        lead=_("What the company's pages need so that their visitors can start a session."),
        headers=(_("What"), _("Value")),
        rows=rows,
        empty="",
        stacked=True,
    )
