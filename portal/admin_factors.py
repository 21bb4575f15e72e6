"""The page *Second factors*: who has which, and who could not sign in under a policy before it is switched on."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.admin import AdminSite, helpers
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core.admin_forms import Autocomplete
from tenants.models import Company, SecondFactorPolicy
from tenants.rules import may_touch, visible_to
from twofactor.models import FactorKind
from twofactor.report import chosen_company, judged, may_read, numbers, shut_out, what_if

PAGE = 50
BEHAVIOURS: dict[str, str | Promise] = {
    "deny": _("The settings turn people without any way away (NoVerifiedContactBehaviour: deny)."),
    "enrol": _(
        "The settings let people without any way set one up at the sign-in (NoVerifiedContactBehaviour: enrol)."
    ),
    "agent": _(
        "The settings let people without any way ask for an administrator, who makes sure of them (NoVerifiedContactBehaviour: agent)."
    ),
    "allow": _(
        "The settings let people without any way in all the same (NoVerifiedContactBehaviour: allow)."
    ),
}
RADIUS_IS_OFF = _(
    "The RADIUS directory of the setting RadiusDirectory is switched off: while it is, people without any other way are turned away."
)


class WhatIfForm(forms.Form):
    """Of which company, and under which policy."""

    company = forms.ModelChoiceField(
        label=_("Company"),
        queryset=Company.objects.none(),
        required=False,
        help_text=_("Empty: your own; of whoever has none, the people of no company."),
    )
    policy = forms.ChoiceField(
        label=_("Policy"),
        choices=SecondFactorPolicy.choices,
        required=False,
        initial="required",
        help_text=_("As if it were in force now. Roles that ask for more still do."),
    )
    after = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput())

    def __init__(self, *args: Any, companies: Any, site: AdminSite, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["company"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
        field.queryset = companies
        field.widget = Autocomplete(User._meta.get_field("company"), site)
        field.widget.choices = field.choices


def factors_page(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """Numbers, a question, and its answer by pages; a link may ask it."""
    principal = request.principal  # type: ignore[attr-defined]
    if not may_read(principal.rights):
        raise PermissionDenied
    people = visible_to(principal.rights, User)
    asked = request.GET if {"policy", "company"} & set(request.GET) else None
    form = WhatIfForm(asked, companies=visible_to(principal.rights, Company), site=site)
    counted = numbers(people)
    request.current_app = site.name
    fieldsets = [(_("What if it were in force?"), {"fields": ["company", "policy"]})]
    context = {
        **site.each_context(request),
        "title": _("Second factors"),
        "numbers": counted,
        "kinds": [(FactorKind(kind).label, counted.kinds.get(kind, 0)) for kind in FactorKind.values],
        "form": form,
        "media": form.media,
        "adminform": helpers.AdminForm(form, fieldsets, {}),  # type: ignore[arg-type]
        "errors": form.errors,
        "answer": _answer(people, form, principal) if form.is_bound and form.is_valid() else None,
        "settings_url": _settings_url(principal),
    }
    return TemplateResponse(request, "admin/accounts/factors.html", context)


def _settings_url(principal: Any) -> str:
    may = may_touch(principal.rights, "view", "setting", company_id=None)
    return f"{reverse('admin:tenants_settingsrevision_everywhere')}#id_TwoFactor.Policy" if may else ""


def _answer(people: Any, form: WhatIfForm, principal: Any) -> dict[str, Any]:
    company = chosen_company(principal, form.cleaned_data["company"])
    policy = form.cleaned_data["policy"] or "required"
    found = what_if(people, company=company, policy=policy)
    behind = form.cleaned_data["after"] or 0
    wanted = shut_out(people, company=company, policy=policy).filter(pk__gt=behind).order_by("pk")
    rows: Sequence[User] = list(wanted.select_related("company")[: PAGE + 1])
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    chosen = form.cleaned_data["company"]
    query = {"company": chosen.pk if chosen is not None else "", "policy": policy}
    return {
        "found": found,
        "company": company if company is not None else _("people of no company"),
        "policy": SecondFactorPolicy(policy).label,
        "behaviour": RADIUS_IS_OFF if found.radius_is_off else BEHAVIOURS[found.behaviour],
        "rows": [
            (user, reverse("admin:accounts_user_change", args=[user.pk]))
            for user in judged(rows, policy=policy)
        ],
        "next": urlencode(query | {"after": rows[-1].pk}) if more else "",
        "behind": bool(behind),
        "first": urlencode(query),
    }
