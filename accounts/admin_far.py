"""External persons in the administration while a remote Configuration Server keeps them: its API on plain pages.

Who may do what is judged over there, by the rules that hold here where it is embedded.
"""

import json
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __

from accounts.forms_admin import NewPasswordField
from accounts.limits import unlock_person
from accounts.principal import Principal
from configserver import where
from configserver.models import Person, Role, Tenant
from configserver.remote.behalf import asked_over_there
from core.admin import VerbAdmin
from core.admin_gate import show_refusal
from core.admin_pages import REMOVE, ObjectVerb, two_lines
from core.admin_verbs import page_context
from core.http import client_address
from core.outcomes import Denied

API = "/api/v1/persons/"
# The fields of the forms, by the names that they have in the API.
_FIELDS = {"password": "new_password"}
_TEXT = forms.TextInput(attrs={"class": "vTextField"})


class FarPersonForm(forms.Form):
    """What can be said of a person who is kept elsewhere."""

    name = forms.CharField(label=__("User name"), widget=_TEXT, help_text=__("Typed at sign-in."))
    display_name = forms.CharField(label=__("Name"), widget=_TEXT, help_text=__("As others see it."))
    email = forms.CharField(
        label=__("E-mail"),
        required=False,
        widget=_TEXT,
        help_text=__("For codes and notices; never a sign-in name."),
    )
    phone = forms.CharField(
        label=__("Phone"),
        required=False,
        widget=_TEXT,
        help_text=__("In international form, such as +49 30 1234567."),
    )
    tenant_dbid = forms.IntegerField(
        label=__("Tenant (DBID)"),
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "vIntegerField"}),
        help_text=__(
            "Decides the company that is loaded at sign-in. Empty for a new person: the tenant of your own company."
        ),
    )
    roles = forms.MultipleChoiceField(
        label=__("Roles"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "gh-checks"}),
        help_text=__("What the person may do. Roles of a directory's groups are added at sign-in."),
    )
    external_id = forms.CharField(
        label=__("External id"),
        required=False,
        widget=_TEXT,
        help_text=__("The name under which the directory knows the person, where one proves the password."),
    )
    must_change_password = forms.BooleanField(
        label=__("Change password at next login"),
        required=False,
        help_text=__("At the next sign-in a new password is asked for."),
    )
    is_active = forms.BooleanField(
        label=__("Active"),
        required=False,
        initial=True,
        help_text=__("When off, the person cannot sign in and open sessions end."),
    )

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = [  # type: ignore[attr-defined]
            (name, format_html("<span>{}</span>", two_lines(name, description)))
            for name, description in roles
        ]

    def given(self) -> dict[str, Any]:
        """What was filled in, as the API takes it."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}


class NewFarPersonForm(FarPersonForm):
    """The same for a new one."""

    new_password = NewPasswordField(
        required=False,
        help_text=__("Leave it empty where a directory proves the password, or to give one later."),
    )

    def given(self) -> dict[str, Any]:
        """The password only where there is one."""
        values = super().given()
        password = values.pop("new_password", "")
        return values | ({"password": password} if password else {})


def list_page(model_admin: VerbAdmin, request: HttpRequest) -> HttpResponse:
    """Who is kept over there, as far as the reader may see."""
    name = request.GET.get("q", "").strip()
    query = {"page_size": "50"} | ({"name": name} if name else {})
    query |= {"cursor": request.GET["cursor"]} if "cursor" in request.GET else {}
    found = _asked(request, "GET", f"{API}?{urlencode(query)}")
    page = {} if isinstance(found, Denied) else found
    context = page_context(
        model_admin,
        request,
        title=capfirst(str(model_admin.opts.verbose_name_plural)),
        term=name,
        rows=[(one, _url(one["id"], "change")) for one in page.get("results", ())],
        refused=found.message if isinstance(found, Denied) else "",
        previous=_query_of(page.get("previous"), name),
        next=_query_of(page.get("next"), name),
        server=where.address(),
        add_url=_url(None, "add") if model_admin.gate.may(request, "add", Person) else "",
    )
    return TemplateResponse(request, "admin/accounts/far_persons.html", context)


def form_page(model_admin: VerbAdmin, request: HttpRequest, id: str | None) -> HttpResponse:
    """The page of a person, or of a new one."""
    person = None if id is None else _person(request, id)
    kind = NewFarPersonForm if person is None else FarPersonForm
    sent = request.POST if request.method == "POST" else None
    form = kind(sent, roles=_roles(model_admin, request), initial=person or {"must_change_password": True})
    if sent is not None and form.is_valid():
        path, method = (API, "POST") if person is None else (f"{API}{person['id']}/", "PATCH")
        outcome = _asked(request, method, path, form.given())
        if not isinstance(outcome, Denied):
            messages.success(request, _("“%(name)s” was saved.") % {"name": outcome["name"]})
            return HttpResponseRedirect(_url(outcome["id"], "change"))
        show_refusal(outcome, form)
    tools = [] if person is None else _tools(model_admin, request, person)
    title = _("Add a person") if person is None else _("Change a person")
    back = model_admin.list_url(request)
    return _page(model_admin, request, form, person, title=title, back_url=back, object_tools=tools)


def verb_page(model_admin: VerbAdmin, request: HttpRequest, id: str, *, verb: ObjectVerb) -> HttpResponse:
    """The page that asks before a verb is done over there, and has it done."""
    person = _person(request, id)
    if not model_admin.gate.may(request, verb.needs, Person):
        model_admin.forbid(request, verb.name, None)
    here = Person(uid=UUID(person["id"]), name=person["name"], tenant=Tenant(dbid=person["tenant_dbid"]))
    form = verb.form(request.POST if request.method == "POST" else None, obj=here)
    back = _url(person["id"], "change")
    if request.method == "POST" and form.is_valid():
        if verb.name == "unlock":  # tries are counted by the portal
            outcome = model_admin.attempt(request, verb.name, None, partial(unlock_person, here))
        else:
            outcome = _asked(request, *_call(verb, person["id"], form.cleaned_data))
        if not isinstance(outcome, Denied):
            said = _("Done for %(name)s: %(done)s") % {"name": person["name"], "done": verb.said_of(None)}
            messages.success(request, said)
            return HttpResponseRedirect(model_admin.list_url(request) if verb is REMOVE else back)
        show_refusal(outcome, form)
    explains = model_admin.remove_explains if verb is REMOVE else verb.explains
    more = {"title": verb.label, "verb": verb, "explains": explains, "back_url": back}
    return _page(model_admin, request, form, person, **more)


def _url(id: str | None, verb: str) -> str:
    return reverse(f"admin:configserver_person_{verb}", args=[] if id is None else [id])


def _tools(model_admin: VerbAdmin, request: HttpRequest, person: Mapping[str, Any]) -> list[dict[str, Any]]:
    verbs = [getattr(type(model_admin), name).object_verb for name in model_admin.object_verbs]
    return [
        {"label": one.label, "url": _url(person["id"], name), "danger": one.danger}
        for one, name in [*((verb, verb.name) for verb in verbs), (REMOVE, "delete")]
        if model_admin.gate.may(request, one.needs, Person)
    ]


def _page(model_admin: VerbAdmin, request: HttpRequest, form: Any, person: Any, **more: Any) -> HttpResponse:
    name = person["name"] if person is not None else None
    usual = {
        "verb": {"label": _("Save"), "danger": False},
        "explains": _kept(),
        "subtitle": name,
        "original": name,
    }
    fieldsets: Any = [(None, {"fields": list(form.fields)})]
    context = page_context(
        model_admin,
        request,
        adminform=helpers.AdminForm(form, fieldsets, {}, model_admin=model_admin),
        errors=helpers.AdminErrorList(form, []),
        **usual | more,
    )
    return TemplateResponse(request, "admin/accounts/far_person.html", context)


def _kept() -> str:
    return _("The Configuration Server at %(server)s keeps this person; what is saved is saved there.") % {
        "server": where.address()
    }


def _call(verb: ObjectVerb, id: str, given: Mapping[str, Any]) -> tuple[str, str, Any]:
    if verb is REMOVE:
        return "DELETE", f"{API}{id}/", None
    if verb.name == "set_password":
        body = {"password": given["new_password"], "must_change": given["must_change_password"]}
        return "POST", f"{API}{id}/password/", body
    return "POST", f"{API}{id}/{verb.name.replace('_', '-')}/", {}


def _roles(model_admin: VerbAdmin, request: HttpRequest) -> list[tuple[str, str]]:
    """Every role by its name; what its people do, for those who see the roles themselves."""
    remote, tells = where.remote(), model_admin.gate.may(request, "view", Role)
    found = [] if remote is None else remote.roles()
    return [(name, description if tells else "") for name, description in found]


def _person(request: HttpRequest, id: str) -> dict[str, Any]:
    """The person of this id; raises Http404 when there is none for the reader, or nobody answers."""
    try:
        found = _asked(request, "GET", f"{API}{UUID(id)}/")
    except ValueError:
        raise Http404 from None
    if isinstance(found, Denied) or found is None:
        raise Http404
    return dict(found)


def _asked(request: HttpRequest, method: str, path: str, given: Any = None) -> Any | Denied:
    """What the API over there gives, or its refusal."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    body = b"" if given is None else json.dumps(given).encode()
    said = asked_over_there(
        principal,
        method,
        path,
        body,
        address=client_address(request),
        headers={"Content-Type": "application/json"},
    )
    if isinstance(said, Denied):
        return said
    found = json.loads(said.body) if said.body else None
    if said.status < HTTPStatus.BAD_REQUEST:
        return found
    return _refusal(found if isinstance(found, dict) else {})


def _refusal(problem: Mapping[str, Any]) -> Denied:
    fields = problem.get("errors") or {}
    field, sentences = next(iter(fields.items()), (None, [str(problem.get("detail", ""))]))
    return Denied(
        code=str(problem.get("code", "error")),
        message=" ".join(map(str, sentences)),
        field=_FIELDS.get(field, field) if field is not None else None,
    )


def _query_of(link: str | None, name: str) -> str:
    """The query of this list for another page of the API's."""
    if not link:
        return ""
    cursor = parse_qs(urlsplit(link).query).get("cursor", [""])[0]
    return urlencode({"cursor": cursor} | ({"q": name} if name else {}))
