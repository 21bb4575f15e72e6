"""The page *Explain a sign-in*: what would happen if somebody signed in by a name."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.admin import AdminSite, helpers
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.names import Realm
from configserver.words import STEPS
from core.contacts import NAME_LENGTH
from core.findings import Finding, Verdict
from core.http import client_address
from tenants.actor import Actor
from tenants.rules import may_touch
from twofactor.explain import explain_sign_in, may_explain

ABOUT: Mapping[str, str | Promise] = {
    **STEPS,
    "realm": _("Where the name is looked up"),
    "mode": _("Mode"),
    "known": _("Who has the name"),
    "person": _("Person"),
    "limits": _("Wrong passwords"),
    "codes": _("Codes"),
    "tenant": _("Tenant"),
    "engine": _("Who proves the password"),
    "password": _("Password"),
    "directory": _("Servers of the directory"),
    "certificate": _("Certificate"),
    "login": _("Name in the directory"),
    "entry": _("Entry in the directory"),
    "questions": _("Questions of the directory"),
    "asked": _("What the directory says"),
    "roles": _("Roles"),
    "privileges": _("Privileges"),
    "permissions": _("Permissions"),
    "company": _("Company"),
    "server": _("Configuration Server"),
    "account": _("Account here"),
    "factor": _("Second factor"),
}
VERDICTS: Mapping[Verdict, tuple[str, str | Promise]] = {
    Verdict.OK: ("ok", _("OK")),
    Verdict.WARNING: ("warning", _("Note")),
    Verdict.STOP: ("danger", _("Stops here")),
}


class ExplainForm(forms.Form):
    """Whose sign-in is explained."""

    name = forms.CharField(
        label=_("Sign-in name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("As the person types it. No password is asked for, and nothing is counted or changed."),
    )
    realm = forms.ChoiceField(
        label=_("Kept"),
        required=False,
        choices=[
            ("", _("as the name says: here with an @, else in the Configuration Server")),
            (Realm.INTERNAL.value, _("here")),
            (Realm.EXTERNAL.value, _("in the Configuration Server")),
        ],
        help_text=_("As it is chosen at the sign-in, by a person or a program; by default the name says it."),
    )
    ask = forms.BooleanField(
        label=_("Ask the directory now"),
        required=False,
        help_text=_(
            "Where an LDAP directory proves the password: find the person there, as the test of the connection does."
        ),
    )

    def __init__(self, *args: Any, may_ask: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_ask:
            del self.fields["ask"]


def explain_page(request: HttpRequest, *, site: AdminSite) -> HttpResponse:
    """The form, and below it the findings. A link may name somebody; then nobody outside is asked."""
    principal = request.principal  # type: ignore[attr-defined]
    if not may_explain(principal.rights):
        raise PermissionDenied
    actor: Actor = principal.actor(address=client_address(request))
    may_ask = may_touch(actor.rights, "change", "directory", company_id=None)
    asked = request.POST if request.method == "POST" else request.GET
    form = ExplainForm(asked if "name" in asked else None, may_ask=may_ask)
    findings: Sequence[Finding] = ()
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        findings = explain_sign_in(
            given["name"],
            realm=given["realm"],
            ask=request.method == "POST" and given.get("ask", False),
            by=actor,
            now=timezone.now(),
        )
    request.current_app = site.name
    fieldsets = [(None, {"fields": list(form.fields)})]
    context = {
        **site.each_context(request),
        "title": _("Explain a sign-in"),
        "form": form,
        "adminform": helpers.AdminForm(form, fieldsets, {}),  # type: ignore[arg-type]
        "errors": form.errors,
        "asked_for": form.cleaned_data.get("name", "") if findings else "",
        "stops": next((one for one in findings if one.verdict is Verdict.STOP), None),
        # What another machine decides, nobody here can foretell.
        "far": next((one for one in findings if one.about == "server"), None),
        "findings": [_shown(one) for one in findings],
    }
    return TemplateResponse(request, "admin/configserver/explain.html", context)


def _shown(finding: Finding) -> dict[str, Any]:
    tone, word = VERDICTS[finding.verdict]
    return {
        "about": ABOUT.get(finding.about, finding.about),
        "tone": tone,
        "word": word,
        "sentence": finding.sentence,
    }
