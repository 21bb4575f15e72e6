"""Own contacts and password."""

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
from configserver.service import CHANGE_ELSEWHERE
from core.outcomes import Denied
from login.forms import NewPasswordForm
from login.pages import code_facts, delivery_note
from portal.account.door import confirmed, principal_of, signed_in
from portal.account.forms import CodeForm, EmailForm
from portal.account.sessions import origin_of
from tenants.settings import snapshot
from twofactor.contacts import (
    COUNTED_FOR,
    KEPT_ELSEWHERE,
    Place,
    ask_for_email,
    pending,
    verify_email,
    withdraw,
)
from twofactor.services.challenges import checks_left, codes_of, sends_left


def _place(request: HttpRequest) -> Place:
    return Place(session=principal_of(request).session, origin=origin_of(request))


def _pending(request: HttpRequest, form: Form, *, now: datetime) -> dict[str, Any] | None:
    session = principal_of(request).session
    challenge = pending(session, now=now)
    if challenge is None:
        return None
    settings = snapshot(session.user.company_id)
    return {
        "value": challenge.address,
        "form": form,
        "delivery": delivery_note(challenge, now=now),
        "facts": code_facts(
            challenge,
            checks=checks_left(challenge, settings=settings),
            sends=sends_left(codes_of(session.uid), settings=settings, since=now - COUNTED_FOR),
            now=now,
        ),
    }


def _page(
    request: HttpRequest, *, email_form: Form | None = None, code_form: Form | None = None
) -> HttpResponse:
    now = timezone.now()
    user = User.objects.get(pk=principal_of(request).user.pk)
    contacts = [
        {
            "kind": "email",
            "value": user.email,
            "verified_at": user.email_verified_at,
            "pending": _pending(request, code_form or CodeForm(), now=now),
            "form": None if user.is_external else email_form or EmailForm(),
            "sentence": str(KEPT_ELSEWHERE.message) if user.is_external else "",
        },
        {
            "kind": "phone",
            "value": user.phone,
            "verified_at": user.phone_verified_at,
            "sentence": _("Your administrator keeps this number."),
        },
    ]
    return render(request, "account/contacts.html", {"contacts": contacts, "form": email_form or code_form})


@signed_in
def contacts(request: HttpRequest) -> HttpResponse:
    """The addresses that codes and notices go to."""
    return _page(request)


@require_POST
@signed_in
@confirmed
def change_email(request: HttpRequest) -> HttpResponse:
    """Ask for a code to a new address."""
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _page(request, email_form=form)
    asked = ask_for_email(form.cleaned_data["email"], place=_place(request), now=timezone.now())
    if isinstance(asked, Denied):
        form.add_error(asked.field if asked.field in form.fields else None, str(asked.message))
        return _page(request, email_form=form)
    return redirect("account:contacts")


@require_POST
@signed_in
@confirmed
def resend(request: HttpRequest) -> HttpResponse:
    """Another code to the address that waits for one, else to the one in force."""
    principal, now = principal_of(request), timezone.now()
    challenge = pending(principal.session, now=now)
    address = challenge.address if challenge else User.objects.get(pk=principal.user.pk).email
    asked = ask_for_email(address, place=_place(request), now=now)
    if isinstance(asked, Denied):
        messages.warning(request, str(asked.message))
    return redirect("account:contacts")


@require_POST
@signed_in
def verify(request: HttpRequest) -> HttpResponse:
    """The code came back."""
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _page(request, code_form=form)
    verified = verify_email(form.cleaned_data["code"], place=_place(request), now=timezone.now())
    if isinstance(verified, Denied):
        if pending(principal_of(request).session, now=timezone.now()) is None:
            # No code is waited for any more, so there is no field to put the sentence beside.
            messages.warning(request, str(verified.message))
            return redirect("account:contacts")
        form.add_error("code", str(verified.message))
        return _page(request, code_form=form)
    messages.success(request, _("%(address)s is verified.") % {"address": verified.email})
    return redirect("account:contacts")


@require_POST
@signed_in
def keep_old(request: HttpRequest) -> HttpResponse:
    """Leave the address as it is."""
    withdraw(principal_of(request).session, now=timezone.now())
    return redirect("account:contacts")


@signed_in
def password(request: HttpRequest) -> HttpResponse:
    """Change the own password."""
    principal = principal_of(request)
    user = principal.user
    if user.is_external and not external.may_change_password(user):
        return render(request, "account/password.html", {"sentence": str(CHANGE_ELSEWHERE.message)})
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        denied = change_own_password(
            principal.session,
            current=form.cleaned_data["current_password"],
            new=form.cleaned_data["new_password"],
            origin=origin_of(request),
            now=timezone.now(),
        )
        if denied is None:
            messages.success(request, _("Your password was changed, and your other sessions were ended."))
            return redirect("account:overview")
        form.add_error(denied.field if denied.field in form.fields else None, str(denied.message))
    rules = external.rules_in_words(user) if user.is_external else rules_in_words(user.company_id)
    context = {"form": form, "rules": rules}
    return render(request, "account/password.html", context)
