"""The settings in the administration: one page for everywhere and one for each company, and their revisions."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from core.admin import VerbAdmin
from core.admin_gate import show_refusal
from core.admin_lists import begins_with, spellings_of
from core.admin_pages import ObjectForm, object_verb
from core.admin_verbs import page_context
from core.options import told
from core.outcomes import Denied
from tenants import settings
from tenants.actor import Actor
from tenants.forms_settings import SettingsForm
from tenants.models import Company, SettingsRevision
from tenants.rights import Everywhere
from tenants.rules import may_touch

SCOPES = 50
REVISIONS = 30
CHANGED_MEANWHILE = Denied(
    code="conflict",
    message=__(
        "Somebody else has changed these settings in the meantime. Your values are still here; "
        "look at the revisions below and save again."
    ),
)


class ReasonForm(ObjectForm):
    """Why settings are changed."""

    reason = forms.CharField(
        label=__("Reason"),
        max_length=300,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=__("Stands beside the revision and in the audit events."),
    )


def changes_of(revision: SettingsRevision, before: Mapping[str, Any]) -> list[str]:
    """What a revision changed, in one line for each setting."""
    after: Mapping[str, Any] = revision.values
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [
        f"{name}: {told(name, before.get(name, '–'))} → {told(name, after.get(name, '–'))}" for name in names
    ]


class SettingsRevisionAdmin(VerbAdmin):
    """Settings; a change makes a new revision, and an older one can be put in force again."""

    nav_label = __("Settings")
    ordering = ("-id",)
    list_select_related = ("company",)
    object_verbs = ("roll_back",)
    fieldsets = ((None, {"fields": ("company", "number", "at", "author_name", "reason", "values")}),)
    help_texts = {
        "company": __("Whose settings these are; empty: everybody's."),
        "number": __("Revisions are numbered for each company and for everywhere."),
        "at": __("When it was put in force."),
        "author_name": __("Who did it."),
        "reason": __("Why."),
        "values": __("Every value that this revision set; all others came from above."),
    }

    @object_verb(
        __("Roll back to this revision"),
        explains=__("Its values come into force again, as a new revision. They hold within a second."),
        done=__("Its values are in force again."),
        form=ReasonForm,
    )
    def roll_back(self, obj: SettingsRevision, given: dict[str, Any], *, by: Actor, now: datetime) -> Any:
        """Put its values in force again."""
        return settings.roll_back(obj, reason=given["reason"], by=by, now=now)

    def get_urls(self) -> list[URLPattern]:
        """The addresses of the pages of settings."""
        view = self.admin_site.admin_view
        return [
            path("everywhere/", view(self.scope_view), name="tenants_settingsrevision_everywhere"),
            path("company/<int:company_id>/", view(self.scope_view), name="tenants_settingsrevision_company"),
            *super().get_urls(),
        ]

    def url_of(self, obj: Any, verb: str) -> str:
        """A revision is read on the page of its settings."""
        return scope_url(obj.company_id) if verb == "change" else super().url_of(obj, verb)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Whose settings there are to see; straight on where there is no choice."""
        self._demand(request, "view", None)
        rights = self.gate.actor(request).rights
        reach = rights.sees("setting")
        companies = (
            Company.objects.all() if isinstance(reach, Everywhere) else Company.objects.filter(pk__in=reach)
        )
        term = request.GET.get("q", "").replace("\0", "").strip()[:120]
        found = list(
            _with_newest(companies.filter(begins_with("name", *spellings_of(term))) if term else companies)[
                : SCOPES + 1
            ]
        )
        if not isinstance(reach, Everywhere) and not term and len(found) == 1:
            return HttpResponseRedirect(scope_url(found[0].pk))
        scopes = [
            {"name": one.name, "url": scope_url(one.pk), "at": one.changed_at, "by": one.changed_by}
            for one in found[:SCOPES]
        ]
        if isinstance(reach, Everywhere) and not term:
            last = SettingsRevision.objects.filter(company=None).order_by("-number").first()
            changed = {"at": last.at, "by": last.author_name} if last else {}
            scopes.insert(0, {"name": _("Everywhere"), "url": scope_url(None), "everywhere": True, **changed})
        context = {"title": _("Settings"), "scopes": scopes, "term": term, "more": len(found) > SCOPES}
        return self._page(request, "scopes", context)

    def scope_view(self, request: HttpRequest, company_id: int | None = None) -> HttpResponse:
        """The settings of one company, or (None) of everywhere."""
        actor: Actor = self.gate.actor(request)
        if not may_touch(actor.rights, "view", "setting", company_id=company_id):
            raise Http404
        company = None if company_id is None else get_object_or_404(Company, pk=company_id)
        may_change = may_touch(actor.rights, "change", "setting", company_id=company_id)
        form: Any = SettingsForm(
            request.POST if request.method == "POST" else None, company=company, locked=not may_change
        )
        if request.method == "POST":
            if not may_change:
                self.forbid(request, "change", company)
            if form.is_valid():
                outcome = self.attempt(request, "change", company, partial(self._save, form, company))
                if not isinstance(outcome, Denied):
                    messages.success(request, _("The settings were changed. They hold within a second."))
                    return HttpResponseRedirect(scope_url(company_id))
                show_refusal(outcome, form)
        context = {
            "title": _("Settings"),
            "subtitle": company.name if company else _("Everywhere"),
            "company": company,
            "form": form,
            "adminform": helpers.AdminForm(form, form.fieldsets(), {}, model_admin=self),
            "errors": helpers.AdminErrorList(form, []),
            "may_change": may_change,
            "revisions": self._revisions(company_id, may_change=may_change),
        }
        return self._page(request, "scope", context)

    def _save(self, form: SettingsForm, company: Company | None, *, by: Actor, now: datetime) -> Any:
        if form.is_stale():
            return CHANGED_MEANWHILE
        reason: str = form.cleaned_data["reason"]
        return settings.change_settings(form.changes(), company=company, reason=reason, by=by, now=now)

    def _revisions(self, company_id: int | None, *, may_change: bool) -> list[dict[str, Any]]:
        rows = list(SettingsRevision.objects.filter(company=company_id).order_by("-number")[: REVISIONS + 1])
        shown = []
        for index, row in enumerate(rows[:REVISIONS]):
            before = rows[index + 1].values if index + 1 < len(rows) else {}
            back = self.url_of(row, "roll_back") if may_change and index else ""
            shown.append({"row": row, "changes": changes_of(row, before), "roll_back_url": back})
        return shown

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        template = f"admin/tenants/settingsrevision/{template}.html"
        return TemplateResponse(request, template, page_context(self, request, **context))


def scope_url(company_id: int | None) -> str:
    """The address of the settings of a company, or of everywhere."""
    if company_id is None:
        return reverse("admin:tenants_settingsrevision_everywhere")
    return reverse("admin:tenants_settingsrevision_company", args=(company_id,))


def _with_newest(companies: QuerySet[Company]) -> QuerySet[Any]:
    newest = SettingsRevision.objects.filter(company=OuterRef("pk")).order_by("-number")
    return companies.annotate(
        changed_at=Subquery(newest.values("at")[:1]), changed_by=Subquery(newest.values("author_name")[:1])
    )
