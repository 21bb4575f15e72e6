"""Own contacts and password."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import external
from accounts.checks import rules_in_words
from accounts.models import User
from accounts.own_password import change_own_password
from accounts.pages import actor_of, principal_of, signed_in
from configserver.service import CHANGE_ELSEWHERE
from core.outcomes import Denied
from login.forms import NewPasswordForm
from login.links.confirming import has_password
from login.pages import code_facts, delivery_note
from portal.account.door import confirmed
from portal.account.forms import CodeForm, EmailForm, PhoneForm
from tenants.settings import snapshot
from twofactor.contacts import COUNTED_FOR, EMAIL, PHONE, Contact, Place, ask_for, pending, withdraw
from twofactor.contacts import verify as verify_contact
from twofactor.services.challenges import checks_left, codes_of, cool_down_left, sends_left


@dataclass(frozen=True, kw_only=True)
class _Sort:
    """What the pages need of one sort of contact."""

    contact: Contact
    form: type[Form]


_SORTS = {
    "email": _Sort(contact=EMAIL, form=EmailForm),
    "phone": _Sort(contact=PHONE, form=PhoneForm),
}


def _place(request: HttpRequest) -> Place:
    return Place(session=principal_of(request).session, origin=actor_of(request).origin)


def _pending(request: HttpRequest, sort: _Sort, form: Form, *, now: datetime) -> dict[str, Any] | None:
    session = principal_of(request).session
    challenge = pending(session, sort.contact, now=now)
    if challenge is None:
        return None
    settings = snapshot(session.user.company_id)
    return {
        "value": challenge.address,
        "form": form,
        "delivery": delivery_note(challenge, now=now),
        "wait": cool_down_left(challenge, now=now),
        "facts": code_facts(
            challenge,
            checks=checks_left(challenge, settings=settings),
            sends=sends_left(codes_of(session.uid), settings=settings, since=now - COUNTED_FOR),
            now=now,
        ),
    }


def _page(
    request: HttpRequest, sort: str = "", *, typed: Form | None = None, code_form: Form | None = None
) -> HttpResponse:
    """The page; with the form of one sort of contact as it was typed, or with that of its code."""
    now = timezone.now()
    user = User.objects.get(pk=principal_of(request).user.pk)
    shown = []
    for name, one in _SORTS.items():
        mine = name == sort
        form = typed if mine and typed is not None else one.form()
        code = code_form if mine and code_form is not None else CodeForm()
        shown.append(
            {
                "kind": name,
                "value": getattr(user, one.contact.field),
                "verified_at": getattr(user, one.contact.verified_at),
                "pending": _pending(request, one, code, now=now),
                "form": None if user.is_external else form,
                "sentence": str(one.contact.kept_elsewhere.message) if user.is_external else "",
            }
        )
    return render(request, "account/contacts.html", {"contacts": shown, "form": typed or code_form})


@signed_in
def contacts(request: HttpRequest) -> HttpResponse:
    """The address and the number that codes and notices go to."""
    return _page(request)


@require_POST
@signed_in
@confirmed
def change(request: HttpRequest, sort: str) -> HttpResponse:
    """Ask for a code to a new address or number."""
    contact = _SORTS[sort].contact
    form = _SORTS[sort].form(request.POST)
    if not form.is_valid():
        return _page(request, sort, typed=form)
    asked = ask_for(contact, form.cleaned_data[contact.field], place=_place(request), now=timezone.now())
    if isinstance(asked, Denied):
        if pending(principal_of(request).session, contact, now=timezone.now()) is not None:
            # Another one waits for its code, so there is no form to put the sentence beside.
            messages.warning(request, str(asked.message))
            return redirect("account:contacts")
        form.add_error(asked.field if asked.field in form.fields else None, str(asked.message))
        return _page(request, sort, typed=form)
    return redirect("account:contacts")


@require_POST
@signed_in
@confirmed
def resend(request: HttpRequest, sort: str) -> HttpResponse:
    """Another code to the address or number that waits for one, else to the one in force."""
    principal, now, one = principal_of(request), timezone.now(), _SORTS[sort]
    challenge = pending(principal.session, one.contact, now=now)
    in_force = getattr(User.objects.get(pk=principal.user.pk), one.contact.field)
    address = challenge.address if challenge else in_force
    asked = ask_for(one.contact, address, place=_place(request), now=now)
    if isinstance(asked, Denied):
        messages.warning(request, str(asked.message))
    return redirect("account:contacts")


@require_POST
@signed_in
def verify(request: HttpRequest, sort: str) -> HttpResponse:
    """The code came back."""
    form, one = CodeForm(request.POST), _SORTS[sort]
    if not form.is_valid():
        return _page(request, sort, code_form=form)
    code = form.cleaned_data["code"]
    verified = verify_contact(one.contact, code, place=_place(request), now=timezone.now())
    if isinstance(verified, Denied):
        if pending(principal_of(request).session, one.contact, now=timezone.now()) is None:
            # No code is waited for any more, so there is no field to put the sentence beside.
            messages.warning(request, str(verified.message))
            return redirect("account:contacts")
        form.add_error("code", str(verified.message))
        return _page(request, sort, code_form=form)
    address = getattr(verified, one.contact.field)
    messages.success(request, _("%(address)s is verified.") % {"address": address})
    return redirect("account:contacts")


@require_POST
@signed_in
def keep_old(request: HttpRequest) -> HttpResponse:
    """Leave the address or number as it is."""
    withdraw(principal_of(request).session, now=timezone.now())
    return redirect("account:contacts")


@signed_in
def password(request: HttpRequest) -> HttpResponse:
    """Change the own password."""
    principal = principal_of(request)
    user = principal.user
    if user.is_external and not external.may_change_password(user):
        return render(request, "account/password.html", {"sentence": str(CHANGE_ELSEWHERE.message)})
    if not has_password(user):
        return _first_password(request)
    return _new_password(request)


@confirmed
def _first_password(request: HttpRequest) -> HttpResponse:
    """Who came by a link or an integration has none to type, and confirms in another way."""
    return _new_password(request)


def _new_password(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    user = principal.user
    form = NewPasswordForm(request.POST or None)
    if not has_password(user):
        del form.fields["current_password"]
    if request.method == "POST" and form.is_valid():
        denied = change_own_password(
            principal.session,
            current=form.cleaned_data.get("current_password", ""),
            new=form.cleaned_data["new_password"],
            origin=actor_of(request).origin,
            now=timezone.now(),
        )
        if denied is None:
            done = (
                _("Your password was changed, and your other sessions were ended.")
                if has_password(user)
                else _("Your password is set, and your other sessions were ended.")
            )
            messages.success(request, done)
            return redirect("account:overview")
        form.add_error(denied.field if denied.field in form.fields else None, str(denied.message))
    rules = external.rules_in_words(user) if user.is_external else rules_in_words(user.company_id)
    context = {"form": form, "rules": rules}
    return render(request, "account/password.html", context)
